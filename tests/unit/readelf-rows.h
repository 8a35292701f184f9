/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows of Readelf
 *
 * Compares the unwind table of a file, at the first and the last byte of every row, with what
 * readelf makes of the file's call frame information.
 */

#include "basic/string-util.h"
#include "elf-fixture.h"

enum {
        COLUMNS_MAX = 64,
        COMPLAINTS_MAX = 20,
        CONTEXT_STARTS_MAX = 1, /* of a file, see code_is_context_start() */
};

/* How readelf names the registers of a rule, and which of them a callee keeps for its caller. */
typedef struct ReadelfMachine {
        const char *names[UNWIND_REGISTERS];
        uint32_t kept;
} ReadelfMachine;

static const ReadelfMachine readelf_x86_64 = {
        .names = { "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
                   "r12", "r13", "r14", "r15" },
        .kept = UNWIND_X86_64_KEPT & ~(1U << UNWIND_X86_64_RSP),
};
/* A return address that still is in its register, x30, says nothing there. */
static const ReadelfMachine readelf_aarch64 = {
        .names = { "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",
                   "x27", "x28", "x29", "u", "sp" },
        .kept = UNWIND_AARCH64_KEPT & ~(1U << UNWIND_AARCH64_SP),
};

/* The words of two lines: names of columns, and what one line of the table says in them. */
typedef struct ReadelfColumns {
        char *header, *line; /* what the words are in */
        char *names[COLUMNS_MAX], *values[COLUMNS_MAX];
        size_t n;
        bool has_values;
} ReadelfColumns;

/* What the functions of a CIE begin with. */
typedef struct ReadelfCommon {
        uint64_t offset;
        ReadelfColumns columns;
} ReadelfCommon;

typedef struct ReadelfRows {
        const ReadelfMachine *machine;
        const IndexFile *index;
        const char *path;
        size_t n_rows, n_expressions, n_refused, n_context_starts, n_different;

        ReadelfCommon *commons;
        size_t n_commons;
        uint64_t common, start, end, row; /* of the entry that is read; of its row */
        bool is_function;
        ReadelfColumns columns;
} ReadelfRows;

static const char *columns_get(const ReadelfColumns *columns, const char *name) {
        for (size_t i = 0; i < columns->n; i++)
                if (streq(columns->names[i], name))
                        return columns->values[i];
        return "u"; /* readelf leaves out columns that say nothing anywhere */
}

static void columns_done(ReadelfColumns *columns) {
        free(columns->header);
        free(columns->line);
        *columns = (ReadelfColumns){};
}

