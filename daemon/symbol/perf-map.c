/* SPDX-License-Identifier: Apache-2.0 */
/* Perf Map */

#include "symbol/perf-map.h"
#include "basic/string-util.h"

/* false: no number, or one of more than 64 bits. */
static bool take_hex(const char **p, const char *end, uint64_t *ret) {
        const char *s = *p;
        uint64_t value = 0;
        size_t n = 0;

        if (end - s > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
                s += 2;
        for (; s < end && n <= 16; s++, n++) {
                char c = *s;

                if (c >= '0' && c <= '9')
                        value = value << 4 | (uint64_t) (c - '0');
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        value = value << 4 | (uint64_t) ((c | 0x20) - 'a' + 10);
                else
                        break;
        }
        if (n == 0 || n > 16)
                return false;
        *p = s;
        *ret = value;
        return true;
}

static bool take_blanks(const char **p, const char *end) {
        const char *s = *p;

        while (s < end && (*s == ' ' || *s == '\t'))
                s++;
        if (s == *p)
                return false;
        *p = s;
        return true;
}

static int parse_line(CodeMap *m, const char *s, const char *end, nsec_t born_nsec) {
        uint64_t start, size;
        int r;

        if (end > s && end[-1] == '\r')
                end--;
        if (end - s > PERF_MAP_LINE_MAX || !take_hex(&s, end, &start) || !take_blanks(&s, end) ||
            !take_hex(&s, end, &size) || !take_blanks(&s, end) || s == end)
                return 0;
        r = code_map_add(m, start, size, born_nsec, s, (size_t) (end - s));
        return r == -ENOMEM ? r : 0;
}

ssize_t perf_map_parse(CodeMap *m, const char *text, size_t size, nsec_t born_nsec) {
        const char *s = text, *end = text + size, *newline;
        int r;

        while (s < end && (newline = memchr(s, '\n', (size_t) (end - s)))) {
                r = parse_line(m, s, newline, born_nsec);
                if (r < 0)
                        return r;
                s = newline + 1;
        }
        return s - text;
}
