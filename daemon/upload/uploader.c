/* SPDX-License-Identifier: Apache-2.0 */
/* Uploader */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "messages.h"
#include "paths.h"
#include "store/store-pins.h"
#include "upload/backlog.h"
#include "upload/uploader.h"

enum {
        STATE_DIRECTORY_MODE = 0755, /* the daemon reads the pins */
        PINS_MODE = 0644,
        HOST_NAME_MAX_BYTES = 65,
};
#define TOLD_AGAIN_USEC (10 * USEC_PER_MINUTE) /* the same of the same target */
#define DRAIN_USEC      (8 * USEC_PER_SEC)

/* What was said of one target. */
typedef struct Told {
        usec_t rejected_usec, expired_usec, ledger_usec; /* CLOCK_MONOTONIC; 0: never */
        uint64_t n_rejected, n_expired;
} Told;

struct Uploader {
        sd_event *event;
        UploaderPaths paths;
        int state_fd;
        char host_name[HOST_NAME_MAX_BYTES], machine_id[SD_ID128_STRING_MAX];
        LabelHost host;

        UploadTarget *targets;
        size_t n_targets;
        Sender *sender;
        Store *store; /* NULL: it is not there yet */
        Backlog *backlog;
        Shipper *shippers[UPLOAD_TARGETS_MAX];
        Told told[UPLOAD_TARGETS_MAX];
        size_t n_shippers;

        sd_event_source *scan, *drain;
        bool pins_are_stale, said_no_store;
        size_t n_unreadable; /* directories of the store, as was said last */
        UploaderChanged on_changed;
        void *userdata;

        /* while what is under way ends */
        bool draining;
        UploadTarget *next_targets; /* NULL: to stop */
        size_t n_next_targets;
        void (*on_stopped)(void *userdata);
        void *stop_userdata;
};

/* ---- what the administrator is told ---- */

static bool may_tell_again(usec_t *told_usec) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (*told_usec > 0 && now < *told_usec + TOLD_AGAIN_USEC)
                return false;
        *told_usec = now;
        return true;
}

static void log_event(int level, const char *id, const UploadTarget *t, const char *text) {
        char message_id[64], target[32 + UPLOAD_NAME_MAX];

        (void) snprintf(message_id, sizeof(message_id), "MESSAGE_ID=%s", id);
        (void) snprintf(target, sizeof(target), "PROFILERD_TARGET=%s", t->name);
        (void) log_full(level, 0, LOG_FIELDS(message_id, target), "%s: %s", t->name, text);
}

static void tell_rejected(const Shipper *s, Told *told, const char *text) {
        ShipperStatus status;

        shipper_get_status(s, &status);
        if (!may_tell_again(&told->rejected_usec))
                return;
        log_event(LOG_WARNING, MESSAGE_UPLOAD_REJECTED, shipper_get_target(s), text);
        told->n_rejected = status.n_rejected;
}

static void tell_expired(const Shipper *s, Told *told) {
        ShipperStatus status;
        char text[128];

        shipper_get_status(s, &status);
        if (!may_tell_again(&told->expired_usec))
                return;
        (void) snprintf(text, sizeof(text),
                        "%" PRIu64 " profiles were too old, or too many, before they could be "
                        "sent",
                        status.n_expired - told->n_expired);
        log_event(LOG_WARNING, MESSAGE_UPLOAD_EXPIRED, shipper_get_target(s), text);
        told->n_expired = status.n_expired;
}

static void tell_recovered(const Shipper *s) {
        ShipperStatus status;
        char text[128];

        shipper_get_status(s, &status);
        (void) snprintf(text, sizeof(text), "takes profiles again, %" PRIu64 " are pending",
                        status.n_pending);
        log_event(LOG_NOTICE, MESSAGE_UPLOAD_RECOVERED, shipper_get_target(s), text);
}

static Told *told_of(Uploader *u, const Shipper *s) {
        size_t i = 0;

        while (i + 1 < u->n_shippers && u->shippers[i] != s)
                i++;
        return &u->told[i];
}

static int check_drained(Uploader *u);

