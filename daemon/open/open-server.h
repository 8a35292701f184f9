/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Server of profilerd-open
 *
 * One connection, one request, one answer; it holds no state.
 */

#include "basic/time-util.h"
#include "open/open-protocol.h"

#define OPEN_REQUEST_USEC (1 * USEC_PER_SEC) /* for a peer to send its request */

/*
 * Serves a connection whose peer must be root or of this user. What is wrong with the peer or the
 * request is answered (-EACCES, -EBADMSG, -EINVAL) and returned; 0: the descriptor was sent. Also
 * the errors of opening, answered too, and of the connection.
 */
int open_server_serve(int connection, uid_t uid);

/*
 * Accepts and serves one after another until nobody came for idle_usec; 0. on_error (may be NULL)
 * is told of each request that failed.
 */
int open_server_run(int listener, uid_t uid, usec_t idle_usec, void (*on_error)(int error));
