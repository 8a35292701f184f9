/* SPDX-License-Identifier: Apache-2.0 */
/* The Order of a pprof File */

#include <endian.h>

#include "profile/pprof-order.h"

typedef struct RankedLocation {
        uint64_t address;
        uint32_t mapping_rank, index;
} RankedLocation;

/* path: the ranks of the stack, root first, each with its high byte first, so that memcmp()
 * compares whole stacks. Stacks with the same callers then stand together, and compress well. */
typedef struct RankedSample {
        const uint32_t *path;
        const uint32_t *locations;
        uint32_t n_locations, index;
} RankedSample;

/* What sorting needs beside the profile, dropped once everything has its id. */
typedef struct Ranking {
        Profile *profile;
        uint32_t *mappings, *locations; /* ranks by index */
        RankedSample *samples;
        size_t n_samples;
        uint32_t *paths; /* of all samples */
} Ranking;

static void ranking_done(Ranking *r) {
        free(r->mappings);
        free(r->locations);
        free(r->samples);
        free(r->paths);
}

static void *new_array(size_t n, size_t size) {
        return calloc(MAX(n, (size_t) 1), size);
}

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

/* Strings of one profile: equal ones are one. */
static int compare_strings(const char *a, const char *b) {
        return a == b ? 0 : strcmp(a, b);
}

static int compare_mappings(const void *x, const void *y, void *userdata) {
        const Ranking *ranking = userdata;
        ProfileMapping a, b;
        int r;

        profile_get_mapping(ranking->profile, *(const uint32_t *) x, &a);
        profile_get_mapping(ranking->profile, *(const uint32_t *) y, &b);
        r = compare_strings(a.filename, b.filename);
        if (r == 0)
                r = compare_strings(a.build_id, b.build_id);
        if (r == 0)
                r = COMPARE(a.start, b.start);
        if (r == 0)
                r = COMPARE(a.limit, b.limit);
        if (r == 0)
                r = COMPARE(a.offset, b.offset);
        return r;
}

static int compare_lines(const Ranking *ranking, const ProfileLine *x, const ProfileLine *y) {
        ProfileFunction a, b;
        int r;

        r = COMPARE(x->line, y->line);
        if (r != 0 || x->function == y->function)
                return r;

        profile_get_function(ranking->profile, x->function, &a);
        profile_get_function(ranking->profile, y->function, &b);
        r = compare_strings(a.name, b.name);
        if (r == 0)
                r = compare_strings(a.system_name, b.system_name);
        if (r == 0)
                r = compare_strings(a.filename, b.filename);
        if (r == 0)
                r = COMPARE(a.start_line, b.start_line);
        return r;
}

static int compare_locations(const void *x, const void *y, void *userdata) {
        const RankedLocation *p = x, *q = y;
        const Ranking *ranking = userdata;
        ProfileLocation a, b;
        int r;

        r = COMPARE(p->mapping_rank, q->mapping_rank);
        if (r == 0)
                r = COMPARE(p->address, q->address);
        if (r != 0)
                return r;

        /* One address under two names: no file behind it, or merged from two profiles. */
        profile_get_location(ranking->profile, p->index, &a);
        profile_get_location(ranking->profile, q->index, &b);
        r = COMPARE(a.folded, b.folded);
        if (r == 0)
                r = COMPARE(a.n_lines, b.n_lines);
        for (size_t i = 0; r == 0 && i < a.n_lines; i++)
                r = compare_lines(ranking, &a.lines[i], &b.lines[i]);
        return r;
}

static int compare_labels(const Ranking *ranking, size_t x, size_t y) {
        ProfileLabel labels[PROFILE_LABELS_MAX];
        ProfileSample a, b;
        int r;

        profile_get_sample(ranking->profile, x, &a);
        memcpy(labels, a.labels, a.n_labels * sizeof(labels[0])); /* the view is used again */
        profile_get_sample(ranking->profile, y, &b);

        for (size_t i = 0; i < MIN(a.n_labels, b.n_labels); i++) {
                const ProfileLabel *p = &labels[i], *q = &b.labels[i];

                r = COMPARE(!p->string, !q->string);
                if (r == 0)
                        r = compare_strings(p->key, q->key);
                if (r == 0)
                        r = p->string ? compare_strings(p->string, q->string)
                                      : COMPARE(p->number, q->number);
                if (r == 0)
                        r = compare_strings(p->unit, q->unit);
                if (r != 0)
                        return r;
        }
        return COMPARE(a.n_labels, b.n_labels);
}

static int compare_samples(const void *x, const void *y, void *userdata) {
        const RankedSample *a = x, *b = y;
        int r;

        r = memcmp(a->path, b->path, MIN(a->n_locations, b->n_locations) * sizeof(a->path[0]));
        if (r == 0)
                r = COMPARE(a->n_locations, b->n_locations);
        return r != 0 ? r : compare_labels(userdata, a->index, b->index);
}