static void on_event(Shipper *s, ShipperEvent e, const char *text, void *userdata) {
        Uploader *u = userdata;
        Told *told = told_of(u, s);

        switch (e) {
        case SHIPPER_EVENT_STATE:
                if (u->on_changed)
                        u->on_changed(u, s, u->userdata);
                break;
        case SHIPPER_EVENT_FAILED:
                log_event(LOG_WARNING, MESSAGE_UPLOAD_FAILED, shipper_get_target(s), text);
                break;
        case SHIPPER_EVENT_RECOVERED:
                tell_recovered(s);
                break;
        case SHIPPER_EVENT_REJECTED:
                tell_rejected(s, told, text);
                break;
        case SHIPPER_EVENT_EXPIRED:
                u->pins_are_stale = true;
                tell_expired(s, told);
                break;
        case SHIPPER_EVENT_LEDGER:
                if (may_tell_again(&told->ledger_usec))
                        log_warning("%s: Failed to note what was sent, which may be sent twice "
                                    "after a restart: %s",
                                    shipper_get_target(s)->name, text);
                break;
        case SHIPPER_EVENT_PROGRESS:
                u->pins_are_stale = true;
                break;
        }
}

static void notify_status(const Uploader *u) {
        uint64_t n_pending = 0, n_sent = 0;
        size_t n_down = 0;

        for (size_t i = 0; i < u->n_shippers; i++) {
                ShipperStatus s;

                shipper_get_status(u->shippers[i], &s);
                n_pending += s.n_pending;
                n_sent += s.n_sent;
                n_down += s.state >= SHIPPER_DOWN;
        }
        (void) sd_notifyf(
                false, "STATUS=%zu targets%s, %" PRIu64 " profiles sent, %" PRIu64 " pending",
                u->n_shippers, n_down > 0 ? ", not all of them well" : "", n_sent, n_pending);
}

/* ---- pins ---- */

typedef struct PinWriter {
        StorePins *pins;
        usec_t max_age_usec;
        int error;
} PinWriter;

static void on_pending(const QueueItem *i, void *userdata) {
        PinWriter *w = userdata;
        const char *slash = strchr(i->path, '/');
        _cleanup_free_ char *unit = NULL;

        if (w->error < 0 || !slash)
                return;
        unit = strndup(i->path, (size_t) (slash - i->path));
        w->error = unit ? store_pins_put(w->pins, unit, i->start_usec, w->max_age_usec) : -ENOMEM;
}

static int write_pins(Uploader *u) {
        _cleanup_(store_pins_freep) StorePins *pins = NULL;
        _cleanup_free_ char *text = NULL;
        PinWriter w = {};
        size_t size;
        int r;

        r = store_pins_new(&pins);
        if (r < 0)
                return r;
        w.pins = pins;
        for (size_t i = 0; i < u->n_shippers; i++) {
                w.max_age_usec = shipper_get_target(u->shippers[i])->max_age_usec;
                shipper_foreach(u->shippers[i], on_pending, &w);
        }
        r = w.error < 0 ? w.error : store_pins_format(pins, &text, &size);
        return r < 0 ? r : replace_file(u->state_fd, STORE_PINS_NAME, text, size, PINS_MODE);
}

/* ---- the store ---- */

static int on_profile(const StoreEntry *entry, void *userdata) {
        Uploader *u = userdata;
        int r = 0;

        for (size_t i = 0; i < u->n_shippers && r >= 0; i++)
                r = shipper_offer(u->shippers[i], entry);
        u->pins_are_stale = true;
        return r;
}

static void free_shippers(Uploader *u) {
        for (size_t i = 0; i < u->n_shippers; i++)
                u->shippers[i] = shipper_free(u->shippers[i]);
        u->n_shippers = 0;
        u->backlog = backlog_free(u->backlog);
        u->store = store_free(u->store);
}

static int scan(Uploader *u) {
        size_t n_unreadable;
        int r;

        r = backlog_scan(u->backlog, &n_unreadable);
        if (r < 0)
                return r;
        if (n_unreadable > u->n_unreadable)
                log_warning("%zu directories of the store '%s' may not be read, their profiles "
                            "are not sent: check the modes of what is in it.",
                            n_unreadable, u->paths.store);
        u->n_unreadable = n_unreadable;
        return 0;
}

