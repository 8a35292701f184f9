/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Callers and callees of a function. */

#include "profile/frame-table.h"

typedef struct PeekRow {
        char *name, *binary;
        bool kernel;
        int64_t value; /* of the stacks where it stands next to the function, each counted once */
} PeekRow;

typedef struct Peek {
        char *name, *binary;
        bool kernel;
        int64_t self, cumulative;
        PeekRow *callers, *callees; /* the largest first; a caller "" is the start of the thread */
        size_t n_callers, n_callees;
} Peek;

/*
 * For each function that the filter accepts, at most max of them, those with the largest cumulative
 * value first. *ret_n_matches is the number that it accepts in all. *ret is an array.
 */
int profile_peek(Profile *p,
                 size_t value_type,
                 bool (*filter)(const Frame *f, void *userdata),
                 void *userdata,
                 size_t max,
                 Peek **ret,
                 size_t *ret_n,
                 size_t *ret_n_matches);
void peeks_free(Peek *peeks, size_t n);
