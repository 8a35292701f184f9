/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows of Readelf
 *
 * Compares the unwind table of a file, at the first and the last byte of every row, with what
 * readelf makes of the file's call frame information.
 */

#include "elf-fixture.h"
#include "readelf-rule.h"

enum {
        COMPLAINTS_MAX = 20,
        CONTEXT_STARTS_MAX = 1, /* of a file, see code_is_context_start() */
};

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

        describe_cfa(c->machine, rule, ours, sizeof(ours));
        if (!streq(columns_get(columns, "CFA"), ours))
                complain(c, columns, "CFA", ours);
        c->n_expressions += streq(ours, "exp");
        if (rule->kind == UNWIND_SIGNAL)
                return;
        describe_return(c->machine, rule, ours, sizeof(ours));
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
                columns->n = columns_split(columns->header, columns->names);
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
        if (columns_split(columns->line, columns->values) != columns->n)
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
