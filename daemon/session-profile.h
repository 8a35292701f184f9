/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Profiles of Sessions: from their windows to the result, to the store and into the stream. */

#include "profiler.h"
#include "session.h"

/* For what the session wants to see. */
int session_new_window(const Session *s, Profiler *profiler, usec_t start_usec, Window **ret);

#define SESSION_BEFORE_TYPE "cpu-before"

/* To the store, once: its window goes. Nothing, if there is none. */
int session_store_before(Session *s, Profiler *profiler, Store *store);

/* From s->window, which is as it was afterwards, to s->result; and to the store, if asked for. */
int session_make_result(Session *s, Profiler *profiler, Store *store);

/* Begins s->recent anew. */
int session_renew_recent(Session *s, Profiler *profiler);
/* What has come since the piece before goes into the stream, or is counted as dropped. */
void session_stream_piece(Session *s, Profiler *profiler);
