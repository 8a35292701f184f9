/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of a flame graph */

#include <inttypes.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/flame-graph.h"
#include "profile/profile-quality.h"

enum {
        LETTER_WIDTH = 7, /* pixels of the script's monospaced font */
        LABEL_PADDING = 6,
        TEXT_OFFSET = 13,   /* of the base line below the top of a row */
        LABEL_MAX = 400,    /* bytes of a label: wider than any screen */
        CHANGE_LEVELS = 3,  /* shades of more and less */
        EDGE_FRAME_MIN = 8, /* pixels: the mark of inlined frames would hide narrower ones */
};

/* Where the next child of each level begins, as a share of the whole. */
typedef struct Walk {
        TextWriter *w;
        const CallTree *tree;
        const FlameOptions *options;
        FlameGraph *graph;
        int64_t total;
        double next[FLAME_LEVELS_MAX + 1];
} Walk;

static unsigned hash_color(const char *binary) {
        uint64_t h = hash_bytes(binary, strlen(binary), 0);

        return (h ^ h >> 32) % FLAME_COLORS;
}

const char *flame_binary_class(const FlameGraph *g, const char *binary, bool kernel) {
        static const char *const classes[FLAME_COLORS] = { "c0", "c1", "c2", "c3",
                                                           "c4", "c5", "c6", "c7" };

        if (kernel)
                return "ck";
        if (isempty(binary))
                return "cu";
        for (size_t i = 0; i < g->n_binaries; i++)
                if (streq(g->binaries[i].name, binary))
                        return classes[g->binaries[i].color];
        return classes[hash_color(binary)];
}

static void add_value(TextWriter *w, int64_t value, const char *unit) {
        double v = (double) value;

        if (streq(unit, "nanoseconds"))
                text_addf(w, v >= 1e9 ? "%.2f s" : "%.3g ms", v >= 1e9 ? v / 1e9 : v / 1e6);
        else if (streq(unit, "bytes"))
                text_addf(w, "%.1f KiB", v / 1024);
        else {
                text_addf(w, "%" PRIi64 " ", value);
                text_add_markup(w, streq(unit, "count") ? "samples" : unit);
        }
}

/* ---- changes ---- */

static double share_change(const Walk *k, const CallNode *n) {
        const DiffRule *rule = k->options->diff;
        double whole = (double) k->total * rule->scale_after;

        return whole > 0 ? ((double) n->total[CALL_TREE_VALUE] * rule->scale_after -
                            (double) n->total[CALL_TREE_BASE] * rule->scale_before) /
                                   whole
                         : 0;
}

static DiffKind kind_of(const Walk *k, const CallNode *n) {
        return diff_classify(k->options->diff, n->total[CALL_TREE_BASE], n->total[CALL_TREE_VALUE]);
}

static void add_change_class(const Walk *k, const CallNode *n) {
        static const double limits[CHANGE_LEVELS - 1] = { 0.05, 0.15 };
        double change = share_change(k, n), size = change < 0 ? -change : change;
        int level = 1;

        for (size_t i = 0; i < ELEMENTSOF(limits); i++)
                level += size > limits[i];
        switch (kind_of(k, n)) {
        case DIFF_NEW:
                text_add(k->w, "new");
                break;
        case DIFF_MORE:
                text_addf(k->w, "more%d", level);
                break;
        case DIFF_LESS:
        case DIFF_GONE:
                text_addf(k->w, "less%d", level);
                break;
        case DIFF_NOISE:
                text_add(k->w, "same");
        }
}

/* The shape says it, too: colours alone are not for everybody. */
static const char *change_mark(const Walk *k, const CallNode *n) {
        switch (kind_of(k, n)) {
        case DIFF_NEW:
                return "★ ";
        case DIFF_MORE:
                return "▲ ";
        case DIFF_LESS:
        case DIFF_GONE:
                return "▼ ";
        default:
                return "";
        }
}

/* ---- frames ---- */

static void get_frame(const Walk *k, const CallNode *n, Frame *ret) {
        if (n->frame == PROFILE_NONE)
                *ret = (Frame){ .name = "all", .binary = "", .file = "", .named = true };
        else
                frame_table_get(call_tree_get_frames(k->tree), n->frame, ret);
}

