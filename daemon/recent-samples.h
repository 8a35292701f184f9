/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Recent Samples
 *
 * Copies of the last samples of units that somebody may want to look back at, each with its time,
 * beside the windows that they also went into. What is kept is limited in time and in bytes: where
 * there are too many the oldest go, and what is left says how far back it reaches.
 */

#include "bpf/sample.h"
#include "process/process-table.h"

enum {
        RECENT_UNIT_BYTES_MAX = 4 << 20, /* with the mappings that only it may still hold */
        RECENT_BYTES_MAX = 32 << 20,     /* of all units; the one with the most goes first */
};

typedef struct RecentSamples RecentSamples;

int recent_samples_new(RecentSamples **ret);
RecentSamples *recent_samples_free(RecentSamples *r);
DEFINE_CLEANUP(RecentSamples *, recent_samples_free);

/* Keeps what the unit with this slot does in the last keep_usec, from now on; 0: no more. What it
 * did before is forgotten. now: CLOCK_MONOTONIC, as all times. */
int recent_samples_keep(RecentSamples *r, uint32_t slot, usec_t keep_usec, usec_t now);
/* Forgets what all units did before: nothing was sampled for a while. */
void recent_samples_restart(RecentSamples *r, usec_t now);
/* As it is kept already. 0: it is not. */
usec_t recent_samples_get_kept(const RecentSamples *r, uint32_t slot);

/* Takes copies of everything, if the unit record->target is one of those. process: NULL if not
 * known. What there is no memory for is missing. */
void recent_samples_add(RecentSamples *r,
                        const Process *process,
                        const struct sample_record *record,
                        const uint64_t *frames,
                        nsec_t weight_nsec);

/* The process is as it was when the sample came. */
typedef void (*RecentSample)(const Process *process,
                             const struct sample_record *record,
                             const uint64_t *frames,
                             nsec_t weight_nsec,
                             void *userdata);

/* Since when none is missing, not earlier than from; until: there is none from before then. */
usec_t recent_samples_reach_back(const RecentSamples *r, uint32_t slot, usec_t from, usec_t until);
/* Calls back for those that were taken between from and until (not then), in the order they came.
 */
void recent_samples_walk(const RecentSamples *r,
                         uint32_t slot,
                         usec_t from,
                         usec_t until,
                         RecentSample callback,
                         void *userdata);

size_t recent_samples_get_bytes(const RecentSamples *r);
