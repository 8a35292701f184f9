/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profile Symbols
 *
 * A file has a mapping for each of its segments, and after a merge perhaps more: they are joined by
 * path and build id. Files are tens, mappings hundreds at most in all but hostile profiles.
 */

#include "profile/profile-symbols.h"
#include "basic/array.h"
#include "basic/string-util.h"

enum { SYMBOLS_ROWS_MAX = 4096 }; /* further files share the last row */

typedef struct Table {
        SymbolsRow *rows;
        size_t n, capacity;
        uint32_t *of_mapping; /* row by mapping */
} Table;

static void table_done(Table *t) {
        symbols_rows_free(t->rows, t->n);
        free(t->of_mapping);
}

void symbols_rows_free(SymbolsRow *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(rows[i].file);
                free(rows[i].build_id);
                free(rows[i].sources);
        }
        free(rows);
}

bool symbols_row_is_file(const SymbolsRow *row) {
        return row->file[0] == '/' && row->file[1] != '/' && !startswith(row->file, "/memfd:");
}

bool symbols_row_is_memory(const SymbolsRow *row) {
        return !row->kernel && (streq(row->file, "//anon") || startswith(row->file, "[anon") ||
                                startswith(row->file, "/memfd:"));
}

static int add_row(Table *t, const char *file, const char *build_id, bool kernel, uint32_t *ret) {
        SymbolsRow row = { .kernel = kernel };
        int r;

        for (size_t i = 0; i < t->n; i++)
                if (streq(t->rows[i].file, file) && streq(t->rows[i].build_id, build_id)) {
                        *ret = (uint32_t) i;
                        return 0;
                }
        if (t->n >= SYMBOLS_ROWS_MAX) {
                *ret = (uint32_t) t->n - 1;
                return 0;
        }

        r = ARRAY_RESERVE(t->rows, t->capacity, t->n + 1);
        if (r < 0)
                return r;
        row.file = strdup(file);
        row.build_id = strdup(build_id);
        row.sources = strdup("");
        t->rows[t->n++] = row;
        *ret = (uint32_t) t->n - 1;
        return row.file && row.build_id && row.sources ? 0 : -ENOMEM;
}

static int add_mappings(Table *t, const Profile *p) {
        size_t n = profile_n_mappings(p);

        t->of_mapping = calloc(n + 1, sizeof(*t->of_mapping));
        if (!t->of_mapping)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++) {
                ProfileMapping m;
                int r;

                profile_get_mapping(p, i, &m);
                r = add_row(t, m.filename, m.build_id, profile_mapping_is_kernel(&m),
                            &t->of_mapping[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool location_is_named(const Profile *p, const ProfileLocation *l) {
        return l->n_lines > 0 && !isempty(profile_function_display_name(p, l->lines[0].function));
}

static int add_sample(Table *t, const Profile *p, const ProfileSample *s, size_t value_type) {
        int count = profile_find_value_type(p, "samples");
        uint64_t weight = count >= 0 ? (uint64_t) MAX(s->values[count], 0) : 1;

        for (size_t i = 0; i < s->n_locations; i++) {
                ProfileLocation l;
                SymbolsRow *row;
                uint32_t index;
                bool named;
                int r;

                profile_get_location(p, s->locations[i], &l);
                if (l.mapping == PROFILE_NONE) {
                        r = add_row(t, "", "", false, &index);
                        if (r < 0)
                                return r;
                } else
                        index = t->of_mapping[l.mapping];
                row = &t->rows[index];
                named = location_is_named(p, &l);
                row->frames += weight;
                row->named += named ? weight : 0;
                if (i > 0)
                        continue;
                row->self = profile_add_values(row->self, s->values[value_type]);
                if (!named)
                        row->unnamed = profile_add_values(row->unnamed, s->values[value_type]);
        }
        return 0;
}

/* The sources that the last window told of: files get better, not worse. */
static int add_sources(Table *t, const Profile *p) {
        for (size_t i = 0; i < profile_n_comments(p); i++) {
                const char *comment = profile_get_comment(p, i), *sources, *file;

                if (!startswith(comment, PROFILE_NOTE_NAMES ": "))
                        continue;
                sources = comment + strlen(PROFILE_NOTE_NAMES ": ");
                file = strchr(sources, ' ');
                for (size_t k = 0; file && k < t->n; k++) {
                        if (!streq(t->rows[k].file, file + 1))
                                continue;
                        free(t->rows[k].sources);
                        t->rows[k].sources = strndup(sources, (size_t) (file - sources));
                        if (!t->rows[k].sources)
                                return -ENOMEM;
                }
        }
        return 0;
}

static int compare_rows(const void *a, const void *b) {
        const SymbolsRow *x = a, *y = b;

        if (x->self != y->self)
                return x->self > y->self ? -1 : 1;
        if (x->frames != y->frames)
                return x->frames > y->frames ? -1 : 1;
        return strcmp(x->file, y->file);
}

int profile_symbols(Profile *p, size_t value_type, SymbolsRow **ret, size_t *ret_n) {
        _cleanup_(table_done) Table t = {};
        size_t n = 0;
        int r;

        r = add_mappings(&t, p);
        for (size_t i = 0; r >= 0 && i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                r = add_sample(&t, p, &s, value_type);
        }
        if (r >= 0)
                r = add_sources(&t, p);
        if (r < 0)
                return r;

        /* Mapping 0 may be of a file that no sample fell into. */
        for (size_t i = 0; i < t.n; i++) {
                SymbolsRow row = t.rows[i];

                if (row.frames == 0)
                        continue;
                t.rows[i] = t.rows[n];
                t.rows[n++] = row;
        }
        for (size_t i = n; i < t.n; i++) {
                free(t.rows[i].file);
                free(t.rows[i].build_id);
                free(t.rows[i].sources);
        }
        t.n = 0;
        qsort(t.rows, n, sizeof(SymbolsRow), compare_rows);
        *ret = TAKE_PTR(t.rows);
        *ret_n = n;
        return 0;
}
