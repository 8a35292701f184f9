/* SPDX-License-Identifier: Apache-2.0 */
/* Code Scan: what is never run, where signals return to, and tables of jumps */

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elf/code-scan.h"

#define CODE(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static void test_padding_is_known_in_all_lengths(void **state) {
        assert_true(code_is_padding(EM_X86_64, CODE(0x90, 0xcc, 0xcc, 0x66, 0x90)));
        assert_true(code_is_padding(EM_X86_64, CODE(0x0f, 0x1f, 0x00, 0x0f, 0x1f, 0x40, 0x00)));
        assert_true(code_is_padding(EM_X86_64, CODE(0x0f, 0x1f, 0x44, 0x00, 0x00)));
        assert_true(code_is_padding(EM_X86_64, CODE(0x0f, 0x1f, 0x80, 0, 0, 0, 0)));
        assert_true(code_is_padding(EM_X86_64,
                                    CODE(0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0)));
        assert_true(code_is_padding(EM_AARCH64, CODE(0x1f, 0x20, 0x03, 0xd5, 0, 0, 0, 0)));
}

static void test_code_is_no_padding(void **state) {
        assert_false(code_is_padding(EM_X86_64, CODE(0x90, 0xc3)));
        assert_false(code_is_padding(EM_X86_64, CODE(0x0f, 0x1f)));
        assert_false(code_is_padding(EM_X86_64, CODE(0x0f, 0x1f, 0x80, 0)));
        assert_false(code_is_padding(EM_X86_64, CODE(0x66, 0x2e)));
        assert_false(code_is_padding(EM_X86_64, CODE(0x0f, 0x05)));
        assert_false(code_is_padding(EM_AARCH64, CODE(0xc0, 0x03, 0x5f, 0xd6)));
        assert_false(code_is_padding(EM_AARCH64, CODE(0x1f, 0x20)));
}

static void test_trampolines_are_found(void **state) {
        size_t at, n;

        assert_true(code_find_trampoline(
                EM_X86_64, CODE(0x90, 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05), 0, &at, &n));
        assert_int_equal(at, 1);
        assert_int_equal(n, 9);
        assert_true(
                code_find_trampoline(EM_X86_64, CODE(0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05), 0, &at, &n));
        assert_int_equal(at, 0);
        assert_int_equal(n, 7);
        assert_true(code_find_trampoline(EM_AARCH64, CODE(0x68, 0x11, 0x80, 0xd2, 1, 0, 0, 0xd4), 0,
                                         &at, &n));
        assert_int_equal(n, 8);
}

static void test_other_system_calls_are_no_trampolines(void **state) {
        size_t at, n;

        assert_false(
                code_find_trampoline(EM_X86_64, CODE(0xb9, 0x0f, 0, 0, 0, 0x0f, 0x05), 0, &at, &n));
        assert_false(code_find_trampoline(EM_X86_64, CODE(0x0f, 0, 0, 0, 0x0f, 0x05), 0, &at, &n));
        assert_false(
                code_find_trampoline(EM_X86_64, CODE(0xb8, 0x0e, 0, 0, 0, 0x0f, 0x05), 0, &at, &n));
        assert_false(
                code_find_trampoline(EM_X86_64, CODE(0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05), 1, &at, &n));
        assert_false(code_find_trampoline(EM_AARCH64, CODE(0x68, 0x11, 0x80, 0xd2), 0, &at, &n));
}

static void test_start_of_a_context(void **state) {
        assert_true(code_is_context_start(
                EM_X86_64, CODE(0x48, 0x89, 0xdc, 0x48, 0x8b, 0x3c, 0x24, 0x48, 0x85, 0xff)));
        assert_true(
                code_is_context_start(EM_X86_64, CODE(0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89, 0xdc,
                                                      0x48, 0x8b, 0x3c, 0x24, 0x48, 0x85, 0xff)));
        assert_false(code_is_context_start(EM_X86_64, CODE(0x48, 0x89, 0xdc)));
        assert_false(code_is_context_start(
                EM_AARCH64, CODE(0x48, 0x89, 0xdc, 0x48, 0x8b, 0x3c, 0x24, 0x48, 0x85, 0xff)));
}

static void assert_plt(const uint8_t *start, size_t n, int32_t offset, int aux) {
        uint8_t code[16] = {};
        struct unwind_rule rule;
        size_t size;

        memcpy(code, start, n);
        assert_true(code_find_plt_rule(EM_X86_64, code, sizeof(code), &size, &rule));
        assert_int_equal(size, 16);
        assert_int_equal(rule.kind, UNWIND_CFA_PLT);
        assert_int_equal(rule.offset, offset);
        assert_int_equal(rule.aux, aux);
        assert_false(code_find_plt_rule(EM_X86_64, code, 15, &size, &rule));
}

static void test_tables_of_jumps(void **state) {
        static const uint8_t header[32] = { 0xf0, 0x7b, 0xbf, 0xa9 };
        static const uint8_t entry[16] = { [12] = 0x20, 0x02, 0x1f, 0xd6 };
        struct unwind_rule rule;
        size_t size;

        assert_plt(CODE(0xff, 0x35), 16, 6);
        assert_plt(CODE(0xff, 0x25), 8, 11);
        assert_plt(CODE(0xf3, 0x0f, 0x1e, 0xfa, 0x68), 8, 9);
        assert_plt(CODE(0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25), 8, 15);
        assert_false(code_find_plt_rule(EM_X86_64, header, sizeof(header), &size, &rule));
        assert_true(code_find_plt_rule(EM_AARCH64, header, sizeof(header), &size, &rule));
        assert_int_equal(size, 32);
        assert_int_equal(rule.kind, UNWIND_NOT_COVERED);
        assert_true(code_find_plt_rule(EM_AARCH64, entry, sizeof(entry), &size, &rule));
        assert_int_equal(rule.ra, UNWIND_AARCH64_LR);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_padding_is_known_in_all_lengths),
                cmocka_unit_test(test_code_is_no_padding),
                cmocka_unit_test(test_trampolines_are_found),
                cmocka_unit_test(test_other_system_calls_are_no_trampolines),
                cmocka_unit_test(test_start_of_a_context),
                cmocka_unit_test(test_tables_of_jumps),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
