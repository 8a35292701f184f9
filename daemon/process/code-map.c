/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code Map
 *
 * One array, sorted by address and then by birth, with the furthest end up to each element, so that
 * the walk back from an address knows when nothing further left can reach it. One piece that claims
 * half the address space would make every walk go to the start: it ends after some steps.
 */

#include "process/code-map.h"
#include "basic/array.h"
#include "basic/string-util.h"

typedef struct Entry {
        uint64_t start, end;
        uint64_t furthest; /* end of this one and all before it */
        nsec_t born_nsec;
        uint32_t name; /* offset in the pool */
        uint32_t sequence;
} Entry;

enum { LOOK_BACK_MAX = 1024 }; /* entries that are not sorted yet */

struct CodeMap {
        unsigned n_ref;
        Entry *entries;
        size_t n_entries, capacity;
        size_t n_sorted; /* what lies behind was added since the last commit */
        char *names;
        size_t names_size, names_capacity;
        nsec_t *epochs;
        size_t n_epochs, epochs_capacity;
        uint64_t n_refused;
};

int code_map_new(CodeMap **ret) {
        CodeMap *m = calloc(1, sizeof(CodeMap));

        if (!m)
                return -ENOMEM;
        m->n_ref = 1;
        *ret = m;
        return 0;
}

CodeMap *code_map_ref(CodeMap *m) {
        m->n_ref++;
        return m;
}

CodeMap *code_map_unref(CodeMap *m) {
        if (!m || --m->n_ref > 0)
                return NULL;
        free(m->entries);
        free(m->names);
        free(m->epochs);
        free(m);
        return NULL;
}

