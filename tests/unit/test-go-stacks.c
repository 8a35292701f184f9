/* SPDX-License-Identifier: Apache-2.0 */
/* Go Stacks: where frames are, by the table of a program that is made by hand */

#include <elf.h>

#include "elf/go-stacks.h"
#include "unit-test.h"

enum { FUNCTIONS = 6, TEXT = 0x401000, FUNCTION_SIZE = 0x100, TABLE = 0x500000 };

/* As Go 1.20 has it. */
typedef struct Entry {
        uint32_t start, name, arguments, deferreturn, sp, file, line, n_pcdata, unit, first_line;
        uint8_t id, flags, zero, n_funcdata;
} Entry;

typedef struct Table {
        uint32_t magic;
        uint8_t zero[2], quantum, pointer_size;
        uint64_t n_functions, n_files, text, names, units, files, values, functions;
        char strings[160];
        uint8_t counters[64];
        uint32_t rows[2 * FUNCTIONS + 1]; /* starts and entries; the end of the last */
        Entry entries[FUNCTIONS];
} Table;

typedef struct Program {
        Elf64_Ehdr header;
        Elf64_Phdr segments[1];
        Elf64_Shdr sections[4];
        char names[32];
        Table table;
} Program;

static const struct {
        const char *name;
        uint32_t sp;
        uint8_t flags;
} functions[FUNCTIONS] = {
        { "main.main", 1, 0 },
        { "runtime.goexit.abi0", 0, 0 },
        { "runtime.systemstack.abi0", 1, 2 },
        { "time.now", 1, 2 },
        { "main.top", 1, 1 },
        { "runtime.sigreturn__sigaction.abi0", 1, 0 },
};

static void table_init(Table *t) {
        uint32_t at = 1;

        *t = (Table){
                .magic = 0xfffffff1,
                .quantum = 1,
                .pointer_size = 8,
                .n_functions = FUNCTIONS,
                .text = TEXT,
                .names = offsetof(Table, strings),
                .units = offsetof(Table, strings),
                .files = offsetof(Table, strings),
                .values = offsetof(Table, counters),
                .functions = offsetof(Table, rows),
        };
        /* From -1 on: 0 for 4 bytes, 24 for 200, 0 for the last 4. What is behind is padding. */
        memcpy(t->counters + 1, "\x02\x04\x30\xc8\x01\x2f\x04\x00", 8);
        for (uint32_t i = 0; i < FUNCTIONS; i++) {
                t->rows[2 * i] = i * FUNCTION_SIZE;
                t->rows[2 * i + 1] =
                        (uint32_t) (offsetof(Table, entries[i]) - offsetof(Table, rows));
                t->entries[i] = (Entry){
                        .start = i * FUNCTION_SIZE,
                        .name = at,
                        .sp = functions[i].sp,
                        .flags = functions[i].flags,
                };
                strcpy(t->strings + at, functions[i].name);
                at += (uint32_t) strlen(functions[i].name) + 1;
        }
        t->rows[2 * FUNCTIONS] = FUNCTIONS * FUNCTION_SIZE;
}

static Program *program_new(uint16_t machine) {
        Program *p = calloc(1, sizeof(*p));

        assert_non_null(p);
        *p = (Program){
                .header = {
                        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                                     EV_CURRENT },
                        .e_type = ET_EXEC, .e_machine = machine, .e_version = EV_CURRENT,
                        .e_ehsize = sizeof(Elf64_Ehdr),
                        .e_phoff = offsetof(Program, segments), .e_phnum = 1,
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_shoff = offsetof(Program, sections), .e_shnum = 4, .e_shstrndx = 3,
                        .e_shentsize = sizeof(Elf64_Shdr),
                },
                .segments = { { .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = TABLE,
                                .p_offset = offsetof(Program, table), .p_memsz = sizeof(Table),
                                .p_filesz = sizeof(Table) } },
                .sections = {
                        {},
                        { .sh_name = 1, .sh_type = SHT_NOBITS, .sh_addr = TEXT, .sh_size = 0x1000,
                          .sh_flags = SHF_ALLOC | SHF_EXECINSTR },
                        { .sh_name = 7, .sh_type = SHT_PROGBITS, .sh_addr = TABLE,
                          .sh_size = sizeof(Table), .sh_offset = offsetof(Program, table),
                          .sh_flags = SHF_ALLOC },
                        { .sh_name = 18, .sh_type = SHT_STRTAB, .sh_size = sizeof(p->names),
                          .sh_offset = offsetof(Program, names) },
                },
                .names = "\0.text\0.gopclntab\0.shstrtab",
        };
        table_init(&p->table);
        return p;
}

