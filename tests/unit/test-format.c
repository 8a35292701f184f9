/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Figures for People */

#include "unit-test.h"
#include "view/format.h"

static void test_times_are_written_as_systemd_does(void **state) {
        usec_t t = 1795183200 * USEC_PER_SEC; /* Fri 2026-11-20 14:00:00 UTC */

        (void) state;
        assert_string_equal(FORMAT_TIME(t, FORMAT_TIME_FULL), "Fri 2026-11-20 14:00:00");
        assert_string_equal(FORMAT_TIME(t, FORMAT_TIME_ZONE), "Fri 2026-11-20 14:00:00 UTC");
        assert_string_equal(FORMAT_TIME(t, FORMAT_TIME_MINUTE), "Fri 2026-11-20 14:00");
        assert_string_equal(FORMAT_TIME(t, FORMAT_TIME_CLOCK), "14:00:00");
        assert_string_equal(FORMAT_TIME(t, FORMAT_TIME_SHORT), "14:00");
        assert_string_equal(FORMAT_TIME(0, FORMAT_TIME_SHORT), "-");
        /* A hostile file may claim any time. */
        assert_non_null(FORMAT_TIME(UINT64_MAX, FORMAT_TIME_FULL));
}

static void test_ages_have_one_unit(void **state) {
        usec_t now = 1000 * USEC_PER_DAY;

        (void) state;
        assert_string_equal(FORMAT_AGO(now, now), "just now");
        assert_string_equal(FORMAT_AGO(now, now + USEC_PER_HOUR), "just now");
        assert_string_equal(FORMAT_AGO(now, now - 38 * USEC_PER_SEC), "38s ago");
        assert_string_equal(FORMAT_AGO(now, now - 45 * USEC_PER_MINUTE), "45min ago");
        assert_string_equal(FORMAT_AGO(now, now - 6 * USEC_PER_HOUR), "6h ago");
        assert_string_equal(FORMAT_AGO(now, now - 3 * USEC_PER_DAY), "3 days ago");
}

static void test_spans_are_short(void **state) {
        (void) state;
        assert_string_equal(FORMAT_SPAN(250 * USEC_PER_MSEC), "250ms");
        assert_string_equal(FORMAT_SPAN(60 * USEC_PER_SEC), "60s");
        assert_string_equal(FORMAT_SPAN(10 * USEC_PER_MINUTE), "10min");
        assert_string_equal(FORMAT_SPAN(10 * USEC_PER_MINUTE + 5 * USEC_PER_SEC), "10min 5s");
        assert_string_equal(FORMAT_SPAN(90 * USEC_PER_MINUTE), "1h 30min");
        assert_string_equal(FORMAT_SPAN(2 * USEC_PER_HOUR), "2h");
}

static void test_bytes_have_base_1024(void **state) {
        (void) state;
        assert_string_equal(FORMAT_BYTES(0), "0B");
        assert_string_equal(FORMAT_BYTES(1023), "1023B");
        assert_string_equal(FORMAT_BYTES(1024), "1.0K");
        assert_string_equal(FORMAT_BYTES(19353), "18.9K");
        assert_string_equal(FORMAT_BYTES((UINT64_C(1) << 20) - 1), "1.0M");
        assert_string_equal(FORMAT_BYTES(UINT64_C(2) << 30), "2.0G");
        assert_string_equal(FORMAT_BYTES(UINT64_MAX), "16.0E");
}

static void test_counts_are_grouped(void **state) {
        (void) state;
        assert_string_equal(FORMAT_COUNT(0), "0");
        assert_string_equal(FORMAT_COUNT(999), "999");
        assert_string_equal(FORMAT_COUNT(20980), "20 980");
        assert_string_equal(FORMAT_COUNT(UINT64_MAX), "18 446 744 073 709 551 615");
}

static void test_only_all_is_100_percent(void **state) {
        (void) state;
        assert_string_equal(FORMAT_SHARE(999, 1000), "99%");
        assert_string_equal(FORMAT_SHARE(1000, 1000), "100%");
        assert_string_equal(FORMAT_SHARE(0, 0), "-");
        assert_string_equal(FORMAT_SHARE_FINE(118, 1000), "11.8%");
        assert_string_equal(FORMAT_SHARE_FINE(1, 0), "-");
}

static void test_cores_are_cpu_time_for_each_second(void **state) {
        (void) state;
        assert_string_equal(FORMAT_CORES(30 * NSEC_PER_SEC, 60 * USEC_PER_SEC), "0.50");
        assert_string_equal(FORMAT_CORES(1, 0), "-");
}

static void test_the_strip_shows_nothing_as_a_blank_and_the_largest_as_a_full_bar(void **state) {
        const double values[] = { 0, 0.1, 4, 8 }, none[] = { 0, 0 };
        char *s;

        (void) state;
        s = format_strip(values, ELEMENTSOF(values), true);
        assert_string_equal(s, " \u2581\u2584\u2588");
        free(s);
        s = format_strip(values, ELEMENTSOF(values), false);
        assert_string_equal(s, " .=@");
        free(s);
        s = format_strip(none, ELEMENTSOF(none), true);
        assert_string_equal(s, "  ");
        free(s);
}

static void test_text_is_cut_between_characters_and_harmless(void **state) {
        char *s;

        (void) state;
        s = format_text("abc\x1b[31m", 0, true);
        assert_string_equal(s, "abc?[31m");
        free(s);
        s = format_text("\u00e4\u00f6\u00fc\u00df", 3, true);
        assert_string_equal(s, "\u00e4\u00f6\u2026");
        assert_int_equal(text_columns(s), 3);
        free(s);
        s = format_text("abcdefgh", 6, false);
        assert_string_equal(s, "abc...");
        free(s);
        s = format_text("abc", 3, true);
        assert_string_equal(s, "abc");
        free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times_are_written_as_systemd_does),
                cmocka_unit_test(test_ages_have_one_unit),
                cmocka_unit_test(test_spans_are_short),
                cmocka_unit_test(test_bytes_have_base_1024),
                cmocka_unit_test(test_counts_are_grouped),
                cmocka_unit_test(test_only_all_is_100_percent),
                cmocka_unit_test(test_cores_are_cpu_time_for_each_second),
                cmocka_unit_test(
                        test_the_strip_shows_nothing_as_a_blank_and_the_largest_as_a_full_bar),
                cmocka_unit_test(test_text_is_cut_between_characters_and_harmless),
        };

        setenv("TZ", "UTC", 1);
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
