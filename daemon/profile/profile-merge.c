/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging Profiles
 *
 * What is the same in two profiles need not have the same address: a mapping may have moved, so
 * locations are carried over by their distance from its start. Only what samples use is carried
 * over.
 */

#include "profile/profile-counts.h"
#include "profile/profile-split.h"

/* Which samples are taken over, and what of them. */
typedef struct Choice {
        size_t first, step;
        bool drop_text; /* labels that are text stay behind */
} Choice;

typedef struct Merge {
        Profile *to, *from;
        const Choice *choice;
        uint32_t *mappings, *functions, *locations; /* index in from -> in to, or PROFILE_NONE */
        uint32_t stack[PROFILE_STACK_MAX];
        ProfileLabel labels[PROFILE_LABELS_MAX];
} Merge;

static void merge_done(Merge *m) {
        free(m->mappings);
        free(m->functions);
        free(m->locations);
}

static int new_indices(size_t n, uint32_t **ret) {
        uint32_t *indices;

        indices = malloc(MAX(n, (size_t) 1) * sizeof(uint32_t));
        if (!indices)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                indices[i] = PROFILE_NONE;
        *ret = indices;
        return 0;
}

static bool value_types_are_equal(const ProfileValueType *a, const ProfileValueType *b) {
        return streq(a->type, b->type) && streq(a->unit, b->unit);
}

/* A new profile, of which nothing but the value types is known. */
static bool is_blank(const Profile *p, const ProfileHeader *h) {
        return profile_n_samples(p) == 0 && h->time_nsec == 0 && h->duration_nsec == 0 &&
               h->period == 0 && h->period_type.type[0] == '\0';
}

static int check_types(const Profile *to, const Profile *from) {
        ProfileHeader x, y;

        if (profile_n_value_types(to) != profile_n_value_types(from))
                return -EPROTOTYPE;
        for (size_t i = 0; i < profile_n_value_types(to); i++) {
                ProfileValueType a, b;

                profile_get_value_type(to, i, &a);
                profile_get_value_type(from, i, &b);
                if (!value_types_are_equal(&a, &b))
                        return -EPROTOTYPE;
        }

        profile_get_header(to, &x);
        profile_get_header(from, &y);
        if (!is_blank(to, &x) && !value_types_are_equal(&x.period_type, &y.period_type))
                return -EPROTOTYPE;
        return 0;
}

static int64_t earliest(int64_t a, int64_t b) {
        if (a == 0 || b == 0)
                return MAX(a, b);
        return MIN(a, b);
}

int profile_merge_head(Profile *to, const Profile *from) {
        ProfileHeader h, other;
        int r;

        r = check_types(to, from);
        if (r < 0)
                return r;
        profile_get_header(to, &h);
        profile_get_header(from, &other);
        if (is_blank(to, &h))
                h = other;
        else {
                h.time_nsec = earliest(h.time_nsec, other.time_nsec);
                if (__builtin_add_overflow(h.duration_nsec, other.duration_nsec, &h.duration_nsec))
                        h.duration_nsec = other.duration_nsec < 0 ? INT64_MIN : INT64_MAX;
                h.period = MAX(h.period, other.period);
                if (h.default_sample_type[0] == '\0')
                        h.default_sample_type = other.default_sample_type;
                if (h.doc_url[0] == '\0')
                        h.doc_url = other.doc_url;
        }
        r = profile_set_header(to, &h);
        if (r < 0)
                return r;

        for (size_t i = 0; i < profile_n_comments(from); i++) {
                const char *comment = profile_get_comment(from, i);

                r = profile_comment_counts(comment) ? 0 : profile_add_comment(to, comment);
                if (r < 0 && r != -E2BIG) /* comments are for people: enough is enough */
                        return r;
        }
        return 0;
}

static int merge_mapping(Merge *m, uint32_t i) {
        ProfileMapping mapping;

        if (m->mappings[i] != PROFILE_NONE)
                return 0;
        profile_get_mapping(m->from, i, &mapping);
        return profile_merge_mapping(m->to, &mapping, &m->mappings[i]);
}

