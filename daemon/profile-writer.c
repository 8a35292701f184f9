/* SPDX-License-Identifier: Apache-2.0 */
/* Profile Writer */

#include <utlist.h>

#include "basic/string-util.h"
#include "profile-writer.h"
#include "profile/pprof.h"
#include "symbol/kernel-build-id.h"

typedef struct QueuedWindow {
        ClosedWindow closed;
        uint64_t sequence;
        usec_t deadline_usec; /* CLOCK_MONOTONIC */
        struct QueuedWindow *prev, *next;
} QueuedWindow;

struct ProfileWriter {
        sd_event *event;
        Store *store;
        ProfileWriterCallbacks callbacks;
        void *userdata;
        sd_event_source *work_source, *deadline_source;
        usec_t patience_usec;

        QueuedWindow *queue; /* oldest first */
        size_t n_queued;
        uint64_t last_sequence;

        sd_id128_t boot_id;
        char *host;
        char kernel_build_id[2 * KERNEL_BUILD_ID_MAX + 1];
        bool lines;
};

void closed_window_done(ClosedWindow *c) {
        window_free(c->window);
        free(c->unit);
        free(c->slice);
        free(c->main_exe);
        file_unref(c->main_mapping.file);
        for (size_t i = 0; i < c->n_labels; i++) {
                free(c->labels[i].key);
                free(c->labels[i].value);
        }
        free(c->labels);
        strv_free(c->comments);
        *c = (ClosedWindow){};
}

static void drop(ProfileWriter *w, QueuedWindow *q) {
        DL_DELETE(w->queue, q);
        w->n_queued--;
        closed_window_done(&q->closed);
        free(q);
}

/* ---- one profile ---- */

int profile_writer_make_profile(ProfileWriter *w,
                                const ClosedWindow *c,
                                Profile **ret,
                                WindowNames *ret_names) {
        WindowProfileContext context = {
                .unit = c->unit,
                .slice = c->slice,
                .invocation_id = c->invocation_id,
                .boot_id = w->boot_id,
                .host = w->host,
                .labels = c->labels,
                .n_labels = c->n_labels,
                .comments = c->comments,
                .frequency_hz = c->frequency_hz,
                .duration_usec = c->duration_usec,
                .main_exe = c->main_exe,
                .main_mapping = c->main_mapping.file ? &c->main_mapping : NULL,
                .kernel = w->callbacks.get_kernel(w->userdata),
                .kernel_build_id = w->kernel_build_id,
                .lines = w->lines,
        };

        return window_make_profile(c->window, &context, ret, ret_names);
}

static int encode(ProfileWriter *w,
                  const ClosedWindow *c,
                  uint8_t **ret,
                  size_t *ret_size,
                  WindowNames *ret_names) {
        _cleanup_(profile_freep) Profile *profile = NULL;
        int r;

        r = profile_writer_make_profile(w, c, &profile, ret_names);
        if (r < 0)
                return r;
        return pprof_encode(profile, ret, ret_size);
}

int profile_writer_encode(ProfileWriter *w,
                          const ClosedWindow *closed,
                          uint8_t **ret,
                          size_t *ret_size) {
        WindowNames names;

        return encode(w, closed, ret, ret_size, &names);
}

static int store(ProfileWriter *w,
                 const ClosedWindow *c,
                 WrittenProfile *written,
                 char **ret_path) {
        StoreEntry entry = {
                .unit = c->unit,
                .type = (char *) window_type_to_string(window_get_type(c->window)),
                .boot_id = w->boot_id,
                .start_usec = window_get_start(c->window),
                .duration_usec = c->duration_usec,
        };
        _cleanup_free_ char *relative = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        int r;

        r = encode(w, c, &data, &written->size_bytes, &written->names);
        if (r < 0)
                return r;
        r = store_write(w->store, &entry, data, written->size_bytes, &relative);
        if (r < 0)
                return r;
        return asprintf(ret_path, "%s/%s", store_get_directory(w->store), relative) < 0 ? -ENOMEM
                                                                                        : 0;
}

static void write_profile(ProfileWriter *w, QueuedWindow *q) {
        WrittenProfile written = { .closed = &q->closed };
        _cleanup_(closed_window_done) ClosedWindow closed = {};
        _cleanup_free_ char *path = NULL;

        window_get_totals(q->closed.window, &written.totals);
        written.error = store(w, &q->closed, &written, &path);
        written.path = path;

        /* Out of the queue first: who is called back may ask what is done. */
        closed = q->closed;
        q->closed = (ClosedWindow){};
        drop(w, q);
        written.closed = &closed;
        w->callbacks.on_written(&written, w->userdata);
}

