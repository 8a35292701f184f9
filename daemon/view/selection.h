/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Selection
 *
 * Which stored profiles are meant where a person says little: the newest hour, or what lies on
 * either side of the n-th last start of a unit.
 */

#include "store/store.h"

/* Without a range: so much time, back from the end of the newest profile. */
#define SELECTION_RANGE_DEFAULT (1 * USEC_PER_HOUR)
/* So much on either side of a start. */
#define SELECTION_RESTART_RANGE (30 * USEC_PER_MINUTE)

/* Of entries sorted by start, the first of the newest hour: older profiles are of another load, and
 * there may be many. */
size_t selection_find_newest(const StoreEntry *entries, size_t n);

/* A start of a unit among its profiles: [from, first) are those of the invocation before, [first,
 * to) those of the one after it, as far as they are near. */
typedef struct SelectionRestart {
        size_t from, first, to;
        char after[SD_ID128_STRING_MAX]; /* invocation */
} SelectionRestart;

/* entries: all of one unit, sorted by start. nth: the how many last start, from 1 on. Reads a few
 * of them. -ENOENT: the stored profiles know of no such start. */
int selection_find_restart(
        Store *s, const StoreEntry *entries, size_t n, unsigned nth, SelectionRestart *ret);
