/* SPDX-License-Identifier: Apache-2.0 */
/* Symbol Table: which name each address gets */

#include <elf.h>

#include "elf/symtab.h"
#include "index/index-format.h"
#include "unit-test.h"

enum { TEXT = 0x1000, TEXT_END = 0x2000, OTHER = 0x3000, OTHER_END = 0x8000 };

/* One .symtab with its strings, as the linker would lay it out. */
typedef struct Table {
        Elf64_Sym symbols[32];
        char strings[1024];
        size_t n_symbols, strings_size;
} Table;

static void table_add_at(Table *t,
                         const char *name,
                         uint64_t address,
                         uint64_t size,
                         int type,
                         int binding,
                         int section) {
        if (t->strings_size == 0)
                t->strings_size = 1; /* "" at offset 0 */
        t->symbols[t->n_symbols++] = (Elf64_Sym){
                .st_name = (Elf64_Word) t->strings_size,
                .st_info = (unsigned char) ELF64_ST_INFO(binding, type),
                .st_shndx = (Elf64_Section) section,
                .st_value = address,
                .st_size = size,
        };
        strcpy(t->strings + t->strings_size, name);
        t->strings_size += strlen(name) + 1;
}

static void table_add(
        Table *t, const char *name, uint64_t address, uint64_t size, int type, int binding) {
        table_add_at(t, name, address, size, type, binding, 1);
}

static SymtabInput table_input(const Table *t) {
        return (SymtabInput){
                .symbols = (const uint8_t *) t->symbols,
                .symbols_size = t->n_symbols * sizeof(Elf64_Sym),
                .strings = t->strings,
                .strings_size = t->strings_size,
                .is_64 = true,
                .machine = EM_X86_64,
        };
}

static Symtab *symtab_of(const SymtabInput *a, const SymtabInput *b) {
        const SymtabRegion regions[] = { { OTHER, OTHER_END }, { TEXT, TEXT_END } };
        Symtab *t;

        assert_int_equal(symtab_new(&t, regions, ELEMENTSOF(regions)), 0);
        assert_int_equal(symtab_add(t, a), 0);
        if (b)
                assert_int_equal(symtab_add(t, b), 0);
        assert_int_equal(symtab_finish(t), 0);
        return t;
}

/* The table as text: "NAME START-END" joined by ", ", in hex. */
static void assert_functions(const SymtabInput *a, const SymtabInput *b, const char *expected) {
        _cleanup_(symtab_freep) Symtab *t = symtab_of(a, b);
        char text[2048] = "";
        size_t n = 0;

        for (size_t i = 0; i < symtab_size(t); i++) {
                SymtabFunction f;

                symtab_get(t, i, &f);
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s %llx-%llx",
                                       i > 0 ? ", " : "", (int) f.name_size, f.name,
                                       (unsigned long long) f.address,
                                       (unsigned long long) (f.address + f.size));
        }
        assert_string_equal(text, expected);
}

static void assert_table(const Table *t, const char *expected) {
        SymtabInput input = table_input(t);

        assert_functions(&input, NULL, expected);
}

static void test_functions_are_sorted(void **state) {
        Table t = {};

        table_add(&t, "b", 0x1100, 0x10, STT_FUNC, STB_GLOBAL);
        table_add(&t, "a", 0x1000, 0x20, STT_FUNC, STB_LOCAL);
        table_add(&t, "resolver", 0x1080, 8, STT_GNU_IFUNC, STB_GLOBAL);
        assert_table(&t, "a 1000-1020, resolver 1080-1088, b 1100-1110");
}

/* Link-time optimisation leaves labels in debug sections, whose values look like addresses. */
static void test_labels_of_sections_without_code_are_skipped(void **state) {
        static const bool is_code[] = { false, true, false };
        SymtabInput input;
        Table t = {};

        table_add_at(&t, "function", 0x1000, 0x10, STT_FUNC, STB_LOCAL, 2);
        table_add_at(&t, "label", 0x1020, 0, STT_NOTYPE, STB_LOCAL, 1);
        table_add_at(&t, "debug", 0x1040, 0, STT_NOTYPE, STB_LOCAL, 2);
        table_add_at(&t, "beyond", 0x1060, 0, STT_NOTYPE, STB_LOCAL, 3);
        input = table_input(&t);
        input.is_code = is_code;
        input.n_sections = ELEMENTSOF(is_code);
        assert_functions(&input, NULL, "function 1000-1010, label 1020-2000");
}

