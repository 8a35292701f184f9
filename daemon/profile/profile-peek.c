/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers and callees of a function
 *
 * Every pair of neighbours in a stack is counted once for the stack, however often recursion
 * repeats it.
 */

#include "profile/profile-peek.h"
#include "profile/profile-quality.h"

typedef struct FrameValue {
        uint32_t frame;
        int64_t self, cumulative;
        size_t sample; /* the last one that was added to cumulative, plus 1 */
} FrameValue;

/* Values of the neighbours of one function, by frame; the place behind the last is "none". */
typedef struct Neighbours {
        int64_t *values;
        size_t *samples; /* as FrameValue.sample */
        size_t n;
} Neighbours;

static void neighbours_done(Neighbours *n) {
        free(n->values);
        free(n->samples);
}

static int neighbours_init(Neighbours *n, size_t n_frames) {
        n->n = n_frames + 1;
        n->values = calloc(n->n, sizeof(*n->values));
        n->samples = calloc(n->n, sizeof(*n->samples));
        return n->values && n->samples ? 0 : -ENOMEM;
}

static void neighbours_add(Neighbours *n, size_t frame, size_t sample, int64_t value) {
        if (n->samples[frame] == sample + 1)
                return;
        n->samples[frame] = sample + 1;
        n->values[frame] = profile_add_values(n->values[frame], value);
}

static void peek_done(Peek *p) {
        for (size_t i = 0; i < p->n_callers; i++) {
                free(p->callers[i].name);
                free(p->callers[i].binary);
        }
        for (size_t i = 0; i < p->n_callees; i++) {
                free(p->callees[i].name);
                free(p->callees[i].binary);
        }
        free(p->callers);
        free(p->callees);
        free(p->name);
        free(p->binary);
}

void peeks_free(Peek *peeks, size_t n) {
        for (size_t i = 0; i < n; i++)
                peek_done(&peeks[i]);
        free(peeks);
}

static int compare_rows(const void *a, const void *b) {
        const PeekRow *x = a, *y = b;

        if (x->value != y->value)
                return x->value > y->value ? -1 : 1;
        return strcmp(x->name, y->name);
}

static int take_rows(const Neighbours *n, const FrameTable *t, PeekRow **ret, size_t *ret_n) {
        size_t n_rows = 0;

        for (size_t i = 0; i < n->n; i++)
                n_rows += n->values[i] != 0;
        *ret = calloc(n_rows + 1, sizeof(**ret));
        if (!*ret)
                return -ENOMEM;
        for (size_t i = 0; i < n->n; i++) {
                Frame f = { .name = "", .binary = "" };
                PeekRow *row;

                if (n->values[i] == 0)
                        continue;
                if (i + 1 < n->n)
                        frame_table_get(t, i, &f);
                row = &(*ret)[(*ret_n)++];
                *row = (PeekRow){
                        .name = strdup(f.name),
                        .binary = strdup(f.binary),
                        .kernel = f.kernel,
                        .value = n->values[i],
                };
                if (!row->name || !row->binary)
                        return -ENOMEM;
        }
        qsort(*ret, *ret_n, sizeof(**ret), compare_rows);
        return 0;
}

static int peek_one(Profile *p,
                    size_t value_type,
                    const FrameTable *t,
                    const FrameMap *map,
                    const FrameValue *v,
                    Peek *ret) {
        _cleanup_(neighbours_done) Neighbours callers = {}, callees = {};
        _cleanup_(frame_stack_done) FrameStack stack = {};
        size_t none = frame_table_size(t);
        Frame f;
        int r;

        r = neighbours_init(&callers, none);
        if (r >= 0)
                r = neighbours_init(&callees, none);
        if (r < 0)
                return r;
        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                r = frame_map_get_stack(map, &s, &stack);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < stack.n; k++) {
                        if (stack.frames[k] != v->frame)
                                continue;
                        neighbours_add(&callers, k > 0 ? stack.frames[k - 1] : none, i,
                                       s.values[value_type]);
                        if (k + 1 < stack.n)
                                neighbours_add(&callees, stack.frames[k + 1], i,
                                               s.values[value_type]);
                }
        }

        frame_table_get(t, v->frame, &f);
        *ret = (Peek){
                .name = strdup(f.name),
                .binary = strdup(f.binary),
                .kernel = f.kernel,
                .self = v->self,
                .cumulative = v->cumulative,
        };
        if (!ret->name || !ret->binary)
                return -ENOMEM;
        r = take_rows(&callers, t, &ret->callers, &ret->n_callers);
        return r < 0 ? r : take_rows(&callees, t, &ret->callees, &ret->n_callees);
}

static int sum_frames(Profile *p, size_t value_type, const FrameMap *map, FrameValue *values) {
        _cleanup_(frame_stack_done) FrameStack stack = {};

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;
                int64_t value;
                int r;

                profile_get_sample(p, i, &s);
                value = s.values[value_type];
                r = frame_map_get_stack(map, &s, &stack);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < stack.n; k++) {
                        FrameValue *v = &values[stack.frames[k]];

                        if (k + 1 == stack.n)
                                v->self = profile_add_values(v->self, value);
                        if (v->sample == i + 1)
                                continue;
                        v->sample = i + 1;
                        v->cumulative = profile_add_values(v->cumulative, value);
                }
        }
        return 0;
}

static int compare_values(const void *a, const void *b) {
        const FrameValue *x = a, *y = b;

        if (x->cumulative != y->cumulative)
                return x->cumulative > y->cumulative ? -1 : 1;
        return x->frame < y->frame ? -1 : x->frame > y->frame;
}

int profile_peek(Profile *p,
                 size_t value_type,
                 bool (*filter)(const Frame *f, void *userdata),
                 void *userdata,
                 size_t max,
                 Peek **ret,
                 size_t *ret_n,
                 size_t *ret_n_matches) {
        _cleanup_(frame_table_freep) FrameTable *t = NULL;
        _cleanup_(frame_map_done) FrameMap map = {};
        _cleanup_free_ FrameValue *values = NULL;
        size_t n_matches = 0, n = 0;
        Peek *peeks;
        int r;

        r = frame_table_new(&t);
        if (r >= 0)
                r = frame_table_add_profile(t, p, &map);
        if (r < 0)
                return r;
        values = calloc(frame_table_size(t) + 1, sizeof(*values));
        if (!values)
                return -ENOMEM;
        r = sum_frames(p, value_type, &map, values);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < frame_table_size(t); i++) {
                Frame f;

                frame_table_get(t, i, &f);
                values[i].frame = i;
                if (values[i].cumulative != 0 && filter(&f, userdata))
                        values[n_matches++] = values[i];
        }
        qsort(values, n_matches, sizeof(*values), compare_values);

        peeks = calloc(MIN(n_matches, max) + 1, sizeof(*peeks));
        if (!peeks)
                return -ENOMEM;
        while (n < MIN(n_matches, max)) {
                r = peek_one(p, value_type, t, &map, &values[n], &peeks[n]);
                n++;
                if (r < 0) {
                        peeks_free(peeks, n);
                        return r;
                }
        }
        *ret = peeks;
        *ret_n = n;
        *ret_n_matches = n_matches;
        return 0;
}
