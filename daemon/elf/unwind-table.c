/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind Table */

#include "elf/unwind-table.h"
#include "basic/array.h"
#include "basic/hash.h"

enum {
        SLOTS_MIN = 1 << 10,
        RULE_WORDS = sizeof(struct unwind_rule) / sizeof(uint64_t),
        RULE_NONE = 0, /* index of UNWIND_NOT_COVERED */
};

/* From here on, until the next one: a row before there are pages. */
typedef struct Stretch {
        uint32_t offset; /* from the first page */
        uint32_t rule;
} Stretch;

struct UnwindTable {
        uint64_t start, end; /* of the first page; of what has been added */
        uint64_t covered_bytes;
        Stretch *stretches;
        size_t n_stretches, stretches_capacity;

        struct unwind_rule *rules;
        size_t n_rules, rules_capacity;
        uint32_t *slots; /* open addressing: index of a rule + 1, 0: free */
        size_t n_slots;

        IndexUnwindPage *pages;
        IndexUnwindRow *rows;
        size_t n_pages, n_rows, rows_capacity;
};

_Static_assert((uint64_t) INDEX_UNWIND_PAGES_MAX *INDEX_UNWIND_PAGE_SIZE <= UINT32_MAX,
               "offsets fit");

UnwindTable *unwind_table_free(UnwindTable *t) {
        if (!t)
                return NULL;

        free(t->stretches);
        free(t->rules);
        free(t->slots);
        free(t->pages);
        free(t->rows);
        free(t);
        return NULL;
}

static bool rule_is_equal(const struct unwind_rule *a, const struct unwind_rule *b) {
        uint64_t x[RULE_WORDS], y[RULE_WORDS], different = 0;

        memcpy(x, a, sizeof(x));
        memcpy(y, b, sizeof(y));
        for (size_t i = 0; i < RULE_WORDS; i++)
                different |= x[i] ^ y[i];
        return different == 0;
}

static size_t rule_hash(const struct unwind_rule *rule) {
        uint64_t words[RULE_WORDS];

        memcpy(words, rule, sizeof(words));
        return (size_t) hash_words(words, RULE_WORDS, 0);
}

static int unwind_table_grow_slots(UnwindTable *t) {
        size_t n = MAX(t->n_slots * 2, (size_t) SLOTS_MIN);
        uint32_t *slots;

        slots = calloc(n, sizeof(uint32_t));
        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_rules; i++) {
                size_t k = rule_hash(&t->rules[i]) & (n - 1);

                while (slots[k] != 0)
                        k = (k + 1) & (n - 1);
                slots[k] = (uint32_t) i + 1;
        }
        free(t->slots);
        t->slots = slots;
        t->n_slots = n;
        return 0;
}

static int unwind_table_put_rule(UnwindTable *t, const struct unwind_rule *rule, uint32_t *ret) {
        size_t k;
        int r;

        if (t->n_rules * 2 >= t->n_slots) {
                r = unwind_table_grow_slots(t);
                if (r < 0)
                        return r;
        }
        for (k = rule_hash(rule) & (t->n_slots - 1); t->slots[k] != 0;
             k = (k + 1) & (t->n_slots - 1))
                if (rule_is_equal(&t->rules[t->slots[k] - 1], rule)) {
                        *ret = t->slots[k] - 1;
                        return 0;
                }

        if (t->n_rules >= INDEX_UNWIND_RULES_MAX)
                return -ENOSPC;
        r = ARRAY_RESERVE(t->rules, t->rules_capacity, t->n_rules + 1);
        if (r < 0)
                return r;
        t->rules[t->n_rules++] = *rule;
        t->slots[k] = (uint32_t) t->n_rules;
        *ret = (uint32_t) t->n_rules - 1;
        return 0;
}

int unwind_table_new(UnwindTable **ret) {
        static const struct unwind_rule reserved[] = {
                { .kind = UNWIND_NOT_COVERED },
                { .kind = UNWIND_REFUSED }, /* has room even when there are too many rules */
        };
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        uint32_t index;
        int r;

        t = calloc(1, sizeof(UnwindTable));
        if (!t)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++) {
                r = unwind_table_put_rule(t, &reserved[i], &index);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(t);
        return 0;
}

