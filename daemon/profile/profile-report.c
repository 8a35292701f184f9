/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profile Report
 *
 * Every line of every location is interned once as an entry (the row it belongs to), so that the
 * walk over the samples only adds numbers.
 */

#include <limits.h>

#define HASH_NONFATAL_OOM        1
#define uthash_nonfatal_oom(elt) ((elt)->index = UINT32_MAX)
#include <uthash.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/profile-quality.h"
#include "profile/profile-report.h"

/* A row in the making. */
typedef struct Entry {
        ReportRow row;
        char *key; /* what makes it different from others, with embedded zero bytes */
        uint32_t index;
        size_t sample; /* the last one that was added to row.cumulative, plus 1 */
        UT_hash_handle hh;
} Entry;

/* The entries of all locations: those of location i are keys[first[i]] up to keys[first[i + 1]],
 * innermost first. */
typedef struct EntryTable {
        Entry *by_key;
        Entry **entries;
        size_t n_entries, capacity_entries;
        uint32_t *keys;
        size_t n_keys, capacity_keys;
        size_t *first;
} EntryTable;

static const char *const grouping_names[] = {
        [REPORT_BY_FUNCTION] = "function", [REPORT_BY_LINE] = "line", [REPORT_BY_BINARY] = "binary",
        [REPORT_BY_THREAD] = "thread",     [REPORT_BY_PID] = "pid",
};

ReportGrouping report_grouping_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(grouping_names); i++)
                if (streq(s, grouping_names[i]))
                        return (ReportGrouping) i;
        return _REPORT_GROUPING_INVALID;
}

const char *report_grouping_to_string(ReportGrouping g) {
        return g >= 0 && g < _REPORT_GROUPING_MAX ? grouping_names[g] : NULL;
}

static void row_done(ReportRow *r) {
        free(r->name);
        free(r->binary);
        free(r->file);
}

void report_rows_free(ReportRow *rows, size_t n) {
        for (size_t i = 0; i < n; i++)
                row_done(&rows[i]);
        free(rows);
}

void report_steps_free(ReportStep *steps, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(steps[i].name);
        free(steps);
}

static void entry_free(Entry *e) {
        row_done(&e->row);
        free(e->key);
        free(e);
}

static void entry_table_done(EntryTable *t) {
        HASH_CLEAR(hh, t->by_key);
        for (size_t i = 0; i < t->n_entries; i++)
                entry_free(t->entries[i]);
        free(t->entries);
        free(t->keys);
        free(t->first);
}

/* What an entry is made from; strings are borrowed. */
typedef struct EntryKey {
        const char *name, *binary, *file;
        int64_t line;
        bool kernel, named;
} EntryKey;

static Entry *entry_new(const EntryKey *k, char *key, uint32_t index) {
        Entry *e;

        e = calloc(1, sizeof(*e));
        if (!e)
                return NULL;

        e->row = (ReportRow){
                .name = strdup(k->name),
                .binary = strdup(k->binary),
                .file = strdup(k->file),
                .line = k->line,
                .kernel = k->kernel,
                .named = k->named,
        };
        e->index = index;
        if (!e->row.name || !e->row.binary || !e->row.file) {
                entry_free(e);
                return NULL;
        }
        e->key = key;
        return e;
}

static int entry_table_intern(EntryTable *t, const EntryKey *k, uint32_t *ret_index) {
        size_t n_name = strlen(k->name) + 1, n_binary = strlen(k->binary) + 1,
               n_file = strlen(k->file) + 1, size;
        _cleanup_free_ char *key = NULL;
        Entry *e = NULL;
        int r;

        size = n_name + n_binary + n_file + sizeof(k->line) + 1;
        key = malloc(size);
        if (!key)
                return -ENOMEM;
        memcpy(key, k->name, n_name);
        memcpy(key + n_name, k->binary, n_binary);
        memcpy(key + n_name + n_binary, k->file, n_file);
        memcpy(key + n_name + n_binary + n_file, &k->line, sizeof(k->line));
        key[size - 1] = (char) (k->kernel | k->named << 1);

        HASH_FIND(hh, t->by_key, key, size, e);
        if (e) {
                *ret_index = e->index;
                return 0;
        }

        r = ARRAY_RESERVE(t->entries, t->capacity_entries, t->n_entries + 1);
        if (r < 0)
                return r;
        e = entry_new(k, key, t->n_entries);
        if (!e)
                return -ENOMEM;
        TAKE_PTR(key);

        HASH_ADD_KEYPTR(hh, t->by_key, e->key, size, e);
        if (e->index == UINT32_MAX) {
                entry_free(e);
                return -ENOMEM;
        }

        t->entries[t->n_entries++] = e;
        *ret_index = e->index;
        return 0;
}

