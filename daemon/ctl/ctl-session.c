/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as profilerctl Sees Them */

#include <signal.h>
#include <systemd/sd-event.h>

#include "basic/array.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "bus/bus-names.h"
#include "ctl/ctl-bus-call.h"
#include "ctl/ctl-session.h"

#define START_TIMEOUT_USEC (150 * USEC_PER_SEC) /* somebody may have to type a password */
#define CALL_TIMEOUT_USEC  (25 * USEC_PER_SEC)
#define RESULT_BYTES_MAX   ((size_t) 128 << 20)

/* One session on its way. */
typedef struct Run {
        CtlBus *ctl;
        sd_bus *bus;
        sd_event *event;
        sd_bus_slot *progress_slot, *finished_slot, *gone_slot;
        char *path;
        void (*on_progress)(const SessionProgress *progress, void *userdata);
        void *userdata;
        bool finished, has_result, is_gone;
} Run;

static void run_done(Run *r) {
        sd_bus_slot_unref(r->progress_slot);
        sd_bus_slot_unref(r->finished_slot);
        sd_bus_slot_unref(r->gone_slot);
        if (r->event)
                (void) sd_bus_detach_event(r->bus);
        sd_event_unref(r->event);
        free(r->path);
}

static int send_call(Run *r, sd_bus_message *m, usec_t timeout_usec, sd_bus_message **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int k;

        k = sd_bus_message_set_auto_start(m, false);
        if (k < 0)
                return k;
        k = sd_bus_message_set_allow_interactive_authorization(m, true);
        if (k < 0)
                return k;
        k = sd_bus_call(r->bus, m, timeout_usec, &error, ret);
        return k < 0 ? ctl_bus_set_error(r->ctl, error.name, error.message, k) : 0;
}

/* ---- starting ---- */

static int append_flag(sd_bus_message *m, const char *name, bool value) {
        return sd_bus_message_append(m, "{sv}", name, "b", (int) value);
}

static int append_types(sd_bus_message *m, char **types) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "Types");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, types);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_options(sd_bus_message *m, const SessionOptions *o) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        /* Not asking for the kernel is not asking without it: who may not has none. */
        if (r >= 0 && o->no_kernel)
                r = append_flag(m, "Kernel", false);
        if (r >= 0 && o->no_user)
                r = append_flag(m, "User", false);
        if (r >= 0 && o->children)
                r = append_flag(m, "Children", true);
        if (r >= 0 && o->store)
                r = append_flag(m, "Store", true);
        if (r >= 0 && o->types)
                r = append_types(m, o->types);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int start(Run *r, const SessionOptions *o) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *path;
        int k;

        k = sd_bus_message_new_method_call(r->bus, &m, BUS_NAME, BUS_PATH, BUS_MANAGER_INTERFACE,
                                           "StartSession");
        if (k >= 0)
                k = sd_bus_message_set_auto_start(m, false);
        if (k < 0)
                return k;
        k = sd_bus_message_append(m, "sut", o->target, o->frequency_hz,
                                  (uint64_t) o->duration_usec);
        if (k < 0)
                return k;
        k = append_options(m, o);
        if (k < 0)
                return k;
        k = send_call(r, m, START_TIMEOUT_USEC, &reply);
        if (k < 0)
                return k;
        k = sd_bus_message_read(reply, "o", &path);
        if (k < 0)
                return k;
        r->path = strdup(path);
        return r->path ? 0 : -ENOMEM;
}

/* ---- following ---- */

static bool is_ours(const Run *r, sd_bus_message *m) {
        const char *path = sd_bus_message_get_path(m);

        return r->path && path && streq(path, r->path);
}

static int on_progress_signal(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        SessionProgress p;
        Run *r = userdata;

        if (is_ours(r, m) &&
            sd_bus_message_read(m, "ttt", &p.samples, &p.lost, &p.elapsed_usec) >= 0 &&
            r->on_progress)
                r->on_progress(&p, r->userdata);
        return 0;
}

static int on_finished_signal(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        int has_result;
        Run *r = userdata;

        if (!is_ours(r, m) || sd_bus_message_read(m, "b", &has_result) < 0)
                return 0;
        r->finished = true;
        r->has_result = has_result;
        return 0;
}

/* The daemon has left the bus. */
static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        const char *name, *before, *after;
        Run *r = userdata;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0 || !isempty(after))
                return 0;
        r->is_gone = true;
        return 0;
}

static int on_stop(sd_event_source *source _unused_,
                   const struct signalfd_siginfo *si _unused_,
                   void *userdata) {
        Run *r = userdata;

        /* The answer is the signal that it has finished. */
        (void) sd_bus_call_method_async(r->bus, NULL, BUS_NAME, r->path, BUS_SESSION_INTERFACE,
                                        "Stop", NULL, NULL, "");
        return 0;
}

/* Before it is started: nothing is missed. */
static int subscribe(Run *r) {
        int k;

        k = sd_bus_match_signal(r->bus, &r->progress_slot, BUS_NAME, NULL, BUS_SESSION_INTERFACE,
                                "Progress", on_progress_signal, r);
        if (k < 0)
                return k;
        k = sd_bus_match_signal(r->bus, &r->finished_slot, BUS_NAME, NULL, BUS_SESSION_INTERFACE,
                                "Finished", on_finished_signal, r);
        if (k < 0)
                return k;
        k = sd_bus_add_match(r->bus, &r->gone_slot,
                             "type='signal',sender='org.freedesktop.DBus',"
                             "member='NameOwnerChanged',arg0='" BUS_NAME "'",
                             on_owner_changed, r);
        if (k < 0)
                return k;
        k = sd_event_new(&r->event);
        if (k < 0)
                return k;
        return sd_bus_attach_event(r->bus, r->event, SD_EVENT_PRIORITY_NORMAL);
}

