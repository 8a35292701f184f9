/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The graph of a flame graph: SVG without the page around it. */

#include "profile/flame.h"
#include "profile/text-writer.h"

enum {
        FLAME_COLORS = 8,      /* of binaries, c0 to c7 in flame.css */
        FLAME_LEGEND_MAX = 10, /* binaries */
        FLAME_WIDTH = 1200,    /* pixels, until the script knows better */
        FLAME_ROW_HEIGHT = 18, /* as flame.js has it */
};

/* A binary in the legend. */
typedef struct FlameBinary {
        const char *name; /* of the tree's frames */
        bool kernel;
        int64_t self;
        unsigned color; /* below FLAME_COLORS */
} FlameBinary;

typedef struct FlameGraph {
        size_t n_drawn, n_folded; /* frames */
        size_t n_levels;
        FlameBinary binaries[FLAME_LEGEND_MAX]; /* the largest first */
        size_t n_binaries;
} FlameGraph;

/* Class in flame.css; a binary has the same one in all graphs, unless a larger one of the legend
 * took it. */
const char *flame_binary_class(const FlameGraph *g, const char *binary, bool kernel);

/* Appends "<g>…</g>" for each frame, the root first and each right before those it called. */
void flame_graph_write(TextWriter *w, const CallTree *t, const FlameOptions *o, FlameGraph *g);
/* Which binaries the value went to: to be known before the graph is written. 0, -ENOMEM. */
int flame_graph_find_binaries(const CallTree *t, FlameGraph *g);
