/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Retry Policy
 *
 * When to try again, and when never: pure decisions over statuses, counts and times.
 */

#include "basic/time-util.h"
#include "upload/protocol.h"

#define RETRY_DELAY_MIN_USEC        (1 * USEC_PER_SEC)
#define RETRY_DELAY_MAX_USEC        (5 * USEC_PER_MINUTE)
#define RETRY_AFTER_MIN_USEC        (1 * USEC_PER_SEC)
#define RETRY_AFTER_MAX_USEC        (1 * USEC_PER_HOUR)
#define RETRY_UNAUTHORIZED_MIN_USEC (30 * USEC_PER_SEC)

enum {
        RETRY_SUSPECT_FAILURES = 3, /* of one profile: from now on others are tried, too */
        RETRY_POISON_FAILURES = 5,  /* of one profile while others pass: it is to blame */
        RETRY_REJECTIONS_MAX = 3,   /* in a row, until the server is not asked as fast */
};

UploadVerdict retry_judge_status(unsigned status);
/* error: as in UploadResponse. */
UploadVerdict retry_judge_error(int error);

/*
 * How long to wait after so many failures in a row (from 1), with random bits: full jitter, so that
 * a thousand hosts that lost their server at once do not come back at once. retry_after_usec: as
 * the server asked; 0: it did not.
 */
usec_t retry_delay(UploadVerdict v, unsigned n_failures, usec_t retry_after_usec, uint64_t random);

/* Which profile is the probe while a server is down: 0: the oldest, 1: the one behind it.
 * n_failures of the oldest one. */
unsigned retry_pick_probe(unsigned n_failures, size_t n_pending);

/* n_failures of one profile, during which n_passed others were sent. */
bool retry_is_poison(unsigned n_failures, uint64_t n_passed);

/* A stable share of the delay for this host and target, so that a fleet is spread over it. */
usec_t retry_spread(usec_t delay_usec, const void *host_id, size_t size, const char *target);
