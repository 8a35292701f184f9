/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Order of a pprof File
 *
 * Equal profiles must give equal bytes, in whatever order they were put together. So content alone
 * decides: samples are sorted by stack, then by labels, and locations, mappings and functions are
 * numbered where the sorted samples first use them. What no sample uses is left out, and so are
 * samples of zeros only, which readers drop or refuse; but mapping 0, the main binary, always is
 * mapping 1.
 */

#include "profile/profile.h"

/* Ids of one table's entries. */
typedef struct PprofIds {
        uint32_t *ids;   /* by index in the profile; 0: left out */
        uint32_t *order; /* indices, by id - 1 */
        size_t n;
} PprofIds;

typedef struct PprofOrder {
        uint32_t *samples; /* indices */
        size_t n_samples;
        PprofIds mappings, locations, functions;
} PprofOrder;

/* -ENOMEM. To be released by pprof_order_done(), also after a failure. */
int pprof_order_init(PprofOrder *o, Profile *p);
void pprof_order_done(PprofOrder *o);
