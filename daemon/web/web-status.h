/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Units at a Glance
 *
 * What the first page and /api/v1/status show of each unit: the daemon's word where it runs, else
 * what is stored.
 */

#include "web/web-app.h"

enum {
        WEB_WARNINGS_MAX = 6,
};

typedef struct WebUnit {
        char *name, *state, *active_state;
        double cores; /* in its last window, while that is recent; -1: unknown */
        uint64_t samples, lost;
        int stacks_percent, symbols_percent; /* -1: unknown */
        double load[WEB_LOAD_SLICES];        /* cores, of the last hour */
        size_t n_load;                       /* 0: not known yet, or all */
        usec_t last_usec;                    /* end of the last profile; 0: none */
        char *last_id;                       /* NULL: none */
        char *warnings[WEB_WARNINGS_MAX];    /* why its data is poor */
        size_t n_warnings;
} WebUnit;

typedef struct WebStatus {
        WebUnit *units; /* by their names */
        size_t n_units;
} WebStatus;

int web_status_collect(WebTask *t, WebStatus *ret);
void web_status_done(WebStatus *s);
