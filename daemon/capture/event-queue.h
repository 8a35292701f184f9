/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Event Queue
 *
 * Samples and process records of one drain, copied out of their rings and handed on in time order.
 * Each CPU's records arrive sorted, but one ring is read after the other.
 */

#include "bpf/sample.h"
#include "capture/process-record.h"

#define EVENT_QUEUE_BYTES_MAX ((size_t) 64 << 20)

typedef struct EventQueue EventQueue;

int event_queue_new(EventQueue **ret);
EventQueue *event_queue_free(EventQueue *q);
DEFINE_CLEANUP(EventQueue *, event_queue_free);

/* Copy their arguments. -E2BIG: EVENT_QUEUE_BYTES_MAX. -EBADMSG: the parts of the sample do not fit
 * its size. */
int event_queue_add_sample(EventQueue *q, const struct sample_record *record, size_t size);
int event_queue_add_record(EventQueue *q, const ProcessRecord *record);

/* Hands everything on, earliest first, and empties the queue. Exactly one argument is not NULL. */
typedef void (*EventQueueCallback)(const struct sample_record *sample,
                                   const ProcessRecord *record,
                                   void *userdata);
void event_queue_dispatch(EventQueue *q, EventQueueCallback callback, void *userdata);
