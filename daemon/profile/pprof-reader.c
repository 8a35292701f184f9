/* SPDX-License-Identifier: Apache-2.0 */
/* Reading pprof Files: from the tables of each to a profile */

#include "profile/pprof-reader.h"
#include "basic/array.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "profile/gzip.h"
#include "profile/pprof-tables.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"

/* Index in the profile by index in the file, PROFILE_NONE: not yet there. */
typedef PPROF_TABLE(uint32_t) Indices;

struct PprofReader {
        PprofTables tables;
        Profile *head;
        uint8_t *plain;
        size_t plain_capacity;

        Profile *to;
        bool merge; /* mappings may lie elsewhere */
        Indices strings, mappings, functions, locations;
        PPROF_TABLE(uint64_t) shifts; /* of addresses, by mapping */
        uint32_t stack[PROFILE_STACK_MAX];
        ProfileLabel labels[PROFILE_LABELS_MAX];
};

int pprof_reader_new(PprofReader **ret) {
        PprofReader *p;

        p = calloc(1, sizeof(PprofReader));
        if (!p)
                return -ENOMEM;
        *ret = p;
        return 0;
}

PprofReader *pprof_reader_free(PprofReader *p) {
        if (!p)
                return NULL;
        pprof_tables_done(&p->tables);
        profile_free(p->head);
        free(p->plain);
        free(p->strings.all);
        free(p->mappings.all);
        free(p->shifts.all);
        free(p->functions.all);
        free(p->locations.all);
        free(p);
        return NULL;
}

const Profile *pprof_reader_get_head(const PprofReader *p) {
        return p->head;
}

int64_t pprof_reader_total(const PprofReader *p, size_t value_type) {
        return pprof_tables_total(&p->tables, value_type);
}

/* ---- opening ---- */

static const char *get_string(const PprofReader *p, uint32_t i) {
        return pprof_tables_string(&p->tables, i);
}

static int make_head(PprofReader *p, Profile **ret) {
        const PprofTables *t = &p->tables;
        const ProfileHeader h = {
                .time_nsec = t->time_nsec,
                .duration_nsec = t->duration_nsec,
                .period_type = { get_string(p, t->period_type.type),
                                 get_string(p, t->period_type.unit) },
                .period = t->period,
                .default_sample_type = get_string(p, t->default_sample_type),
                .drop_frames = get_string(p, t->drop_frames),
                .keep_frames = get_string(p, t->keep_frames),
                .doc_url = get_string(p, t->doc_url),
        };
        ProfileValueType types[PROFILE_VALUE_TYPES_MAX];
        _cleanup_(profile_freep) Profile *head = NULL;
        int r;

        for (size_t i = 0; i < t->n_types; i++)
                types[i] = (ProfileValueType){ get_string(p, t->types[i].type),
                                               get_string(p, t->types[i].unit) };
        r = profile_new(&head, types, t->n_types);
        if (r >= 0)
                r = profile_set_header(head, &h);
        for (size_t i = 0; r >= 0 && i < t->comments.n; i++)
                r = profile_add_comment(head, get_string(p, t->comments.all[i]));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(head);
        return 0;
}

/* The bytes in p->plain, with room for one behind them. */
static int unpack(PprofReader *p, const void *data, size_t size, size_t *ret_size) {
        int r;

        if (gzip_is_gzip(data, size))
                return gzip_decompress(data, size, PPROF_ENCODED_MAX, &p->plain, &p->plain_capacity,
                                       ret_size, &p->tables.reason);
        r = ARRAY_RESERVE(p->plain, p->plain_capacity, size + 1);
        if (r < 0)
                return r;
        memcpy(p->plain, data, size);
        *ret_size = size;
        return 0;
}

static int open_data(PprofReader *p, const void *data, size_t size, const char **ret_reason) {
        PprofTables *t = &p->tables;
        size_t plain_size;
        int r;

        t->reason = NULL;
        p->head = profile_free(p->head);
        r = unpack(p, data, size, &plain_size);
        if (r >= 0)
                r = pprof_tables_read(t, p->plain, plain_size);
        if (r >= 0)
                r = make_head(p, &p->head);
        if (r == -E2BIG && !t->reason)
                t->reason = "It has more entries than a profile may have.";
        if (t->reason && ret_reason)
                *ret_reason = t->reason;
        return r;
}

int pprof_reader_open_file(PprofReader *p, int dir_fd, const char *path, const char **ret_reason) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = read_full_file_at(dir_fd, path, PPROF_ENCODED_MAX, &data, &size);
        if (r == -E2BIG && ret_reason)
                *ret_reason = "The file is larger than a profile may be.";
        return r < 0 ? r : open_data(p, data, size, ret_reason);
}

