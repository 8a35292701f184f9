/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel Symbols */

#include <sys/mman.h>

#include "basic/file-util.h"
#include "symbol/kallsyms.h"
#include "unit-test.h"

static const char kernel[] = "ffffffff81000000 T _stext\n"
                             "ffffffff81000000 T _text\n"
                             "ffffffff81000000 t __local_start\n"
                             "ffffffff81000000 T startup_64\n"
                             "ffffffff81000100 t __pfx_do_idle\n"
                             "ffffffff81000110 t do_idle\n"
                             "ffffffff81000180 D some_data\n"
                             "ffffffff81000200 t do_idle.cold\n"
                             "ffffffff81000300 W weak_one\n"
                             "ffffffff81000400 T _etext\n"
                             "ffffffff81400000 D __start_rodata\n"
                             "ffffffff81500000 T _sinittext\n"
                             "ffffffff81500000 t init_one\n"
                             "ffffffff81500100 T _einittext\n"
                             "ffffffff81600000 B _end\n"
                             "ffffffffc0300000 t late_read\t[late]\n"
                             "ffffffffc0201000 t early_read\t[early]\n"
                             "ffffffffc0201100 T early_write\t[early]\n"
                             "ffffffffc0100000 t bpf_prog_6deef7357e7b4530_filter\t[bpf]\n"
                             "ffffffffc0300080 t late_write\t[late]\n"
                             "ffffffffc0500000 t ftrace_trampoline\t[__builtin__ftrace]\n";

static Kallsyms *parse(const char *text) {
        Kallsyms *k;

        assert_return_code(kallsyms_new(&k), 0);
        assert_return_code(kallsyms_parse(k, text, strlen(text)), 0);
        return k;
}

/* name NULL: nothing is to be found. */
static void assert_name(const Kallsyms *k, uint64_t address, const char *name, const char *module) {
        KernelSymbol s = {};
        bool found = kallsyms_find(k, address, &s);

        assert_int_equal(found, name != NULL);
        if (!name)
                return;
        assert_string_equal(s.name, name);
        assert_true((s.module == NULL) == (module == NULL));
        if (module)
                assert_string_equal(s.module, module);
}

static void test_an_address_has_the_name_of_the_function_around_it(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse(kernel);
        KernelSymbol s;

        assert_name(k, 0xffffffff81000110, "do_idle", NULL);
        assert_name(k, 0xffffffff810001ff, "do_idle", NULL);
        assert_name(k, 0xffffffff81000300, "weak_one", NULL);
        assert_true(kallsyms_find(k, 0xffffffff81000123, &s));
        assert_int_equal(s.address, 0xffffffff81000110);
        assert_int_equal(kallsyms_size(k), 11);
}

static void test_a_cold_part_has_its_own_name(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse(kernel);

        assert_name(k, 0xffffffff81000210, "do_idle.cold", NULL);
}

static void test_data_and_prefixes_are_not_functions(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse(kernel);

        assert_name(k, 0xffffffff81000108, "startup_64", NULL);
        assert_name(k, 0xffffffff81000181, "do_idle", NULL);
}

static void test_outside_of_the_kernel_there_is_no_name(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse(kernel);

        assert_name(k, 0, NULL, NULL);
        assert_name(k, 0x401000, NULL, NULL);
        assert_name(k, 0xffffffff80ffffff, NULL, NULL);
        assert_name(k, 0xffffffff810003ff, "weak_one", NULL);
        assert_name(k, 0xffffffff81000400, NULL, NULL);
        assert_name(k, 0xffffffff81400000, NULL, NULL);
        assert_name(k, 0xffffffff815000ff, "init_one", NULL);
        assert_name(k, 0xffffffff81500100, NULL, NULL);
        assert_name(k, UINT64_MAX, NULL, NULL);
}

