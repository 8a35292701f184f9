/* SPDX-License-Identifier: Apache-2.0 */
/* Call Frame Instructions: each does what DWARF says, and the damaged are refused */

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/unwind-rule.h"
#include "elf/cfi-program.h"

enum { ROWS_MAX = 64 };

typedef struct Rows {
        size_t n;
        uint64_t starts[ROWS_MAX], ends[ROWS_MAX];
        CfiState states[ROWS_MAX];
} Rows;

static int keep_row(void *userdata, uint64_t start, uint64_t end, const CfiState *state) {
        Rows *rows = userdata;

        assert_true(rows->n < ROWS_MAX);
        rows->starts[rows->n] = start;
        rows->ends[rows->n] = end;
        rows->states[rows->n++] = *state;
        return 0;
}

/* Instructions of a function at [0x1000, 0x1100) behind "def_cfa rsp, 8; offset ra, -8". */
static int run_on(uint16_t machine, const uint8_t *bytes, size_t size, Rows *rows) {
        static const uint8_t common_bytes[] = { 0x0c, 7, 8, 0x90, 1 };
        _cleanup_(cfi_program_freep) CfiProgram *p = NULL;
        CfiFunction f = {
                .bytes = common_bytes,
                .size = sizeof(common_bytes),
                .code_factor = 1,
                .data_factor = -8,
                .return_column = 16,
        };
        CfiState initial;

        *rows = (Rows){};
        assert_int_equal(cfi_program_new(&p, machine), 0);
        assert_int_equal(cfi_program_run_common(p, &f, &initial), 0);
        f.bytes = bytes;
        f.size = size;
        f.start = 0x1000;
        f.end = 0x1100;
        return cfi_program_run(p, &f, &initial, keep_row, rows);
}

#define RUN(rows, ...)                                      \
        run_on(EM_X86_64, (const uint8_t[]){ __VA_ARGS__ }, \
               sizeof((const uint8_t[]){ __VA_ARGS__ }), rows)

static void test_rows_follow_the_instructions(void **state) {
        Rows rows;

        /* push %rbp; mov %rsp, %rbp */
        assert_int_equal(RUN(&rows, 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 200, 0x0c, 7, 8),
                         0);
        assert_int_equal(rows.n, 4);
        assert_int_equal(rows.starts[1], 0x1001);
        assert_int_equal(rows.states[0].cfa.value, 8);
        assert_int_equal(rows.states[0].registers[6].kind, CFI_UNSPECIFIED);
        assert_int_equal(rows.states[1].cfa.value, 16);
        assert_int_equal(rows.states[1].registers[6].value, -16);
        assert_int_equal(rows.states[2].cfa_register, 6);
        assert_int_equal(rows.states[2].return_address.value, -8);
        assert_int_equal(rows.ends[2], rows.starts[3]);
        assert_int_equal(rows.starts[3], 0x1004 + 200);
        assert_int_equal(rows.ends[3], 0x1100);
}

static void test_every_way_to_advance(void **state) {
        Rows rows;

        assert_int_equal(RUN(&rows, 0x02, 1, 0x03, 1, 0, 0x04, 1, 0, 0, 0, 0x1d, 1, 0, 0, 0, 0, 0,
                             0, 0, 0x01, 0x80, 0x10, 0, 0, 0, 0, 0, 0, 0x00),
                         0);
        assert_int_equal(rows.n, 6);
        assert_int_equal(rows.starts[4], 0x1004);
        assert_int_equal(rows.starts[5], 0x1080);
        /* Behind its function it says nothing, and backwards is damage. */
        assert_int_equal(RUN(&rows, 0x03, 0, 2, 0x0e, 16, 0x41), 0);
        assert_int_equal(rows.n, 1);
        assert_int_equal(rows.ends[0], 0x1100);
        assert_int_equal(RUN(&rows, 0x01, 0, 0, 0, 0, 0, 0, 0, 0), -EBADMSG);
}

static void test_registers_in_all_places(void **state) {
        static const uint8_t expression[] = { 0x77, 40 };
        const CfiState *s;
        Rows rows;

        assert_int_equal(RUN(&rows, 0x05, 3, 4, 0x11, 12, 0x7d, 0x14, 13, 2, 0x15, 14, 0x7e, 0x09,
                             15, 5, 0x10, 6, 2, 0x77, 40, 0x16, 0, 2, 0x77, 40, 0x07, 16, 0x08, 1,
                             0x2f, 2, 3),
                         0);
        s = &rows.states[0];
        assert_int_equal(s->registers[3].value, -32);
        assert_int_equal(s->registers[12].value, 24);
        assert_int_equal(s->registers[13].kind, CFI_VAL_OFFSET);
        assert_int_equal(s->registers[13].value, -16);
        assert_int_equal(s->registers[14].value, 16);
        assert_int_equal(s->registers[15].kind, CFI_REGISTER);
        assert_int_equal(s->registers[15].value, 5);
        assert_int_equal(s->registers[6].kind, CFI_EXPRESSION);
        assert_int_equal(s->registers[6].size, 2);
        assert_memory_equal(s->registers[6].bytes, expression, 2);
        assert_int_equal(s->registers[0].kind, CFI_VAL_EXPRESSION);
        assert_int_equal(s->return_address.kind, CFI_UNDEFINED);
        assert_int_equal(s->registers[1].kind, CFI_SAME);
        assert_int_equal(s->registers[2].value, 24);
}

