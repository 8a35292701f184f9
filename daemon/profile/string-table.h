/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * String Table
 *
 * Interns strings and hands out dense indices in the order pprof wants them: index 0 is "".
 */

#include "basic/util.h"

enum {
        STRING_TABLE_MAX = 1 << 22, /* strings */
};

typedef struct StringTable StringTable;

int string_table_new(StringTable **ret);
StringTable *string_table_free(StringTable *t);
DEFINE_CLEANUP(StringTable *, string_table_free);

/* Copies s. 1: s is new, 0: it was known, -E2BIG: the table is full. */
int string_table_intern(StringTable *t, const char *s, uint32_t *ret_index);

/* false: s is not in the table. */
bool string_table_find(const StringTable *t, const char *s, uint32_t *ret_index);

/* Borrowed, valid until the table is freed. NULL: no such index. */
const char *string_table_get(const StringTable *t, uint32_t index);

/* The index of a string that string_table_get() of any table returned: no search. */
uint32_t string_table_index_of(const char *interned);

size_t string_table_size(const StringTable *t);
