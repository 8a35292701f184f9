/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions for Tests
 *
 * From a request to its result, without a bus.
 */

#include "session-registry.h"
#include "tests/kernel/stored-fixture.h"

/* format: "%d": the process whose pid_t what is; else a target, what is put behind it. */
static inline SessionRequest request_of(const char *format, const void *what) {
        SessionRequest q = SESSION_REQUEST_NONE;
        const char *reason = "?";
        char text[300];
        int r;

        if (strstr(format, "%d"))
                snprintf(text, sizeof(text), "pid:%d", *(const pid_t *) what);
        else
                snprintf(text, sizeof(text), "%s%s", format, what ? (const char *) what : "");
        r = session_request_parse_target(&q, text, -EBADF, &reason);
        if (r < 0)
                fail_msg("%s: %s", text, reason);
        q.frequency_hz = 199;
        q.duration_usec = USEC_PER_MINUTE;
        q.kernel = q.user = true;
        q.stream_interval_usec = 200 * USEC_PER_MSEC;
        q.stream_format = SESSION_FORMAT_FOLDED;
        return q;
}

static inline Session *start(Profiling *p, SessionRequest q) {
        const char *reason = NULL;
        Session *s;
        int r;

        r = session_registry_start(manager_get_sessions(p->manager), &q, &s, &reason);
        if (r < 0)
                fail_msg("%s: %s", reason ?: "?", strerror(-r));
        return s;
}

static inline void run_until_over(Profiling *p, const Session *s) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + 30 * USEC_PER_SEC;

        while (!session_is_over(s)) {
                assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
                assert_true(sd_event_run(p->event, USEC_PER_SEC) >= 0);
        }
}

static inline void stop(Profiling *p, Session *s) {
        session_registry_stop(manager_get_sessions(p->manager), s);
        run_until_over(p, s);
}

static inline Profile *result_of(Session *s) {
        _cleanup_close_ int fd = session_result_open(&s->result, SESSION_FORMAT_PPROF);
        _cleanup_free_ char *data = NULL;
        const char *reason = "?";
        Profile *profile;
        size_t size;

        assert_return_code(fd, -fd);
        assert_return_code(read_full_fd(fd, 64 << 20, &data, &size), 0);
        if (pprof_decode(data, size, &profile, &reason) < 0)
                fail_msg("%s", reason);
        return profile;
}
