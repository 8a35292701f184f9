/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps */

#include "basic/timestamp.h"
#include "unit-test.h"

/* Fri 2026-11-20 18:27:24.5 UTC; rows are what "systemd-analyze timestamp" of systemd 252 says. */
#define NOW ((usec_t) 1795199244500000)

typedef struct Row {
        const char *text;
        usec_t usec;
} Row;

/* A zone that needs no database: CET, and CEST from March to October. */
#define CENTRAL_EUROPE "CET-1CEST,M3.5.0,M10.5.0/3"

static void assert_rows(const Row *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                usec_t usec = 0;

                if (timestamp_parse(rows[i].text, NOW, &usec) < 0 || usec != rows[i].usec)
                        fail_msg("'%s' is %llu and not %llu", rows[i].text,
                                 (unsigned long long) usec, (unsigned long long) rows[i].usec);
        }
}

static void set_zone(const char *zone) {
        assert_int_equal(setenv("TZ", zone, 1), 0);
        tzset();
}

static void test_absolute_forms(void **state _unused_) {
        static const Row rows[] = {
                { "2012-09-22 16:34:22", 1348331662000000 },
                { "2012-09-22 16:34:22.5", 1348331662500000 },
                { "2012-09-22 16:34:22.123456", 1348331662123456 },
                { "2012-09-22 16:34:22.1234561", 1348331662123456 },
                { "2012-09-22 16:34", 1348331640000000 },
                { "2012-09-22  16:34", 1348331640000000 },
                { "2012-09-22", 1348272000000000 },
                { "12-09-22", 1348272000000000 },
                { "2012-9-2", 1346544000000000 },
                { "16:34:22.5", 1795192462500000 },
                { "16:34", 1795192440000000 },
                { "16:3", 1795190580000000 },
                { "1970-01-01", 0 },
                { "9999-12-30", 253402128000000000 },
                { "2012-09-22 23:59:60", 1348358400000000 },
                { "2024-02-29", 1709164800000000 },
        };

        set_zone("UTC");
        assert_rows(rows, ELEMENTSOF(rows));
}

static void test_a_weekday_must_be_the_right_one(void **state _unused_) {
        static const Row rows[] = {
                { "Sat 2012-09-22", 1348272000000000 },
                { "sat 2012-09-22", 1348272000000000 },
                { "Saturday 2012-09-22 16:34", 1348331640000000 },
                { "Fri 16:34", 1795192440000000 },
        };
        usec_t usec;

        set_zone("UTC");
        assert_rows(rows, ELEMENTSOF(rows));
        assert_int_equal(timestamp_parse("Mon 2012-09-22", NOW, &usec), -EINVAL);
        assert_int_equal(timestamp_parse("Sat 16:34", NOW, &usec), -EINVAL);
        assert_int_equal(timestamp_parse("Sat, 2012-09-22", NOW, &usec), -EINVAL);
        assert_int_equal(timestamp_parse("Satur 2012-09-22", NOW, &usec), -EINVAL);
}

static void test_words_and_spans_relative_to_now(void **state _unused_) {
        static const Row rows[] = {
                { "now", NOW },
                { "today", 1795132800000000 },
                { "yesterday", 1795046400000000 },
                { "tomorrow", 1795219200000000 },
                { "-5min", NOW - 300 * USEC_PER_SEC },
                { "- 5min", NOW - 300 * USEC_PER_SEC },
                { "-1h 30min", NOW - 5400 * USEC_PER_SEC },
                { "+5 min", NOW + 300 * USEC_PER_SEC },
                { "5min ago", NOW - 300 * USEC_PER_SEC },
                { "5min left", NOW + 300 * USEC_PER_SEC },
                { "@1395716396", 1395716396000000 },
                { "@1.5", 1500000 },
                { "@1h", 3600000000 },
        };

        set_zone("UTC");
        assert_rows(rows, ELEMENTSOF(rows));
}