static void test_what_is_no_code_is_skipped(void **state) {
        Table t = {};

        table_add_at(&t, "undefined", 0x1000, 4, STT_FUNC, STB_GLOBAL, SHN_UNDEF);
        table_add(&t, "object", 0x1010, 4, STT_OBJECT, STB_GLOBAL);
        table_add(&t, "tls", 0x1020, 4, STT_TLS, STB_GLOBAL);
        table_add(&t, "section", 0x1030, 4, STT_SECTION, STB_LOCAL);
        table_add(&t, "file", 0x1040, 4, STT_FILE, STB_LOCAL);
        table_add(&t, "outside", 0x2800, 4, STT_FUNC, STB_GLOBAL);
        table_add(&t, "_end", 0x2000, 0, STT_NOTYPE, STB_GLOBAL);
        table_add_at(&t, "number", 0x1050, 0, STT_NOTYPE, STB_GLOBAL, SHN_ABS);
        table_add(&t, "", 0x1060, 4, STT_FUNC, STB_GLOBAL);
        table_add(&t, ".annobin_init.c", 0x1070, 0, STT_NOTYPE, STB_LOCAL);
        assert_table(&t, "");
}

static void test_a_sized_symbol_is_never_stretched(void **state) {
        Table t = {};

        table_add(&t, "a", 0x1000, 0x10, STT_FUNC, STB_GLOBAL);
        table_add(&t, "b", 0x1800, 0x10, STT_FUNC, STB_GLOBAL);
        assert_table(&t, "a 1000-1010, b 1800-1810");
}

static void test_a_size_ends_with_the_section(void **state) {
        Table t = {};

        table_add(&t, "a", 0x1ff0, 0x5000, STT_FUNC, STB_GLOBAL);
        table_add(&t, "b", 0x7ff0, UINT64_MAX, STT_FUNC, STB_GLOBAL);
        assert_table(&t, "a 1ff0-2000, b 7ff0-8000");
}

static void test_unsized_symbols_reach_to_the_next(void **state) {
        Table t = {};

        table_add(&t, "first", 0x1000, 0, STT_FUNC, STB_GLOBAL);
        table_add(&t, "second", 0x1100, 0, STT_NOTYPE, STB_GLOBAL);
        table_add(&t, "sized", 0x1200, 0x10, STT_FUNC, STB_GLOBAL);
        table_add(&t, "inside", 0x1208, 0, STT_FUNC, STB_GLOBAL);
        assert_table(&t, "first 1000-1100, second 1100-1200, sized 1200-1210");
}

static void test_unsized_symbols_do_not_leave_their_section(void **state) {
        Table t = {};

        table_add(&t, "last", 0x1f00, 0, STT_FUNC, STB_GLOBAL);
        table_add(&t, "other", 0x3100, 0x10, STT_FUNC, STB_GLOBAL);
        assert_table(&t, "last 1f00-2000, other 3100-3110");
}

/* Assembly code keeps its local labels in the table; they are no functions. */
static void test_labels_do_not_cut_functions(void **state) {
        Table t = {};

        table_add(&t, "before", 0x1000, 0, STT_NOTYPE, STB_LOCAL);
        table_add(&t, "routine", 0x1100, 0, STT_NOTYPE, STB_GLOBAL);
        table_add(&t, "loop", 0x1110, 0, STT_NOTYPE, STB_LOCAL);
        table_add(&t, "done", 0x1120, 0, STT_NOTYPE, STB_LOCAL);
        table_add(&t, "next", 0x1200, 0x10, STT_FUNC, STB_LOCAL);
        table_add(&t, "after", 0x1210, 0, STT_NOTYPE, STB_LOCAL);
        assert_table(&t, "before 1000-1100, routine 1100-1200, next 1200-1210, after 1210-2000");
}

