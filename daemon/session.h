/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Session
 *
 * A closer look that somebody asked for: a target, a frequency of its own, and an end. Its samples
 * go into a window of its own, and become a profile when it ends. Owned by the session registry;
 * the faces on the bus read it.
 */

#include <systemd/sd-event.h>

#include "capture/session-events.h"
#include "session-request.h"
#include "session-result.h"
#include "session-stream.h"

#define SESSION_WINDOW_BYTES_MAX ((size_t) 24 << 20) /* of stacks; further samples are lost */
#define SESSION_RECENT_BYTES_MAX ((size_t) 6 << 20)  /* of what the stream has not had yet */
#define SESSION_PATIENCE_USEC    (10 * USEC_PER_SEC) /* for names, after the end */

typedef struct SessionRegistry SessionRegistry;
typedef struct Window Window;

typedef enum SessionState {
        SESSION_RUNNING,
        SESSION_FINISHING, /* sampled, and not yet named */
        SESSION_FINISHED,  /* there is a result */
        SESSION_CANCELLED,
        SESSION_FAILED, /* see error */
        _SESSION_STATE_MAX,
} SessionState;

/* What its unit did before it was set off. */
typedef struct SessionBefore {
        Window *window;                /* NULL: nothing, or it is in the store */
        usec_t wanted_usec, held_usec; /* samples reach back so far */
        unsigned frequency_hz;
} SessionBefore;

typedef struct Session {
        SessionRegistry *registry;
        uint64_t id;   /* never used again */
        unsigned slot; /* number in the kernel, while it is running */
        SessionRequest request;
        SessionState state;
        int error; /* of SESSION_FAILED, negative errno */

        usec_t started_usec;             /* CLOCK_REALTIME */
        usec_t started_monotonic;        /* and all times below */
        usec_t ended_usec;               /* sampling ended; 0: not yet */
        usec_t progress_usec;            /* of the last signal */
        uint64_t cgroup_id;              /* of SESSION_SCOPE_CGROUPS; 0: gone at the moment */
        sd_event_source *process_source; /* of SESSION_SCOPE_PROCESSES: its end */
        bool process_ended;

        Window *window; /* while RUNNING or FINISHING */
        Window *recent; /* since the last piece of the stream; NULL: no stream */
        usec_t recent_usec;
        SessionBefore before;
        uint64_t samples, cpu_nsec, waits_nsec;
        uint64_t lost; /* the sum of the two */
        uint64_t lost_ring, lost_window;
        SessionStream *stream; /* NULL: none */
        uint64_t stream_dropped,
                stream_untold; /* samples; the reader has not heard of the latter */
        SessionResult result;
        char *stored_path; /* absolute; NULL: not stored */
        struct Session *prev, *next;
} Session;

/* Any may be NULL. */
typedef struct SessionCallbacks {
        void (*on_added)(Session *s, void *userdata);
        void (*on_progress)(Session *s, void *userdata);
        void (*on_over)(Session *s, void *userdata);
        void (*on_removed)(Session *s, void *userdata);
} SessionCallbacks;

/* Takes the request, in every case. */
int session_new(Session **ret, SessionRequest *request);
Session *session_free(Session *s);
DEFINE_CLEANUP(Session *, session_free);

const char *session_state_to_string(SessionState s);
/* There will be no further sample, and no further change. */
bool session_is_over(const Session *s);
usec_t session_get_elapsed(const Session *s);
