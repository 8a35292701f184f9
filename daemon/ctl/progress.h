/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Progress
 *
 * A bar on the standard error while something takes long, and Ctrl-C to end it early with what
 * there is. Short work, --quiet and what is no terminal see no bar.
 */

#include "ctl/ctl.h"
#include "ctl/interrupt.h"

typedef struct Progress {
        const Ctl *ctl;
        const char *what; /* "profiles" */
        size_t n;
        bool is_tty;
        usec_t begun_usec, drawn_usec; /* CLOCK_MONOTONIC */
        Interrupt interrupt;
} Progress;

/* Of n steps. Ctrl-C is caught until progress_done(). */
void progress_init(Progress *p, const Ctl *c, size_t n, const char *what);
/* Removes the bar. */
void progress_done(Progress *p);
/* So many steps are done. False: interrupted, this is to be the last. */
bool progress_step(Progress *p, size_t done);
