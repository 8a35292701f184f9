/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Timestamps
 *
 * Points in time as systemd.time(7) writes them, for --since= and --until=:
 *
 *     2026-11-20 14:00:05.25    date and time, each may stand alone, seconds may be left out;
 *                               without a time 00:00:00, without a date today
 *     Fri 2026-11-20 14:00 UTC  a weekday that must be right; UTC or an abbreviation of the local
 *                               time zone
 *     now today yesterday tomorrow
 *     -1h 30min, +5s, 2 days ago, 5s left
 *     @1795183320.5             seconds since 1970
 */

#include "basic/time-util.h"

/* After this the year has five digits. */
#define TIMESTAMP_MAX_USEC (253402214399 * USEC_PER_SEC)

/*
 * now: what relative forms are relative to, CLOCK_REALTIME. The local time zone is that of the
 * process ($TZ). -EINVAL: not of the grammar, no such day, or the wrong weekday; -ERANGE: before
 * 1970 or after the year 9999.
 */
int timestamp_parse(const char *s, usec_t now, usec_t *ret);