/* As many as there are, at most max. */
static size_t read_stacks(const Program *p, GoStack *ret, size_t max) {
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        GoStacks g;
        size_t n = 0;

        if (elf_file_new_from_memory(&elf, p, sizeof(*p)) < 0 || go_stacks_begin(&g, elf) < 0)
                return 0;
        while (n < max && go_stacks_next(&g, &ret[n]))
                n++;
        return n;
}

static void assert_stack(
        const GoStack *s, uint64_t start, uint64_t end, unsigned kind, bool is_known) {
        assert_int_equal(s->start, TEXT + start);
        assert_int_equal(s->end, TEXT + end);
        assert_int_equal(s->rule.kind, kind);
        assert_int_equal(s->is_known, is_known);
}

static void test_a_frame_is_as_large_as_the_table_says(void **state) {
        _cleanup_free_ Program *p = program_new(EM_X86_64);
        GoStack s[16];

        (void) state;
        assert_true(read_stacks(p, s, ELEMENTSOF(s)) > 3);
        assert_stack(&s[0], 0, 4, UNWIND_CFA_REGISTER, false);
        assert_int_equal(s[0].rule.base, UNWIND_X86_64_RSP);
        assert_int_equal(s[0].rule.offset, 8);
        assert_int_equal(s[0].rule.slots, 0);
        assert_stack(&s[1], 4, 204, UNWIND_CFA_REGISTER, false);
        assert_int_equal(s[1].rule.offset, 32);
        /* The caller's frame pointer lies below the return address. */
        assert_int_equal(s[1].rule.ra_kind, UNWIND_RETURN_IN_BLOCK);
        assert_int_equal(s[1].rule.block, -2);
        assert_int_equal(s[1].rule.ra, 1);
        assert_int_equal(unwind_rule_get_slot(&s[1].rule, UNWIND_X86_64_RBP), 1);
        assert_stack(&s[2], 204, 208, UNWIND_CFA_REGISTER, false);
        assert_stack(&s[3], 0x100, 0x200, UNWIND_END, true);
}

static void test_stacks_begin_and_cross_at_known_functions(void **state) {
        _cleanup_free_ Program *p = program_new(EM_X86_64);
        GoStack s[16];

        (void) state;
        /* Nothing is said of the trampoline of signals, which is known by its bytes. */
        assert_int_equal(read_stacks(p, s, ELEMENTSOF(s)), 3 + 1 + 1 + 3 + 1);
        assert_stack(&s[3], 0x100, 0x200, UNWIND_END, true);
        assert_stack(&s[4], 0x200, 0x300, UNWIND_CFA_ELSEWHERE, true);
        /* It has a frame, by which it is left wherever the stack pointer points. */
        assert_stack(&s[5], 0x300, 0x304, UNWIND_CFA_REGISTER, true);
        assert_stack(&s[6], 0x304, 0x300 + 204, UNWIND_CFA_ELSEWHERE, true);
        assert_int_equal(s[6].rule.base, UNWIND_X86_64_RBP);
        assert_stack(&s[8], 0x400, 0x500, UNWIND_END, true);
}

static void test_of_aarch64_only_the_beginnings_are_known(void **state) {
        _cleanup_free_ Program *p = program_new(EM_AARCH64);
        GoStack s[16];

        (void) state;
        assert_int_equal(read_stacks(p, s, ELEMENTSOF(s)), 2);
        assert_stack(&s[0], 0x100, 0x200, UNWIND_END, true);
        assert_stack(&s[1], 0x400, 0x500, UNWIND_END, true);
}

static void test_a_damaged_table_says_less_but_never_out_of_order(void **state) {
        _cleanup_free_ Program *p = program_new(EM_X86_64);
        uint8_t *bytes = (uint8_t *) &p->table;
        GoStack s[256];

        (void) state;
        for (size_t i = 0; i < sizeof(Table); i++)
                for (size_t bit = 0; bit < 8; bit++) {
                        size_t n;

                        bytes[i] ^= (uint8_t) (1 << bit);
                        n = read_stacks(p, s, ELEMENTSOF(s));
                        bytes[i] ^= (uint8_t) (1 << bit);
                        for (size_t k = 0; k < n; k++) {
                                assert_true(s[k].start < s[k].end);
                                assert_true(k == 0 || s[k].start >= s[k - 1].end);
                        }
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_frame_is_as_large_as_the_table_says),
                cmocka_unit_test(test_stacks_begin_and_cross_at_known_functions),
                cmocka_unit_test(test_of_aarch64_only_the_beginnings_are_known),
                cmocka_unit_test(test_a_damaged_table_says_less_but_never_out_of_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
