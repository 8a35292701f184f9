/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Backlog
 *
 * Follows the store: tells of each profile in it once. Only directories that have changed are read
 * again, so looking often is cheap.
 */

#include "store/store.h"

typedef struct Backlog Backlog;

/* A profile that was not told of before; the entry is borrowed. A negative value ends the scan, and
 * is its result. */
typedef int (*BacklogOnProfile)(const StoreEntry *entry, void *userdata);

/* store: a reader, borrowed. */
int backlog_new(Backlog **ret, Store *store, BacklogOnProfile on_profile, void *userdata);
Backlog *backlog_free(Backlog *b);
DEFINE_CLEANUP(Backlog *, backlog_free);

/* What may not be read is left out, looked at again the next time, and counted: directories. */
int backlog_scan(Backlog *b, size_t *ret_n_unreadable);
