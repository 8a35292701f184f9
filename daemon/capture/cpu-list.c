/* SPDX-License-Identifier: Apache-2.0 */
/* CPU Lists */

#include <fcntl.h>

#include "basic/array.h"
#include "basic/file-util.h"
#include "capture/cpu-list.h"

enum { CPU_LIST_TEXT_MAX = 65536 };

static int parse_number(const char **s, unsigned *ret) {
        unsigned long n;
        char *end;

        if (**s < '0' || **s > '9')
                return -EINVAL;
        errno = 0;
        n = strtoul(*s, &end, 10);
        if (errno != 0 || n > CPU_NUMBER_MAX)
                return -EINVAL;
        *s = end;
        *ret = (unsigned) n;
        return 0;
}

int cpu_list_parse(const char *s, unsigned **ret, size_t *ret_n) {
        _cleanup_free_ unsigned *cpus = NULL;
        size_t n = 0, capacity = 0;
        int r;

        while (*s != '\0' && *s != '\n') {
                unsigned first, last;

                r = parse_number(&s, &first);
                if (r < 0)
                        return r;
                last = first;
                if (*s == '-') {
                        s++;
                        r = parse_number(&s, &last);
                        if (r < 0)
                                return r;
                }
                if (last < first || (n > 0 && first <= cpus[n - 1]))
                        return -EINVAL;

                r = ARRAY_RESERVE(cpus, capacity, n + (last - first) + 1);
                if (r < 0)
                        return r;
                for (unsigned cpu = first; cpu <= last; cpu++)
                        cpus[n++] = cpu;

                if (*s == ',')
                        s++;
                else if (*s != '\0' && *s != '\n')
                        return -EINVAL;
        }
        if (n == 0)
                return -EINVAL;

        *ret = TAKE_PTR(cpus);
        *ret_n = n;
        return 0;
}

static int read_list(const char *path, unsigned **ret, size_t *ret_n) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = read_full_file_at(AT_FDCWD, path, CPU_LIST_TEXT_MAX, &text, NULL);
        if (r < 0)
                return r;
        return cpu_list_parse(text, ret, ret_n);
}

int cpu_list_online(unsigned **ret, size_t *ret_n) {
        return read_list("/sys/devices/system/cpu/online", ret, ret_n);
}

int cpu_list_possible(unsigned *ret) {
        _cleanup_free_ unsigned *cpus = NULL;
        size_t n;
        int r;

        r = read_list("/sys/devices/system/cpu/possible", &cpus, &n);
        if (r < 0)
                return r;
        *ret = cpus[n - 1] + 1;
        return 0;
}