/* ---- from the file's indices to the profile's ---- */

static int forget(Indices *i, size_t n) {
        int r;

        r = ARRAY_RESERVE(i->all, i->capacity, n);
        if (r < 0)
                return r;
        if (n > 0)
                memset(i->all, 0xff, n * sizeof(i->all[0]));
        i->n = n;
        return 0;
}

static int start(PprofReader *p, Profile *to, bool merge) {
        const PprofTables *t = &p->tables;
        int r;

        p->to = to;
        p->merge = merge;
        r = ARRAY_RESERVE(p->shifts.all, p->shifts.capacity, t->mappings.n);
        if (r >= 0)
                r = forget(&p->strings, t->strings.n);
        if (r >= 0)
                r = forget(&p->mappings, t->mappings.n);
        if (r >= 0)
                r = forget(&p->functions, t->functions.n);
        return r < 0 ? r : forget(&p->locations, t->locations.n);
}

static int take_string(PprofReader *p, uint32_t i) {
        return p->strings.all[i] != PROFILE_NONE
                       ? 0
                       : profile_intern(p->to, get_string(p, i), &p->strings.all[i]);
}

static int take_mapping(PprofReader *p, uint32_t i) {
        const PprofMapping *from = &p->tables.mappings.all[i];
        const ProfileMapping m = {
                .start = from->start,
                .limit = from->limit,
                .offset = from->offset,
                .filename = get_string(p, from->filename),
                .build_id = get_string(p, from->build_id),
                .has_functions = from->has_functions,
                .has_filenames = from->has_filenames,
                .has_line_numbers = from->has_line_numbers,
                .has_inline_frames = from->has_inline_frames,
        };

        ProfileMapping here;
        int r;

        r = p->merge ? profile_merge_mapping(p->to, &m, &p->mappings.all[i])
                     : profile_add_mapping(p->to, &m, &p->mappings.all[i]);
        if (r < 0)
                return r;
        profile_get_mapping(p->to, p->mappings.all[i], &here);
        p->shifts.all[i] = here.start - m.start; /* modulo 2^64 */
        return 0;
}

static int take_function(PprofReader *p, uint32_t i) {
        const PprofFunction *f = &p->tables.functions.all[i];
        int r;

        if (p->functions.all[i] != PROFILE_NONE)
                return 0;
        r = take_string(p, f->name);
        if (r >= 0)
                r = take_string(p, f->system_name);
        if (r >= 0)
                r = take_string(p, f->filename);
        if (r < 0)
                return r;
        return profile_add_interned_function(
                p->to, p->strings.all[f->name], p->strings.all[f->system_name],
                p->strings.all[f->filename], f->start_line, &p->functions.all[i]);
}

static int take_location(PprofReader *p, uint32_t i) {
        const PprofLocation *from = &p->tables.locations.all[i];
        ProfileLine lines[PROFILE_LINES_MAX];
        ProfileLocation l = {
                .mapping = PROFILE_NONE,
                .address = from->address,
                .lines = lines,
                .n_lines = from->n_lines,
                .folded = from->folded,
        };
        int r;

        for (uint32_t k = 0; k < from->n_lines; k++) {
                const ProfileLine *line = &p->tables.lines.all[from->first_line + k];

                r = take_function(p, line->function);
                if (r < 0)
                        return r;
                lines[k] = (ProfileLine){ p->functions.all[line->function], line->line };
        }
        if (from->mapping != PROFILE_NONE) {
                if (p->mappings.all[from->mapping] == PROFILE_NONE) {
                        r = take_mapping(p, from->mapping);
                        if (r < 0)
                                return r;
                }
                l.mapping = p->mappings.all[from->mapping];
                l.address += p->shifts.all[from->mapping];
        }
        return profile_add_location(p->to, &l, &p->locations.all[i]);
}

static int take_labels(PprofReader *p, const PprofSample *from, ProfileSample *s) {
        for (uint32_t i = 0; i < from->n_labels; i++) {
                const PprofLabel *l = &p->tables.labels.all[from->first_label + i];
                int r;

                r = take_string(p, l->key);
                if (r >= 0)
                        r = take_string(p, l->string);
                if (r >= 0)
                        r = take_string(p, l->unit);
                if (r < 0)
                        return r;
                p->labels[i] = (ProfileLabel){
                        .key = profile_get_string(p->to, p->strings.all[l->key]),
                        .string = l->string == 0
                                          ? NULL
                                          : profile_get_string(p->to, p->strings.all[l->string]),
                        .number = l->number,
                        .unit = profile_get_string(p->to, p->strings.all[l->unit]),
                };
        }
        s->labels = p->labels;
        s->n_labels = from->n_labels;
        return 0;
}