/* line NULL: the location has no name. */
static void make_key(const Profile *p,
                     const ProfileLocation *l,
                     const ProfileLine *line,
                     ReportGrouping by,
                     char unknown[static PROFILE_UNKNOWN_MAX],
                     EntryKey *ret) {
        ProfileMapping m = { .filename = "" };
        ProfileFunction f;
        const char *name;

        if (l->mapping != PROFILE_NONE)
                profile_get_mapping(p, l->mapping, &m);

        *ret = (EntryKey){
                .name = profile_unknown_name(&m, by == REPORT_BY_BINARY ? 0 : l->address, unknown),
                .binary = profile_mapping_display_name(&m),
                .file = "",
                .kernel = profile_mapping_is_kernel(&m),
        };
        if (by == REPORT_BY_BINARY) {
                if (!isempty(ret->binary)) {
                        ret->name = ret->binary;
                        ret->named = true;
                }
                return;
        }
        if (!line)
                return;

        name = profile_function_display_name(p, line->function);
        if (isempty(name))
                return;
        ret->name = name;
        ret->named = true;
        if (by == REPORT_BY_LINE) {
                profile_get_function(p, line->function, &f);
                ret->file = f.filename;
                ret->line = line->line;
        }
}

static int entry_table_add_location(EntryTable *t,
                                    const Profile *p,
                                    uint32_t i,
                                    ReportGrouping by) {
        ProfileLocation l;
        int r;

        profile_get_location(p, i, &l);

        r = ARRAY_RESERVE(t->keys, t->capacity_keys, t->n_keys + MAX(l.n_lines, (size_t) 1));
        if (r < 0)
                return r;

        for (size_t j = 0; j < MAX(l.n_lines, (size_t) 1); j++) {
                char unknown[PROFILE_UNKNOWN_MAX];
                EntryKey k;

                make_key(p, &l, l.n_lines > 0 ? &l.lines[j] : NULL, by, unknown, &k);
                r = entry_table_intern(t, &k, &t->keys[t->n_keys]);
                if (r < 0)
                        return r;
                t->n_keys++;

                /* Inlined functions are in the same file as their caller. */
                if (by == REPORT_BY_BINARY)
                        break;
        }
        return 0;
}

static int entry_table_add_locations(EntryTable *t, const Profile *p, ReportGrouping by) {
        size_t n = profile_n_locations(p);

        t->first = calloc(n + 1, sizeof(*t->first));
        if (!t->first)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                int r;

                r = entry_table_add_location(t, p, i, by);
                if (r < 0)
                        return r;
                t->first[i + 1] = t->n_keys;
        }
        return 0;
}

static void add_stack(EntryTable *t, const ProfileSample *s, size_t sample, int64_t value) {
        for (size_t i = 0; i < s->n_locations; i++) {
                uint32_t l = s->locations[i];

                for (size_t j = t->first[l]; j < t->first[l + 1]; j++) {
                        Entry *e = t->entries[t->keys[j]];

                        if (i == 0 && j == t->first[l])
                                e->row.self = profile_add_values(e->row.self, value);
                        /* Recursion must not count twice. */
                        if (e->sample == sample + 1)
                                continue;
                        e->sample = sample + 1;
                        e->row.cumulative = profile_add_values(e->row.cumulative, value);
                }
        }
}

static int add_label(EntryTable *t, const ProfileSample *s, ReportGrouping by, int64_t value) {
        EntryKey k = { .name = PROFILE_UNKNOWN_NAME, .binary = "", .file = "" };
        const char *key = report_grouping_to_string(by);
        char number[sizeof("-9223372036854775808")];
        uint32_t index;
        int r;

        for (size_t i = 0; i < s->n_labels; i++) {
                const ProfileLabel *l = &s->labels[i];

                if (!streq(l->key, key))
                        continue;
                snprintf(number, sizeof(number), "%lld", (long long) l->number);
                k.name = l->string ?: number;
                k.named = true;
        }

        r = entry_table_intern(t, &k, &index);
        if (r < 0)
                return r;

        t->entries[index]->row.self = profile_add_values(t->entries[index]->row.self, value);
        t->entries[index]->row.cumulative = t->entries[index]->row.self;
        return 0;
}

static int compare_rows(const void *a, const void *b) {
        const ReportRow *x = a, *y = b;
        int r;

        if (x->self != y->self)
                return x->self > y->self ? -1 : 1;
        if (x->cumulative != y->cumulative)
                return x->cumulative > y->cumulative ? -1 : 1;
        r = strcmp(x->name, y->name);
        if (r == 0)
                r = strcmp(x->binary, y->binary);
        if (r == 0)
                r = strcmp(x->file, y->file);
        if (r == 0)
                r = x->line < y->line ? -1 : x->line > y->line;
        return r;
}

/* Entries that no sample used are left out: a location may be of a stack that merged to nothing. */
static int entry_table_take_rows(EntryTable *t, ReportRow **ret, size_t *ret_n) {
        ReportRow *rows;
        size_t n = 0;

        rows = calloc(MAX(t->n_entries, (size_t) 1), sizeof(*rows));
        if (!rows)
                return -ENOMEM;

        for (size_t i = 0; i < t->n_entries; i++) {
                ReportRow *r = &t->entries[i]->row;

                if (r->self == 0 && r->cumulative == 0)
                        continue;
                rows[n++] = *r;
                *r = (ReportRow){};
        }
        qsort(rows, n, sizeof(*rows), compare_rows);
        *ret = rows;
        *ret_n = n;
        return 0;
}