static int rank_mappings(Ranking *ranking) {
        _cleanup_free_ uint32_t *order = NULL;
        size_t n = profile_n_mappings(ranking->profile);

        order = new_array(n, sizeof(uint32_t));
        ranking->mappings = new_array(n, sizeof(uint32_t));
        if (!order || !ranking->mappings)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++)
                order[i] = i;
        if (n > 1)
                qsort_r(order + 1, n - 1, sizeof(uint32_t), compare_mappings, ranking);
        for (size_t i = 0; i < n; i++)
                ranking->mappings[order[i]] = i;
        return 0;
}

static int rank_locations(Ranking *ranking) {
        _cleanup_free_ RankedLocation *ranked = NULL;
        size_t n = profile_n_locations(ranking->profile);

        ranked = new_array(n, sizeof(RankedLocation));
        ranking->locations = new_array(n, sizeof(uint32_t));
        if (!ranked || !ranking->locations)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                ProfileLocation l;

                profile_get_location(ranking->profile, i, &l);
                ranked[i] = (RankedLocation){
                        .address = l.address,
                        .mapping_rank = l.mapping == PROFILE_NONE ? PROFILE_NONE
                                                                  : ranking->mappings[l.mapping],
                        .index = i,
                };
        }
        qsort_r(ranked, n, sizeof(RankedLocation), compare_locations, ranking);
        for (size_t i = 0; i < n; i++)
                ranking->locations[ranked[i].index] = i;
        return 0;
}

static bool sample_is_zero(const Ranking *ranking, const ProfileSample *s) {
        for (size_t i = 0; i < profile_n_value_types(ranking->profile); i++)
                if (s->values[i] != 0)
                        return false;
        return true;
}

static int make_paths(Ranking *ranking) {
        uint32_t *path;
        size_t n = 0;

        for (size_t i = 0; i < ranking->n_samples; i++)
                n += ranking->samples[i].n_locations;
        path = ranking->paths = new_array(n, sizeof(uint32_t));
        if (!path)
                return -ENOMEM;

        for (size_t i = 0; i < ranking->n_samples; i++) {
                RankedSample *s = &ranking->samples[i];

                s->path = path;
                for (uint32_t k = s->n_locations; k > 0; k--)
                        *path++ = htobe32(ranking->locations[s->locations[k - 1]]);
        }
        return 0;
}

static int sort_samples(Ranking *ranking) {
        size_t n = profile_n_samples(ranking->profile);
        int r;

        ranking->samples = new_array(n, sizeof(RankedSample));
        if (!ranking->samples)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                ProfileSample s;

                profile_get_sample(ranking->profile, i, &s);
                if (!sample_is_zero(ranking, &s))
                        ranking->samples[ranking->n_samples++] = (RankedSample){
                                .locations = s.locations,
                                .n_locations = s.n_locations,
                                .index = i,
                        };
        }
        r = make_paths(ranking);
        if (r < 0)
                return r;
        qsort_r(ranking->samples, ranking->n_samples, sizeof(RankedSample), compare_samples,
                ranking);
        return 0;
}

static int ids_init(PprofIds *t, size_t n) {
        t->ids = new_array(n, sizeof(uint32_t));
        t->order = new_array(n, sizeof(uint32_t));
        return t->ids && t->order ? 0 : -ENOMEM;
}

static void ids_use(PprofIds *t, uint32_t index) {
        if (t->ids[index] != 0)
                return;
        t->order[t->n++] = index;
        t->ids[index] = t->n;
}

static int number_entries(PprofOrder *o, const Ranking *ranking) {
        const Profile *p = ranking->profile;

        o->samples = new_array(ranking->n_samples, sizeof(uint32_t));
        if (!o->samples || ids_init(&o->mappings, profile_n_mappings(p)) < 0 ||
            ids_init(&o->locations, profile_n_locations(p)) < 0 ||
            ids_init(&o->functions, profile_n_functions(p)) < 0)
                return -ENOMEM;

        for (size_t i = 0; i < ranking->n_samples; i++) {
                const RankedSample *s = &ranking->samples[i];

                o->samples[o->n_samples++] = s->index;
                for (size_t k = 0; k < s->n_locations; k++)
                        ids_use(&o->locations, s->locations[k]);
        }

        if (profile_n_mappings(p) > 0)
                ids_use(&o->mappings, 0);
        for (size_t i = 0; i < o->locations.n; i++) {
                ProfileLocation l;

                profile_get_location(p, o->locations.order[i], &l);
                if (l.mapping != PROFILE_NONE)
                        ids_use(&o->mappings, l.mapping);
                for (size_t k = 0; k < l.n_lines; k++)
                        ids_use(&o->functions, l.lines[k].function);
        }
        return 0;
}

int pprof_order_init(PprofOrder *o, Profile *p) {
        _cleanup_(ranking_done) Ranking ranking = { .profile = p };
        int r;

        *o = (PprofOrder){};
        r = rank_mappings(&ranking);
        if (r < 0)
                return r;
        r = rank_locations(&ranking);
        if (r < 0)
                return r;
        r = sort_samples(&ranking);
        if (r < 0)
                return r;
        return number_entries(o, &ranking);
}

void pprof_order_done(PprofOrder *o) {
        PprofIds *tables[] = { &o->mappings, &o->locations, &o->functions };

        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                free(tables[i]->ids);
                free(tables[i]->order);
        }
        free(o->samples);
        *o = (PprofOrder){};
}
