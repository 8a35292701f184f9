/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Wait Table
 *
 * Threads that wait, each with the stack that it blocked with, until the length of the wait is
 * known. Records of sessions are for one each. See bpf/offcpu.bpf.c.
 */

#include "basic/time-util.h"
#include "bpf/sample.h"

/* Threads that wait at once; the one that is known for the longest makes room. */
enum { WAIT_TABLE_MAX = 16384 };

typedef struct WaitTable WaitTable;

int wait_table_new(WaitTable **ret);
WaitTable *wait_table_free(WaitTable *t);
DEFINE_CLEANUP(WaitTable *, wait_table_free);

/* Copies the record and the frames behind it. What was known of the thread is forgotten. */
int wait_table_begin(WaitTable *t, const struct sample_record *record);

/* The record of the wait that end ends, with its time, length and period; frames behind it.
 * Borrowed until the next call. NULL: its beginning is not known, or it is too short to count. */
const struct sample_record *wait_table_end(WaitTable *t, const struct sample_record *end);

/* The target with this slot is gone: the slot may soon be that of another. */
void wait_table_forget_target(WaitTable *t, uint32_t target);

/* The waits of the session are over, as far as it goes: they are handed on with their length and
 * period up to now, unless they are shorter than the threshold. Its number is free for another. */
void wait_table_end_session(WaitTable *t,
                            unsigned session,
                            nsec_t now_nsec,
                            nsec_t threshold_nsec,
                            void (*callback)(const struct sample_record *record, void *userdata),
                            void *userdata);

size_t wait_table_size(const WaitTable *t);
/* Waits that made room before they ended. */
uint64_t wait_table_get_evicted(const WaitTable *t);