static int add_signals(Run *r) {
        static const int signals[] = { SIGINT, SIGTERM };
        sigset_t mask;
        int k;

        sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                k = sd_event_add_signal(r->event, NULL, signals[i], on_stop, r);
                if (k < 0)
                        return k;
        }
        return 0;
}

/* ---- the end ---- */

static int read_status(Run *r, SessionStatus *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int k;

        k = sd_bus_message_new_method_call(r->bus, &m, BUS_NAME, r->path,
                                           "org.freedesktop.DBus.Properties", "GetAll");
        if (k < 0)
                return k;
        k = sd_bus_message_append(m, "s", BUS_SESSION_INTERFACE);
        if (k < 0)
                return k;
        k = send_call(r, m, CALL_TIMEOUT_USEC, &reply);
        if (k < 0)
                return k;
        return session_status_read(reply, ret);
}

static int read_result(Run *r, char **ret, size_t *ret_size) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int fd, k;

        k = sd_bus_message_new_method_call(r->bus, &m, BUS_NAME, r->path, BUS_SESSION_INTERFACE,
                                           "GetResult");
        if (k < 0)
                return k;
        k = sd_bus_message_append(m, "s", "pprof");
        if (k < 0)
                return k;
        k = send_call(r, m, CALL_TIMEOUT_USEC, &reply);
        if (k < 0)
                return k;
        k = sd_bus_message_read(reply, "h", &fd); /* the message's own */
        if (k < 0)
                return k;
        return read_full_fd(fd, RESULT_BYTES_MAX, ret, ret_size);
}

int ctl_session_run(CtlBus *b,
                    const SessionOptions *options,
                    void (*on_progress)(const SessionProgress *progress, void *userdata),
                    void *userdata,
                    SessionStatus *ret_status,
                    char **ret,
                    size_t *ret_size) {
        _cleanup_(run_done) Run r = { .ctl = b, .on_progress = on_progress, .userdata = userdata };
        int k;

        k = ctl_bus_connect(b, &r.bus);
        if (k < 0)
                return k;
        k = subscribe(&r);
        if (k < 0)
                return k;
        k = start(&r, options);
        if (k < 0)
                return k;
        k = add_signals(&r);
        if (k < 0)
                return k;
        /* Not sd_event_loop(): its end is that of the connection as well. */
        while (!r.finished) {
                k = sd_event_run(r.event, UINT64_MAX);
                if (k < 0)
                        return k;
                if (r.is_gone)
                        return -EHOSTDOWN;
        }
        k = read_status(&r, ret_status);
        if (k < 0)
                return k;
        return r.has_result ? read_result(&r, ret, ret_size) : -ECANCELED;
}

int ctl_session_trigger(CtlBus *b, const char *trigger, const char *unit, char **ret_object) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        Run run = { .ctl = b };
        const char *path;
        int r;

        r = ctl_bus_connect(b, &run.bus);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(run.bus, &m, BUS_NAME, BUS_PATH, BUS_MANAGER_INTERFACE,
                                           "Trigger");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", trigger, unit);
        if (r < 0)
                return r;
        r = send_call(&run, m, START_TIMEOUT_USEC, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return r;
        *ret_object = strdup(path);
        return *ret_object ? 0 : -ENOMEM;
}

/* ---- the list ---- */

void session_rows_free(SessionRow *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(rows[i].path);
                free(rows[i].target);
                free(rows[i].state);
        }
        free(rows);
}

static int read_row(sd_bus_message *m, SessionRow *row) {
        const char *path, *target, *state;
        int r;

        *row = (SessionRow){};
        r = sd_bus_message_read(m, "(ossuuttt)", &path, &target, &state, &row->uid,
                                &row->frequency_hz, &row->duration_usec, &row->elapsed_usec,
                                &row->samples);
        if (r <= 0)
                return r;
        row->path = strdup(path);
        row->target = strdup(target);
        row->state = strdup(state);
        return row->path && row->target && row->state ? 1 : -ENOMEM;
}

static int read_rows(sd_bus_message *m, SessionRow **rows, size_t *n) {
        size_t capacity = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ossuuttt)");
        if (r < 0)
                return r;
        do {
                r = ARRAY_RESERVE(*rows, capacity, *n + 1);
                if (r < 0)
                        return r;
                r = read_row(m, &(*rows)[*n]);
                if (r != 0)
                        (*n)++;
        } while (r > 0);
        return r;
}

int ctl_session_list(CtlBus *b, SessionRow **ret, size_t *ret_n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        Run run = { .ctl = b };
        SessionRow *rows = NULL;
        size_t n = 0;
        int r;

        r = ctl_bus_connect(b, &run.bus);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(run.bus, &m, BUS_NAME, BUS_PATH, BUS_MANAGER_INTERFACE,
                                           "ListSessions");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;
        r = send_call(&run, m, CALL_TIMEOUT_USEC, &reply);
        if (r < 0)
                return r;
        r = read_rows(reply, &rows, &n);
        if (r < 0) {
                session_rows_free(rows, n);
                return r;
        }
        *ret = rows;
        *ret_n = n;
        return 0;
}