static int add_name(CodeMap *m, const char *name, size_t n, uint32_t *ret) {
        _cleanup_free_ char *clean = NULL;
        int r;

        clean = utf8_sanitize(name, MIN(n, (size_t) CODE_MAP_NAME_MAX));
        if (!clean)
                return -ENOMEM;
        n = strlen(clean) + 1;
        if (m->names_size + n > CODE_MAP_NAMES_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(m->names, m->names_capacity, m->names_size + n);
        if (r < 0)
                return r;
        memcpy(m->names + m->names_size, clean, n);
        *ret = (uint32_t) m->names_size;
        m->names_size += n;
        return 0;
}

int code_map_add(
        CodeMap *m, uint64_t start, uint64_t size, nsec_t born_nsec, const char *name, size_t n) {
        Entry e = { .start = start, .born_nsec = born_nsec };
        int r;

        n = strnlen(name, n);
        if (size == 0 || n == 0 || __builtin_add_overflow(start, size, &e.end))
                return -EINVAL;
        r = m->n_entries >= CODE_MAP_ENTRIES_MAX ? -E2BIG : add_name(m, name, n, &e.name);
        if (r == -E2BIG)
                m->n_refused++;
        if (r < 0)
                return r;

        r = ARRAY_RESERVE(m->entries, m->capacity, m->n_entries + 1);
        if (r < 0)
                return r;
        e.sequence = (uint32_t) m->n_entries;
        m->entries[m->n_entries++] = e;
        return 0;
}

static int entry_compare(const void *x, const void *y) {
        const Entry *a = x, *b = y;

        if (a->start != b->start)
                return a->start < b->start ? -1 : 1;
        return a->sequence < b->sequence ? -1 : 1;
}

static int add_epoch(CodeMap *m, nsec_t time_nsec) {
        int r;

        if (m->n_epochs > 0 && time_nsec <= m->epochs[m->n_epochs - 1])
                return 0;
        if (m->n_epochs >= CODE_MAP_EPOCHS_MAX)
                return 0;
        r = ARRAY_RESERVE(m->epochs, m->epochs_capacity, m->n_epochs + 1);
        if (r < 0)
                return r;
        m->epochs[m->n_epochs++] = time_nsec;
        return 0;
}

static int compare_times(const void *x, const void *y) {
        const nsec_t *a = x, *b = y;

        return *a < *b ? -1 : *a > *b;
}

/* Every birth on top of other code begins an epoch. */
static int find_epochs(CodeMap *m, uint32_t first_new) {
        _cleanup_free_ nsec_t *times = NULL;
        size_t n = 0, capacity = 0;
        uint64_t furthest = 0;
        int r;

        for (size_t i = 0; i < m->n_entries; i++) {
                Entry *e = &m->entries[i], *next = i + 1 < m->n_entries ? e + 1 : NULL;
                bool on_other = e->start < furthest || (next && next->start < e->end);

                furthest = e->furthest = MAX(furthest, e->end);
                if (e->sequence < first_new || !on_other)
                        continue;
                r = ARRAY_RESERVE(times, capacity, n + 1);
                if (r < 0)
                        return r;
                times[n++] = e->born_nsec;
        }
        if (n > 0)
                qsort(times, n, sizeof(*times), compare_times);
        for (size_t i = 0; i < n; i++) {
                r = add_epoch(m, times[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Few come at a time, and many may be there: the new ones are sorted, then merged from the end. */
static int sort_entries(CodeMap *m) {
        size_t n_new = m->n_entries - m->n_sorted, i = m->n_sorted, at = m->n_entries;
        _cleanup_free_ Entry *new = NULL;

        qsort(m->entries + m->n_sorted, n_new, sizeof(Entry), entry_compare);
        new = malloc(n_new * sizeof(Entry));
        if (!new)
                return -ENOMEM;
        memcpy(new, m->entries + m->n_sorted, n_new * sizeof(Entry));
        while (n_new > 0)
                if (i > 0 && entry_compare(&m->entries[i - 1], &new[n_new - 1]) > 0)
                        m->entries[--at] = m->entries[--i];
                else
                        m->entries[--at] = new[--n_new];
        m->n_sorted = m->n_entries;
        return 0;
}

int code_map_commit(CodeMap *m) {
        uint32_t first_new = (uint32_t) m->n_sorted;
        int r;

        if (m->n_sorted == m->n_entries)
                return 0;
        r = sort_entries(m);
        if (r < 0)
                return r;
        return find_epochs(m, first_new);
}

nsec_t code_map_get_epoch(const CodeMap *m, nsec_t time_nsec) {
        size_t n = m->n_epochs;

        /* Samples are of now: it is one of the last. */
        while (n > 0 && m->epochs[n - 1] > time_nsec)
                n--;
        return n > 0 ? m->epochs[n - 1] : 0;
}

/* Of two that cover the address. */
static bool is_better(const Entry *a, const Entry *b, nsec_t epoch) {
        bool a_was_there = a->born_nsec <= epoch, b_was_there = b->born_nsec <= epoch;

        if (a_was_there != b_was_there)
                return a_was_there;
        if (a->born_nsec != b->born_nsec)
                return a_was_there ? a->born_nsec > b->born_nsec : a->born_nsec < b->born_nsec;
        return a->sequence > b->sequence;
}

/* How many of the sorted entries start at the address or before it. */
static size_t count_up_to(const CodeMap *m, uint64_t address) {
        size_t low = 0, high = m->n_sorted;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (m->entries[middle].start <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool code_map_find(const CodeMap *m, uint64_t address, nsec_t epoch, CodeEntry *ret) {
        const Entry *best = NULL;
        size_t n = count_up_to(m, address), end = n - MIN(n, (size_t) CODE_MAP_FIND_MAX);

        for (; n > end && m->entries[n - 1].furthest > address; n--) {
                const Entry *e = &m->entries[n - 1];

                if (e->end > address && (!best || is_better(e, best, epoch)))
                        best = e;
        }
        if (!best)
                return false;

        *ret = (CodeEntry){
                .start = best->start,
                .size = best->end - best->start,
                .born_nsec = best->born_nsec,
                .name = m->names + best->name,
        };
        return true;
}

const char *code_map_find_last(const CodeMap *m, uint64_t start) {
        size_t n_sorted;

        for (size_t i = m->n_entries, n = 0; i > m->n_sorted && n < LOOK_BACK_MAX; i--, n++)
                if (m->entries[i - 1].start == start)
                        return m->names + m->entries[i - 1].name;
        /* Of equal starts the one added last is the last. */
        n_sorted = count_up_to(m, start);
        return n_sorted > 0 && m->entries[n_sorted - 1].start == start
                       ? m->names + m->entries[n_sorted - 1].name
                       : NULL;
}

bool code_map_is_shared(const CodeMap *m) {
        return m->n_ref > 1;
}

size_t code_map_size(const CodeMap *m) {
        return m->n_sorted;
}

size_t code_map_bytes(const CodeMap *m) {
        return sizeof(*m) + m->names_capacity + m->capacity * sizeof(*m->entries) +
               m->epochs_capacity * sizeof(*m->epochs);
}

uint64_t code_map_n_refused(const CodeMap *m) {
        return m->n_refused;
}
