/* SPDX-License-Identifier: Apache-2.0 */
/* Figures for People */

#include <inttypes.h>
#include <math.h>

#include "basic/string-util.h"
#include "view/format.h"

const char *format_time(char *buffer, usec_t t, FormatTime style) {
        static const char *const formats[_FORMAT_TIME_MAX] = {
                [FORMAT_TIME_FULL] = "%a %Y-%m-%d %H:%M:%S",
                [FORMAT_TIME_ZONE] = "%a %Y-%m-%d %H:%M:%S %Z",
                [FORMAT_TIME_MINUTE] = "%a %Y-%m-%d %H:%M",
                [FORMAT_TIME_CLOCK] = "%H:%M:%S",
                [FORMAT_TIME_SHORT] = "%H:%M",
        };
        time_t seconds = (time_t) (t / USEC_PER_SEC);
        struct tm tm;

        if (t == 0 || !localtime_r(&seconds, &tm) ||
            strftime(buffer, FORMAT_MAX, formats[style], &tm) == 0)
                snprintf(buffer, FORMAT_MAX, "-");
        return buffer;
}

const char *format_ago(char *buffer, usec_t now, usec_t t) {
        usec_t age = now > t ? now - t : 0;

        if (age < USEC_PER_SEC)
                snprintf(buffer, FORMAT_MAX, "just now");
        else if (age < 2 * USEC_PER_MINUTE)
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "s ago", age / USEC_PER_SEC);
        else if (age < 2 * USEC_PER_HOUR)
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "min ago", age / USEC_PER_MINUTE);
        else if (age < 2 * USEC_PER_DAY)
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "h ago", age / USEC_PER_HOUR);
        else
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 " days ago", age / USEC_PER_DAY);
        return buffer;
}

const char *format_span(char *buffer, usec_t t) {
        uint64_t hours = t / USEC_PER_HOUR, minutes = t % USEC_PER_HOUR / USEC_PER_MINUTE,
                 seconds = t % USEC_PER_MINUTE / USEC_PER_SEC;

        if (t < USEC_PER_SEC)
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "ms", t / USEC_PER_MSEC);
        else if (t <= 2 * USEC_PER_MINUTE)
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "s", t / USEC_PER_SEC);
        else if (hours > 0 && minutes > 0)
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "h %" PRIu64 "min", hours, minutes);
        else if (hours > 0)
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "h", hours);
        else if (seconds > 0)
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "min %" PRIu64 "s", minutes, seconds);
        else
                snprintf(buffer, FORMAT_MAX, "%" PRIu64 "min", minutes);
        return buffer;
}

const char *format_bytes(char *buffer, uint64_t bytes) {
        static const char suffixes[] = "BKMGTPE";
        double value = (double) bytes;
        size_t i = 0;

        /* Not 1024: what rounds up to it is one of the next. */
        while (value >= 1023.95 && i < sizeof(suffixes) - 2) {
                value /= 1024;
                i++;
        }
        snprintf(buffer, FORMAT_MAX, i == 0 ? "%.0f%c" : "%.1f%c", value, suffixes[i]);
        return buffer;
}

const char *format_count(char *buffer, uint64_t n) {
        char digits[sizeof("18446744073709551615")];
        size_t length, out = 0;

        length = (size_t) snprintf(digits, sizeof(digits), "%" PRIu64, n);
        for (size_t i = 0; i < length; i++) {
                if (i > 0 && (length - i) % 3 == 0)
                        buffer[out++] = ' ';
                buffer[out++] = digits[i];
        }
        buffer[out] = '\0';
        return buffer;
}

const char *format_share(char *buffer, uint64_t part, uint64_t whole) {
        if (whole == 0)
                snprintf(buffer, FORMAT_MAX, "-");
        else
                snprintf(buffer, FORMAT_MAX, "%.0f%%",
                         floor(100.0 * (double) part / (double) whole));
        return buffer;
}

const char *format_share_fine(char *buffer, int64_t part, int64_t whole) {
        if (whole == 0)
                snprintf(buffer, FORMAT_MAX, "-");
        else
                snprintf(buffer, FORMAT_MAX, "%.1f%%", 100.0 * (double) part / (double) whole);
        return buffer;
}

const char *format_cores(char *buffer, uint64_t cpu_nsec, usec_t duration_usec) {
        if (duration_usec == 0)
                snprintf(buffer, FORMAT_MAX, "-");
        else
                snprintf(buffer, FORMAT_MAX, "%.2f",
                         (double) cpu_nsec / ((double) duration_usec * (double) NSEC_PER_USEC));
        return buffer;
}

char *format_strip(const double *values, size_t n, bool utf8) {
        static const char *const bars[][2] = {
                { "\u2581", "." }, { "\u2582", ":" }, { "\u2583", "-" }, { "\u2584", "=" },
                { "\u2585", "+" }, { "\u2586", "*" }, { "\u2587", "#" }, { "\u2588", "@" },
        };
        double max = 0;
        char *s, *p;

        for (size_t i = 0; i < n; i++)
                max = MAX(max, values[i]);

        s = p = malloc(n * strlen(bars[0][0]) + 1);
        if (!s)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                size_t level;

                if (!(values[i] > 0)) {
                        *p++ = ' ';
                        continue;
                }
                level = (size_t) ceil(values[i] / max * (double) ELEMENTSOF(bars));
                level = MIN(MAX(level, (size_t) 1), ELEMENTSOF(bars));
                p = stpcpy(p, bars[level - 1][utf8 ? 0 : 1]);
        }
        *p = '\0';
        return s;
}

static bool is_continuation(char c) {
        return ((unsigned char) c & 0xc0) == 0x80;
}

size_t text_columns(const char *s) {
        size_t n = 0;

        for (; *s != '\0'; s++)
                n += !is_continuation(*s);
        return n;
}

char *format_text(const char *s, size_t max, bool utf8) {
        const char *dots = utf8 ? "\u2026" : "...";
        _cleanup_free_ char *clean = NULL;
        char *p, *cut;

        clean = utf8_sanitize(s, strlen(s));
        if (!clean || max == 0 || text_columns(clean) <= max)
                return TAKE_PTR(clean);

        p = clean;
        for (size_t n = text_columns(dots); n < max; n++)
                do
                        p++;
                while (is_continuation(*p));
        *p = '\0';
        return asprintf(&cut, "%s%s", clean, dots) < 0 ? NULL : cut;
}
