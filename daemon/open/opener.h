/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Opener
 *
 * The daemon's way to perf events and kernel symbols: directly where the kernel lets it, through
 * profilerd-open where the kernel asks for more rights than the daemon has.
 */

#include "basic/time-util.h"
#include "open/open-protocol.h"

#define OPENER_TIMEOUT_USEC                                                  \
        (5 * USEC_PER_SEC) /* for profilerd-open to be started and to answer \
                            */

/*
 * socket_path: of profilerd-open, NULL: do not ask it. A descriptor, or
 *   -EBADMSG, -EINVAL    the request is none (see open_request_check())
 *   -EACCES, -EPERM      the kernel refuses, profilerd-open was asked in vain, or not to be asked
 *   -ENOTCONN            the kernel refuses, and there is no profilerd-open behind socket_path
 *   -ETIMEDOUT           it did not answer
 *   -EPROTO              it answered nonsense, or nothing
 *   -ENODEV              the CPU is offline
 *   -ENOENT, -EOPNOTSUPP there is no such event on this host: no hardware counters
 * and whatever else perf_event_open() and open() say. Kernel symbols without addresses count as
 * refused.
 */
int opener_open(const char *socket_path, const OpenRequest *request);

/* The same for a pressure trigger: also what open_pressure() says. */
int opener_open_pressure(const char *socket_path, const OpenPressureRequest *request);

/* Only the way through profilerd-open. */
int opener_ask(const char *socket_path, const OpenRequest *request);

/* The same for who does not wait: a connection that becomes readable with the answer, and what it
 * answers, which waits if it is too early. profilerd-open may have to be started first. */
int opener_send(const char *socket_path, const OpenRequest *request);
int opener_receive(int connection);

/* Whether a file like /proc/kallsyms shows addresses; its offset is 0 afterwards. 1, 0 or -errno.
 */
int kallsyms_is_visible(int fd);
