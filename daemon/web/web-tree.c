/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees as JSON
 *
 * What a flame graph is drawn from. Small frames are left out here, not in the browser, and how
 * much that was is said.
 */

#include <inttypes.h>

#include "basic/string-util.h"
#include "profile/call-tree.h"
#include "profile/flame.h"
#include "web/web-app.h"
#include "web/web-search.h"

enum {
        TREE_NODES_MAX = 20000,
        TREE_LEVELS_MAX = FLAME_LEVELS_MAX,
};

typedef struct Walk {
        TextWriter w;
        const CallTree *tree;
        const DiffRule *rule; /* NULL: no comparison */
        double min[_CALL_TREE_SIDE_MAX];
        size_t n_written, n_folded;
        int64_t folded; /* value of those that are left out */
} Walk;

static const char *kind_of(const CallNode *n, const Frame *f) {
        if (n->frame == PROFILE_NONE)
                return "root";
        if (n->inlined)
                return "inline";
        return f->kernel ? "kernel" : f->named ? "user" : "unnamed";
}

static const char *change_of(const Walk *k, const CallNode *n) {
        static const char *const names[] = {
                [DIFF_NOISE] = "noise", [DIFF_MORE] = "more", [DIFF_LESS] = "less",
                [DIFF_NEW] = "new",     [DIFF_GONE] = "gone",
        };

        return names[diff_classify(k->rule, n->total[CALL_TREE_BASE], n->total[CALL_TREE_VALUE])];
}

static bool is_small(const Walk *k, const CallNode *n) {
        return (double) n->total[CALL_TREE_VALUE] < k->min[CALL_TREE_VALUE] &&
               (!k->rule || (double) n->total[CALL_TREE_BASE] < k->min[CALL_TREE_BASE]);
}

/* All below and including the node. Not by recursion: foreign stacks are deep. */
static size_t count_nodes(const CallTree *t, uint32_t top) {
        uint32_t i = top;
        size_t n = 0;

        for (;;) {
                const CallNode *node = call_tree_get(t, i);

                n++;
                if (node->first_child != PROFILE_NONE) {
                        i = node->first_child;
                        continue;
                }
                while (i != top && call_tree_get(t, i)->next_sibling == PROFILE_NONE)
                        i = call_tree_get(t, i)->parent;
                if (i == top)
                        return n;
                i = call_tree_get(t, i)->next_sibling;
        }
}

static void fold(Walk *k, uint32_t i) {
        k->n_folded += count_nodes(k->tree, i);
        k->folded =
                profile_add_values(k->folded, call_tree_get(k->tree, i)->total[CALL_TREE_VALUE]);
}

static void open_node(Walk *k, uint32_t i, bool first) {
        const CallNode *n = call_tree_get(k->tree, i);
        Frame f = { .name = "all", .binary = "" };

        if (n->frame != PROFILE_NONE)
                frame_table_get(call_tree_get_frames(k->tree), n->frame, &f);
        text_add(&k->w, first ? "{\"n\":" : ",{\"n\":");
        text_add_json(&k->w, f.name);
        text_add(&k->w, ",\"f\":");
        text_add_json(&k->w, f.binary);
        text_addf(&k->w, ",\"k\":\"%s\",\"v\":%" PRIi64, kind_of(n, &f), n->total[CALL_TREE_VALUE]);
        if (k->rule)
                text_addf(&k->w, ",\"b\":%" PRIi64 ",\"d\":\"%s\"", n->total[CALL_TREE_BASE],
                          change_of(k, n));
        text_add(&k->w, ",\"c\":[");
        k->n_written++;
}

/* The first of the node and its brothers that is shown; those before it are folded. */
static uint32_t next_shown(Walk *k, uint32_t i, size_t level) {
        for (; i != PROFILE_NONE; i = call_tree_get(k->tree, i)->next_sibling) {
                if (level <= TREE_LEVELS_MAX && k->n_written < TREE_NODES_MAX &&
                    !is_small(k, call_tree_get(k->tree, i)))
                        return i;
                fold(k, i);
        }
        return PROFILE_NONE;
}

static void write_nodes(Walk *k) {
        uint32_t i = 0, next;
        size_t level = 0;

        open_node(k, 0, true);
        for (;;) {
                next = next_shown(k, call_tree_get(k->tree, i)->first_child, level + 1);
                if (next != PROFILE_NONE) {
                        open_node(k, next, true);
                        i = next;
                        level++;
                        continue;
                }
                for (;;) {
                        text_add(&k->w, "]}");
                        if (level == 0)
                                return;
                        next = next_shown(k, call_tree_get(k->tree, i)->next_sibling, level);
                        if (next != PROFILE_NONE)
                                break;
                        i = call_tree_get(k->tree, i)->parent;
                        level--;
                }
                open_node(k, next, false);
                i = next;
        }
}

