/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Session Result
 *
 * What a session leaves: its profile as pprof, and in the other formats once they are asked for,
 * each in a sealed memory file that any number of readers share.
 */

#include "session-format.h"

#define SESSION_RESULT_BYTES_MAX ((size_t) 128 << 20)

typedef struct SessionResult {
        int fds[_SESSION_FORMAT_MAX]; /* -EBADF: not made yet */
        size_t size_bytes;            /* of pprof */
} SessionResult;

#define SESSION_RESULT_NONE ((SessionResult){ .fds = { -EBADF, -EBADF, -EBADF } })

void session_result_done(SessionResult *r);

/* The profile in pprof, from which all others are made. -EFBIG: SESSION_RESULT_BYTES_MAX. */
int session_result_set(SessionResult *r, const void *pprof, size_t size);

/* A descriptor for reading, with a position of its own. -ENODATA: there is no result; -EFBIG: it
 * is too large for this format. */
int session_result_open(SessionResult *r, SessionFormat format);
