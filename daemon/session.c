/* SPDX-License-Identifier: Apache-2.0 */
/* Session */

#include "session.h"
#include "window.h"

static const char *const state_names[_SESSION_STATE_MAX] = {
        [SESSION_RUNNING] = "running",   [SESSION_FINISHING] = "finishing",
        [SESSION_FINISHED] = "finished", [SESSION_CANCELLED] = "cancelled",
        [SESSION_FAILED] = "failed",
};

const char *session_state_to_string(SessionState s) {
        assert(s < _SESSION_STATE_MAX);
        return state_names[s];
}

bool session_is_over(const Session *s) {
        return s->state != SESSION_RUNNING && s->state != SESSION_FINISHING;
}

usec_t session_get_elapsed(const Session *s) {
        usec_t end = s->ended_usec > 0 ? s->ended_usec : now_usec(CLOCK_MONOTONIC);

        return MIN(end - s->started_monotonic, s->request.duration_usec);
}

int session_new(Session **ret, SessionRequest *request) {
        Session *s = calloc(1, sizeof(*s));

        if (!s) {
                session_request_done(request);
                return -ENOMEM;
        }
        s->request = *request;
        *request = SESSION_REQUEST_NONE;
        s->result = SESSION_RESULT_NONE;
        *ret = s;
        return 0;
}

Session *session_free(Session *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->process_source);
        session_stream_free(s->stream);
        window_free(s->window);
        window_free(s->recent);
        window_free(s->before.window);
        session_result_done(&s->result);
        session_request_done(&s->request);
        free(s->stored_path);
        free(s);
        return NULL;
}
