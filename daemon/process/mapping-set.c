/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings
 *
 * A sorted array without overlaps: a process has some dozens, they are searched for each frame and
 * hardly ever change.
 */

#include "process/mapping-set.h"
#include "basic/array.h"

struct MappingSet {
        size_t n_ref;
        size_t n, capacity;
        Mapping *items;
};

int mapping_set_new(MappingSet **ret) {
        MappingSet *s = calloc(1, sizeof(MappingSet));

        if (!s)
                return -ENOMEM;
        s->n_ref = 1;
        *ret = s;
        return 0;
}

MappingSet *mapping_set_ref(MappingSet *s) {
        s->n_ref++;
        return s;
}

MappingSet *mapping_set_unref(MappingSet *s) {
        if (!s || --s->n_ref > 0)
                return NULL;

        for (size_t i = 0; i < s->n; i++)
                file_unref(s->items[i].file);
        free(s->items);
        free(s);
        return NULL;
}

static int copy(const MappingSet *s, size_t capacity, MappingSet **ret) {
        _cleanup_(mapping_set_unrefp) MappingSet *c = NULL;
        int r;

        r = mapping_set_new(&c);
        if (r < 0)
                return r;
        r = ARRAY_RESERVE(c->items, c->capacity, capacity);
        if (r < 0)
                return r;
        for (; c->n < s->n; c->n++) {
                c->items[c->n] = s->items[c->n];
                file_ref(c->items[c->n].file);
        }
        *ret = TAKE_PTR(c);
        return 0;
}

/* Index of the first mapping that ends after address, or n. */
static size_t first_ending_after(const MappingSet *s, uint64_t address) {
        size_t low = 0, high = s->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (s->items[middle].end > address)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

/* The same bytes of the same file would be at the same addresses. Offsets may wrap, they are only
 * what a process asked for. */
static bool continues(const Mapping *a, const Mapping *b) {
        return a->file == b->file && a->offset - a->start == b->offset - b->start;
}

static bool same_mapping(const Mapping *a, const Mapping *b) {
        return a->start == b->start && a->end == b->end && continues(a, b);
}

typedef struct Edit {
        size_t first, last; /* the mappings [first, last) are replaced */
        Mapping pieces[3];  /* by these: what is left of them before, the new one, after */
        size_t n_pieces;
} Edit;

/* Neighbours that merely touch the new mapping take part, because they may join it. */
static void plan(const MappingSet *s, const Mapping *m, Edit *e) {
        Mapping joined = *m, *after = NULL, tail;

        e->first = first_ending_after(s, m->start > 0 ? m->start - 1 : 0);
        for (e->last = e->first; e->last < s->n && s->items[e->last].start <= m->end; e->last++)
                ;

        if (e->first < e->last && s->items[e->first].start < m->start) {
                Mapping head = s->items[e->first];

                if (continues(&head, m)) {
                        joined.start = head.start;
                        joined.offset = head.offset;
                } else {
                        head.end = MIN(head.end, m->start);
                        e->pieces[e->n_pieces++] = head;
                }
        }
        if (e->first < e->last && s->items[e->last - 1].end > m->end) {
                tail = s->items[e->last - 1];

                if (continues(&tail, m))
                        joined.end = tail.end;
                else {
                        if (tail.start < m->end) {
                                tail.offset += m->end - tail.start;
                                tail.start = m->end;
                        }
                        after = &tail;
                }
        }
        e->pieces[e->n_pieces++] = joined;
        if (after)
                e->pieces[e->n_pieces++] = *after;
}

static bool changes_nothing(const MappingSet *s, const Edit *e) {
        if (e->n_pieces != e->last - e->first)
                return false;
        for (size_t i = 0; i < e->n_pieces; i++)
                if (!same_mapping(&s->items[e->first + i], &e->pieces[i]))
                        return false;
        return true;
}

static void apply(MappingSet *s, const Edit *e) {
        for (size_t i = 0; i < e->n_pieces; i++)
                file_ref(e->pieces[i].file);
        for (size_t i = e->first; i < e->last; i++)
                file_unref(s->items[i].file);

        memmove(s->items + e->first + e->n_pieces, s->items + e->last,
                (s->n - e->last) * sizeof(Mapping));
        memcpy(s->items + e->first, e->pieces, e->n_pieces * sizeof(Mapping));
        s->n = s->n - (e->last - e->first) + e->n_pieces;
}

int mapping_set_add(MappingSet **s, const Mapping *m) {
        MappingSet *set = *s;
        Edit edit = {};
        size_t n;
        int r;

        if (m->end <= m->start)
                return -EINVAL;

        plan(set, m, &edit);
        if (changes_nothing(set, &edit))
                return 0;
        n = set->n - (edit.last - edit.first) + edit.n_pieces;
        if (n > MAPPING_SET_MAX)
                return -E2BIG;

        if (set->n_ref > 1) {
                r = copy(set, MAX(n, set->n), &set);
                if (r < 0)
                        return r;
                mapping_set_unref(*s);
                *s = set;
        } else {
                r = ARRAY_RESERVE(set->items, set->capacity, n);
                if (r < 0)
                        return r;
        }

        apply(set, &edit);
        return 0;
}

const Mapping *mapping_set_find(const MappingSet *s, uint64_t address) {
        size_t i = first_ending_after(s, address);

        return i < s->n && s->items[i].start <= address ? &s->items[i] : NULL;
}

size_t mapping_set_get_bytes(const MappingSet *s) {
        return sizeof(*s) + s->capacity * sizeof(s->items[0]);
}

size_t mapping_set_size(const MappingSet *s) {
        return s->n;
}

const Mapping *mapping_set_get(const MappingSet *s, size_t i) {
        return &s->items[i];
}

bool mapping_set_equal(const MappingSet *a, const MappingSet *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!same_mapping(&a->items[i], &b->items[i]))
                        return false;
        return true;
}