static void test_of_overlapping_symbols_the_later_start_wins(void **state) {
        Table t = {};

        table_add(&t, "outer", 0x1000, 0x100, STT_FUNC, STB_GLOBAL);
        table_add(&t, "inner", 0x1020, 0x10, STT_FUNC, STB_GLOBAL);
        table_add(&t, "innermost", 0x1028, 4, STT_FUNC, STB_GLOBAL);
        table_add(&t, "crossing", 0x10f0, 0x20, STT_FUNC, STB_GLOBAL);
        assert_table(&t, "outer 1000-1020, inner 1020-1028, innermost 1028-102c, inner 102c-1030, "
                         "outer 1030-10f0, crossing 10f0-1110");
}

static void test_the_best_alias_names_the_function(void **state) {
        static const struct {
                const char *better, *worse;
                int better_type, better_binding, worse_type, worse_binding;
        } cases[] = {
                { "read", "__read", STT_FUNC, STB_WEAK, STT_FUNC, STB_GLOBAL },
                { "memcmp", "bcmp", STT_FUNC, STB_GLOBAL, STT_FUNC, STB_WEAK },
                { "__global", "local", STT_FUNC, STB_GLOBAL, STT_FUNC, STB_LOCAL },
                { "__weak", "local", STT_FUNC, STB_WEAK, STT_FUNC, STB_LOCAL },
                { "__function", "mark", STT_FUNC, STB_LOCAL, STT_NOTYPE, STB_GLOBAL },
                { "fopen_long", "_fopen", STT_FUNC, STB_GLOBAL, STT_FUNC, STB_GLOBAL },
                { "_a", "__a", STT_FUNC, STB_GLOBAL, STT_FUNC, STB_GLOBAL },
                { "zz", "aaa", STT_FUNC, STB_GLOBAL, STT_FUNC, STB_GLOBAL },
                { "ab", "ac", STT_FUNC, STB_GLOBAL, STT_FUNC, STB_GLOBAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (size_t order = 0; order < 2; order++) {
                        char expected[64];
                        Table t = {};

                        if (order == 0)
                                table_add(&t, cases[i].better, 0x1000, 16, cases[i].better_type,
                                          cases[i].better_binding);
                        table_add(&t, cases[i].worse, 0x1000, 16, cases[i].worse_type,
                                  cases[i].worse_binding);
                        if (order == 1)
                                table_add(&t, cases[i].better, 0x1000, 16, cases[i].better_type,
                                          cases[i].better_binding);
                        snprintf(expected, sizeof(expected), "%s 1000-1010", cases[i].better);
                        assert_table(&t, expected);
                }
}

static void test_an_unsized_alias_has_the_size_of_its_twin(void **state) {
        Table t = {};

        table_add(&t, "name", 0x1000, 0, STT_FUNC, STB_GLOBAL);
        table_add(&t, "name_internal", 0x1000, 0x40, STT_FUNC, STB_LOCAL);
        assert_table(&t, "name 1000-1040");
}

static void test_a_longer_alias_keeps_its_tail(void **state) {
        Table t = {};

        table_add(&t, "short", 0x1000, 0x10, STT_FUNC, STB_GLOBAL);
        table_add(&t, "long", 0x1000, 0x40, STT_FUNC, STB_LOCAL);
        assert_table(&t, "short 1000-1010, long 1010-1040");
}

static void test_versions_are_cut_off(void **state) {
        Table t = {};

        table_add(&t, "memcpy@@GLIBC_2.14", 0x1000, 16, STT_FUNC, STB_GLOBAL);
        table_add(&t, "memcpy@GLIBC_2.2.5", 0x1100, 16, STT_FUNC, STB_GLOBAL);
        table_add(&t, "@at", 0x1200, 16, STT_FUNC, STB_GLOBAL);
        table_add(&t, "at@", 0x1300, 16, STT_FUNC, STB_GLOBAL);
        table_add(&t, "go@v1/x", 0x1400, 16, STT_FUNC, STB_GLOBAL);
        assert_table(&t, "memcpy 1000-1010, memcpy 1100-1110, @at 1200-1210, at@ 1300-1310, "
                         "go@v1/x 1400-1410");
}

static void test_mapping_symbols_are_no_names(void **state) {
        SymtabInput input;
        Table t = {};

        table_add(&t, "$x", 0x1000, 0, STT_NOTYPE, STB_LOCAL);
        table_add(&t, "$d.12", 0x1100, 0, STT_NOTYPE, STB_LOCAL);
        input = table_input(&t);
        input.machine = EM_AARCH64;
        assert_functions(&input, NULL, "");
        assert_table(&t, "$x 1000-1100, $d.12 1100-2000");
}

static void test_thumb_bit_is_no_address_bit(void **state) {
        SymtabInput input;
        Table t = {};

        table_add(&t, "thumb", 0x1001, 4, STT_FUNC, STB_GLOBAL);
        input = table_input(&t);
        input.machine = EM_ARM;
        assert_functions(&input, NULL, "thumb 1000-1004");
}

static void test_symbols_of_32_bit_files(void **state) {
        const Elf32_Sym symbol = {
                .st_name = 1,
                .st_info = ELF32_ST_INFO(STB_GLOBAL, STT_FUNC),
                .st_shndx = 1,
                .st_value = 0x1010,
                .st_size = 0x20,
        };
        const SymtabInput input = {
                .symbols = (const uint8_t *) &symbol,
                .symbols_size = sizeof(symbol),
                .strings = "\0f",
                .strings_size = 3,
                .machine = EM_386,
        };

        assert_functions(&input, NULL, "f 1010-1030");
}

static void test_dynsym_adds_what_symtab_lacks(void **state) {
        Table a = {}, b = {};
        SymtabInput symtab, dynsym;

        table_add(&a, "same", 0x1000, 16, STT_FUNC, STB_GLOBAL);
        table_add(&b, "same", 0x1000, 16, STT_FUNC, STB_GLOBAL);
        table_add(&b, "exported", 0x1100, 16, STT_FUNC, STB_GLOBAL);
        symtab = table_input(&a);
        dynsym = table_input(&b);
        dynsym.is_dynamic = true;
        assert_functions(&symtab, &dynsym, "same 1000-1010, exported 1100-1110");
}

/* Behind an exported symbol without a size may lie any number of functions without a name. */
static void test_unsized_dynamic_symbols_are_short(void **state) {
        SymtabInput dynsym;
        Table t = {};

        table_add(&t, "start", 0x4000, 0, STT_FUNC, STB_GLOBAL);
        dynsym = table_input(&t);
        dynsym.is_dynamic = true;
        assert_functions(&dynsym, NULL, "start 4000-5000");
}

static void test_names_outside_of_the_strings_are_refused(void **state) {
        SymtabInput input;
        Table t = {};

        table_add(&t, "good", 0x1000, 16, STT_FUNC, STB_GLOBAL);
        table_add(&t, "beyond", 0x1100, 16, STT_FUNC, STB_GLOBAL);
        table_add(&t, "unterminated", 0x1200, 16, STT_FUNC, STB_GLOBAL);
        t.symbols[1].st_name = UINT32_MAX;
        input = table_input(&t);
        input.strings_size--;
        assert_functions(&input, NULL, "good 1000-1010");

        input.strings_size = 0;
        assert_functions(&input, NULL, "");
}

static void test_a_cut_symbol_is_not_read(void **state) {
        SymtabInput input;
        Table t = {};

        table_add(&t, "whole", 0x1000, 16, STT_FUNC, STB_GLOBAL);
        table_add(&t, "cut", 0x1100, 16, STT_FUNC, STB_GLOBAL);
        input = table_input(&t);
        input.symbols_size--;
        assert_functions(&input, NULL, "whole 1000-1010");
}

/* Each symbol nested in the one before: neither time nor memory may run away. */
static void test_deep_nesting_is_linear(void **state) {
        enum { N = 200000 };
        _cleanup_(symtab_freep) Symtab *t = NULL;
        _cleanup_free_ Elf64_Sym *symbols = calloc(N, sizeof(Elf64_Sym));
        const SymtabRegion region = { 0, UINT64_MAX };
        const SymtabInput input = {
                .symbols = (const uint8_t *) symbols,
                .symbols_size = N * sizeof(Elf64_Sym),
                .strings = "\0f",
                .strings_size = 3,
                .is_64 = true,
        };
        uint64_t end = 0;

        assert_non_null(symbols);
        for (size_t i = 0; i < N; i++)
                symbols[i] = (Elf64_Sym){
                        .st_name = 1,
                        .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                        .st_shndx = 1,
                        .st_value = i * 2,
                        .st_size = UINT64_MAX - i * 5,
                };
        assert_int_equal(symtab_new(&t, &region, 1), 0);
        assert_int_equal(symtab_add(t, &input), 0);
        assert_int_equal(symtab_finish(t), 0);

        assert_in_range(symtab_size(t), N, 2 * N);
        for (size_t i = 0; i < symtab_size(t); i++) {
                SymtabFunction f;

                symtab_get(t, i, &f);
                assert_true(f.size > 0 && f.address >= end);
                end = f.address + f.size;
        }
}

static void test_overlapping_regions_are_tolerated(void **state) {
        const SymtabRegion regions[] = {
                { 0x1000, 0x3000 }, { 0x2000, 0x4000 }, { 9, 9 }, { 8, 2 }
        };
        _cleanup_(symtab_freep) Symtab *t = NULL;
        SymtabFunction f;
        SymtabInput input;
        Table table = {};

        table_add(&table, "a", 0x2800, 0x1000, STT_FUNC, STB_GLOBAL);
        input = table_input(&table);
        assert_int_equal(symtab_new(&t, regions, ELEMENTSOF(regions)), 0);
        assert_int_equal(symtab_add(t, &input), 0);
        assert_int_equal(symtab_finish(t), 0);
        assert_int_equal(symtab_size(t), 1);
        symtab_get(t, 0, &f);
        assert_int_equal(f.address + f.size, 0x3000);
}

static void test_no_code_means_no_functions(void **state) {
        _cleanup_(symtab_freep) Symtab *t = NULL;

        assert_int_equal(symtab_new(&t, NULL, 0), 0);
        assert_int_equal(symtab_finish(t), 0);
        assert_int_equal(symtab_size(t), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_functions_are_sorted),
                cmocka_unit_test(test_labels_of_sections_without_code_are_skipped),
                cmocka_unit_test(test_what_is_no_code_is_skipped),
                cmocka_unit_test(test_a_sized_symbol_is_never_stretched),
                cmocka_unit_test(test_a_size_ends_with_the_section),
                cmocka_unit_test(test_unsized_symbols_reach_to_the_next),
                cmocka_unit_test(test_unsized_symbols_do_not_leave_their_section),
                cmocka_unit_test(test_labels_do_not_cut_functions),
                cmocka_unit_test(test_of_overlapping_symbols_the_later_start_wins),
                cmocka_unit_test(test_the_best_alias_names_the_function),
                cmocka_unit_test(test_an_unsized_alias_has_the_size_of_its_twin),
                cmocka_unit_test(test_a_longer_alias_keeps_its_tail),
                cmocka_unit_test(test_versions_are_cut_off),
                cmocka_unit_test(test_mapping_symbols_are_no_names),
                cmocka_unit_test(test_thumb_bit_is_no_address_bit),
                cmocka_unit_test(test_symbols_of_32_bit_files),
                cmocka_unit_test(test_dynsym_adds_what_symtab_lacks),
                cmocka_unit_test(test_unsized_dynamic_symbols_are_short),
                cmocka_unit_test(test_names_outside_of_the_strings_are_refused),
                cmocka_unit_test(test_a_cut_symbol_is_not_read),
                cmocka_unit_test(test_deep_nesting_is_linear),
                cmocka_unit_test(test_overlapping_regions_are_tolerated),
                cmocka_unit_test(test_no_code_means_no_functions),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
