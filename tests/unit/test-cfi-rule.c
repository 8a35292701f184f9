/* SPDX-License-Identifier: Apache-2.0 */
/* Rules from Call Frame Information: what is said is kept, what cannot be said is refused */

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elf/cfi-rule.h"

#define EXPRESSION(...)                                                                   \
        {                                                                                 \
                .kind = CFI_EXPRESSION, .size = sizeof((const uint8_t[]){ __VA_ARGS__ }), \
                .bytes = (const uint8_t[]){ __VA_ARGS__ },                                \
        }
#define OFFSET(v) \
        { .kind = CFI_OFFSET, .value = (v) }

static struct unwind_rule make(uint16_t machine, CfiState s) {
        struct unwind_rule rule;

        s.spoken = 0xffff;
        assert_int_equal(cfi_rule_make(machine, &s, false, &rule), 0);
        return rule;
}

static void assert_refused(CfiState s, IndexUnwindLoss loss) {
        struct unwind_rule rule;

        s.spoken = 0xffff;
        assert_int_equal(cfi_rule_make(EM_X86_64, &s, false, &rule), (int) loss + 1);
        assert_int_equal(rule.kind, UNWIND_REFUSED);
}

static void test_saved_registers_are_one_block(void **state) {
        struct unwind_rule rule = make(EM_X86_64, (CfiState){
                                                          .cfa = OFFSET(64),
                                                          .cfa_register = 7,
                                                          .return_address = OFFSET(-8),
                                                          .registers = { [3] = OFFSET(-56),
                                                                         [6] = OFFSET(-16),
                                                                         [15] = OFFSET(-24),
                                                                         [2] = OFFSET(-32) },
                                                  });

        assert_int_equal(rule.kind, UNWIND_CFA_REGISTER);
        assert_int_equal(rule.base, UNWIND_X86_64_RSP);
        assert_int_equal(rule.offset, 64);
        assert_int_equal(rule.block_base, UNWIND_BLOCK_AT_CFA);
        assert_int_equal(rule.block, -7);
        assert_int_equal(rule.n_block, 7);
        assert_int_equal(rule.ra_kind, UNWIND_RETURN_IN_BLOCK);
        assert_int_equal(rule.ra, 6);
        assert_int_equal(unwind_rule_get_slot(&rule, 3), 1);
        assert_int_equal(unwind_rule_get_slot(&rule, 6), 6);
        assert_int_equal(unwind_rule_get_slot(&rule, 15), 5);
        assert_int_equal(unwind_rule_get_slot(&rule, 2), UNWIND_SLOT_SAME); /* not for a caller */
}

static void test_realigned_frames_are_loaded(void **state) {
        struct unwind_rule rule = make(
                EM_X86_64,
                (CfiState){
                        .cfa = EXPRESSION(0x76, 0x70, 0x06),
                        .return_address = OFFSET(-8),
                        .registers = { [6] = EXPRESSION(0x76, 0), [12] = EXPRESSION(0x76, 0x78) },
                });

        assert_int_equal(rule.kind, UNWIND_CFA_LOADED);
        assert_int_equal(rule.base, UNWIND_X86_64_RBP);
        assert_int_equal(rule.offset, -16);
        assert_int_equal(rule.block_base, UNWIND_X86_64_RBP);
        assert_int_equal(rule.block, -1);
        assert_int_equal(rule.ra_kind, UNWIND_RETURN_AT_CFA);
        assert_int_equal(rule.ra, -1);
        assert_int_equal(unwind_rule_get_slot(&rule, 12), 1);
        assert_int_equal(unwind_rule_get_slot(&rule, 6), 2);
}

static void test_known_expressions_have_a_kind(void **state) {
        struct unwind_rule rule;

        rule = make(EM_X86_64, (CfiState){ .cfa = EXPRESSION(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b,
                                                             0x2a, 0x33, 0x24, 0x22),
                                           .return_address = OFFSET(-8) });
        assert_int_equal(rule.kind, UNWIND_CFA_PLT);
        assert_int_equal(rule.aux, 11);
        assert_int_equal(rule.offset, 8);
        rule = make(EM_X86_64, (CfiState){ .cfa = EXPRESSION(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x39,
                                                             0x2a, 0x33, 0x24, 0x22),
                                           .return_address = OFFSET(-8) });
        assert_int_equal(rule.aux, 9);
        rule = make(EM_X86_64, (CfiState){ .cfa = EXPRESSION(0x77, 40, 0x79, 0, 0x38, 0x1e, 0x22,
                                                             0x06, 0x23, 8),
                                           .return_address = OFFSET(-8) });
        assert_int_equal(rule.kind, UNWIND_CFA_INDEXED);
        assert_int_equal(rule.aux, 9);
        assert_int_equal(rule.offset2, 8);
}