/* The value of the stacks with a matching frame, each counted once. */
static int64_t find_matched(const CallTree *t, const WebSearch *search) {
        int64_t matched = 0;
        uint32_t i = 0;

        for (;;) {
                const CallNode *n = call_tree_get(t, i);
                bool hit = false;

                if (n->frame != PROFILE_NONE) {
                        Frame f;

                        frame_table_get(call_tree_get_frames(t), n->frame, &f);
                        hit = web_search_matches(search, f.name);
                }
                if (hit)
                        matched = profile_add_values(matched, n->total[CALL_TREE_VALUE]);
                else if (n->first_child != PROFILE_NONE) {
                        i = n->first_child;
                        continue;
                }
                while (i != 0 && call_tree_get(t, i)->next_sibling == PROFILE_NONE)
                        i = call_tree_get(t, i)->parent;
                if (i == 0)
                        return matched;
                i = call_tree_get(t, i)->next_sibling;
        }
}

static int make_tree(const WebTask *t, CallTree **ret) {
        CallTreeOptions options = { .invert = web_request_get(t->request, "invert") };
        _cleanup_(call_tree_freep) CallTree *tree = NULL;
        int r;

        r = call_tree_new(&tree, &options);
        if (r >= 0)
                r = call_tree_add(tree, t->value->data.profile, t->value->data.value_type,
                                  CALL_TREE_VALUE);
        if (r >= 0 && t->base)
                r = call_tree_add(tree, t->base->data.profile, t->base->data.value_type,
                                  CALL_TREE_BASE);
        if (r >= 0)
                r = call_tree_sort(tree);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(tree);
        return 0;
}

static void add_side(TextWriter *w, const char *prefix, const WebCollection *k) {
        const ReportData *d = &k->data;

        text_addf(w,
                  ",\"%sfrom\":%" PRIu64 ",\"%sto\":%" PRIu64 ",\"%scovered\":%" PRIu64
                  ",\"%stotal\":%" PRIi64 ",\"%sprofiles\":%zu,\"%sprofiles_found\":%zu",
                  prefix, d->start_usec, prefix, d->end_usec, prefix, d->covered_usec, prefix,
                  profile_total(d->profile, d->value_type), prefix, d->n_parts, prefix, k->n_found);
}

static void add_head(TextWriter *w, const WebTask *t) {
        ProfileValueType type;

        profile_get_value_type(t->value->data.profile, t->value->data.value_type, &type);
        text_add(w, "{\"unit\":");
        text_add_json(w, t->view.unit);
        text_add(w, ",\"type\":");
        text_add_json(w, type.type);
        text_add(w, ",\"unit_of_value\":");
        text_add_json(w, type.unit);
        text_add(w, ",\"thread\":");
        text_add_json(w, t->view.thread ?: "");
        add_side(w, "", t->value);
        if (!t->base)
                return;
        text_add(w, ",\"base_unit\":");
        text_add_json(w, t->base->entries[0].unit);
        text_add(w, ",\"note\":");
        text_add_json(w, t->note ?: "");
        add_side(w, "base_", t->base);
}

static int respond(WebTask *t, const DiffRule *rule) {
        _cleanup_(call_tree_freep) CallTree *tree = NULL;
        _cleanup_(text_writer_done) TextWriter w = {};
        const char *pattern = web_request_get(t->request, "search");
        double min = web_task_min_share(t);
        Walk k = { .rule = rule };
        WebSearch search;
        int r;

        r = make_tree(t, &tree);
        if (r < 0)
                return r;
        k.tree = tree;
        for (size_t i = 0; i < _CALL_TREE_SIDE_MAX; i++)
                k.min[i] = min * (double) call_tree_get(tree, 0)->total[i];

        add_head(&w, t);
        if (rule)
                text_addf(&w, ",\"scale\":%.9g,\"base_scale\":%.9g", rule->scale_after,
                          rule->scale_before);
        if (!isempty(pattern)) {
                web_search_init(&search, pattern);
                text_addf(&w, ",\"matched\":%" PRIi64, find_matched(tree, &search));
        }
        write_nodes(&k);
        text_addf(&w,
                  ",\"min\":%.6g,\"nodes\":%zu,\"folded_nodes\":%zu,\"folded\":%.6f,\"root\":", min,
                  k.n_written, k.n_folded,
                  call_tree_get(tree, 0)->total[CALL_TREE_VALUE] > 0
                          ? (double) k.folded /
                                    (double) call_tree_get(tree, 0)->total[CALL_TREE_VALUE]
                          : 0);
        if (k.w.error < 0)
                w.error = k.w.error;
        else
                text_add_bytes(&w, k.w.text, k.w.size);
        text_writer_done(&k.w);
        text_add(&w, "}\n");
        return web_respond_text(t->response, 200, "application/json", &w);
}

int respond_tree(WebTask *t) {
        return respond(t, NULL);
}

int respond_diff(WebTask *t) {
        bool normalize = web_request_get(t->request, "normalize"),
             all = web_request_get(t->request, "all"), cores;
        DiffRule rule;
        int r;

        r = report_compare(&t->base->data, &t->value->data, normalize, all, &rule, &cores);
        if (r == -EPROTOTYPE)
                return web_fail(t->response, 422, "The units of their values differ.",
                                "Choose the same type for both.", "They cannot be compared.");
        return r < 0 ? r : respond(t, &rule);
}
