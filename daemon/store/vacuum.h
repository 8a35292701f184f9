/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Vacuum
 *
 * Decides which files of a store go so that its limits are kept, and removes them: the oldest
 * first, but never the only one of a unit while another unit has more than one.
 */

#include "store/store-index.h"

typedef struct VacuumRequest {
        StoreLimits limits;
        usec_t now_usec;       /* CLOCK_REALTIME */
        uint64_t free_bytes;   /* of the file system */
        const char *growing;   /* directory of the unit that is to be written, NULL: none */
        uint64_t needed_bytes; /* that it is to get */
        const StorePins *pins; /* what is to go last, and not for its age; NULL: nothing */
} VacuumRequest;

/*
 * Removes what exceeds the limits, and makes room for what is needed. ret counts what went, also on
 * failure. -EFBIG: more is needed than MaxUse= allows at all, nothing was removed; -ENOSPC: the
 * space that KeepFree= reserves cannot be had, and growing has no file that the new one would
 * replace: each unit still has its newest. Also the errors
 * of removing.
 */
int vacuum_run(StoreIndex *x, int dir_fd, const VacuumRequest *request, StoreVacuum *ret);

/* Removes the oldest until they occupied that much; 0: nothing was left to remove. */
int vacuum_remove_bytes(
        StoreIndex *x, int dir_fd, const VacuumRequest *request, uint64_t bytes, StoreVacuum *ret);