static void test_days_begin_in_the_local_zone_but_for_a_utc_suffix(void **state _unused_) {
        static const Row rows[] = {
                { "today", 1795129200000000 },
                { "today UTC", 1795132800000000 },
                { "yesterday UTC", 1795046400000000 },
                { "16:34", 1795188840000000 },
                { "16:34 UTC", 1795192440000000 },
                { "2012-09-22 16:34", 1348324440000000 },
                { "2012-09-22 16:34 CEST", 1348324440000000 },
                { "2012-09-22 16:34 UTC", 1348331640000000 },
                { "2012-10-28 02:30 CEST", 1351384200000000 },
                { "2012-12-22 16:34", 1356190440000000 },
                { "2012-12-22 16:34 CET", 1356190440000000 },
        };
        usec_t usec;

        set_zone(CENTRAL_EUROPE);
        assert_rows(rows, ELEMENTSOF(rows));
        assert_int_equal(timestamp_parse("2012-09-22 16:34 EST", NOW, &usec), -EINVAL);
        set_zone("UTC");
}

/* 2026-03-29 has 23 hours there: the day before is not 24 hours ago. */
static void test_days_have_the_length_of_the_calendar(void **state _unused_) {
        usec_t noon = 1774778400 * USEC_PER_SEC; /* 2026-03-29 12:00 CEST */
        usec_t today, tomorrow;

        set_zone(CENTRAL_EUROPE);
        assert_int_equal(timestamp_parse("today", noon, &today), 0);
        assert_int_equal(timestamp_parse("tomorrow", noon, &tomorrow), 0);
        assert_int_equal(tomorrow - today, 23 * USEC_PER_HOUR);
        set_zone("UTC");
}

static void test_what_is_no_timestamp_is_refused(void **state _unused_) {
        static const char *const invalid[] = {
                "",
                " now",
                "now ",
                "now UTC",
                "Today",
                "today 14:00",
                "5min",
                "16",
                "2012-09-22 16",
                "2012-09-22 25:00",
                "2012-09-22T16:34:22",
                "2012-09-22 16:34:22.",
                "2012-09-22 16:34.5",
                "2012-02-31",
                "2023-02-29",
                "10000-01-01",
                "infinity",
                "+infinity",
                "-infinity",
                "infinity ago",
                "-5min ago",
                "@5 ago",
                "5min AGO",
                "+5min UTC",
                "5min ago UTC",
                "@",
                "+",
                "-",
                " ago",
                "Fri ",
                "UTC",
                " UTC",
        };
        usec_t usec = 4711;

        set_zone("UTC");
        for (size_t i = 0; i < ELEMENTSOF(invalid); i++) {
                int r = timestamp_parse(invalid[i], NOW, &usec);

                if (r >= 0 || r == -ENOENT || r == -ENOMEM)
                        fail_msg("'%s' was accepted", invalid[i]);
        }
        assert_int_equal(usec, 4711);
}

static void test_times_before_1970_and_after_9999_are_out_of_range(void **state _unused_) {
        static const char *const out_of_range[] = { "1969-01-01", "-100y",  "100y ago",
                                                    "+8000y",     "@9000y", "@-5" };
        usec_t usec;

        set_zone("UTC");
        for (size_t i = 0; i < ELEMENTSOF(out_of_range); i++)
                assert_int_equal(timestamp_parse(out_of_range[i], NOW, &usec), -ERANGE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_absolute_forms),
                cmocka_unit_test(test_a_weekday_must_be_the_right_one),
                cmocka_unit_test(test_words_and_spans_relative_to_now),
                cmocka_unit_test(test_days_begin_in_the_local_zone_but_for_a_utc_suffix),
                cmocka_unit_test(test_days_have_the_length_of_the_calendar),
                cmocka_unit_test(test_what_is_no_timestamp_is_refused),
                cmocka_unit_test(test_times_before_1970_and_after_9999_are_out_of_range),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
