/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind Table of an ELF File: row by row what an independent reader says */

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "elf/elf-index.h"
#include "elf/elf-unwind.h"
#include "index/index-file.h"

enum {
        COLUMNS_MAX = 40,
        COMPLAINTS_MAX = 20,
        KEPT = UNWIND_X86_64_KEPT & ~(1 << UNWIND_X86_64_RSP),
};

static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };
static const char *const names[UNWIND_REGISTERS] = {
        "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

static IndexFile *index_of(const char *path) {
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int in = -EBADF, out = -EBADF;
        IndexFile *f;

        in = open(path, O_RDONLY | O_CLOEXEC);
        if (in < 0)
                return NULL;
        out = memfd_create("index", MFD_CLOEXEC);
        assert_int_equal(elf_file_open(&elf, in), 0);
        assert_int_equal(elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, out), 0);
        assert_int_equal(index_file_open(&f, out, hash), 0);
        return f;
}

/* One line of readelf's table: texts by column. */
typedef struct Row {
        uint64_t start, end;
        char *names[COLUMNS_MAX], *values[COLUMNS_MAX];
        size_t n;
} Row;

typedef struct Comparison {
        const IndexFile *index;
        const char *path;
        size_t n_rows, n_expressions, n_refused, n_different;
} Comparison;

static const char *row_get(const Row *row, const char *name) {
        for (size_t i = 0; i < row->n; i++)
                if (streq(row->names[i], name))
                        return row->values[i];
        return "u"; /* readelf leaves out columns that say nothing anywhere */
}

/* What the rule says, in readelf's words. */
static void describe_cfa(const struct unwind_rule *rule, char *ret, size_t size) {
        if (rule->kind == UNWIND_CFA_REGISTER)
                snprintf(ret, size, "%s%+d", names[rule->base], rule->offset);
        else
                snprintf(ret, size, "exp");
}

static void describe_word(const struct unwind_rule *rule, int word, char *ret, size_t size) {
        if (rule->block_base == UNWIND_BLOCK_AT_CFA)
                snprintf(ret, size, "c%+d", (rule->block + word) * 8);
        else
                snprintf(ret, size, "exp");
}

static void describe_register(const struct unwind_rule *rule, unsigned i, char *ret, size_t size) {
        uint32_t slot = unwind_rule_get_slot(rule, i);

        if (slot == UNWIND_SLOT_SAME)
                snprintf(ret, size, "u");
        else if (slot == UNWIND_SLOT_LOST)
                snprintf(ret, size, "lost");
        else
                describe_word(rule, (int) slot - 1, ret, size);
}

static void describe_return(const struct unwind_rule *rule, char *ret, size_t size) {
        if (rule->ra_kind == UNWIND_RETURN_IN_BLOCK)
                describe_word(rule, rule->ra, ret, size);
        else if (rule->ra_kind == UNWIND_RETURN_AT_CFA)
                snprintf(ret, size, "c%+d", rule->ra * 8);
        else
                snprintf(ret, size, "%s", names[rule->ra]);
}

/* GCC does not say when a realigned stack has been restored: see elf-unwind.c. */
static bool is_restored(const Row *row, const char *theirs, const char *ours) {
        const char *cfa = row_get(row, "CFA");

        return streq(theirs, "exp") && streq(ours, "u") &&
               (streq(cfa, "rsp+8") || streq(cfa, "r10+0"));
}

static bool is_equal(const char *theirs, const char *ours) {
        if (streq(ours, "lost")) /* in another register, which the caller's frame does not have */
                return theirs[0] == 'r';
        return streq(theirs, ours) || (streq(theirs, "s") && streq(ours, "u"));
}

static void complain(Comparison *c, const Row *row, const char *what, const char *ours) {
        if (c->n_different++ < COMPLAINTS_MAX)
                print_message("%s %llx: %s is %s, not %s\n", c->path,
                              (unsigned long long) row->start, what, row_get(row, what), ours);
}

static void compare_rule(Comparison *c, const Row *row, const struct unwind_rule *rule) {
        char ours[32];

        if (!rule) {
                complain(c, row, "CFA", "without rule");
                return;
        }
        if (rule->kind == UNWIND_REFUSED) {
                c->n_refused++;
                return;
        }
        if (rule->kind == UNWIND_END) {
                if (!streq(row_get(row, "ra"), "u"))
                        complain(c, row, "ra", "the end");
                return;
        }

        describe_cfa(rule, ours, sizeof(ours));
        if (!streq(row_get(row, "CFA"), ours))
                complain(c, row, "CFA", ours);
        c->n_expressions += streq(ours, "exp");
        if (rule->kind == UNWIND_SIGNAL)
                return;
        describe_return(rule, ours, sizeof(ours));
        if (!is_equal(row_get(row, "ra"), ours))
                complain(c, row, "ra", ours);
        for (unsigned i = 0; i < UNWIND_REGISTERS; i++) {
                if (!(KEPT >> i & 1))
                        continue;
                describe_register(rule, i, ours, sizeof(ours));
                if (!is_equal(row_get(row, names[i]), ours) &&
                    !is_restored(row, row_get(row, names[i]), ours))
                        complain(c, row, names[i], ours);
        }
}