static void test_modules_and_programs_name_where_they_come_from(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse(kernel);

        assert_name(k, 0xffffffffc0201010, "early_read", "early");
        assert_name(k, 0xffffffffc0201110, "early_write", "early");
        assert_name(k, 0xffffffffc0300010, "late_read", "late");
        assert_name(k, 0xffffffffc0300090, "late_write", "late");
        assert_name(k, 0xffffffffc0100010, "bpf_prog_6deef7357e7b4530_filter", "bpf");
        assert_name(k, 0xffffffffc0500010, "ftrace_trampoline", "__builtin__ftrace");
}

static void test_the_last_function_of_a_module_does_not_reach_the_next_module(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse(kernel);

        assert_name(k, 0xffffffffc03fffff, "late_write", "late");
        assert_name(k, 0xffffffffc0400080, NULL, NULL);
        assert_name(k, 0xffffffffc04fffff, NULL, NULL);
        assert_name(k, 0xffffffffc0600000, NULL, NULL);
}

static void test_of_aliases_the_best_known_name_wins(void **state) {
        static const struct {
                const char *text, *winner;
        } cases[] = {
                { "1000 t local\n1000 T a_global_name\n", "a_global_name" },
                { "1000 T a_global_name\n1000 t local\n", "a_global_name" },
                { "1000 T __a\n1000 T _bb\n1000 T ccc\n", "ccc" },
                { "1000 T ccc\n1000 T _bb\n1000 T __a\n", "ccc" },
                { "1000 T with_under_scores\n1000 T _text\n", "with_under_scores" },
                { "1000 T longer\n1000 T short\n", "short" },
                { "1000 T bbb\n1000 T aaa\n", "aaa" },
                { "1000 T _etext\n1000 t tail\n", "tail" },
                { "1000 t tail\n1000 T _etext\n", "tail" },
                /* Not side by side in the text. */
                { "1000 T longer\n2000 T other\n1000 T short\n", "short" },
                { "1000 T short\n2000 T other\n1000 T longer\n", "short" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(kallsyms_freep) Kallsyms *k = parse(cases[i].text);

                assert_name(k, 0x1000, cases[i].winner, NULL);
        }
}

static void test_the_name_of_a_module_between_aliases_stays(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse("ffffffffc0100000 t __first_one\t[one]\n"
                                                      "ffffffffc0100000 t ___worse_two\t[two]\n"
                                                      "ffffffffc0100000 t best\t[one]\n"
                                                      "ffffffffc0200000 t another_one\t[two]\n");

        assert_name(k, 0xffffffffc0100000, "best", "one");
        assert_name(k, 0xffffffffc0200000, "another_one", "two");
}

static void test_an_alias_that_loses_leaves_its_neighbours_alone(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse("1000 T first\n"
                                                      "2000 t a_very_long_local_name\n"
                                                      "2000 T middle\n"
                                                      "2000 t x\n"
                                                      "3000 t last\t[m]\n");

        assert_name(k, 0x1000, "first", NULL);
        assert_name(k, 0x2000, "middle", NULL);
        assert_name(k, 0x3000, "last", "m");
        assert_int_equal(kallsyms_size(k), 3);
}

static void test_the_bounds_of_the_kernel_are_known(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = parse(kernel), *without = NULL, *none = NULL;

        assert_int_equal(kallsyms_get_text(k), 0xffffffff81000000);
        assert_int_equal(kallsyms_get_text_end(k), 0xffffffff81600000);

        without = parse("1000 T _stext\n1000 T f\n2000 T _etext\n");
        assert_int_equal(kallsyms_get_text(without), 0x1000);
        assert_int_equal(kallsyms_get_text_end(without), 0x2000);

        none = parse("1000 T f\n2000 t _text\t[m]\n");
        assert_int_equal(kallsyms_get_text(none), 0);
        assert_int_equal(kallsyms_get_text_end(none), 0);
}

static void test_hidden_addresses_are_refused(void **state) {
        static const char hidden[] = "0000000000000000 T _text\n0000000000000000 t f\n";
        _cleanup_(kallsyms_freep) Kallsyms *k = parse(kernel);

        assert_int_equal(kallsyms_parse(k, hidden, strlen(hidden)), -EPERM);
        assert_name(k, 0xffffffff81000110, "do_idle", NULL);
}

static void test_a_text_without_functions_is_refused(void **state) {
        static const char *const texts[] = { "", "\n\n", "1000 D data\n", "hello",
                                             "1000 T _etext\n" };
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;

        assert_return_code(kallsyms_new(&k), 0);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(kallsyms_parse(k, texts[i], strlen(texts[i])), -ENODATA);
        assert_false(kallsyms_find(k, 0x1000, &(KernelSymbol){}));
}

static void test_damaged_lines_cost_only_themselves(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;
        _cleanup_free_ char *text = NULL;
        char *p;

        text = calloc(1, 8192);
        assert_non_null(text);
        p = stpcpy(text, "1000 T good\n"
                         "11112222333344445 T too_many_digits\n"
                         " T no_address\n"
                         "1010T no_blank\n"
                         "1020 TT two_types\n"
                         "1030 T \n"
                         "1040 T\n"
                         "1050\n"
                         "1060 T bad\x01name\n"
                         "1061 T caf\xc3\xa9\n"
                         "1070 T bad_module\tmodule\n"
                         "1080 T bad_module\t[]\n"
                         "1090 T bad_module\t[m\n"
                         "10a0 T ");
        memset(p, 'n', 600);
        p = stpcpy(p + 600, "\n10b0 T ");
        memset(p, 'x', 512);
        strcpy(p + 512, "\n10c0 t end\t[m]");

        assert_return_code(kallsyms_new(&k), 0);
        assert_return_code(kallsyms_parse(k, text, strlen(text)), 0);
        assert_int_equal(kallsyms_size(k), 3);
        assert_name(k, 0x10af, "good", NULL);
        assert_name(k, 0x10c0, "end", "m");

        /* A NUL as type is not one of the letters of functions. */
        assert_int_equal(kallsyms_parse(k, "1000 \0 f\n", 9), -ENODATA);
}

static void test_modules_beyond_the_limit_are_left_out(void **state) {
        enum { N = 5000 };
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;
        _cleanup_free_ char *text = NULL;
        char *p;

        p = text = malloc(N * 64);
        assert_non_null(text);
        for (unsigned i = 1; i <= N; i++)
                p += sprintf(p, "%x00000000 t f%u\t[m%u]\n", i, i, i);

        assert_return_code(kallsyms_new(&k), 0);
        assert_return_code(kallsyms_parse(k, text, (size_t) (p - text)), 0);
        assert_int_equal(kallsyms_size(k), 4095);
        assert_name(k, UINT64_C(1) << 32, "f1", "m1");
        assert_name(k, UINT64_C(4095) << 32, "f4095", "m4095");
        assert_name(k, UINT64_C(4096) << 32, NULL, NULL);
}

/* Longer than the pieces it is read in, and without a newline at its end. */
static void test_a_file_is_the_same_as_its_text(void **state) {
        enum { N = 20000 };
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        char *p;

        p = text = malloc(N * 64);
        assert_non_null(text);
        for (unsigned i = 1; i <= N; i++)
                p += sprintf(p, "%016x t function_%u%s", i * 16, i, i < N ? "\n" : "");

        fd = memfd_create("kallsyms", MFD_CLOEXEC);
        assert_return_code(fd, errno);
        assert_return_code(write_all(fd, text, (size_t) (p - text)), 0);

        assert_return_code(kallsyms_new(&k), 0);
        for (int i = 0; i < 2; i++) {
                assert_return_code(kallsyms_load(k, fd), 0);
                assert_int_equal(kallsyms_size(k), N);
        }
        for (unsigned i = 1; i <= N; i++) {
                char name[32];

                sprintf(name, "function_%u", i);
                assert_name(k, i * 16, name, NULL);
        }
}

/* As BPF programs come: behind the kernel, in no order, some between functions that are there. */
static void test_what_came_later_is_found_wherever_it_lies(void **state) {
        static const char text[] = "1000 T first\n"
                                   "2000 T second\n"
                                   "3000 T third\n"
                                   "4000 T fourth\n"
                                   "5000 t late\t[bpf]\n"
                                   "2800 t early\t[bpf]\n"
                                   "6000 t last\t[bpf]\n"
                                   "0800 t before\t[bpf]\n";
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;

        assert_return_code(kallsyms_new(&k), 0);
        assert_return_code(kallsyms_parse(k, text, strlen(text)), 0);
        assert_int_equal(kallsyms_size(k), 8);
        assert_name(k, 0x0800, "before", "bpf");
        assert_name(k, 0x1000, "first", NULL);
        assert_name(k, 0x2000, "second", NULL);
        assert_name(k, 0x2900, "early", "bpf");
        assert_name(k, 0x3000, "third", NULL);
        assert_name(k, 0x4fff, "fourth", NULL);
        assert_name(k, 0x5000, "late", "bpf");
        assert_name(k, 0x6000, "last", "bpf");
}

/* Between two steps the table is what it was. */
static void test_a_load_in_steps_changes_nothing_before_its_end(void **state) {
        _cleanup_(kallsyms_load_freep) KallsymsLoad *load = NULL;
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;
        _cleanup_close_ int fd = -EBADF;
        unsigned n_steps = 0;
        int r;

        fd = memfd_create("kallsyms", MFD_CLOEXEC);
        assert_return_code(fd, errno);
        for (unsigned i = 1; i <= 20000; i++)
                assert_true(dprintf(fd, "%016x t function_%u\n", i * 16, i) > 0);

        assert_return_code(kallsyms_new(&k), 0);
        assert_return_code(kallsyms_parse(k, "1000 t old\n", 11), 0);
        assert_return_code(kallsyms_load_begin(&load, fd), 0);
        while ((r = kallsyms_load_step(load, k)) > 0) {
                assert_int_equal(kallsyms_size(k), 1);
                assert_name(k, 0x1000, "old", NULL);
                n_steps++;
        }
        assert_return_code(r, 0);
        assert_true(n_steps > 4);
        assert_int_equal(kallsyms_size(k), 20000);
}

static void test_a_file_without_newlines_is_refused(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;
        _cleanup_close_ int fd = -EBADF;

        fd = memfd_create("kallsyms", MFD_CLOEXEC);
        assert_return_code(fd, errno);
        assert_return_code(ftruncate(fd, 1 << 20), errno);
        assert_return_code(kallsyms_new(&k), 0);
        assert_int_equal(kallsyms_load(k, fd), -EBADMSG);
}

static void test_what_cannot_be_read_is_said(void **state) {
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;

        assert_return_code(kallsyms_new(&k), 0);
        assert_int_equal(kallsyms_load(k, -EBADF), -EBADF);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_address_has_the_name_of_the_function_around_it),
                cmocka_unit_test(test_a_cold_part_has_its_own_name),
                cmocka_unit_test(test_data_and_prefixes_are_not_functions),
                cmocka_unit_test(test_outside_of_the_kernel_there_is_no_name),
                cmocka_unit_test(test_modules_and_programs_name_where_they_come_from),
                cmocka_unit_test(test_the_last_function_of_a_module_does_not_reach_the_next_module),
                cmocka_unit_test(test_of_aliases_the_best_known_name_wins),
                cmocka_unit_test(test_the_name_of_a_module_between_aliases_stays),
                cmocka_unit_test(test_an_alias_that_loses_leaves_its_neighbours_alone),
                cmocka_unit_test(test_the_bounds_of_the_kernel_are_known),
                cmocka_unit_test(test_hidden_addresses_are_refused),
                cmocka_unit_test(test_a_text_without_functions_is_refused),
                cmocka_unit_test(test_damaged_lines_cost_only_themselves),
                cmocka_unit_test(test_modules_beyond_the_limit_are_left_out),
                cmocka_unit_test(test_a_file_is_the_same_as_its_text),
                cmocka_unit_test(test_what_came_later_is_found_wherever_it_lies),
                cmocka_unit_test(test_a_load_in_steps_changes_nothing_before_its_end),
                cmocka_unit_test(test_a_file_without_newlines_is_refused),
                cmocka_unit_test(test_what_cannot_be_read_is_said),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
