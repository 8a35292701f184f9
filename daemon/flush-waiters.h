/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flush Waiters
 *
 * Who waits until all windows that were closed so far are stored.
 */

#include "manager.h"
#include "profile-writer.h"

typedef struct FlushWaiters FlushWaiters;

/* writer outlives it. */
int flush_waiters_new(FlushWaiters **ret, sd_event *event, const ProfileWriter *writer);
/* Who still waits hears nothing. */
FlushWaiters *flush_waiters_free(FlushWaiters *f);
DEFINE_CLEANUP(FlushWaiters *, flush_waiters_free);

/* Calls back, from the event loop, when the windows up to this number are stored. */
int flush_waiters_add(
        FlushWaiters *f, uint64_t sequence, ManagerFlushed callback, Manager *m, void *userdata);
/* A profile was written, or (error) could not be. */
void flush_waiters_count(FlushWaiters *f, int error);
/* The loop does not turn any more: who waits is told now. */
void flush_waiters_finish(FlushWaiters *f);
