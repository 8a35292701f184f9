/* SPDX-License-Identifier: Apache-2.0 */
/* Value Parsers */

#include "basic/parse.h"
#include "unit-test.h"

static void test_booleans_in_any_case(void **state _unused_) {
        static const char *const yes[] = { "1", "yes", "Y", "true", "T", "on", "ON" };
        static const char *const no[] = { "0", "no", "N", "false", "F", "off", "Off" };
        static const char *const neither[] = { "", "2", "yess", "ye", "10", " ", "-1", "enable" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                assert_int_equal(parse_boolean(yes[i]), 1);
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                assert_int_equal(parse_boolean(no[i]), 0);
        for (size_t i = 0; i < ELEMENTSOF(neither); i++)
                assert_int_equal(parse_boolean(neither[i]), -EINVAL);
}

static void test_unsigned_within_its_range(void **state _unused_) {
        unsigned u = 7;

        assert_int_equal(parse_unsigned("1000", 1, 1000, &u), 0);
        assert_int_equal(u, 1000);
        assert_int_equal(parse_unsigned(" 1 ", 1, 1000, &u), 0);
        assert_int_equal(u, 1);
        assert_int_equal(parse_unsigned("4294967295", 0, UINT32_MAX, &u), 0);
        assert_int_equal(u, UINT32_MAX);

        u = 7;
        assert_int_equal(parse_unsigned("0", 1, 1000, &u), -ERANGE);
        assert_int_equal(parse_unsigned("1001", 1, 1000, &u), -ERANGE);
        assert_int_equal(parse_unsigned("4294967296", 0, UINT32_MAX, &u), -ERANGE);
        assert_int_equal(parse_unsigned("99999999999999999999999", 0, UINT32_MAX, &u), -ERANGE);
        assert_int_equal(parse_unsigned("", 0, 10, &u), -EINVAL);
        assert_int_equal(parse_unsigned("+1", 0, 10, &u), -EINVAL);
        assert_int_equal(parse_unsigned("-1", 0, 10, &u), -EINVAL);
        assert_int_equal(parse_unsigned("1.0", 0, 10, &u), -EINVAL);
        assert_int_equal(parse_unsigned("0x1", 0, 10, &u), -EINVAL);
        assert_int_equal(parse_unsigned("1 2", 0, 10, &u), -EINVAL);
        assert_int_equal(u, 7);
}

/* Each row is what "systemd-analyze timespan" of systemd 252 says. */
static void test_timespans_as_systemd_reads_them(void **state _unused_) {
        static const struct {
                const char *text;
                usec_t usec;
        } rows[] = {
                { "90", 90000000 },
                { "1h 30min 5s 200ms", 5405200000 },
                { "1.5h", 5400000000 },
                { "2w", 1209600000000 },
                { "infinity", USEC_INFINITY },
                { "infinity ", USEC_INFINITY },
                { "1y", 31557600000000 },
                { "2years", 63115200000000 },
                { "1month", 2629800000000 },
                { "2months", 5259600000000 },
                { "1M", 2629800000000 },
                { "1m", 60000000 },
                { "1 min", 60000000 },
                { "1minute", 60000000 },
                { "2minutes", 120000000 },
                { "1min30s", 90000000 },
                { "0", 0 },
                { "5us", 5 },
                { "5\302\265s", 5 },
                { "5\316\274s", 5 },
                { "0.5us", 0 },
                { "1.9us", 1 },
                { "1usec", 1 },
                { "1msec", 1000 },
                { "1.000001s", 1000001 },
                { "0.000001", 1 },
                { ".5", 500000 },
                { "3 .5", 3500000 },
                { "12.34 .56", 12900000 },
                { "+5", 5000000 },
                { "1d", 86400000000 },
                { "3days", 259200000000 },
                { "1hr", 3600000000 },
                { "1hour", 3600000000 },
                { "3 hours", 10800000000 },
                { "1week", 604800000000 },
                { "2weeks", 1209600000000 },
                { "1sec", 1000000 },
                { "1second", 1000000 },
                { "1 s", 1000000 },
                { "55s500ms", 55500000 },
                { "300ms20s", 20300000 },
                { "9223372036854775807us", 9223372036854775807 },
        };
        static const char *const invalid[] = {
                "",    " ", "5.",    "12.34.56",  "0x10",        "1foo",  "1S",    "1H",
                "1e3", "s", "1d,2h", "infinitys", "1s infinity", "\265s", "1\265", "1.",
        };
        static const char *const out_of_range[] = {
                "-1",
                "-0",
                "5s -1s",
                "584543y",
                "99999999999999999999",
                "18446744073709551615us",
                "18446744073709551614us 1us",
        };
        usec_t usec;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(parse_timespan(rows[i].text, &usec), 0);
                assert_int_equal(usec, rows[i].usec);
        }
        usec = 4711;
        for (size_t i = 0; i < ELEMENTSOF(invalid); i++)
                assert_int_equal(parse_timespan(invalid[i], &usec), -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(out_of_range); i++)
                assert_int_equal(parse_timespan(out_of_range[i], &usec), -ERANGE);
        assert_int_equal(usec, 4711);
}