/* ---- the queue ---- */

static QueuedWindow *find_ready(ProfileWriter *w, usec_t now) {
        for (QueuedWindow *q = w->queue; q; q = q->next) {
                const Window *window = q->closed.window;

                if (now >= q->deadline_usec ||
                    (!window_is_pending(window) && w->callbacks.is_ready(window, w->userdata)))
                        return q;
        }
        return NULL;
}

static int on_work(sd_event_source *source, void *userdata) {
        ProfileWriter *w = userdata;
        QueuedWindow *q;

        q = find_ready(w, now_usec(CLOCK_MONOTONIC));
        if (!q) /* the deadline, or what comes meanwhile, wakes it again */
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        write_profile(w, q);
        return 0;
}

static void arm_deadline(ProfileWriter *w) {
        if (!w->queue)
                return;
        (void) sd_event_source_set_time(w->deadline_source, w->queue->deadline_usec);
        (void) sd_event_source_set_enabled(w->deadline_source, SD_EVENT_ONESHOT);
}

/* On a host that is too slow for all there is to do nothing is ever idle. */
static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        ProfileWriter *w = userdata;

        if (w->queue && now_usec(CLOCK_MONOTONIC) >= w->queue->deadline_usec)
                write_profile(w, w->queue);
        profile_writer_poke(w);
        return 0;
}

void profile_writer_poke(ProfileWriter *w) {
        if (w->queue)
                (void) sd_event_source_set_enabled(w->work_source, SD_EVENT_ON);
        arm_deadline(w);
}

void profile_writer_set_lines(ProfileWriter *w, bool lines) {
        w->lines = lines;
}

int profile_writer_add(ProfileWriter *w, ClosedWindow *closed, uint64_t *ret_sequence) {
        _cleanup_(closed_window_done) ClosedWindow c = *closed;
        QueuedWindow *q;

        *closed = (ClosedWindow){};
        if (w->n_queued >= PROFILE_WRITER_QUEUE_MAX)
                return -EBUSY;
        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;

        q->closed = c;
        c = (ClosedWindow){};
        q->sequence = ++w->last_sequence;
        q->deadline_usec = now_usec(CLOCK_MONOTONIC) + w->patience_usec;
        DL_APPEND(w->queue, q);
        w->n_queued++;
        *ret_sequence = q->sequence;
        profile_writer_poke(w);
        return 0;
}

void profile_writer_finish(ProfileWriter *w) {
        while (w->queue)
                write_profile(w, w->queue);
}

bool profile_writer_is_done(const ProfileWriter *w, uint64_t sequence) {
        return !w->queue || w->queue->sequence > sequence;
}

size_t profile_writer_n_queued(const ProfileWriter *w) {
        return w->n_queued;
}

/* ---- construction ---- */

static int add_sources(ProfileWriter *w) {
        int r;

        r = sd_event_add_defer(w->event, &w->work_source, on_work, w);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(w->work_source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* Sampling and the bus come first. */
        r = sd_event_source_set_priority(w->work_source, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        r = sd_event_add_time(w->event, &w->deadline_source, CLOCK_MONOTONIC, USEC_INFINITY, 0,
                              on_deadline, w);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(w->deadline_source, SD_EVENT_OFF);
}

int profile_writer_new(ProfileWriter **ret,
                       sd_event *event,
                       Store *store,
                       usec_t patience_usec,
                       const ProfileWriterCallbacks *callbacks,
                       void *userdata) {
        _cleanup_(profile_writer_freep) ProfileWriter *w = NULL;
        char host[256] = "";
        int r;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->event = sd_event_ref(event);
        w->store = store;
        w->patience_usec = patience_usec;
        w->callbacks = *callbacks;
        w->userdata = userdata;
        w->lines = true;

        r = sd_id128_get_boot(&w->boot_id);
        if (r < 0)
                return r;
        (void) gethostname(host, sizeof(host) - 1);
        w->host = utf8_sanitize(host, sizeof(host));
        if (!w->host)
                return -ENOMEM;
        (void) kernel_build_id_read(w->kernel_build_id);

        r = add_sources(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

ProfileWriter *profile_writer_free(ProfileWriter *w) {
        if (!w)
                return NULL;
        while (w->queue)
                drop(w, w->queue);
        sd_event_source_disable_unref(w->work_source);
        sd_event_source_disable_unref(w->deadline_source);
        sd_event_unref(w->event);
        free(w->host);
        free(w);
        return NULL;
}
