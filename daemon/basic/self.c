/* SPDX-License-Identifier: Apache-2.0 */
/* What This Process Costs */

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "basic/file-util.h"
#include "basic/self.h"

enum { STATM_MAX = 4096 };

uint64_t self_resident_bytes(void) {
        _cleanup_free_ char *text = NULL;
        unsigned long long size, resident;

        if (read_full_file_at(AT_FDCWD, "/proc/self/statm", STATM_MAX, &text, NULL) < 0 ||
            sscanf(text, "%llu %llu", &size, &resident) != 2)
                return 0;
        return resident * (uint64_t) sysconf(_SC_PAGESIZE);
}

static nsec_t usage_nsec(int who) {
        struct rusage u;

        if (getrusage(who, &u) < 0)
                return 0;
        return (nsec_t) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NSEC_PER_SEC +
               (nsec_t) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * NSEC_PER_USEC;
}

nsec_t self_cpu_nsec(void) {
        return usage_nsec(RUSAGE_SELF) + usage_nsec(RUSAGE_CHILDREN);
}

uint64_t self_descriptors(void) {
        struct dirent *entry;
        uint64_t n = 0;
        DIR *dir;

        dir = opendir("/proc/self/fd");
        if (!dir)
                return 0;
        while ((entry = readdir(dir)))
                n += entry->d_name[0] != '.';
        closedir(dir);
        return n - 1; /* the directory's own */
}
