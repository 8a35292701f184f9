/* SPDX-License-Identifier: Apache-2.0 */
/* Value Parsers */

#include <ctype.h>
#include <strings.h>

#include "basic/parse.h"
#include "basic/string-util.h"

#define WHITESPACE " \t\r\n"

enum {
        FRACTION_DIGITS_MAX = 15, /* further digits are read, but change nothing */
};

/* whole + fraction / scale */
typedef struct Decimal {
        uint64_t whole, fraction, scale;
} Decimal;

typedef struct TimespanUnit {
        const char *words[5]; /* NULL-terminated; the first is the one we print */
        usec_t usec;
} TimespanUnit;

/* The largest first. */
static const TimespanUnit timespan_units[] = {
        { { "y", "year", "years" }, 31557600 * USEC_PER_SEC },
        { { "month", "months", "M" }, 2629800 * USEC_PER_SEC },
        { { "w", "week", "weeks" }, 7 * USEC_PER_DAY },
        { { "d", "day", "days" }, USEC_PER_DAY },
        { { "h", "hr", "hour", "hours" }, USEC_PER_HOUR },
        { { "min", "minute", "minutes", "m" }, USEC_PER_MINUTE },
        { { "s", "sec", "second", "seconds" }, USEC_PER_SEC },
        { { "ms", "msec" }, USEC_PER_MSEC },
        { { "us", "usec", "\302\265s", "\316\274s" }, 1 }, /* micro sign, Greek mu */
};

static const char size_suffixes[] = "BKMGTPE";

static const char *skip_whitespace(const char *p) {
        return p + strspn(p, WHITESPACE);
}

/* The number at *p, which moves behind it. Digits may be missing before the point, not behind. */
static int scan_decimal(const char **p, Decimal *ret) {
        Decimal d = { .scale = 1 };
        const char *s = *p;
        unsigned n = 0;

        if (*s == '-')
                return -ERANGE;
        if (!isdigit((unsigned char) *s) && *s != '.')
                return -EINVAL;

        for (; isdigit((unsigned char) *s); s++)
                if (__builtin_mul_overflow(d.whole, (uint64_t) 10, &d.whole) ||
                    __builtin_add_overflow(d.whole, (uint64_t) (*s - '0'), &d.whole))
                        return -ERANGE;
        if (*s == '.') {
                s++;
                if (!isdigit((unsigned char) *s))
                        return -EINVAL;
                for (; isdigit((unsigned char) *s); s++)
                        if (n++ < FRACTION_DIGITS_MAX) {
                                d.fraction = d.fraction * 10 + (uint64_t) (*s - '0');
                                d.scale *= 10;
                        }
        }

        *p = s;
        *ret = d;
        return 0;
}

/* The largest number stands for infinity and is out of range as a product. */
static int decimal_multiply(const Decimal *d, uint64_t unit, uint64_t *ret) {
        unsigned __int128 part = (unsigned __int128) d->fraction * unit / d->scale;
        uint64_t product;

        if (__builtin_mul_overflow(d->whole, unit, &product) ||
            __builtin_add_overflow(product, (uint64_t) part, &product) || product == UINT64_MAX)
                return -ERANGE;

        *ret = product;
        return 0;
}

/* True: s is this word and white space around it. */
static bool is_word(const char *s, const char *word) {
        s = skip_whitespace(s);
        return startswith(s, word) && *skip_whitespace(s + strlen(word)) == '\0';
}

int parse_boolean(const char *s) {
        static const char *const words[][6] = {
                { "0", "no", "n", "false", "f", "off" },
                { "1", "yes", "y", "true", "t", "on" },
        };

        for (size_t value = 0; value < ELEMENTSOF(words); value++)
                for (size_t i = 0; i < ELEMENTSOF(words[value]); i++)
                        if (strcasecmp(s, words[value][i]) == 0)
                                return (int) value;
        return -EINVAL;
}

int parse_unsigned(const char *s, unsigned min, unsigned max, unsigned *ret) {
        const char *p = skip_whitespace(s);
        Decimal d;
        int r;

        if (!isdigit((unsigned char) *p))
                return -EINVAL;
        r = scan_decimal(&p, &d);
        if (r < 0)
                return r;
        if (d.scale != 1 || *skip_whitespace(p) != '\0')
                return -EINVAL;
        if (d.whole < min || d.whole > max)
                return -ERANGE;

        *ret = (unsigned) d.whole;
        return 0;
}