static void add_title(const Walk *k, const CallNode *n, const Frame *f) {
        double share = (double) n->total[CALL_TREE_VALUE] / (double) k->total;

        text_add(k->w, "<title>");
        text_add_markup(k->w, f->name);
        if (!isempty(f->binary)) {
                text_add(k->w, "\n");
                text_add_markup(k->w, f->binary);
        }
        text_add(k->w, n->inlined ? "\ninlined\n" : "\n");
        add_value(k->w, n->total[CALL_TREE_VALUE], k->options->unit);
        text_addf(k->w, ", %.2f%%", 100 * share);
        if (n->self[CALL_TREE_VALUE] > 0 && n->first_child != PROFILE_NONE)
                text_addf(k->w, ", self %.2f%%",
                          100 * (double) n->self[CALL_TREE_VALUE] / (double) k->total);
        if (k->options->diff)
                text_addf(k->w, "\n%s%+.2f%% of all%s", change_mark(k, n), 100 * share_change(k, n),
                          kind_of(k, n) == DIFF_NOISE ? ", within noise" : "");
        text_add(k->w, "</title>");
}

/* Bytes of UTF-8 that make up at most n characters. */
static size_t utf8_prefix(const char *s, size_t n) {
        size_t i = 0;

        for (; s[i] != '\0'; i++)
                if (((unsigned char) s[i] & 0xc0) != 0x80 && n-- == 0)
                        break;
        return i;
}

static void add_text(
        const Walk *k, const CallNode *n, const Frame *f, double x, double width, double y) {
        size_t columns = width * FLAME_WIDTH > LABEL_PADDING
                                 ? (size_t) ((width * FLAME_WIDTH - LABEL_PADDING) / LETTER_WIDTH)
                                 : 0;
        char label[LABEL_MAX];
        size_t bytes;

        snprintf(label, sizeof(label), "%s%s", k->options->diff ? change_mark(k, n) : "", f->name);
        label[utf8_prefix(label, LABEL_MAX / 4)] = '\0';

        text_addf(k->w, "<text x=\"%.4f%%\" dx=\"3\" y=\"%.0f\"", 100 * x, y + TEXT_OFFSET);
        if (k->options->diff) {
                text_add(k->w, " data-label=\"");
                text_add_markup(k->w, label);
                text_add(k->w, "\"");
        }
        text_add(k->w, ">");
        bytes = utf8_prefix(label, columns);
        if (columns >= 2 && label[bytes] != '\0') {
                label[utf8_prefix(label, columns - 1)] = '\0';
                text_add_markup(k->w, label);
                text_add(k->w, "…");
        } else if (columns >= 2)
                text_add_markup(k->w, label);
        text_add(k->w, "</text>");
}

static void add_frame(const Walk *k, const CallNode *n, size_t level) {
        double x = k->next[level], width = (double) n->total[CALL_TREE_VALUE] / (double) k->total,
               y = (double) level * FLAME_ROW_HEIGHT;
        Frame f;

        get_frame(k, n, &f);
        text_addf(k->w, "<g class=\"f ");
        if (n->frame == PROFILE_NONE)
                text_add(k->w, "call");
        else if (k->options->diff)
                add_change_class(k, n);
        else
                text_add(k->w, flame_binary_class(k->graph, f.binary, f.kernel));
        text_addf(k->w, "\" role=\"treeitem\" tabindex=\"-1\" aria-level=\"%zu\">", level + 1);
        add_title(k, n, &f);
        text_addf(k->w, "<rect x=\"%.4f%%\" y=\"%.0f\" width=\"%.4f%%\" height=\"%d\" rx=\"1\"/>",
                  100 * x, y, 100 * width, FLAME_ROW_HEIGHT - 1);
        if (n->inlined)
                text_addf(k->w, "<line x1=\"%.4f%%\" y1=\"%.0f\" x2=\"%.4f%%\" y2=\"%.0f\"%s/>",
                          100 * x, y, 100 * x, y + FLAME_ROW_HEIGHT - 1,
                          width * FLAME_WIDTH < EDGE_FRAME_MIN ? " style=\"display:none\"" : "");
        add_text(k, n, &f, x, width, y);
        text_add(k->w, "</g>\n");
}

