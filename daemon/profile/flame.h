/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flame Graph
 *
 * A call tree as one self-contained file of HTML or SVG, the root on top. It makes no request, so
 * that it can be kept, mailed, and opened from the disk of a host without a network.
 */

#include "profile/call-tree.h"
#include "profile/profile-diff.h"

enum {
        FLAME_FOLD_PERMILLE = 1,    /* frames below this share of the whole are left out */
        FLAME_LEVELS_MAX = 512,     /* and those that are deeper, */
        FLAME_FRAMES_MAX = 1 << 15, /* and those that come after so many */
};

typedef enum FlameFormat {
        FLAME_HTML,
        FLAME_SVG,
        FLAME_IMAGE, /* SVG of the graph alone, to be shown by <img>: nothing in it moves */
} FlameFormat;

typedef struct FlameOptions {
        FlameFormat format;
        const char *title;     /* "nginx.service" */
        const char *subtitle;  /* range, samples, cores */
        const char *unit;      /* of the values: "nanoseconds" */
        const DiffRule *diff;  /* colours show the change against CALL_TREE_BASE; NULL: binaries */
        const ReportRow *rows; /* for the table of functions; only in HTML */
        size_t n_rows;
} FlameOptions;

/* Sorts the tree. -ENODATA: there is nothing to show. */
int flame_encode(CallTree *t, const FlameOptions *options, char **ret, size_t *ret_size);
