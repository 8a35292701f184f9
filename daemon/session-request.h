/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Session Request
 *
 * What somebody wants to look at, and how. Targets are written
 *
 *   unit:NAME     a unit of systemd's; its cgroup is for the caller to find out
 *   slice:NAME    everything in a slice
 *   cgroup:/PATH  everything in a cgroup
 *   pid:NUMBER    a process with all its threads
 *   host          everything
 */

#include "basic/time-util.h"
#include "capture/session-events.h"
#include "config.h"
#include "session-format.h"

#define SESSION_HOST_UNIT "-.slice" /* whose profiles are those of the whole host */

enum {
        SESSION_TARGET_MAX = 512, /* bytes */
};

typedef struct SessionRequest {
        char *target; /* as it is written */
        SessionScope scope;
        char *unit;          /* whose profile it is */
        char *control_group; /* of SESSION_SCOPE_CGROUPS; NULL: not known yet */
        pid_t pid;           /* of SESSION_SCOPE_PROCESSES, and the next two */
        uint64_t start_tick;
        int pidfd;

        unsigned frequency_hz;
        usec_t duration_usec;
        unsigned types;       /* CONFIG_TYPE() of each that is wanted */
        bool kernel, user;    /* which stacks; not both no */
        bool explicit_kernel; /* kernel was asked for, not assumed */
        bool children;        /* of a process */
        bool keep;            /* it goes on when its caller has left the bus */
        bool store;
        int stream_fd; /* -EBADF: no stream */
        SessionFormat stream_format;
        usec_t stream_interval_usec;

        uid_t uid;       /* who asks */
        bool restricted; /* only samples of processes that are his, and nothing of the kernel */
        char *reason;    /* a line for the profile, what set it off; NULL: none */
} SessionRequest;

#define SESSION_REQUEST_NONE                      \
        ((SessionRequest){                        \
                .types = CONFIG_TYPE(WINDOW_CPU), \
                .pidfd = -EBADF,                  \
                .stream_fd = -EBADF,              \
        })

void session_request_done(SessionRequest *r);

/*
 * Takes a target apart: fills in target, scope, unit, and what is known of control_group and pid.
 * pidfd: of the process that "pid:" means, so that it is no other; -EBADF: there is none. -EINVAL:
 * not a target; -ESRCH: no such process; -ENOENT: no such cgroup. Then *ret_reason is a sentence.
 */
int session_request_parse_target(SessionRequest *r,
                                 const char *text,
                                 int pidfd,
                                 const char **ret_reason);

/* 1: everything of the target is the user's own, as far as that can be known beforehand; 0. */
int session_request_is_own(const SessionRequest *r, uid_t uid);
