/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Session Stream
 *
 * Pieces of data into a pipe that somebody handed over, and who may do anything with it: read
 * slowly or never, fill it himself, make it blocking. Nothing of that holds us up. A piece is
 * written as a whole or dropped as a whole.
 */

#include <systemd/sd-event.h>

#include "basic/time-util.h"

#define SESSION_STREAM_BYTES_MAX   ((size_t) 4 << 20) /* that wait for the reader */
#define SESSION_STREAM_LINGER_USEC (5 * USEC_PER_SEC) /* for the last of them */

typedef struct SessionStream SessionStream;

/* Takes fd, in every case. -EINVAL: not the writing end of a pipe. */
int session_stream_new(SessionStream **ret, sd_event *event, int fd);
SessionStream *session_stream_free(SessionStream *s);
DEFINE_CLEANUP(SessionStream *, session_stream_free);

/* 1: taken; 0: dropped, the reader is too slow; -EPIPE: he is gone. Copies the data. */
int session_stream_write(SessionStream *s, const void *data, size_t size);
/* Nothing comes any more: the pipe is closed when all is read, or after a while. */
void session_stream_end(SessionStream *s);

uint64_t session_stream_get_bytes(const SessionStream *s); /* taken over by the pipe */