static void test_restore_is_that_of_the_common_part(void **state) {
        Rows rows;

        assert_int_equal(RUN(&rows, 0x90, 2, 0x86, 2, 0x41, 0xd0, 0xc6, 0x41, 0x06, 16), 0);
        assert_int_equal(rows.states[0].return_address.value, -16);
        assert_int_equal(rows.states[1].return_address.value, -8);
        assert_int_equal(rows.states[1].registers[6].kind, CFI_UNSPECIFIED);
}

/* As BOLT writes it, for parts of functions that are elsewhere. */
static void test_a_common_part_may_restore(void **state) {
        static const uint8_t bytes[] = { 0x0c, 7, 8, 0x90, 1, 0x86, 2, 0xc6 };
        _cleanup_(cfi_program_freep) CfiProgram *p = NULL;
        CfiFunction common = {
                .bytes = bytes,
                .size = sizeof(bytes),
                .code_factor = 1,
                .data_factor = -8,
                .return_column = 16,
        };
        CfiState s;

        assert_int_equal(cfi_program_new(&p, EM_X86_64), 0);
        assert_int_equal(cfi_program_run_common(p, &common, &s), 0);
        assert_int_equal(s.return_address.value, -8);
        assert_int_equal(s.registers[6].kind, CFI_UNSPECIFIED);
}

static void test_states_are_remembered_as_deep_as_the_limit(void **state) {
        uint8_t bytes[2 * (CFI_STATES_MAX + 1) + 2 * CFI_STATES_MAX];
        size_t n = 0;
        Rows rows;

        assert_true(CFI_STATES_MAX >= 16);
        for (size_t i = 0; i < 16; i++) {
                bytes[n++] = 0x0a;
                bytes[n++] = 0x0e;
                bytes[n++] = (uint8_t) (16 + i);
        }
        for (size_t i = 0; i < 16; i++) {
                bytes[n++] = 0x41;
                bytes[n++] = 0x0b;
        }
        assert_int_equal(run_on(EM_X86_64, bytes, n, &rows), 0);
        assert_int_equal(rows.n, 17);
        assert_int_equal(rows.states[0].cfa.value, 31);
        assert_int_equal(rows.states[1].cfa.value, 30);
        assert_int_equal(rows.states[15].cfa.value, 16);
        assert_int_equal(rows.states[16].cfa.value, 8);

        memset(bytes, 0x0a, sizeof(bytes));
        assert_int_equal(run_on(EM_X86_64, bytes, CFI_STATES_MAX, &rows), 0);
        assert_int_equal(run_on(EM_X86_64, bytes, CFI_STATES_MAX + 1, &rows), -EBADMSG);
}

static void test_damaged_programs_are_refused(void **state) {
        Rows rows;

        assert_int_equal(RUN(&rows, 0x0b), -EBADMSG);          /* nothing remembered */
        assert_int_equal(RUN(&rows, 0x0e), -EBADMSG);          /* truncated */
        assert_int_equal(RUN(&rows, 0x3f), -EBADMSG);          /* unknown */
        assert_int_equal(RUN(&rows, 0x0f, 5, 0x77), -EBADMSG); /* expression beyond the end */
        assert_int_equal(RUN(&rows, 0x0f, 1, 0x77, 0x0e, 8),
                         -EBADMSG); /* offset of an expression */
        assert_int_equal(
                RUN(&rows, 0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
                -EBADMSG);
        assert_int_equal(RUN(&rows, 0x86, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
                         -EBADMSG); /* wraps around */
}

static void test_machines_have_their_own_instructions(void **state) {
        static const uint8_t negate[] = { 0x2d, 0x2c };
        CfiProgram *p;
        Rows rows;

        assert_int_equal(RUN(&rows, 0x2d), -EBADMSG);
        assert_int_equal(RUN(&rows, 0x2e, 16), 0);
        assert_int_equal(run_on(EM_AARCH64, negate, sizeof(negate), &rows), 0);
        assert_int_equal(cfi_program_new(&p, EM_386), -EOPNOTSUPP);
        assert_int_equal(cfi_register_index(EM_AARCH64, 31), UNWIND_AARCH64_SP);
        assert_int_equal(cfi_register_index(EM_AARCH64, 72), -1);
        assert_int_equal(cfi_register_index(EM_X86_64, 16), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows_follow_the_instructions),
                cmocka_unit_test(test_every_way_to_advance),
                cmocka_unit_test(test_registers_in_all_places),
                cmocka_unit_test(test_restore_is_that_of_the_common_part),
                cmocka_unit_test(test_a_common_part_may_restore),
                cmocka_unit_test(test_states_are_remembered_as_deep_as_the_limit),
                cmocka_unit_test(test_damaged_programs_are_refused),
                cmocka_unit_test(test_machines_have_their_own_instructions),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
