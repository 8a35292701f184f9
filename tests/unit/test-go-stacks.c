/* SPDX-License-Identifier: Apache-2.0 */
/* Go Stacks: functions of the runtime by their names in .gopclntab */

#include <elf.h>

#include "elf/go-stacks.h"
#include "unit-test.h"

enum { FUNCTIONS = 4, TEXT = 0x401000 };

typedef struct Table {
        struct {
                uint32_t magic;
                uint8_t zero[2], quantum, pointer_size;
                uint64_t n_functions, n_files, text, names, units, files, counters, functions;
        } header;
        char names[128];
        uint32_t functions[2 * FUNCTIONS + 1]; /* starts and descriptions; the end of the last */
        uint32_t descriptions[FUNCTIONS][2];   /* start, name */
} Table;

static Table table_new(void) {
        static const char *const names[FUNCTIONS] = { "main.main", "runtime.goexit.abi0",
                                                      "runtime.systemstack.abi0",
                                                      "runtime.goexit1" };
        Table t = {
                .header = { .magic = 0xfffffff1,
                            .quantum = 1,
                            .pointer_size = 8,
                            .n_functions = FUNCTIONS,
                            .text = TEXT,
                            .names = offsetof(Table, names),
                            .functions = offsetof(Table, functions) },
        };
        uint32_t at = 1;

        for (uint32_t i = 0; i < FUNCTIONS; i++) {
                t.functions[2 * i] = t.descriptions[i][0] = i * 0x100;
                t.functions[2 * i + 1] =
                        (uint32_t) (offsetof(Table, descriptions[i]) - offsetof(Table, functions));
                t.descriptions[i][1] = at;
                strcpy(t.names + at, names[i]);
                at += (uint32_t) strlen(names[i]) + 1;
        }
        t.functions[2 * FUNCTIONS] = FUNCTIONS * 0x100;
        return t;
}

static size_t find(const Table *t, size_t size, uint16_t machine, GoStack *ret) {
        /* A block of its own, so that a byte too far is seen. */
        uint8_t *copy = malloc(MAX(size, (size_t) 1));
        size_t n;

        assert_non_null(copy);
        memcpy(copy, t, size);
        n = go_stacks_find(copy, size, 0x1000, machine, ret);
        free(copy);
        return n;
}

static void test_stacks_begin_and_cross_at_known_functions(void **state) {
        GoStack found[GO_STACKS_MAX];
        Table t = table_new();

        (void) state;
        assert_int_equal(find(&t, sizeof(t), EM_X86_64, found), 2);
        assert_int_equal(found[0].start, TEXT + 0x100);
        assert_int_equal(found[0].end, TEXT + 0x200);
        assert_int_equal(found[0].rule.kind, UNWIND_END);
        assert_int_equal(found[1].start, TEXT + 0x200);
        assert_int_equal(found[1].rule.kind, UNWIND_CFA_ELSEWHERE);
        assert_int_equal(find(&t, sizeof(t), EM_AARCH64, found), 1);
}

static void test_a_program_that_can_be_moved_counts_from_its_text(void **state) {
        GoStack found[GO_STACKS_MAX];
        Table t = table_new();

        (void) state;
        t.header.text = 0;
        assert_int_equal(find(&t, sizeof(t), EM_X86_64, found), 2);
        assert_int_equal(found[0].start, 0x1000 + 0x100);
}

static void test_foreign_and_damaged_tables_say_nothing(void **state) {
        GoStack found[GO_STACKS_MAX];
        Table t = table_new();

        (void) state;
        for (size_t size = 0; size < sizeof(t); size++)
                (void) find(&t, size, EM_X86_64, found);
        t.header.magic = 0xfffffffb; /* Go 1.2 to 1.15 */
        assert_int_equal(find(&t, sizeof(t), EM_X86_64, found), 0);
        t = table_new();
        t.header.n_functions = UINT64_MAX;
        assert_int_equal(find(&t, sizeof(t), EM_X86_64, found), 0);
        t = table_new();
        t.header.functions = UINT64_MAX - 3;
        assert_int_equal(find(&t, sizeof(t), EM_X86_64, found), 0);
        t = table_new();
        t.functions[3] = UINT32_MAX;
        t.descriptions[2][1] = UINT32_MAX;
        assert_int_equal(find(&t, sizeof(t), EM_X86_64, found), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stacks_begin_and_cross_at_known_functions),
                cmocka_unit_test(test_a_program_that_can_be_moved_counts_from_its_text),
                cmocka_unit_test(test_foreign_and_damaged_tables_say_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
