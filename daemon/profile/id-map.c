/* SPDX-License-Identifier: Apache-2.0 */
/* Id Map */

#include "profile/id-map.h"
#include "basic/array.h"

void id_map_done(IdMap *m) {
        free(m->entries);
        *m = (IdMap){};
}

void id_map_clear(IdMap *m) {
        m->n_entries = 0;
        m->dense = false;
}

int id_map_add(IdMap *m, uint64_t id, uint32_t index) {
        int r;

        r = ARRAY_RESERVE(m->entries, m->capacity, m->n_entries + 1);
        if (r < 0)
                return r;
        m->entries[m->n_entries++] = (IdMapEntry){ .id = id, .index = index };
        return 0;
}

static int compare_entries(const void *a, const void *b) {
        uint64_t x = ((const IdMapEntry *) a)->id, y = ((const IdMapEntry *) b)->id;

        return x < y ? -1 : x > y;
}

int id_map_seal(IdMap *m) {
        bool sorted = true;

        for (size_t i = 1; i < m->n_entries && sorted; i++)
                sorted = m->entries[i - 1].id < m->entries[i].id;
        if (!sorted)
                qsort(m->entries, m->n_entries, sizeof(IdMapEntry), compare_entries);

        for (size_t i = 1; i < m->n_entries; i++)
                if (m->entries[i - 1].id == m->entries[i].id)
                        return -EEXIST;

        m->dense = m->n_entries > 0 && m->entries[0].id == 1 &&
                   m->entries[m->n_entries - 1].id == m->n_entries;
        return 0;
}

bool id_map_search(const IdMap *m, uint64_t id, uint32_t *ret_index) {
        const IdMapEntry key = { .id = id }, *e;

        if (m->n_entries == 0)
                return false;
        e = bsearch(&key, m->entries, m->n_entries, sizeof(IdMapEntry), compare_entries);
        if (!e)
                return false;
        *ret_index = e->index;
        return true;
}
