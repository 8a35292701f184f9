/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Id Map
 *
 * From the ids of a foreign file, any 64-bit numbers, to our indices. Filled once, sealed, then
 * only read. In a well-made file ids count from 1, and then a look-up is one comparison.
 */

#include "basic/util.h"

typedef struct IdMapEntry {
        uint64_t id;
        uint32_t index;
} IdMapEntry;

typedef struct IdMap {
        IdMapEntry *entries;
        size_t n_entries, capacity;
        bool dense; /* the id of entry i is i + 1 */
} IdMap;

void id_map_done(IdMap *m);
/* Empty again, and open; keeps its memory. */
void id_map_clear(IdMap *m);

int id_map_add(IdMap *m, uint64_t id, uint32_t index);
/* Before the first look-up. -EEXIST: an id was added twice. */
int id_map_seal(IdMap *m);
bool id_map_search(const IdMap *m, uint64_t id, uint32_t *ret_index);

/* false: no such id. */
static inline bool id_map_find(const IdMap *m, uint64_t id, uint32_t *ret_index) {
        if (!m->dense)
                return id_map_search(m, id, ret_index);
        if (id - 1 >= m->n_entries) /* id 0 wraps */
                return false;
        *ret_index = m->entries[id - 1].index;
        return true;
}