int profile_report_rows(
        Profile *p, size_t value_type, ReportGrouping by, ReportRow **ret, size_t *ret_n) {
        _cleanup_(entry_table_done) EntryTable t = {};
        bool by_label = by == REPORT_BY_THREAD || by == REPORT_BY_PID;
        int r;

        assert(value_type < profile_n_value_types(p));

        if (!by_label) {
                r = entry_table_add_locations(&t, p, by);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                if (!by_label) {
                        add_stack(&t, &s, i, s.values[value_type]);
                        continue;
                }
                r = add_label(&t, &s, by, s.values[value_type]);
                if (r < 0)
                        return r;
        }

        return entry_table_take_rows(&t, ret, ret_n);
}

/* Where one sample stands on its way from the root to the leaf. */
typedef struct Cursor {
        size_t sample;
        size_t location; /* those before it, from the leaf, are still to come */
        size_t key;      /* likewise inside of EntryTable.keys */
        uint32_t next;   /* the entry of this step */
} Cursor;

/* The entry that comes next, -ENOENT: the leaf has been passed. */
static int cursor_next(Cursor *c, const EntryTable *t, const ProfileSample *s) {
        while (c->location > 0) {
                uint32_t l = s->locations[c->location - 1];

                if (c->key > t->first[l]) {
                        c->next = t->keys[--c->key];
                        return 0;
                }
                c->location--;
                if (c->location > 0)
                        c->key = t->first[s->locations[c->location - 1] + 1];
        }
        return -ENOENT;
}

static Cursor *cursors_new(Profile *p, const EntryTable *t) {
        Cursor *cursors;

        cursors = calloc(profile_n_samples(p) + 1, sizeof(*cursors));
        if (!cursors)
                return NULL;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                cursors[i] = (Cursor){ .sample = i, .location = s.n_locations };
                if (s.n_locations > 0)
                        cursors[i].key = t->first[s.locations[s.n_locations - 1] + 1];
        }
        return cursors;
}

/*
 * Moves all cursors one frame on, keeps those at the entry with the most value, and says which and
 * how much that is. Entry.row.cumulative is the scratch space: the rows are not used otherwise.
 */
static uint32_t step(Profile *p,
                     EntryTable *t,
                     size_t value_type,
                     Cursor *cursors,
                     size_t *n,
                     int64_t *ret_value) {
        uint32_t best = UINT32_MAX;
        size_t kept = 0;

        for (size_t i = 0; i < *n; i++) {
                ProfileSample s;
                Entry *e;

                profile_get_sample(p, cursors[i].sample, &s);
                if (cursor_next(&cursors[i], t, &s) < 0)
                        continue;
                e = t->entries[cursors[i].next];
                e->row.cumulative = profile_add_values(e->row.cumulative, s.values[value_type]);
                cursors[kept++] = cursors[i];
        }
        *n = kept;

        for (size_t i = 0; i < *n; i++)
                if (best == UINT32_MAX ||
                    t->entries[cursors[i].next]->row.cumulative > t->entries[best]->row.cumulative)
                        best = cursors[i].next;
        if (best != UINT32_MAX)
                *ret_value = t->entries[best]->row.cumulative;

        kept = 0;
        for (size_t i = 0; i < *n; i++) {
                t->entries[cursors[i].next]->row.cumulative = 0;
                if (cursors[i].next == best)
                        cursors[kept++] = cursors[i];
        }
        *n = kept;
        return best;
}

static int steps_append(ReportStep **steps, size_t *capacity, size_t *n, const ReportRow *row) {
        int r;

        r = ARRAY_RESERVE(*steps, *capacity, *n + 1);
        if (r < 0)
                return r;
        (*steps)[*n] = (ReportStep){ .name = strdup(row->name), .kernel = row->kernel };
        if (!(*steps)[*n].name)
                return -ENOMEM;
        (*n)++;
        return 0;
}

int profile_heaviest_path(
        Profile *p, size_t value_type, ReportStep **ret, size_t *ret_n, int64_t *ret_value) {
        _cleanup_(entry_table_done) EntryTable t = {};
        _cleanup_free_ Cursor *cursors = NULL;
        size_t n_cursors = profile_n_samples(p), n = 0, capacity = 0;
        ReportStep *steps = NULL;
        int64_t value = 0;
        int r;

        assert(value_type < profile_n_value_types(p));

        r = entry_table_add_locations(&t, p, REPORT_BY_FUNCTION);
        if (r < 0)
                return r;
        cursors = cursors_new(p, &t);
        if (!cursors)
                return -ENOMEM;

        while (n < PROFILE_STACK_MAX) {
                int64_t next_value = 0;
                uint32_t best;

                best = step(p, &t, value_type, cursors, &n_cursors, &next_value);
                if (best == UINT32_MAX || next_value <= 0 ||
                    (n > 0 && value - next_value > next_value))
                        break;

                r = steps_append(&steps, &capacity, &n, &t.entries[best]->row);
                if (r < 0) {
                        report_steps_free(steps, n);
                        return r;
                }
                value = next_value;
        }

        *ret = steps;
        *ret_n = n;
        *ret_value = value;
        return 0;
}
