/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Registry */

#include <uthash.h>

#include "basic/array.h"
#include "bpf/sample.h"
#include "unit-registry.h"

typedef struct UnitEntry {
        Unit *unit;
        UT_hash_handle hh;
} UnitEntry;

struct UnitRegistry {
        UnitEntry *by_name;
        Unit **by_slot;
        size_t n_slots, slots_capacity;
};

int unit_registry_new(UnitRegistry **ret) {
        UnitRegistry *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        *ret = t;
        return 0;
}

UnitRegistry *unit_registry_free(UnitRegistry *t) {
        UnitEntry *entry, *next;

        if (!t)
                return NULL;
        HASH_ITER (hh, t->by_name, entry, next) {
                HASH_DEL(t->by_name, entry);
                unit_free(entry->unit);
                free(entry);
        }
        free(t->by_slot);
        free(t);
        return NULL;
}

/* A free slot; slots are used again, as the kernel's targets of a unit go before the unit does. */
static int find_slot(UnitRegistry *t, uint32_t *ret) {
        int r;

        for (size_t i = 0; i < t->n_slots; i++)
                if (!t->by_slot[i]) {
                        *ret = (uint32_t) i;
                        return 0;
                }
        if (t->n_slots >= TARGETS_MAX)
                return -ENOSPC;
        r = ARRAY_RESERVE(t->by_slot, t->slots_capacity, t->n_slots + 1);
        if (r < 0)
                return r;
        *ret = (uint32_t) t->n_slots;
        t->by_slot[t->n_slots++] = NULL;
        return 0;
}

int unit_registry_put(UnitRegistry *t, Unit *u) {
        _cleanup_free_ UnitEntry *entry = NULL;
        int r;

        if (unit_registry_find(t, u->name))
                return -EEXIST;
        r = find_slot(t, &u->slot);
        if (r < 0)
                return r;
        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return -ENOMEM;

        entry->unit = u;
        t->by_slot[u->slot] = u;
        HASH_ADD_KEYPTR(hh, t->by_name, u->name, strlen(u->name), entry);
        (void) TAKE_PTR(entry);
        return 0;
}

void unit_registry_remove(UnitRegistry *t, Unit *u) {
        UnitEntry *entry;

        HASH_FIND_STR(t->by_name, u->name, entry);
        assert(entry && entry->unit == u);
        HASH_DEL(t->by_name, entry);
        free(entry);
        t->by_slot[u->slot] = NULL;
}

Unit *unit_registry_find(const UnitRegistry *t, const char *name) {
        UnitEntry *entry;

        HASH_FIND_STR(t->by_name, name, entry);
        return entry ? entry->unit : NULL;
}

Unit *unit_registry_get_by_slot(const UnitRegistry *t, uint32_t slot) {
        return slot < t->n_slots ? t->by_slot[slot] : NULL;
}

size_t unit_registry_size(const UnitRegistry *t) {
        return HASH_COUNT(t->by_name);
}

static int compare_units(const void *a, const void *b) {
        return strcmp((*(Unit *const *) a)->name, (*(Unit *const *) b)->name);
}

int unit_registry_list(const UnitRegistry *t, Unit ***ret, size_t *ret_n) {
        Unit **units;
        size_t n = 0;

        units = calloc(unit_registry_size(t) + 1, sizeof(*units));
        if (!units)
                return -ENOMEM;
        for (const UnitEntry *entry = t->by_name; entry; entry = entry->hh.next)
                units[n++] = entry->unit;
        qsort(units, n, sizeof(*units), compare_units);
        *ret = units;
        *ret_n = n;
        return 0;
}