static int make_shippers(Uploader *u) {
        ShipperContext c = { .event = u->event,
                             .sender = u->sender,
                             .state_fd = u->state_fd,
                             .host = &u->host,
                             .on_event = on_event,
                             .userdata = u };
        int r;

        r = store_open_reader(&u->store, u->paths.store);
        if (r < 0)
                return r;
        c.store_fd = store_get_fd(u->store);
        r = backlog_new(&u->backlog, u->store, on_profile, u);
        for (size_t i = 0; i < u->n_targets && r >= 0; i++) {
                r = shipper_new(&u->shippers[i], &u->targets[i], &c);
                if (r >= 0)
                        u->n_shippers++;
        }
        memset(u->told, 0, sizeof(u->told));
        if (r >= 0)
                r = scan(u);
        for (size_t i = 0; i < u->n_shippers && r >= 0; i++)
                shipper_set_ready(u->shippers[i]);
        /* Those of an earlier run may be of others, or be readable by nobody else. */
        u->pins_are_stale = true;
        return r;
}

/* The daemon makes the store when it starts; that may be after us. */
static void look(Uploader *u) {
        int r;

        if (!u->store) {
                r = make_shippers(u);
                if (r < 0) {
                        free_shippers(u);
                        if (!u->said_no_store)
                                log_warning_errno(r,
                                                  "Failed to read the store '%s', trying "
                                                  "again: %m",
                                                  u->paths.store);
                        u->said_no_store = true;
                        return;
                }
                u->said_no_store = false;
                if (u->on_changed)
                        u->on_changed(u, NULL, u->userdata);
        } else {
                r = scan(u);
                if (r < 0)
                        (void) log_debug_errno(r, "Failed to look into the store, ignoring: %m");
        }

        for (size_t i = 0; i < u->n_shippers; i++)
                shipper_check_secrets(u->shippers[i]);
        if (u->pins_are_stale) {
                r = write_pins(u);
                if (r < 0)
                        (void) log_debug_errno(r, "Failed to pin what is pending, ignoring: %m");
                u->pins_are_stale = r < 0;
        }
        notify_status(u);
}

