/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps */

#include <ctype.h>
#include <strings.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/timestamp.h"

enum {
        SPAN_TEXT_MAX = 256, /* bytes of a time span before " ago" */
};

/* What is known of a calendar form while it is read. */
typedef struct Calendar {
        struct tm tm;
        usec_t fraction_usec;
        int weekday; /* -1: not given */
        bool utc;
} Calendar;

static int add_span(const char *span, usec_t now, bool backwards, usec_t *ret) {
        usec_t distance, sum;
        int r;

        r = parse_timespan(span, &distance);
        if (r < 0)
                return r;
        if (distance == USEC_INFINITY)
                return -EINVAL;
        if (backwards) {
                if (distance > now)
                        return -ERANGE;
                *ret = now - distance;
                return 0;
        }
        if (__builtin_add_overflow(now, distance, &sum) || sum > TIMESTAMP_MAX_USEC)
                return -ERANGE;
        *ret = sum;
        return 0;
}

/* "5min ago": the span is what stands before the suffix. -ENOENT: another form. */
static int parse_suffixed_span(const char *s, usec_t now, usec_t *ret) {
        char span[SPAN_TEXT_MAX];
        bool backwards = endswith(s, " ago");
        size_t n;

        if (!backwards && !endswith(s, " left"))
                return -ENOENT;
        n = strlen(s) - (backwards ? strlen(" ago") : strlen(" left"));
        if (n >= sizeof(span))
                return -EINVAL;

        memcpy(span, s, n);
        span[n] = '\0';
        return add_span(span, now, backwards, ret);
}

/* Forms that need no calendar. -ENOENT: another form. */
static int parse_relative(const char *s, usec_t now, usec_t *ret) {
        switch (s[0]) {
        case '+':
                return add_span(s + 1, now, false, ret);
        case '-':
                return add_span(s + 1, now, true, ret);
        case '@':
                return add_span(s + 1, 0, false, ret);
        }
        if (streq(s, "now")) {
                *ret = now;
                return 0;
        }
        return parse_suffixed_span(s, now, ret);
}

/* Cuts " ZONE" off the end of s. */
static void take_zone(char *s, Calendar *c) {
        char *space = strrchr(s, ' ');

        if (!space)
                return;
        if (streq(space + 1, "UTC")) {
                c->utc = true;
                *space = '\0';
                return;
        }
        for (int daylight_saving = 0; daylight_saving < 2; daylight_saving++)
                if (!isempty(tzname[daylight_saving]) &&
                    isalpha((unsigned char) tzname[daylight_saving][0]) &&
                    streq(space + 1, tzname[daylight_saving])) {
                        c->tm.tm_isdst = daylight_saving;
                        *space = '\0';
                        return;
                }
}

/* Returns what stands behind the weekday and a space; s: there is none. */
static const char *take_weekday(const char *s, Calendar *c) {
        static const char *const names[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                             "Thursday", "Friday", "Saturday" };

        for (int i = 0; i < (int) ELEMENTSOF(names); i++) {
                size_t n = strlen(names[i]);

                if (strncasecmp(s, names[i], n) != 0)
                        n = 3; /* its abbreviation */
                if (strncasecmp(s, names[i], n) == 0 && s[n] == ' ') {
                        c->weekday = i;
                        return s + n + 1;
                }
        }
        return s;
}

/* ".25" at the end of a time with seconds. False: something else. */
static bool parse_fraction(const char *s, usec_t *ret) {
        usec_t scale = USEC_PER_SEC, fraction = 0;

        if (*s++ != '.' || !isdigit((unsigned char) *s))
                return false;
        for (; isdigit((unsigned char) *s); s++) {
                scale /= 10;
                fraction += (usec_t) (*s - '0') * scale;
        }
        *ret = fraction;
        return *s == '\0';
}

/* Fills in the date and time of c, whose tm is the start: the current day. */
static bool parse_date_time(const char *s, Calendar *c) {
        /* A year of two digits first: it cannot match four, while the reverse would. */
        static const struct {
                const char *format;
                bool has_time, has_seconds;
        } forms[] = {
                { "%y-%m-%d %H:%M:%S", true, true }, { "%Y-%m-%d %H:%M:%S", true, true },
                { "%y-%m-%d %H:%M", true, false },   { "%Y-%m-%d %H:%M", true, false },
                { "%y-%m-%d", false, false },        { "%Y-%m-%d", false, false },
                { "%H:%M:%S", true, true },          { "%H:%M", true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                struct tm tm = c->tm;
                usec_t fraction = 0;
                const char *rest;

                rest = strptime(s, forms[i].format, &tm);
                if (!rest)
                        continue;
                if (*rest != '\0' && (!forms[i].has_seconds || !parse_fraction(rest, &fraction)))
                        continue;
                if (!forms[i].has_time)
                        tm.tm_hour = tm.tm_min = 0;
                if (!forms[i].has_seconds)
                        tm.tm_sec = 0;
                c->tm = tm;
                c->fraction_usec = fraction;
                return true;
        }
        return false;
}

/* strptime() lets February have 31 days; days that are not in the calendar move on. */
static bool day_exists(const struct tm *day) {
        struct tm noon = { .tm_year = day->tm_year,
                           .tm_mon = day->tm_mon,
                           .tm_mday = day->tm_mday,
                           .tm_hour = 12 };

        return timegm(&noon) != -1 && noon.tm_mday == day->tm_mday;
}

static int calendar_to_usec(Calendar *c, usec_t *ret) {
        time_t t;
        usec_t usec;

        t = c->utc ? timegm(&c->tm) : mktime(&c->tm);
        if (t < 0)
                return -ERANGE;
        if (c->weekday >= 0 && c->weekday != c->tm.tm_wday)
                return -EINVAL;
        if (__builtin_mul_overflow((usec_t) t, USEC_PER_SEC, &usec) || usec > TIMESTAMP_MAX_USEC)
                return -ERANGE;

        *ret = usec + c->fraction_usec;
        return 0;
}

static int parse_calendar(char *s, usec_t now, usec_t *ret) {
        static const char *const days[] = { "yesterday", "today", "tomorrow" };
        Calendar c = { .weekday = -1, .tm.tm_isdst = -1 };
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        const char *text = s;
        int daylight_saving;

        tzset();
        take_zone(s, &c);
        daylight_saving = c.tm.tm_isdst;
        if (!(c.utc ? gmtime_r(&seconds, &c.tm) : localtime_r(&seconds, &c.tm)))
                return negative_errno();
        /* That of now says nothing about other days. */
        c.tm.tm_isdst = daylight_saving;

        for (int i = 0; i < (int) ELEMENTSOF(days); i++)
                if (streq(s, days[i])) {
                        c.tm.tm_mday += i - 1;
                        c.tm.tm_hour = c.tm.tm_min = c.tm.tm_sec = 0;
                        return calendar_to_usec(&c, ret);
                }

        text = take_weekday(s, &c);
        if (!parse_date_time(text, &c) || !day_exists(&c.tm))
                return -EINVAL;
        return calendar_to_usec(&c, ret);
}

int timestamp_parse(const char *s, usec_t now, usec_t *ret) {
        _cleanup_free_ char *copy = NULL;
        int r;

        r = parse_relative(s, now, ret);
        if (r != -ENOENT)
                return r;

        copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        return parse_calendar(copy, now, ret);
}
