/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of Sessions */

#include <inttypes.h>

#include "basic/log.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "profile/pprof.h"
#include "profile/text-writer.h"
#include "session-profile.h"

int session_new_window(const Session *s, Profiler *profiler, usec_t start_usec, Window **ret) {
        bool has_cpu = s->request.types & CONFIG_TYPE(WINDOW_CPU);
        int r;

        r = profiler_new_window(profiler, ret, has_cpu ? WINDOW_CPU : WINDOW_OFF_CPU, start_usec);
        if (r >= 0 && has_cpu && s->request.types & CONFIG_TYPE(WINDOW_OFF_CPU))
                window_set_mixed(*ret);
        return r;
}

static int add_comment(ClosedWindow *c, const char *key, const char *value) {
        _cleanup_free_ char *line = NULL;

        if (asprintf(&line, "%s: %s", key, value) < 0)
                return -ENOMEM;
        return strv_extend(&c->comments, line);
}

static int add_number(ClosedWindow *c, const char *key, uint64_t value) {
        char text[3 * sizeof(value)];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        return add_comment(c, key, text);
}

/* *c borrows the window. */
static int describe(const Session *s, Window *w, usec_t duration_usec, ClosedWindow *c) {
        int r;

        *c = (ClosedWindow){
                .window = w,
                .frequency_hz = s->request.frequency_hz,
                .duration_usec = MAX(duration_usec, (usec_t) 1),
        };
        c->unit = strdup(s->request.unit);
        if (!c->unit)
                return -ENOMEM;
        r = add_number(c, "session", s->id);
        if (r < 0)
                return r;
        r = add_comment(c, "target", s->request.target);
        if (r < 0)
                return r;
        return s->request.reason ? strv_extend(&c->comments, s->request.reason) : 0;
}

static void undescribe(ClosedWindow *c) {
        c->window = NULL;
        closed_window_done(c);
}

/* Not "cpu", not "offcpu": the same time would count twice. */
static const char *store_type(const Session *s) {
        switch (s->request.types) {
        case CONFIG_TYPE(WINDOW_CPU):
                return "cpu-session";
        case CONFIG_TYPE(WINDOW_OFF_CPU):
                return "offcpu-session";
        default:
                return "cpu-offcpu-session";
        }
}

static int store_data(Store *store,
                      const char *type,
                      const ClosedWindow *c,
                      const void *data,
                      size_t size,
                      char **ret) {
        StoreEntry entry = {
                .unit = c->unit,
                .type = (char *) type,
                .start_usec = window_get_start(c->window),
                .duration_usec = c->duration_usec,
        };
        int r;

        r = sd_id128_get_boot(&entry.boot_id);
        return r < 0 ? r : store_write(store, &entry, data, size, ret);
}