/* From its first to its last byte. */
static void compare_row(Comparison *c, const Row *row) {
        if (!row->values[0] || row->start >= row->end)
                return;
        c->n_rows++;
        compare_rule(c, row, index_file_find_rule(c->index, row->start));
        compare_rule(c, row, index_file_find_rule(c->index, row->end - 1));
}

/* "r1 (rdx)" is one word: rdx. */
static size_t split(char *line, char **ret) {
        size_t n = 0;
        char *rest = line, *word;

        while ((word = strsep(&rest, " \n")) && n < COLUMNS_MAX)
                if (*word == '(' && n > 0) {
                        word[strcspn(word, ")")] = '\0';
                        ret[n - 1] = word + 1;
                } else if (*word != '\0')
                        ret[n++] = word;
        return n;
}

/* The rows of one function become complete with the next one's start. */
static void compare_with_readelf(Comparison *c) {
        _cleanup_free_ char *command = NULL, *line = NULL, *header = NULL, *values = NULL;
        unsigned long long start, end = 0;
        bool in_function = false;
        size_t capacity = 0;
        Row row = {};
        FILE *readelf;

        assert_return_code(
                asprintf(&command, "readelf --debug-dump=frames-interp '%s' 2>&1", c->path), errno);
        readelf = popen(command, "r");
        assert_non_null(readelf);
        while (getline(&line, &capacity, readelf) >= 0) {
                const char *range = strstr(line, " pc=");
                char *words[COLUMNS_MAX];

                if (range || strstr(line, " CIE ")) {
                        row.end = end;
                        compare_row(c, &row);
                        row = (Row){};
                        in_function = range && sscanf(range, " pc=%llx..%llx", &start, &end) == 2;
                        continue;
                }
                if (!in_function)
                        continue;
                if (startswith(line, "   LOC")) {
                        free(header);
                        header = strdup(line);
                        row.n = split(header, row.names);
                        continue;
                }
                if (row.n == 0 || strstr(line, "ZERO terminator") ||
                    sscanf(line, "%llx", &start) != 1)
                        continue;

                row.end = MIN(start, end);
                compare_row(c, &row);
                free(values);
                values = strdup(line);
                row.start = start;
                if (split(values, words) != row.n)
                        fail_msg("%s: cannot read '%s'", c->path, line);
                memcpy(row.values, words, sizeof(words));
        }
        row.end = end;
        compare_row(c, &row);
        (void) pclose(readelf); /* it may have warned of something else */
}

static void assert_same_as_readelf(const char *path, size_t n_refused_max) {
        _cleanup_(index_file_unrefp) IndexFile *f = index_of(path);
        Comparison c = { .index = f, .path = path };

        if (!f || system("readelf --version > /dev/null 2>&1") != 0)
                skip();
        compare_with_readelf(&c);
        print_message("# %s: %zu rows, %zu by expressions, %zu refused\n", path, c.n_rows,
                      c.n_expressions, c.n_refused / 2);
        assert_true(c.n_rows > 100);
        assert_int_equal(c.n_different, 0);
        assert_true(c.n_refused / 2 <= n_refused_max);
}

static void test_libc_is_as_readelf_says(void **state) {
        /* In longjmp() the stack pointer is neither the frame's nor the caller's. */
        assert_same_as_readelf("/lib/x86_64-linux-gnu/libc.so.6", 4);
}

static void test_dynamic_linker_is_as_readelf_says(void **state) {
        assert_same_as_readelf("/lib64/ld-linux-x86-64.so.2", 1);
}

static void test_libstdcxx_is_as_readelf_says(void **state) {
        assert_same_as_readelf("/lib/x86_64-linux-gnu/libstdc++.so.6", 0);
}

/* By hand, any files: PROFILERD_TEST_FILES=/usr/bin/node:… */
static void test_more_files_are_as_readelf_says(void **state) {
        const char *list = getenv("PROFILERD_TEST_FILES");
        _cleanup_free_ char *copy = NULL;
        char *rest, *path;

        if (!list)
                return;
        rest = copy = strdup(list);
        while ((path = strsep(&rest, ":")))
                assert_same_as_readelf(path, 1000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_libc_is_as_readelf_says),
                cmocka_unit_test(test_dynamic_linker_is_as_readelf_says),
                cmocka_unit_test(test_libstdcxx_is_as_readelf_says),
                cmocka_unit_test(test_more_files_are_as_readelf_says),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
