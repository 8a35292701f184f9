/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Columns of Readelf
 *
 * Two lines of a table that readelf prints: the names of its columns, and what one row says in
 * them.
 */

#include "basic/string-util.h"
#include "elf-fixture.h"

enum { COLUMNS_MAX = 64 };

/* The words of two lines: names of columns, and what one line of the table says in them. */
typedef struct ReadelfColumns {
        char *header, *line; /* what the words are in */
        char *names[COLUMNS_MAX], *values[COLUMNS_MAX];
        size_t n;
        bool has_values;
} ReadelfColumns;

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

/* "r1 (rdx)" is one word: rdx. */
static size_t columns_split(char *line, char **ret) {
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

static inline bool has_readelf(void) {
        return run("readelf --version > /dev/null 2>&1");
}