static int plan_scan(Uploader *u) {
        int r;

        r = sd_event_source_set_time_relative(u->scan, UPLOADER_SCAN_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(u->scan, SD_EVENT_ONESHOT);
}

/* Not while what is under way ends: then its time is the end of patience. */
static int on_scan(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Uploader *u = userdata;

        if (u->draining)
                return 0;
        look(u);
        return plan_scan(u);
}

/* ---- configuration ---- */

static void on_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {
        char path[512];
        char number[64];

        (void) userdata;
        (void) snprintf(path, sizeof(path), "CONFIG_FILE=%s", file);
        (void) snprintf(number, sizeof(number), "CONFIG_LINE=%u", line);
        if (line > 0)
                (void) log_full(LOG_WARNING, 0,
                                LOG_FIELDS("MESSAGE_ID=" MESSAGE_CONFIG_LINE, number, path),
                                "%s:%u: %s", file, line, sentence);
        else
                (void) log_full(LOG_WARNING, 0, LOG_FIELDS(path), "%s: %s", file, sentence);
}

static void say_targets(const Uploader *u) {
        for (size_t i = 0; i < u->n_targets; i++) {
                const UploadTarget *t = &u->targets[i];

                log_info("%s: sending by %s to %s", t->name, t->protocol->name, t->url);
                if (!t->verify_peer)
                        log_warning("%s: VerifyPeer=no, anybody may answer for that server.",
                                    t->name);
        }
}

static int load(Uploader *u, UploadTarget **ret, size_t *ret_n) {
        int r;

        r = upload_targets_load(u->paths.root, on_complaint, NULL, ret, ret_n);
        if (r < 0)
                return log_error_errno(r, "Failed to load the configuration: %m");
        if (*ret_n > 0)
                return 0;
        upload_targets_free(*ret, 0);
        *ret = NULL;
        log_error("No target to send to: describe one in /etc/profilerd/uploads.d/, see "
                  "profilerd-upload(8).");
        return -ENOENT;
}

int uploader_start(Uploader *u) {
        int r;

        r = load(u, &u->targets, &u->n_targets);
        if (r < 0)
                return r;
        say_targets(u);
        r = sd_event_add_time(u->event, &u->scan, CLOCK_MONOTONIC, 0, USEC_PER_SEC / 4, on_scan, u);
        if (r < 0)
                return log_error_errno(r, "Failed to add a timer: %m");
        look(u);
        return plan_scan(u);
}

/* ---- ends ---- */

static bool is_sending(const Uploader *u) {
        for (size_t i = 0; i < u->n_shippers; i++)
                if (shipper_is_sending(u->shippers[i]))
                        return true;
        return false;
}

static int on_drain(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        return check_drained(userdata);
}

/* Between turns of the loop: a shipper is not freed in its own callback. */
static int check_drained(Uploader *u) {
        usec_t deadline;

        if (sd_event_source_get_time(u->scan, &deadline) < 0)
                deadline = 0;
        if (is_sending(u) && now_usec(CLOCK_MONOTONIC) < deadline) {
                (void) sd_event_source_set_time_relative(u->drain, 50 * USEC_PER_MSEC);
                return sd_event_source_set_enabled(u->drain, SD_EVENT_ONESHOT);
        }

        u->draining = false;
        (void) write_pins(u);
        free_shippers(u);
        if (!u->next_targets) {
                u->on_stopped(u->stop_userdata);
                return 0;
        }
        upload_targets_free(u->targets, u->n_targets);
        u->targets = TAKE_PTR(u->next_targets);
        u->n_targets = u->n_next_targets;
        u->n_next_targets = 0;
        say_targets(u);
        look(u);
        return plan_scan(u);
}

static void drain(Uploader *u) {
        u->draining = true;
        for (size_t i = 0; i < u->n_shippers; i++)
                shipper_drain(u->shippers[i]);
        (void) sd_event_source_set_time_relative(u->scan, DRAIN_USEC);
        (void) sd_event_source_set_time_relative(u->drain, 0);
        (void) sd_event_source_set_enabled(u->drain, SD_EVENT_ONESHOT);
}

int uploader_reload(Uploader *u) {
        UploadTarget *targets;
        size_t n;
        int r;

        r = load(u, &targets, &n);
        if (r < 0)
                return r;
        upload_targets_free(u->next_targets, u->n_next_targets);
        u->next_targets = targets;
        u->n_next_targets = n;
        drain(u);
        return 0;
}

void uploader_stop(Uploader *u, void (*on_stopped)(void *userdata), void *userdata) {
        upload_targets_free(u->next_targets, u->n_next_targets);
        u->next_targets = NULL;
        u->n_next_targets = 0;
        u->on_stopped = on_stopped;
        u->stop_userdata = userdata;
        drain(u);
}

/* ---- object ---- */

void uploader_set_on_changed(Uploader *u, UploaderChanged callback, void *userdata) {
        u->on_changed = callback;
        u->userdata = userdata;
}

size_t uploader_n_shippers(const Uploader *u) {
        return u->n_shippers;
}

Shipper *uploader_get_shipper(const Uploader *u, size_t i) {
        return u->shippers[i];
}

static void find_out_host(Uploader *u) {
        sd_id128_t id;

        if (gethostname(u->host_name, sizeof(u->host_name) - 1) < 0)
                strcpy(u->host_name, "localhost");
        if (sd_id128_get_machine(&id) >= 0)
                sd_id128_to_string(id, u->machine_id);
        u->host = (LabelHost){ .name = u->host_name, .machine_id = u->machine_id };
}

int uploader_new(Uploader **ret, sd_event *event, const UploaderPaths *paths) {
        _cleanup_(uploader_freep) Uploader *u = NULL;
        int r;

        u = calloc(1, sizeof(Uploader));
        if (!u)
                return log_oom();
        u->event = sd_event_ref(event);
        u->paths = *paths;
        u->paths.store = paths->store ?: STATE_DIR;
        u->paths.state = paths->state ?: UPLOAD_STATE_DIR;
        find_out_host(u);
        u->state_fd = mkdir_open(AT_FDCWD, u->paths.state, STATE_DIRECTORY_MODE);
        if (u->state_fd < 0)
                return log_error_errno(u->state_fd, "Failed to open the state directory '%s': %m",
                                       u->paths.state);
        r = sender_new(&u->sender, event);
        if (r < 0)
                return log_oom();
        r = sd_event_add_time(event, &u->drain, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_drain, u);
        if (r >= 0)
                r = sd_event_source_set_enabled(u->drain, SD_EVENT_OFF);
        if (r < 0)
                return log_error_errno(r, "Failed to add a timer: %m");
        *ret = TAKE_PTR(u);
        return 0;
}

Uploader *uploader_free(Uploader *u) {
        if (!u)
                return NULL;

        free_shippers(u);
        sender_free(u->sender);
        sd_event_source_disable_unref(u->scan);
        sd_event_source_disable_unref(u->drain);
        upload_targets_free(u->targets, u->n_targets);
        upload_targets_free(u->next_targets, u->n_next_targets);
        safe_close(u->state_fd);
        sd_event_unref(u->event);
        free(u);
        return NULL;
}
