/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Record Ring
 *
 * The shared memory through which one perf event hands out its process records (perf_event_open(2),
 * "MMAP layout").
 */

#include "capture/process-record.h"

enum { RECORD_RING_PAGES = 64 }; /* of data, a power of two: 256 KiB at 4 KiB a page */

typedef struct RecordRing RecordRing;

/* Takes fd, in every case. */
int record_ring_new(RecordRing **ret, int fd);
RecordRing *record_ring_free(RecordRing *r);
DEFINE_CLEANUP(RecordRing *, record_ring_free);

int record_ring_get_fd(const RecordRing *r); /* readable when the ring fills */

/* Calls back for each record; what it points to is valid during the call. The number of records
 * that could not be decoded. */
typedef void (*RecordRingCallback)(const ProcessRecord *record, void *userdata);
size_t record_ring_drain(RecordRing *r, RecordRingCallback callback, void *userdata);