static void test_a_formatted_timespan_is_read_back(void **state _unused_) {
        static const struct {
                usec_t usec;
                const char *text;
        } rows[] = {
                { 0, "0" },
                { 60 * USEC_PER_SEC, "1min" },
                { 5405200000, "1h 30min 5s 200ms" },
                { 31557600000001, "1y 1us" },
                { USEC_INFINITY, "infinity" },
                { USEC_INFINITY - 1, NULL },
                { 1234567890123456789, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = timespan_format(rows[i].usec);
                usec_t usec;

                assert_non_null(text);
                if (rows[i].text)
                        assert_string_equal(text, rows[i].text);
                assert_int_equal(parse_timespan(text, &usec), 0);
                assert_int_equal(usec, rows[i].usec);
        }
}

static void test_sizes_have_base_1024(void **state _unused_) {
        static const struct {
                const char *text;
                uint64_t bytes;
        } rows[] = {
                { "0", 0 },
                { "1", 1 },
                { "4096B", 4096 },
                { "1K", 1024 },
                { "1.5K", 1536 },
                { "0.5G", 536870912 },
                { "1G", 1073741824 },
                { " 1 G ", 1073741824 },
                { "1.1M", 1153433 },
                { "2T", 2199023255552 },
                { "1P", 1125899906842624 },
                { "15E", 17293822569102704640U },
                { "18446744073709551614", UINT64_MAX - 1 },
                { "infinity", UINT64_MAX },
        };
        static const char *const invalid[] = { "",     "G",   "1k",  "1KB", "1GiB", "1 G G",
                                               "1,5G", "1.G", "0x1", "1%",  "+1",   "infinite" };
        static const char *const out_of_range[] = { "-1", "16E", "18446744073709551615",
                                                    "18446744073709551616",
                                                    "99999999999999999999E" };
        uint64_t bytes;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(parse_size(rows[i].text, &bytes), 0);
                assert_int_equal(bytes, rows[i].bytes);
        }
        bytes = 4711;
        for (size_t i = 0; i < ELEMENTSOF(invalid); i++)
                assert_int_equal(parse_size(invalid[i], &bytes), -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(out_of_range); i++)
                assert_int_equal(parse_size(out_of_range[i], &bytes), -ERANGE);
        assert_int_equal(bytes, 4711);
}

static void test_a_formatted_size_is_read_back(void **state _unused_) {
        static const struct {
                uint64_t bytes;
                const char *text;
        } rows[] = {
                { 0, "0" },
                { 1, "1" },
                { 1023, "1023" },
                { 1024, "1K" },
                { 1536, "1536" },
                { UINT64_C(1) << 30, "1G" },
                { UINT64_C(15) << 60, "15E" },
                { UINT64_C(1) << 63, "8E" },
                { UINT64_MAX - 1, "18446744073709551614" },
                { UINT64_MAX, "infinity" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = size_format(rows[i].bytes);
                uint64_t bytes;

                assert_string_equal(text, rows[i].text);
                assert_int_equal(parse_size(text, &bytes), 0);
                assert_int_equal(bytes, rows[i].bytes);
        }
}

static void test_a_ratio_is_a_decimal_or_a_percentage(void **state _unused_) {
        static const struct {
                const char *text;
                double ratio;
        } rows[] = {
                { "0", 0 },        { "1", 1 },       { "0.3", 0.3 },
                { "30%", 0.3 },    { ".25", 0.25 },  { "1.000", 1 },
                { "100%", 1 },     { "100.0 %", 1 }, { "12.5%", 0.125 },
                { "0.1%", 0.001 }, { "0%", 0 },      { "0.30000000000000000000000001", 0.3 },
        };
        static const char *const invalid[] = { "", "%", "abc", "1e-3", "nan", "inf", "0,5", "5%%" };
        static const char *const out_of_range[] = { "-0.1",   "1.1", "101%",
                                                    "100.1%", "2",   "18446744073709551615" };
        double ratio;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(parse_ratio(rows[i].text, &ratio), 0);
                assert_true(ratio == rows[i].ratio);
        }
        ratio = 4711;
        for (size_t i = 0; i < ELEMENTSOF(invalid); i++)
                assert_int_equal(parse_ratio(invalid[i], &ratio), -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(out_of_range); i++)
                assert_int_equal(parse_ratio(out_of_range[i], &ratio), -ERANGE);
        assert_true(ratio == 4711);

        assert_true(is_percentage("5%"));
        assert_true(is_percentage("5 % "));
        assert_false(is_percentage("5"));
        assert_false(is_percentage(""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_booleans_in_any_case),
                cmocka_unit_test(test_unsigned_within_its_range),
                cmocka_unit_test(test_timespans_as_systemd_reads_them),
                cmocka_unit_test(test_a_formatted_timespan_is_read_back),
                cmocka_unit_test(test_sizes_have_base_1024),
                cmocka_unit_test(test_a_formatted_size_is_read_back),
                cmocka_unit_test(test_a_ratio_is_a_decimal_or_a_percentage),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
