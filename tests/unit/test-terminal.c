/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Terminal */

#include "ctl/terminal.h"
#include "unit-test.h"

static void test_colours_follow_the_environment(void **state) {
        (void) state;
        assert_true(terminal_want_colors(true, NULL, NULL, "xterm"));
        assert_false(terminal_want_colors(false, NULL, NULL, "xterm"));
        assert_false(terminal_want_colors(true, NULL, NULL, "dumb"));
        assert_false(terminal_want_colors(true, NULL, NULL, NULL));
        assert_false(terminal_want_colors(true, NULL, "1", "xterm"));
        assert_true(terminal_want_colors(true, NULL, "", "xterm"));
        assert_true(terminal_want_colors(false, "1", "1", "dumb"));
        assert_true(terminal_want_colors(false, "256", NULL, NULL));
        assert_false(terminal_want_colors(true, "no", NULL, "xterm"));
}

static void test_a_pipe_has_neither_colours_nor_an_edge(void **state) {
        Terminal t;
        int fds[2];

        (void) state;
        unsetenv("SYSTEMD_COLORS");
        assert_return_code(pipe(fds), errno);
        terminal_probe(&t, fds[1]);
        assert_false(t.is_tty);
        assert_int_equal(t.columns, 0);
        assert_string_equal(terminal_color(&t, TERMINAL_RED), "");
        close(fds[0]);
        close(fds[1]);
}

static void test_text_is_what_the_locale_can_show(void **state) {
        (void) state;
        assert_string_equal(terminal_text(&(Terminal){ .utf8 = true }, "a", "b"), "a");
        assert_string_equal(terminal_text(&(Terminal){}, "a", "b"), "b");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_colours_follow_the_environment),
                cmocka_unit_test(test_a_pipe_has_neither_colours_nor_an_edge),
                cmocka_unit_test(test_text_is_what_the_locale_can_show),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