static int merge_function(Merge *m, uint32_t i) {
        ProfileFunction function;

        if (m->functions[i] != PROFILE_NONE)
                return 0;
        profile_get_function(m->from, i, &function);
        return profile_add_function(m->to, &function, &m->functions[i]);
}

static int merge_location(Merge *m, uint32_t i) {
        ProfileLine lines[PROFILE_LINES_MAX];
        ProfileLocation location;
        int r;

        if (m->locations[i] != PROFILE_NONE)
                return 0;

        profile_get_location(m->from, i, &location);
        for (size_t k = 0; k < location.n_lines; k++) {
                r = merge_function(m, location.lines[k].function);
                if (r < 0)
                        return r;
                lines[k] = (ProfileLine){
                        .function = m->functions[location.lines[k].function],
                        .line = location.lines[k].line,
                };
        }
        location.lines = lines;

        if (location.mapping != PROFILE_NONE) {
                ProfileMapping here, there;

                profile_get_mapping(m->from, location.mapping, &there);
                r = merge_mapping(m, location.mapping);
                if (r < 0)
                        return r;
                location.mapping = m->mappings[location.mapping];
                profile_get_mapping(m->to, location.mapping, &here);
                location.address += here.start - there.start; /* modulo 2^64 */
        }
        return profile_add_location(m->to, &location, &m->locations[i]);
}

static void drop_text_labels(Merge *m, ProfileSample *s) {
        size_t n = 0;

        for (size_t i = 0; i < s->n_labels; i++)
                if (!s->labels[i].string)
                        m->labels[n++] = s->labels[i];
        s->labels = m->labels;
        s->n_labels = n;
}

static int merge_sample(Merge *m, size_t i) {
        ProfileSample s;
        bool zero = true;
        int r;

        profile_get_sample(m->from, i, &s);
        for (size_t k = 0; k < profile_n_value_types(m->from); k++)
                zero = zero && s.values[k] == 0;
        if (zero)
                return 0;

        for (size_t k = 0; k < s.n_locations; k++) {
                r = merge_location(m, s.locations[k]);
                if (r < 0)
                        return r;
                m->stack[k] = m->locations[s.locations[k]];
        }
        s.locations = m->stack;
        if (m->choice->drop_text)
                drop_text_labels(m, &s);
        return profile_add_sample(m->to, &s);
}

static int merge_samples(Profile *p, Profile *from, const Choice *choice) {
        _cleanup_(merge_done) Merge m = { .to = p, .from = from, .choice = choice };
        int r;

        r = profile_merge_head(p, from);
        if (r < 0)
                return r;

        r = new_indices(profile_n_mappings(from), &m.mappings);
        if (r < 0)
                return r;
        r = new_indices(profile_n_functions(from), &m.functions);
        if (r < 0)
                return r;
        r = new_indices(profile_n_locations(from), &m.locations);
        if (r < 0)
                return r;

        /* The main binary of the first profile is that of the sum, whoever uses it. */
        if (profile_n_mappings(p) == 0 && profile_n_mappings(from) > 0) {
                r = merge_mapping(&m, 0);
                if (r < 0)
                        return r;
        }
        for (size_t i = choice->first; i < profile_n_samples(from); i += choice->step) {
                r = merge_sample(&m, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

int profile_merge(Profile *p, Profile *from) {
        assert(p != from);
        return merge_samples(p, from, &(Choice){ .step = 1 });
}

static int copy_samples(Profile *p, const Choice *choice, Profile **ret) {
        ProfileValueType types[PROFILE_VALUE_TYPES_MAX];
        _cleanup_(profile_freep) Profile *new = NULL;
        int r;

        for (size_t i = 0; i < profile_n_value_types(p); i++)
                profile_get_value_type(p, i, &types[i]);
        r = profile_new(&new, types, profile_n_value_types(p));
        if (r >= 0)
                r = merge_samples(new, p, choice);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(new);
        return 0;
}

int profile_split(Profile *p, size_t part, size_t n_parts, Profile **ret) {
        assert(part < n_parts);
        return copy_samples(p, &(Choice){ .first = part, .step = n_parts }, ret);
}

int profile_drop_text_labels(Profile *p, Profile **ret) {
        return copy_samples(p, &(Choice){ .step = 1, .drop_text = true }, ret);
}