/* What the rule says, in readelf's words. */
static void describe_cfa(const ReadelfRows *c,
                         const struct unwind_rule *rule,
                         char *ret,
                         size_t size) {
        if (rule->kind == UNWIND_CFA_REGISTER)
                snprintf(ret, size, "%s%+d", c->machine->names[rule->base], rule->offset);
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

static void describe_return(const ReadelfRows *c,
                            const struct unwind_rule *rule,
                            char *ret,
                            size_t size) {
        if (rule->ra_kind == UNWIND_RETURN_IN_BLOCK)
                describe_word(rule, rule->ra, ret, size);
        else if (rule->ra_kind == UNWIND_RETURN_AT_CFA)
                snprintf(ret, size, "c%+d", rule->ra * 8);
        else
                snprintf(ret, size, "%s", c->machine->names[rule->ra]);
}

/* GCC does not say when a realigned stack has been restored: see elf-unwind.c. */
static bool is_restored(const ReadelfColumns *columns, const char *theirs, const char *ours) {
        const char *cfa = columns_get(columns, "CFA");

        return streq(theirs, "exp") && streq(ours, "u") &&
               (streq(cfa, "rsp+8") || streq(cfa, "r10+0"));
}

static bool is_equal(const char *theirs, const char *ours) {
        /* In another register, which the caller's frame does not have, or too far away. */
        if (streq(ours, "lost"))
                return theirs[0] == 'r' || theirs[0] == 'c';
        return streq(theirs, ours) || (streq(theirs, "s") && streq(ours, "u"));
}

static void complain(ReadelfRows *c,
                     const ReadelfColumns *columns,
                     const char *what,
                     const char *ours) {
        if (c->n_different++ < COMPLAINTS_MAX)
                print_message("# %s %llx: %s is %s, not %s\n", c->path, (unsigned long long) c->row,
                              what, columns_get(columns, what), ours);
}

static void compare_rule(ReadelfRows *c,
                         const ReadelfColumns *columns,
                         const struct unwind_rule *rule) {
        char ours[32];

        if (!rule) {
                complain(c, columns, "CFA", "without rule");
                return;
        }
        if (rule->kind == UNWIND_REFUSED) {
                c->n_refused++;
                return;
        }
        if (rule->kind == UNWIND_END) {
                c->n_context_starts += !streq(columns_get(columns, "ra"), "u");
                return;
        }

        describe_cfa(c, rule, ours, sizeof(ours));
        if (!streq(columns_get(columns, "CFA"), ours))
                complain(c, columns, "CFA", ours);
        c->n_expressions += streq(ours, "exp");
        if (rule->kind == UNWIND_SIGNAL)
                return;
        describe_return(c, rule, ours, sizeof(ours));
        if (!is_equal(columns_get(columns, "ra"), ours))
                complain(c, columns, "ra", ours);
        for (unsigned i = 0; i < UNWIND_REGISTERS; i++) {
                const char *name = c->machine->names[i];

                if (!(c->machine->kept >> i & 1))
                        continue;
                describe_register(rule, i, ours, sizeof(ours));
                if (!is_equal(columns_get(columns, name), ours) &&
                    !is_restored(columns, columns_get(columns, name), ours))
                        complain(c, columns, name, ours);
        }
}

/* The row that was read last goes from its first byte to before end. */
static void end_row(ReadelfRows *c, const ReadelfColumns *columns, uint64_t end) {
        if (!columns->has_values || c->row >= end)
                return;
        c->n_rows++;
        compare_rule(c, columns, index_file_find_rule(c->index, c->row));
        compare_rule(c, columns, index_file_find_rule(c->index, end - 1));
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

/* A function without rows of its own has that of its CIE, from the first to the last byte. */
static void end_entry(ReadelfRows *c) {
        if (c->is_function && c->columns.has_values)
                end_row(c, &c->columns, c->end);
        else if (c->is_function)
                for (size_t i = c->n_commons; i > 0; i--)
                        if (c->commons[i - 1].offset == c->common) {
                                c->row = c->start;
                                end_row(c, &c->commons[i - 1].columns, c->end);
                                break;
                        }
        columns_done(&c->columns);
}

static void forget_commons(ReadelfRows *c) {
        for (size_t i = 0; i < c->n_commons; i++)
                columns_done(&c->commons[i].columns);
        c->n_commons = 0;
}

/* "OFFSET LENGTH ID CIE …" or "OFFSET LENGTH ID FDE cie=OFFSET pc=START..END". false: neither. */
static bool begin_entry(ReadelfRows *c, const char *line) {
        unsigned long long offset, common, start, end;

        if (sscanf(line, "%llx %*x %*x FDE cie=%llx pc=%llx..%llx", &offset, &common, &start,
                   &end) == 4) {
                end_entry(c);
                c->is_function = true;
                c->common = common;
                c->start = start;
                c->end = end;
                return true;
        }
        if (sscanf(line, "%llx", &offset) != 1 || !strstr(line, " CIE "))
                return false;
        end_entry(c);
        c->is_function = false;
        c->commons = reallocarray(c->commons, c->n_commons + 1, sizeof(*c->commons));
        assert_non_null(c->commons);
        c->commons[c->n_commons++] = (ReadelfCommon){ .offset = offset };
        return true;
}

static void read_line(ReadelfRows *c, const char *line) {
        ReadelfColumns *columns;
        unsigned long long at;

        if (startswith(line, "Contents of ")) {
                end_entry(c);
                forget_commons(c);
                c->is_function = false;
                return;
        }
        if (begin_entry(c, line) || (!c->is_function && c->n_commons == 0))
                return;
        columns = c->is_function ? &c->columns : &c->commons[c->n_commons - 1].columns;
        if (startswith(line, "   LOC")) {
                columns_done(columns);
                columns->header = strdup(line);
                columns->n = split(columns->header, columns->names);
                return;
        }
        if (columns->n == 0 || strstr(line, "ZERO terminator") || sscanf(line, "%llx", &at) != 1)
                return;

        if (c->is_function)
                end_row(c, columns, MIN(at, c->end));
        free(columns->line);
        columns->line = strdup(line);
        c->row = at;
        columns->has_values = true;
        if (split(columns->line, columns->values) != columns->n)
                fail_msg("%s: cannot read '%s'", c->path, line);
}

/* All rows of the file. n_refused_max: so many may be those that no rule can express. */
static void assert_same_as_readelf(const ReadelfMachine *machine,
                                   const char *path,
                                   size_t n_refused_max) {
        _cleanup_(index_file_unrefp) IndexFile *f = fixture_index("", path, NULL);
        ReadelfRows c = { .machine = machine, .index = f, .path = path };
        _cleanup_free_ char *command = NULL, *line = NULL;
        size_t capacity = 0;
        FILE *readelf;

        assert_return_code(
                asprintf(&command, "readelf --debug-dump=frames-interp '%s' 2>/dev/null", path),
                errno);
        readelf = popen(command, "r");
        assert_non_null(readelf);
        while (getline(&line, &capacity, readelf) >= 0)
                read_line(&c, line);
        end_entry(&c);
        (void) pclose(readelf); /* it may have warned of something else */
        forget_commons(&c);
        free(c.commons);

        print_message("# %s: %zu rows, %zu by expressions, %zu refused\n", path, c.n_rows,
                      c.n_expressions, c.n_refused / 2);
        assert_true(c.n_rows > 0);
        assert_int_equal(c.n_different, 0);
        assert_true(c.n_context_starts / 2 <= CONTEXT_STARTS_MAX);
        assert_true(c.n_refused / 2 <= n_refused_max);
}

static inline bool has_readelf(void) {
        return run("readelf --version > /dev/null 2>&1");
}
