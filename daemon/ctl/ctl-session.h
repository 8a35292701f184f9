/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions as profilerctl Sees Them
 *
 * One that is started here, followed to its end, and its result; and the list of all.
 */

#include "ctl/ctl-bus.h"

typedef struct SessionOptions {
        const char *target;
        uint32_t frequency_hz; /* 0: as the daemon */
        usec_t duration_usec;
        char **types; /* NULL: as the daemon */
        bool no_kernel, no_user, children, store;
} SessionOptions;

typedef struct SessionProgress {
        uint64_t samples, lost, elapsed_usec;
} SessionProgress;

/* One row of the list. */
typedef struct SessionRow {
        char *path, *target, *state;
        uint32_t uid, frequency_hz;
        uint64_t duration_usec, elapsed_usec, samples;
} SessionRow;

/*
 * Starts it and waits until it is over; meanwhile calls back from time to time. SIGINT and SIGTERM
 * stop it: what came so far is the result. *ret is pprof. Errors as those of all calls, and -ESRCH:
 * no such target; -ERANGE: a limit; -EUSERS: too many sessions; -EINVAL: the daemon does not
 * understand; -ECANCELED: it ended without a result, see the status.
 */
int ctl_session_run(CtlBus *b,
                    const SessionOptions *options,
                    void (*on_progress)(const SessionProgress *progress, void *userdata),
                    void *userdata,
                    SessionStatus *ret_status,
                    char **ret,
                    size_t *ret_size);

/* Sets off a trigger for a unit. *ret_object is to be freed. */
int ctl_session_trigger(CtlBus *b, const char *trigger, const char *unit, char **ret_object);

/* Oldest first. *ret is an array. */
int ctl_session_list(CtlBus *b, SessionRow **ret, size_t *ret_n);
void session_rows_free(SessionRow *rows, size_t n);
