/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Line Budget
 *
 * How long lines may take to read: what is there when it is used up is kept, and the names are
 * worth more than the rest.
 */

#include "basic/time-util.h"

typedef struct LineBudget {
        nsec_t cpu_end, wall_end; /* of the process's CPU time; CLOCK_MONOTONIC */
} LineBudget;

static inline LineBudget line_budget(nsec_t cpu_nsec, nsec_t wall_nsec) {
        return (LineBudget){
                .cpu_end = now_nsec(CLOCK_PROCESS_CPUTIME_ID) + cpu_nsec,
                .wall_end = now_nsec(CLOCK_MONOTONIC) + wall_nsec,
        };
}

static inline bool line_budget_is_used_up(const LineBudget *b) {
        return now_nsec(CLOCK_PROCESS_CPUTIME_ID) >= b->cpu_end ||
               now_nsec(CLOCK_MONOTONIC) >= b->wall_end;
}
