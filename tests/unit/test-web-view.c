/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of What Is to Be Seen */

#include "unit-test.h"
#include "web/web-view.h"

#define NOW (1795183200 * USEC_PER_SEC) /* Fri 2026-11-20 14:00 UTC */

static int parse(const char *target, WebView *ret, const char **wrong) {
        static WebRequest r; /* the view borrows from it */

        web_request_done(&r);
        assert_return_code(web_request_parse(target, &r), 0);
        return web_view_parse(&r, NOW, ret, wrong);
}

static void check_time(const char *query, usec_t expected) {
        _cleanup_(web_view_done) WebView v = {};
        const char *wrong;
        char target[256];

        snprintf(target, sizeof(target), "/?from=%s", query);
        if (expected == 0) {
                assert_int_equal(parse(target, &v, &wrong), -EINVAL);
                assert_string_equal(wrong, "from");
                return;
        }
        assert_return_code(parse(target, &v, &wrong), 0);
        assert_int_equal(v.since_usec, expected);
}

static void test_times_are_those_of_systemd_and_of_the_web(void **state) {
        (void) state;
        setenv("TZ", "UTC", 1);
        tzset();
        check_time("-1h", NOW - USEC_PER_HOUR);
        check_time("@1795180000.5", 1795180000 * USEC_PER_SEC + USEC_PER_SEC / 2);
        check_time("1795180000", 1795180000 * USEC_PER_SEC);
        check_time("today", NOW - 14 * USEC_PER_HOUR);
        check_time("2026-11-20T13:30:00", NOW - 30 * USEC_PER_MINUTE);
        check_time("2026-11-20T13:30:00Z", NOW - 30 * USEC_PER_MINUTE);
        check_time("2026-11-20T13:30:00.25Z", NOW - 30 * USEC_PER_MINUTE + USEC_PER_SEC / 4);
        check_time("2026-11-20T15:30:00%2B02:00", NOW - 30 * USEC_PER_MINUTE);
        check_time("2026-11-20T15:30:00+02:00", NOW - 30 * USEC_PER_MINUTE);
        check_time("2026-11-20T12:30:00-01:00", NOW - 30 * USEC_PER_MINUTE);
        check_time("yesteryear", 0);
        check_time("2026-13-20T13:30:00", 0);
        check_time("2026-02-30T13:30:00", 0);
        check_time("2026-11-20T13:30", 0);
        check_time("2026-11-20T13:30:00X", 0);
        check_time("1.2.3", 0);
}

static void test_a_unit_is_one_unit(void **state) {
        _cleanup_(web_view_done) WebView v = {};
        const char *wrong;

        (void) state;
        assert_return_code(parse("/?unit=nginx", &v, &wrong), 0);
        assert_string_equal(v.unit, "nginx.service");
        web_view_done(&v);
        assert_return_code(parse("/unit/a@b.service?from=-1h", &v, &wrong), 0);
        assert_string_equal(v.unit, "a@b.service");
        web_view_done(&v);
        assert_return_code(parse("/?service=x.slice", &v, &wrong), 0);
        assert_string_equal(v.unit, "x.slice");
        web_view_done(&v);
        assert_return_code(parse("/", &v, &wrong), 0);
        assert_null(v.unit);
        assert_string_equal(v.type, "cpu");
        assert_int_equal(v.until_usec, USEC_INFINITY);
        assert_int_equal(parse("/?unit=*", &v, &wrong), -EINVAL);
        assert_int_equal(parse("/?unit=a@.service", &v, &wrong), -EINVAL);
        assert_int_equal(parse("/?unit=a@", &v, &wrong), -EINVAL);
        assert_int_equal(parse("/?unit=../x", &v, &wrong), -EINVAL);
        assert_int_equal(parse("/?from=-1h&to=-2h", &v, &wrong), -ERANGE);
}

static void test_the_other_side_ends_where_this_one_begins(void **state) {
        _cleanup_(web_view_done) WebView v = {}, base = {};
        _cleanup_(web_request_done) WebRequest r = {};
        const char *wrong;

        (void) state;
        assert_return_code(web_request_parse("/?unit=a&from=-1h&base_from=-2h&type=x&thread=y", &r),
                           0);
        assert_return_code(web_view_parse(&r, NOW, &v, &wrong), 0);
        assert_return_code(web_view_parse_base(&r, NOW, &v, &base, &wrong), 0);
        assert_string_equal(base.unit, "a.service");
        assert_string_equal(base.type, "x");
        assert_string_equal(base.thread, "y");
        assert_int_equal(base.since_usec, NOW - 2 * USEC_PER_HOUR);
        assert_int_equal(base.until_usec, v.since_usec);
}

static void test_a_view_becomes_a_link(void **state) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_(web_view_done) WebView v = {};
        _cleanup_free_ char *text = NULL;
        const char *wrong;

        (void) state;
        assert_return_code(
                parse("/?unit=a%5Cx2db&from=-1h&type=offcpu&thread=a%26b%22", &v, &wrong), 0);
        web_view_add_query(&w, &v);
        assert_return_code(text_writer_take(&w, &text, NULL), 0);
        assert_string_equal(text, "unit=a%5Cx2db.service&amp;from=-1h&amp;type=offcpu&amp;thread="
                                  "a%26b%22");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times_are_those_of_systemd_and_of_the_web),
                cmocka_unit_test(test_a_unit_is_one_unit),
                cmocka_unit_test(test_the_other_side_ends_where_this_one_begins),
                cmocka_unit_test(test_a_view_becomes_a_link),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