static int take_sample(PprofReader *p, size_t i) {
        const PprofSample *from = &p->tables.samples.all[i];
        const uint32_t *stack = p->tables.stacks.all + from->first_location;
        ProfileSample s = { .locations = p->stack,
                            .n_locations = from->n_locations,
                            .values = p->tables.values.all + i * p->tables.n_types };
        int r;

        for (uint32_t k = 0; k < from->n_locations; k++) {
                if (p->locations.all[stack[k]] == PROFILE_NONE) {
                        r = take_location(p, stack[k]);
                        if (r < 0)
                                return r;
                }
                p->stack[k] = p->locations.all[stack[k]];
        }
        r = take_labels(p, from, &s);
        if (r < 0)
                return r;
        r = profile_add_interned_sample(p->to, &s);
        /* What is no text may become the same once it is made text. */
        return r == -EINVAL ? -EBADMSG : r;
}

/* ---- a profile of its own ---- */

static int decode_all(PprofReader *p) {
        const PprofTables *t = &p->tables;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < t->mappings.n; i++)
                r = take_mapping(p, i);
        for (size_t i = 0; r >= 0 && i < t->functions.n; i++)
                r = take_function(p, i);
        for (size_t i = 0; r >= 0 && i < t->locations.n; i++)
                r = take_location(p, i);
        for (size_t i = 0; r >= 0 && i < t->samples.n; i++)
                r = take_sample(p, i);
        return r;
}

int pprof_reader_decode(PprofReader *p, Profile **ret) {
        _cleanup_(profile_freep) Profile *new = NULL;
        int r;

        r = make_head(p, &new);
        if (r >= 0)
                r = start(p, new, false);
        if (r >= 0)
                r = decode_all(p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(new);
        return 0;
}

/* Decodes what r says is open. */
static int finish_decode(PprofReader *p, int r, Profile **ret, const char **ret_reason) {
        if (r >= 0) {
                r = pprof_reader_decode(p, ret);
                if (r == -E2BIG)
                        p->tables.reason = "It has more entries than a profile may have.";
                if (r == -EBADMSG)
                        p->tables.reason = "A sample has two values for one label.";
        }
        if (r < 0 && p->tables.reason && ret_reason)
                *ret_reason = p->tables.reason;
        return r < 0 ? r : 0;
}

int pprof_decode(const void *data, size_t size, Profile **ret, const char **ret_reason) {
        _cleanup_(pprof_reader_freep) PprofReader *p = NULL;
        int r;

        r = pprof_reader_new(&p);
        return r < 0 ? r : finish_decode(p, open_data(p, data, size, NULL), ret, ret_reason);
}

int pprof_read_file(int dir_fd, const char *path, Profile **ret, const char **ret_reason) {
        _cleanup_(pprof_reader_freep) PprofReader *p = NULL;
        int r;

        r = pprof_reader_new(&p);
        if (r >= 0)
                r = pprof_reader_open_file(p, dir_fd, path, ret_reason);
        return r < 0 ? r : finish_decode(p, r, ret, ret_reason);
}

/* ---- into another ---- */

static bool is_wanted(const PprofReader *p,
                      const PprofSample *s,
                      const char *key,
                      const char *value) {
        if (!key)
                return true;
        for (uint32_t i = 0; i < s->n_labels; i++) {
                const PprofLabel *l = &p->tables.labels.all[s->first_label + i];

                if (streq(get_string(p, l->key), key))
                        return value && l->string != 0 && streq(get_string(p, l->string), value);
        }
        return !value;
}

static bool is_zero(const int64_t *values, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (values[i] != 0)
                        return false;
        return true;
}

int pprof_reader_merge(
        PprofReader *p, Profile *to, const char *key, const char *value, int64_t *totals) {
        const PprofTables *t = &p->tables;
        int r;

        r = profile_merge_head(to, p->head);
        if (r >= 0)
                r = start(p, to, true);
        /* The main binary of the first profile is that of the sum, whoever uses it. */
        if (r >= 0 && profile_n_mappings(to) == 0 && t->mappings.n > 0)
                r = take_mapping(p, 0);
        for (size_t i = 0; r >= 0 && i < t->samples.n; i++) {
                const int64_t *values = t->values.all + i * t->n_types;

                if (!is_wanted(p, &t->samples.all[i], key, value) || is_zero(values, t->n_types))
                        continue;
                for (size_t k = 0; totals && k < t->n_types; k++)
                        totals[k] = profile_add_values(totals[k], values[k]);
                r = take_sample(p, i);
        }
        return r < 0 ? r : 0;
}
