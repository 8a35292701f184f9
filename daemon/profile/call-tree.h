/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Call Tree
 *
 * Samples of one profile, or of two to compare, as a tree: a node is a function called along one
 * path. Node 0 stands for everything.
 */

#include "profile/frame-table.h"

enum {
        CALL_TREE_NODES_MAX = 1 << 22,
};

typedef enum CallTreeSide {
        CALL_TREE_VALUE,
        CALL_TREE_BASE, /* what it is compared with */
        _CALL_TREE_SIDE_MAX,
} CallTreeSide;

typedef struct CallNode {
        uint32_t frame;                             /* PROFILE_NONE: node 0 */
        uint32_t parent, first_child, next_sibling; /* PROFILE_NONE: none */
        int64_t self[_CALL_TREE_SIDE_MAX];          /* of the stacks that end here */
        int64_t total[_CALL_TREE_SIDE_MAX];         /* of those and of all below */
        bool inlined;                               /* into its caller, in all samples */
} CallNode;

typedef bool (*FrameFilter)(const Frame *f, void *userdata);

typedef struct CallTreeOptions {
        bool invert;       /* the leaf is the root: who calls what is hot? */
        FrameFilter focus; /* only stacks with such a frame; NULL: all */
        FrameFilter hide;  /* leave such frames out; NULL: none */
        void *userdata;
} CallTreeOptions;

typedef struct CallTree CallTree;

/* options NULL: none. */
int call_tree_new(CallTree **ret, const CallTreeOptions *options);
CallTree *call_tree_free(CallTree *t);
DEFINE_CLEANUP(CallTree *, call_tree_free);

/* -E2BIG: more nodes than there may be. */
int call_tree_add(CallTree *t, Profile *p, size_t value_type, CallTreeSide side);

size_t call_tree_size(const CallTree *t);
const CallNode *call_tree_get(const CallTree *t, uint32_t node);
const FrameTable *call_tree_get_frames(const CallTree *t);
/* Brothers by value, the largest first; those of the same value by name. */
int call_tree_sort(CallTree *t);