/* 0: no such unit. Bytes beyond ASCII count as letters: the micro sign is made of two. */
static usec_t timespan_unit_find(const char *word, size_t n) {
        for (size_t i = 0; i < ELEMENTSOF(timespan_units); i++)
                for (const char *const *w = timespan_units[i].words; *w; w++)
                        if (strlen(*w) == n && memcmp(*w, word, n) == 0)
                                return timespan_units[i].usec;
        return 0;
}

/* A number and its unit. Two numbers in a row need white space between them. */
static int scan_timespan_part(const char **p, usec_t *ret) {
        usec_t unit = USEC_PER_SEC;
        const char *end, *s = *p;
        Decimal d;
        size_t n = 0;
        int r;

        if (*s == '+')
                s++;
        r = scan_decimal(&s, &d);
        if (r < 0)
                return r;

        end = s;
        s = skip_whitespace(s);
        while (isalpha((unsigned char) s[n]) || (unsigned char) s[n] >= 0x80)
                n++;
        if (n > 0) {
                unit = timespan_unit_find(s, n);
                if (unit == 0)
                        return -EINVAL;
        } else if (s == end && *s != '\0')
                return -EINVAL;

        *p = skip_whitespace(s + n);
        return decimal_multiply(&d, unit, ret);
}

int parse_timespan(const char *s, usec_t *ret) {
        const char *p = skip_whitespace(s);
        usec_t sum = 0, part;
        int r;

        if (is_word(p, "infinity")) {
                *ret = USEC_INFINITY;
                return 0;
        }
        if (*p == '\0')
                return -EINVAL;

        while (*p != '\0') {
                r = scan_timespan_part(&p, &part);
                if (r < 0)
                        return r;
                if (__builtin_add_overflow(sum, part, &sum) || sum == USEC_INFINITY)
                        return -ERANGE;
        }

        *ret = sum;
        return 0;
}

char *timespan_format(usec_t t) {
        char text[128]; /* nine units with at most six digits each, but for the years */
        size_t n = 0;

        if (t == USEC_INFINITY)
                return strdup("infinity");
        if (t == 0)
                return strdup("0");

        for (size_t i = 0; i < ELEMENTSOF(timespan_units) && t > 0; i++) {
                usec_t unit = timespan_units[i].usec;

                if (t < unit)
                        continue;
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%llu%s", n > 0 ? " " : "",
                                       (unsigned long long) (t / unit), timespan_units[i].words[0]);
                t %= unit;
        }
        return strdup(text);
}

int parse_size(const char *s, uint64_t *ret) {
        const char *p = skip_whitespace(s), *suffix;
        uint64_t unit = 1;
        Decimal d;
        int r;

        if (is_word(p, "infinity")) {
                *ret = UINT64_MAX;
                return 0;
        }

        r = scan_decimal(&p, &d);
        if (r < 0)
                return r;
        p = skip_whitespace(p);
        if (*p != '\0') {
                suffix = strchr(size_suffixes, *p);
                if (!suffix || *skip_whitespace(p + 1) != '\0')
                        return -EINVAL;
                unit <<= 10 * (suffix - size_suffixes);
        }

        return decimal_multiply(&d, unit, ret);
}

char *size_format(uint64_t bytes) {
        size_t i = 0;
        char *text;

        if (bytes == UINT64_MAX)
                return strdup("infinity");
        while (bytes > 0 && bytes % 1024 == 0 && size_suffixes[i + 1] != '\0') {
                bytes /= 1024;
                i++;
        }
        if (asprintf(&text, "%llu%.*s", (unsigned long long) bytes, i > 0 ? 1 : 0,
                     size_suffixes + i) < 0)
                return NULL;
        return text;
}

int parse_ratio(const char *s, double *ret) {
        const char *p = skip_whitespace(s);
        double whole = 1;
        Decimal d;
        int r;

        r = scan_decimal(&p, &d);
        if (r < 0)
                return r;
        p = skip_whitespace(p);
        if (*p == '%') {
                whole = 100;
                p = skip_whitespace(p + 1);
        }
        if (*p != '\0')
                return -EINVAL;
        if (d.whole > whole || (d.whole == whole && d.fraction > 0))
                return -ERANGE;

        *ret = (double) (d.whole * d.scale + d.fraction) / ((double) d.scale * whole);
        return 0;
}

bool is_percentage(const char *s) {
        size_t n = strlen(s);

        while (n > 0 && strchr(WHITESPACE, s[n - 1]))
                n--;
        return n > 0 && s[n - 1] == '%';
}
