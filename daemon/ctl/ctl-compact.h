/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compacting History
 *
 * Windows that are older than a day become one file an hour, hours that are older than a week one
 * file a day (UTC). What runs of different starts of a unit left stays apart, so that it can be
 * compared; but short runs, as timers start them, go together. One group of files is in memory at a
 * time.
 */

#include "store/store-pins.h"
#include "store/store.h"

enum {
        COMPACT_DAY_FACTOR = 7,       /* days come so many times later than hours */
        COMPACT_RUN_MIN = 5,          /* windows of one start that stay apart */
        COMPACT_INPUT_MAX = 16 << 20, /* bytes of files, as stored, that become one */
};

/* Parts stay so long after they were replaced: whoever has listed them reads them by then. But not
 * where there is no room for both: the daemon would make it by removing the oldest history. */
#define COMPACT_GRACE_USEC (10 * USEC_PER_MINUTE)

typedef struct CompactRequest {
        usec_t now_usec;
        usec_t after_usec;     /* CompactAfter= */
        uint64_t room_bytes;   /* that the store may grow by while parts stay */
        const StorePins *pins; /* what is still to be uploaded stays; NULL: nothing is */
        /* Any of the files could not be read or merged; may be NULL. */
        void (*on_problem)(const char *path, int error, const char *reason);
        /* False: enough. May be NULL. */
        bool (*on_progress)(size_t done, size_t n, void *userdata);
        void *userdata;
} CompactRequest;

typedef struct CompactResult {
        size_t n_replaced, n_written, n_removed, n_failed; /* files */
        uint64_t bytes_replaced, bytes_written, bytes_removed;
} CompactResult;

/*
 * Compacts what the patterns (fnmatch; NULL: all) match. ret counts what was done, also on failure.
 * -EBUSY: somebody else does; -EINTR: on_progress() said so; other errors are those of reading
 * directories and of writing. What was written until then is complete.
 */
int compact_store(Store *s, char *const *patterns, const CompactRequest *q, CompactResult *ret);