static bool is_drawn(const Walk *k, const CallNode *n, size_t level) {
        return n->total[CALL_TREE_VALUE] > 0 &&
               (double) n->total[CALL_TREE_VALUE] * 1000 >=
                       (double) k->total * FLAME_FOLD_PERMILLE &&
               level < FLAME_LEVELS_MAX && k->graph->n_drawn < FLAME_FRAMES_MAX;
}

/* Down to the first child, else on to the next brother of this or of the nearest ancestor that has
 * one. */
static uint32_t next_node(const Walk *k, uint32_t node, bool drawn, size_t *level) {
        const CallNode *n = call_tree_get(k->tree, node);

        if (drawn && n->first_child != PROFILE_NONE) {
                (*level)++;
                return n->first_child;
        }
        while (n->next_sibling == PROFILE_NONE) {
                if (n->parent == PROFILE_NONE)
                        return PROFILE_NONE;
                n = call_tree_get(k->tree, n->parent);
                (*level)--;
        }
        return n->next_sibling;
}

void flame_graph_write(TextWriter *w, const CallTree *t, const FlameOptions *o, FlameGraph *g) {
        Walk k = { .w = w, .tree = t, .options = o, .graph = g };
        uint32_t node = 0;
        size_t level = 0;

        g->n_drawn = g->n_levels = 0;
        k.total = call_tree_get(t, 0)->total[CALL_TREE_VALUE];
        while (node != PROFILE_NONE && w->error >= 0) {
                const CallNode *n = call_tree_get(t, node);
                bool drawn = is_drawn(&k, n, level);

                if (drawn) {
                        add_frame(&k, n, level);
                        k.next[level + 1] = k.next[level];
                        k.next[level] += (double) n->total[CALL_TREE_VALUE] / (double) k.total;
                        g->n_drawn++;
                        g->n_levels = MAX(g->n_levels, level + 1);
                }
                node = next_node(&k, node, drawn, &level);
        }
        g->n_folded = call_tree_size(t) - g->n_drawn;
}

/* ---- legend ---- */

static int compare_binaries(const void *a, const void *b) {
        const FlameBinary *x = a, *y = b;

        if (x->self != y->self)
                return x->self > y->self ? -1 : 1;
        return strcmp(x->name, y->name);
}

static int compare_binary_names(const void *a, const void *b) {
        const FlameBinary *x = a, *y = b;

        return strcmp(x->name, y->name);
}

/* Neighbours in the legend must not look the same. */
static void choose_colors(FlameGraph *g) {
        bool taken[FLAME_COLORS] = {};

        for (size_t i = 0; i < g->n_binaries; i++) {
                FlameBinary *b = &g->binaries[i];

                if (b->kernel || isempty(b->name))
                        continue;
                b->color = hash_color(b->name);
                for (size_t tries = 0; tries < FLAME_COLORS && taken[b->color]; tries++)
                        b->color = (b->color + 1) % FLAME_COLORS;
                taken[b->color] = true;
        }
}

int flame_graph_find_binaries(const CallTree *t, FlameGraph *g) {
        _cleanup_free_ FlameBinary *all = NULL;
        size_t n = 0, n_merged = 0;

        all = calloc(call_tree_size(t), sizeof(*all));
        if (!all)
                return -ENOMEM;
        for (uint32_t i = 1; i < call_tree_size(t); i++) {
                const CallNode *node = call_tree_get(t, i);
                Frame f;

                if (node->self[CALL_TREE_VALUE] <= 0)
                        continue;
                frame_table_get(call_tree_get_frames(t), node->frame, &f);
                all[n++] = (FlameBinary){
                        .name = f.binary,
                        .kernel = f.kernel,
                        .self = node->self[CALL_TREE_VALUE],
                };
        }
        qsort(all, n, sizeof(*all), compare_binary_names);
        for (size_t i = 0; i < n; i++)
                if (n_merged > 0 && streq(all[n_merged - 1].name, all[i].name))
                        all[n_merged - 1].self =
                                profile_add_values(all[n_merged - 1].self, all[i].self);
                else
                        all[n_merged++] = all[i];
        qsort(all, n_merged, sizeof(*all), compare_binaries);
        g->n_binaries = MIN(n_merged, (size_t) FLAME_LEGEND_MAX);
        memcpy(g->binaries, all, g->n_binaries * sizeof(*all));
        choose_colors(g);
        return 0;
}