static void test_ends_registers_and_signals(void **state) {
        const uint8_t at = UNWIND_X86_64_SIGNAL_OFFSET;
        CfiState s = {
                .cfa = EXPRESSION(0x77, 0xa0, 0x01, 0x06),
                .return_address = EXPRESSION(0x77, 0xa8, 0x01),
                .registers = { [7] = EXPRESSION(0x77, 0xa0, 0x01),
                               [6] = EXPRESSION(0x77, 0xf8, 0),
                               [3] = EXPRESSION(0x77, 0x80, 0x01),
                               [12] = EXPRESSION(0x77, 0xc8, 0) },
        };
        struct unwind_rule rule;

        assert_int_equal(cfi_rule_make(EM_X86_64, &s, true, &rule), 0);
        assert_int_equal(rule.kind, UNWIND_SIGNAL);
        assert_int_equal(rule.offset, at);
        s.registers[12].kind = CFI_UNSPECIFIED;
        assert_true(cfi_rule_make(EM_X86_64, &s, true, &rule) > 0);

        rule = make(EM_X86_64, (CfiState){ .return_address = { .kind = CFI_UNDEFINED } });
        assert_int_equal(rule.kind, UNWIND_END);
        rule = make(EM_X86_64,
                    (CfiState){ .cfa = OFFSET(0),
                                .cfa_register = 7,
                                .return_address = { .kind = CFI_REGISTER, .value = 5 } });
        assert_int_equal(rule.ra_kind, UNWIND_RETURN_IN_REGISTER);
        assert_int_equal(rule.ra, 5);
        assert_int_equal(rule.n_block, 0);
        rule = make(EM_AARCH64, (CfiState){ .cfa = OFFSET(0), .cfa_register = 31 });
        assert_int_equal(rule.base, UNWIND_AARCH64_SP);
        assert_int_equal(rule.ra, UNWIND_AARCH64_LR);
}

static void test_aarch64_frames_far_below_the_cfa(void **state) {
        struct unwind_rule rule =
                make(EM_AARCH64, (CfiState){
                                         .cfa = OFFSET(4096),
                                         .cfa_register = 29,
                                         .return_address = OFFSET(-4088),
                                         .registers = { [UNWIND_AARCH64_FP] = OFFSET(-4096),
                                                        [UNWIND_AARCH64_X19] = OFFSET(-4080) },
                                 });

        assert_int_equal(rule.block, -512);
        assert_int_equal(rule.n_block, 3);
        assert_int_equal(rule.ra, 1);
        assert_int_equal(unwind_rule_get_slot(&rule, UNWIND_AARCH64_X19), 3);
}

/* A function that throws saves all that it can, more than a block holds. */
static void test_a_register_far_from_the_others_is_lost(void **state) {
        CfiState s = { .cfa = OFFSET(3776), .cfa_register = 31, .return_address = OFFSET(-3768) };
        struct unwind_rule rule;

        s.registers[UNWIND_AARCH64_FP] = (CfiValue) OFFSET(-3776);
        for (int i = 0; i < 10; i++)
                s.registers[UNWIND_AARCH64_X19 + i] = (CfiValue) OFFSET(-3728 + 8 * i);
        rule = make(EM_AARCH64, s);
        assert_int_equal(rule.kind, UNWIND_CFA_REGISTER);
        assert_int_equal(rule.block, -472);
        assert_int_equal(rule.n_block, UNWIND_BLOCK_WORDS);
        assert_int_equal(rule.ra, 1);
        assert_int_equal(unwind_rule_get_slot(&rule, UNWIND_AARCH64_FP), 1);
        assert_int_equal(unwind_rule_get_slot(&rule, UNWIND_AARCH64_X19), 7);
        assert_int_equal(unwind_rule_get_slot(&rule, UNWIND_AARCH64_X19 + 7), 14);
        assert_int_equal(unwind_rule_get_slot(&rule, UNWIND_AARCH64_X19 + 8), UNWIND_SLOT_LOST);
        assert_int_equal(unwind_rule_get_slot(&rule, UNWIND_AARCH64_X19 + 9), UNWIND_SLOT_LOST);
}

