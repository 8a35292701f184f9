/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call Tree
 *
 * Children are found by a table over (parent, frame); parents always come before their children, so
 * that sums need one walk from the end and no recursion: stacks of anyone may be very deep.
 */

#include "profile/call-tree.h"
#include "basic/array.h"
#include "basic/hash.h"
#include "profile/profile-quality.h"

enum {
        BUCKETS_MIN = 1024, /* a power of two */
};

/* What a filter said of a frame, so that it is asked once. */
typedef enum FrameMark {
        MARK_FOCUS = 1 << 0,
        MARK_HIDE = 1 << 1,
} FrameMark;

struct CallTree {
        CallTreeOptions options;
        FrameTable *frames;
        uint8_t *marks;
        size_t n_marks, capacity_marks;
        CallNode *nodes;
        size_t n_nodes, capacity;
        uint32_t *buckets; /* nodes, PROFILE_NONE: free */
        size_t n_buckets;
};

CallTree *call_tree_free(CallTree *t) {
        if (!t)
                return NULL;
        frame_table_free(t->frames);
        free(t->marks);
        free(t->nodes);
        free(t->buckets);
        free(t);
        return NULL;
}

static size_t bucket_of(const CallTree *t, uint32_t parent, uint32_t frame) {
        return hash_mix(0, (uint64_t) parent << 32 | frame) & (t->n_buckets - 1);
}

static void put_bucket(CallTree *t, uint32_t node) {
        size_t i = bucket_of(t, t->nodes[node].parent, t->nodes[node].frame);

        while (t->buckets[i] != PROFILE_NONE)
                i = (i + 1) & (t->n_buckets - 1);
        t->buckets[i] = node;
}

static int grow_buckets(CallTree *t) {
        size_t n = MAX(2 * t->n_buckets, (size_t) BUCKETS_MIN);
        uint32_t *buckets;

        buckets = malloc(n * sizeof(*buckets));
        if (!buckets)
                return -ENOMEM;
        memset(buckets, 0xff, n * sizeof(*buckets)); /* PROFILE_NONE */
        free(t->buckets);
        t->buckets = buckets;
        t->n_buckets = n;
        for (size_t i = 1; i < t->n_nodes; i++)
                put_bucket(t, i);
        return 0;
}

static int add_node(CallTree *t, uint32_t parent, uint32_t frame, uint32_t *ret) {
        int r;

        if (t->n_nodes >= CALL_TREE_NODES_MAX)
                return -E2BIG;
        if (2 * t->n_nodes >= t->n_buckets) {
                r = grow_buckets(t);
                if (r < 0)
                        return r;
        }
        r = ARRAY_RESERVE(t->nodes, t->capacity, t->n_nodes + 1);
        if (r < 0)
                return r;

        *ret = t->n_nodes++;
        t->nodes[*ret] = (CallNode){
                .frame = frame,
                .parent = parent,
                .first_child = PROFILE_NONE,
                .next_sibling = PROFILE_NONE,
        };
        if (parent == PROFILE_NONE)
                return 0;
        t->nodes[*ret].next_sibling = t->nodes[parent].first_child;
        t->nodes[parent].first_child = *ret;
        put_bucket(t, *ret);
        return 0;
}

