/* SPDX-License-Identifier: Apache-2.0 */
/* String Table */

#include "profile/string-table.h"
#include "basic/array.h"
#include "profile/arena.h"
#include "profile/table.h"

typedef struct Entry {
        UT_hash_handle hh;
        uint32_t index;
        char string[];
} Entry;

struct StringTable {
        Arena arena;
        Entry *by_string;
        Entry **entries; /* by index */
        size_t n_entries, capacity;
};

int string_table_new(StringTable **ret) {
        _cleanup_(string_table_freep) StringTable *t = NULL;
        uint32_t index;
        int r;

        t = calloc(1, sizeof(StringTable));
        if (!t)
                return -ENOMEM;
        arena_init(&t->arena, 0);

        r = string_table_intern(t, "", &index);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(t);
        return 0;
}

StringTable *string_table_free(StringTable *t) {
        if (!t)
                return NULL;
        HASH_CLEAR(hh, t->by_string);
        free(t->entries);
        arena_done(&t->arena);
        free(t);
        return NULL;
}

static Entry *find(const StringTable *t, const char *s, size_t n, unsigned hash) {
        Entry *e;

        HASH_FIND_BYHASHVALUE(hh, t->by_string, s, n, hash, e);
        return e;
}

bool string_table_find(const StringTable *t, const char *s, uint32_t *ret_index) {
        size_t n = strlen(s);
        Entry *e = find(t, s, n, table_hash(s, n));

        if (!e)
                return false;
        *ret_index = e->index;
        return true;
}

int string_table_intern(StringTable *t, const char *s, uint32_t *ret_index) {
        size_t n = strlen(s);
        unsigned hash = table_hash(s, n);
        Entry *e;

        e = find(t, s, n, hash);
        if (e) {
                *ret_index = e->index;
                return 0;
        }

        if (t->n_entries >= STRING_TABLE_MAX)
                return -E2BIG;
        if (ARRAY_RESERVE(t->entries, t->capacity, t->n_entries + 1) < 0)
                return -ENOMEM;
        e = arena_alloc(&t->arena, offsetof(Entry, string) + n + 1);
        if (!e)
                return -ENOMEM;

        memcpy(e->string, s, n + 1);
        e->index = t->n_entries;
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->by_string, e->string, n, hash, e);
        if (!e->hh.tbl)
                return -ENOMEM;

        t->entries[t->n_entries++] = e;
        *ret_index = e->index;
        return 1;
}

const char *string_table_get(const StringTable *t, uint32_t index) {
        return index < t->n_entries ? t->entries[index]->string : NULL;
}

uint32_t string_table_index_of(const char *interned) {
        return ((const Entry *) (interned - offsetof(Entry, string)))->index;
}

size_t string_table_size(const StringTable *t) {
        return t->n_entries;
}