/* GCC realigns by r13 where r10 has another use: only r13 itself lies beside the return address. */
static void test_a_register_apart_from_the_others_is_lost(void **state) {
        struct unwind_rule rule =
                make(EM_X86_64, (CfiState){
                                        .cfa = EXPRESSION(0x76, 0x68, 0x06),
                                        .return_address = OFFSET(-8),
                                        .registers = { [3] = EXPRESSION(0x76, 0x58),
                                                       [6] = EXPRESSION(0x76, 0),
                                                       [13] = OFFSET(-16),
                                                       [15] = EXPRESSION(0x76, 0x78) },
                                });

        assert_int_equal(rule.kind, UNWIND_CFA_LOADED);
        assert_int_equal(rule.block_base, UNWIND_X86_64_RBP);
        assert_int_equal(rule.block, -5);
        assert_int_equal(unwind_rule_get_slot(&rule, 3), 1);
        assert_int_equal(unwind_rule_get_slot(&rule, 15), 5);
        assert_int_equal(unwind_rule_get_slot(&rule, 6), 6);
        assert_int_equal(unwind_rule_get_slot(&rule, 13), UNWIND_SLOT_LOST);
        assert_int_equal(rule.ra_kind, UNWIND_RETURN_AT_CFA);
}

static void test_what_does_not_fit_is_refused(void **state) {
        CfiState good = { .cfa = OFFSET(16), .cfa_register = 7, .return_address = OFFSET(-8) }, s;

        s = good;
        s.cfa.value = INT64_C(1) << 31;
        assert_refused(s, INDEX_UNWIND_ROW_OFFSET);
        s = good;
        s.registers[3] = (CfiValue) OFFSET(-13);
        assert_refused(s, INDEX_UNWIND_ROW_OFFSET);
        s.registers[3] = (CfiValue) OFFSET(INT64_MIN);
        assert_refused(s, INDEX_UNWIND_ROW_OFFSET);
        s = good;
        s.cfa_register = 17;
        assert_refused(s, INDEX_UNWIND_ROW_CFA);
        s = good;
        s.cfa = (CfiValue) EXPRESSION(0x77, 8, 0x06, 0x06);
        assert_refused(s, INDEX_UNWIND_ROW_CFA);
        s = good;
        s.registers[7] = (CfiValue){ .kind = CFI_REGISTER, .value = 8 };
        assert_refused(s, INDEX_UNWIND_ROW_CFA);
        s = good;
        s.return_address = (CfiValue){};
        assert_refused(s, INDEX_UNWIND_ROW_RETURN);
        s = good;
        s.registers[3] = (CfiValue) EXPRESSION(0x77, 8, 0x06);
        assert_refused(s, INDEX_UNWIND_ROW_SAVED);
        s = good;
        s.registers[3] = (CfiValue){ .kind = CFI_REGISTER, .value = 8 };
        assert_int_equal(make(EM_X86_64, s).slots, (uint64_t) UNWIND_SLOT_LOST << 12);
}

static void test_a_restored_frame_has_only_its_return_address(void **state) {
        struct unwind_rule rule =
                make(EM_X86_64, (CfiState){ .cfa = OFFSET(8),
                                            .cfa_register = 7,
                                            .return_address = OFFSET(-8),
                                            .registers = { [6] = EXPRESSION(0x76, 0) } });

        assert_int_equal(rule.slots, 0);
        rule = make(EM_X86_64, (CfiState){ .cfa = OFFSET(0),
                                           .cfa_register = 10,
                                           .return_address = OFFSET(-8),
                                           .registers = { [6] = EXPRESSION(0x76, 0) } });
        assert_int_not_equal(rule.slots, 0);
        rule = cfi_rule_for_restored(&rule);
        assert_int_equal(rule.slots, 0);
        assert_int_equal(rule.base, 10);
        assert_int_equal(rule.block, -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_saved_registers_are_one_block),
                cmocka_unit_test(test_realigned_frames_are_loaded),
                cmocka_unit_test(test_known_expressions_have_a_kind),
                cmocka_unit_test(test_ends_registers_and_signals),
                cmocka_unit_test(test_aarch64_frames_far_below_the_cfa),
                cmocka_unit_test(test_a_register_far_from_the_others_is_lost),
                cmocka_unit_test(test_a_register_apart_from_the_others_is_lost),
                cmocka_unit_test(test_what_does_not_fit_is_refused),
                cmocka_unit_test(test_a_restored_frame_has_only_its_return_address),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