static int unwind_table_add_stretch(UnwindTable *t, uint64_t at, uint32_t rule) {
        int r;

        if (t->n_stretches > 0 && t->stretches[t->n_stretches - 1].rule == rule)
                return 0;
        if (t->n_stretches >= INDEX_UNWIND_ROWS_MAX - INDEX_UNWIND_PAGES_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(t->stretches, t->stretches_capacity, t->n_stretches + 1);
        if (r < 0)
                return r;
        t->stretches[t->n_stretches++] = (Stretch){
                .offset = (uint32_t) (at - t->start),
                .rule = rule,
        };
        return 0;
}

/* So many bytes more have the rule that was added last. */
static void unwind_table_count(UnwindTable *t, uint64_t n) {
        const struct unwind_rule *rule = &t->rules[t->stretches[t->n_stretches - 1].rule];

        if (rule->kind != UNWIND_NOT_COVERED && rule->kind != UNWIND_REFUSED)
                t->covered_bytes += n;
}

int unwind_table_add(UnwindTable *t, uint64_t start, uint64_t end, const struct unwind_rule *rule) {
        uint32_t index;
        int r;

        assert(start < end);
        if (t->n_stretches == 0)
                t->start = t->end = start / INDEX_UNWIND_PAGE_SIZE * INDEX_UNWIND_PAGE_SIZE;
        assert(start >= t->end);
        if (end - t->start > (uint64_t) INDEX_UNWIND_PAGES_MAX * INDEX_UNWIND_PAGE_SIZE)
                return -E2BIG;

        r = unwind_table_put_rule(t, rule, &index);
        if (r < 0)
                return r;
        if (start > t->end) {
                r = unwind_table_add_stretch(t, t->end, RULE_NONE);
                if (r < 0)
                        return r;
        }
        r = unwind_table_add_stretch(t, start, index);
        if (r < 0)
                return r;
        t->end = end;
        unwind_table_count(t, end - start);
        return 0;
}

void unwind_table_extend(UnwindTable *t, uint64_t start, uint64_t end) {
        if (t->n_stretches == 0 || start != t->end || end < start ||
            end - t->start > (uint64_t) INDEX_UNWIND_PAGES_MAX * INDEX_UNWIND_PAGE_SIZE)
                return;
        t->end = end;
        unwind_table_count(t, end - start);
}

UnwindMark unwind_table_get_mark(const UnwindTable *t) {
        return (UnwindMark){
                .n_rows = t->n_stretches,
                .end = t->end,
                .covered_bytes = t->covered_bytes,
        };
}

void unwind_table_return(UnwindTable *t, const UnwindMark *mark) {
        assert(mark->n_rows <= t->n_stretches);
        t->n_stretches = mark->n_rows;
        t->end = mark->end;
        t->covered_bytes = mark->covered_bytes;
}

/* Rows of one page; *i is the stretch in force at its start, and then at its end. */
static int unwind_table_lay_out_page(UnwindTable *t, size_t page, size_t *i) {
        uint32_t base = (uint32_t) (page * INDEX_UNWIND_PAGE_SIZE);
        size_t first = t->n_rows;
        int r;

        for (uint32_t offset = 0;;) {
                r = ARRAY_RESERVE(t->rows, t->rows_capacity, t->n_rows + 1);
                if (r < 0)
                        return r;
                t->rows[t->n_rows++] = (IndexUnwindRow){
                        .offset = (uint16_t) offset,
                        .rule = (uint16_t) t->stretches[*i].rule,
                };
                if (*i + 1 >= t->n_stretches)
                        break;
                offset = t->stretches[*i + 1].offset - base;
                if (offset >= INDEX_UNWIND_PAGE_SIZE)
                        break;
                (*i)++;
        }

        /* A page without any rule needs no row to say so. */
        if (t->n_rows == first + 1 && t->rows[first].rule == RULE_NONE)
                t->n_rows = first;
        t->pages[page] = (IndexUnwindPage){
                .first_row = (uint32_t) first,
                .n_rows = (uint16_t) (t->n_rows - first),
        };
        return 0;
}

int unwind_table_finish(UnwindTable *t) {
        size_t i = 0;
        int r;

        if (t->n_stretches == 0)
                return 0;
        /* Behind the last function nothing is covered. */
        if (t->end % INDEX_UNWIND_PAGE_SIZE != 0) {
                r = unwind_table_add_stretch(t, t->end, RULE_NONE);
                if (r < 0)
                        return r;
        }

        t->n_pages = (size_t) (ROUND_UP(t->end - t->start, INDEX_UNWIND_PAGE_SIZE) /
                               INDEX_UNWIND_PAGE_SIZE);
        t->pages = calloc(t->n_pages, sizeof(IndexUnwindPage));
        if (!t->pages)
                return -ENOMEM;
        for (size_t page = 0; page < t->n_pages; page++) {
                /* The stretch that begins exactly here is the one in force. */
                while (i + 1 < t->n_stretches &&
                       t->stretches[i + 1].offset <= page * INDEX_UNWIND_PAGE_SIZE)
                        i++;
                r = unwind_table_lay_out_page(t, page, &i);
                if (r < 0)
                        return r;
        }
        return 0;
}

uint64_t unwind_table_get_start(const UnwindTable *t) {
        return t->start;
}

uint64_t unwind_table_get_covered(const UnwindTable *t) {
        return t->covered_bytes;
}

const IndexUnwindPage *unwind_table_get_pages(const UnwindTable *t, size_t *ret_n) {
        *ret_n = t->n_pages;
        return t->pages;
}

const IndexUnwindRow *unwind_table_get_rows(const UnwindTable *t, size_t *ret_n) {
        *ret_n = t->n_rows;
        return t->rows;
}

const struct unwind_rule *unwind_table_get_rules(const UnwindTable *t, size_t *ret_n) {
        *ret_n = t->n_rules;
        return t->rules;
}