static int store_result(
        Session *s, Store *store, const ClosedWindow *c, const void *data, size_t size) {
        _cleanup_free_ char *relative = NULL;
        int r;

        r = store_data(store, store_type(s), c, data, size, &relative);
        if (r < 0)
                return r;
        if (asprintf(&s->stored_path, "%s/%s", store_get_directory(store), relative) < 0) {
                s->stored_path = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        return 0;
}

int session_make_result(Session *s, Profiler *profiler, Store *store) {
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(undescribe) ClosedWindow c = {};
        _cleanup_free_ uint8_t *data = NULL;
        WindowNames names;
        size_t size;
        int r;

        r = describe(s, s->window, session_get_elapsed(s), &c);
        if (r < 0)
                return r;
        if (s->lost_ring > 0) {
                r = add_number(&c, "lost-in-ring", s->lost_ring);
                if (r < 0)
                        return r;
        }
        r = profiler_make_profile(profiler, &c, &profile, &names);
        if (r < 0)
                return r;
        r = pprof_encode(profile, &data, &size);
        if (r < 0)
                return r;
        r = session_result_set(&s->result, data, size);
        if (r < 0)
                return r;
        if (!s->request.store)
                return 0;
        r = store_result(s, store, &c, data, size);
        /* The result is there all the same; that it is not in the store stays to be seen. */
        s->error = MIN(r, 0);
        return 0;
}

/* "10s", or how much of it there is. */
static int describe_before(const SessionBefore *b, ClosedWindow *c) {
        _cleanup_free_ char *wanted = timespan_format(b->wanted_usec), *line = NULL;

        if (!wanted)
                return -ENOMEM;
        if (b->held_usec >= b->wanted_usec)
                return add_comment(c, "before", wanted);
        if (asprintf(&line, "%.1fs of %s", (double) b->held_usec / (double) USEC_PER_SEC, wanted) <
            0) {
                line = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        return add_comment(c, "before", line);
}

int session_store_before(Session *s, Profiler *profiler, Store *store) {
        _cleanup_(window_freep) Window *w = TAKE_PTR(s->before.window);
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(undescribe) ClosedWindow c = {};
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_free_ char *relative = NULL;
        WindowNames names;
        size_t size;
        int r;

        if (!w)
                return 0;
        r = describe(s, w, s->before.held_usec, &c);
        if (r < 0)
                return r;
        c.frequency_hz = s->before.frequency_hz;
        r = describe_before(&s->before, &c);
        if (r < 0)
                return r;
        r = profiler_make_profile(profiler, &c, &profile, &names);
        if (r < 0)
                return r;
        r = pprof_encode(profile, &data, &size);
        if (r < 0)
                return r;
        return store_data(store, SESSION_BEFORE_TYPE, &c, data, size, &relative);
}

/* ---- the stream ---- */

int session_renew_recent(Session *s, Profiler *profiler) {
        int r;

        s->recent = window_free(s->recent);
        r = session_new_window(s, profiler, now_usec(CLOCK_REALTIME), &s->recent);
        if (r >= 0)
                window_set_bytes_max(s->recent, SESSION_RECENT_BYTES_MAX);
        return r;
}

/* A line that readers of folded stacks skip. */
static int encode_folded(Profile *profile, uint64_t dropped, TextWriter *w) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r;

        r = session_format_encode(SESSION_FORMAT_FOLDED, profile, &data, &size);
        if (r < 0)
                return r;
        if (dropped > 0)
                text_addf(w, "# dropped %" PRIu64 " samples\n", dropped);
        text_add_bytes(w, data, size);
        return w->error;
}

/* Its length goes in front of it: 32 bits, the most significant first. */
static int encode_pprof(Profile *profile, uint64_t dropped, TextWriter *w) {
        char comment[sizeof("stream-dropped: ") + 3 * sizeof(dropped)];
        _cleanup_free_ void *data = NULL;
        uint8_t length[4];
        size_t size;
        int r;

        snprintf(comment, sizeof(comment), "stream-dropped: %" PRIu64, dropped);
        r = profile_add_comment(profile, comment);
        if (r < 0)
                return r;
        r = session_format_encode(SESSION_FORMAT_PPROF, profile, &data, &size);
        if (r < 0)
                return r;
        if (size > SESSION_STREAM_BYTES_MAX)
                return -EFBIG;
        for (unsigned i = 0; i < sizeof(length); i++)
                length[i] = (uint8_t) (size >> (8 * (sizeof(length) - 1 - i)));
        text_add_bytes(w, (const char *) length, sizeof(length));
        text_add_bytes(w, data, size);
        return w->error;
}

static int write_piece(Session *s, Profiler *profiler, usec_t duration_usec) {
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_(undescribe) ClosedWindow c = {};
        WindowNames names;
        int r;

        r = describe(s, s->recent, duration_usec, &c);
        if (r < 0)
                return r;
        r = profiler_make_profile(profiler, &c, &profile, &names);
        if (r < 0)
                return r;
        r = s->request.stream_format == SESSION_FORMAT_PPROF
                    ? encode_pprof(profile, s->stream_untold, &w)
                    : encode_folded(profile, s->stream_untold, &w);
        if (r < 0)
                return r;
        return session_stream_write(s->stream, w.text, w.size);
}

void session_stream_piece(Session *s, Profiler *profiler) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        WindowTotals totals;
        int r;

        if (!s->stream || !s->recent)
                return;
        window_get_totals(s->recent, &totals);
        r = totals.samples > 0 ? write_piece(s, profiler, now - s->recent_usec) : 1;
        if (r <= 0) {
                s->stream_dropped += totals.samples;
                s->stream_untold += totals.samples;
        } else if (totals.samples > 0)
                s->stream_untold = 0;
        s->recent_usec = now;
        (void) session_renew_recent(s, profiler);
        if (r == -EPIPE)
                s->recent = window_free(s->recent); /* nobody listens any more */
}