int call_tree_new(CallTree **ret, const CallTreeOptions *options) {
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        uint32_t root;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        if (options)
                t->options = *options;
        r = frame_table_new(&t->frames);
        if (r < 0)
                return r;
        r = add_node(t, PROFILE_NONE, PROFILE_NONE, &root);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static int find_child(CallTree *t, uint32_t parent, uint32_t frame, uint32_t *ret) {
        for (size_t i = bucket_of(t, parent, frame); t->buckets[i] != PROFILE_NONE;
             i = (i + 1) & (t->n_buckets - 1)) {
                const CallNode *n = &t->nodes[t->buckets[i]];

                if (n->parent == parent && n->frame == frame) {
                        *ret = t->buckets[i];
                        return 0;
                }
        }
        return add_node(t, parent, frame, ret);
}

static int mark_frames(CallTree *t) {
        size_t n = frame_table_size(t->frames);
        int r;

        r = ARRAY_RESERVE(t->marks, t->capacity_marks, n);
        if (r < 0)
                return r;
        for (; t->n_marks < n; t->n_marks++) {
                uint8_t mark = 0;
                Frame f;

                frame_table_get(t->frames, t->n_marks, &f);
                if (!t->options.focus || t->options.focus(&f, t->options.userdata))
                        mark |= MARK_FOCUS;
                if (t->options.hide && t->options.hide(&f, t->options.userdata))
                        mark |= MARK_HIDE;
                t->marks[t->n_marks] = mark;
        }
        return 0;
}

static bool has_focus(const CallTree *t, const FrameStack *s) {
        if (!t->options.focus)
                return true;
        for (size_t i = 0; i < s->n; i++)
                if (t->marks[s->frames[i]] & MARK_FOCUS)
                        return true;
        return false;
}

static int add_stack(CallTree *t, const FrameStack *s, int64_t value, CallTreeSide side) {
        uint32_t node = 0;

        if (!has_focus(t, s))
                return 0;
        for (size_t i = 0; i < s->n; i++) {
                size_t at = t->options.invert ? s->n - 1 - i : i, n_nodes = t->n_nodes;
                uint32_t frame = s->frames[at];
                int r;

                if (t->marks[frame] & MARK_HIDE)
                        continue;
                r = find_child(t, node, frame, &node);
                if (r < 0)
                        return r;
                t->nodes[node].inlined =
                        (t->n_nodes > n_nodes || t->nodes[node].inlined) && s->inlined[at];
        }
        t->nodes[node].self[side] = profile_add_values(t->nodes[node].self[side], value);
        return 0;
}

static void sum_up(CallTree *t, CallTreeSide side) {
        for (size_t i = 0; i < t->n_nodes; i++)
                t->nodes[i].total[side] = t->nodes[i].self[side];
        for (size_t i = t->n_nodes; i-- > 1;) {
                int64_t *total = &t->nodes[t->nodes[i].parent].total[side];

                *total = profile_add_values(*total, t->nodes[i].total[side]);
        }
}

static int add_samples(
        CallTree *t, Profile *p, const FrameMap *map, size_t value_type, CallTreeSide side) {
        _cleanup_(frame_stack_done) FrameStack stack = {};
        int r;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                if (s.values[value_type] == 0)
                        continue;
                r = frame_map_get_stack(map, &s, &stack);
                if (r < 0)
                        return r;
                r = add_stack(t, &stack, s.values[value_type], side);
                if (r < 0)
                        return r;
        }
        return 0;
}

int call_tree_add(CallTree *t, Profile *p, size_t value_type, CallTreeSide side) {
        _cleanup_(frame_map_done) FrameMap map = {};
        int r;

        assert(value_type < profile_n_value_types(p));

        r = frame_table_add_profile(t->frames, p, &map);
        if (r < 0)
                return r;
        r = mark_frames(t);
        if (r < 0)
                return r;
        r = add_samples(t, p, &map, value_type, side);
        if (r < 0)
                return r;
        sum_up(t, side);
        return 0;
}

size_t call_tree_size(const CallTree *t) {
        return t->n_nodes;
}

const CallNode *call_tree_get(const CallTree *t, uint32_t node) {
        return &t->nodes[node];
}

const FrameTable *call_tree_get_frames(const CallTree *t) {
        return t->frames;
}

static int compare_siblings(const void *a, const void *b, void *userdata) {
        const CallTree *t = userdata;
        const CallNode *x = &t->nodes[*(const uint32_t *) a], *y = &t->nodes[*(const uint32_t *) b];
        Frame f, g;
        int r;

        for (int side = 0; side < _CALL_TREE_SIDE_MAX; side++)
                if (x->total[side] != y->total[side])
                        return x->total[side] > y->total[side] ? -1 : 1;
        frame_table_get(t->frames, x->frame, &f);
        frame_table_get(t->frames, y->frame, &g);
        r = strcmp(f.name, g.name);
        return r != 0 ? r : strcmp(f.binary, g.binary);
}

int call_tree_sort(CallTree *t) {
        _cleanup_free_ uint32_t *children = NULL;
        size_t capacity = 0;
        int r;

        for (size_t i = 0; i < t->n_nodes; i++) {
                size_t n = 0;

                for (uint32_t c = t->nodes[i].first_child; c != PROFILE_NONE;
                     c = t->nodes[c].next_sibling) {
                        r = ARRAY_RESERVE(children, capacity, n + 1);
                        if (r < 0)
                                return r;
                        children[n++] = c;
                }
                if (n < 2)
                        continue;
                qsort_r(children, n, sizeof(*children), compare_siblings, t);
                t->nodes[i].first_child = children[0];
                for (size_t k = 0; k < n; k++)
                        t->nodes[children[k]].next_sibling =
                                k + 1 < n ? children[k + 1] : PROFILE_NONE;
        }
        return 0;
}
