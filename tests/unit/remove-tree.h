/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Remove Tree: what a test has made in a directory goes with it. */

#include <ftw.h>

#include "basic/util.h"

enum { REMOVE_TREE_DESCRIPTORS = 16 };

static inline int remove_tree_entry(const char *path,
                                    const struct stat *st,
                                    int type,
                                    struct FTW *where) {
        return remove(path);
}

static inline int remove_tree(const char *path) {
        if (nftw(path, remove_tree_entry, REMOVE_TREE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) < 0)
                return negative_errno();
        return 0;
}
