/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bus
 *
 * A connection is never repaired: when it ends, everything that hung on it goes with it, and a new
 * one is made after a while that grows with each failure.
 */

#include <systemd/sd-bus.h>

#include "basic/log.h"
#include "bus/bus-log-control.h"
#include "bus/bus-manager.h"
#include "bus/bus-names.h"
#include "bus/bus-unit.h"
#include "bus/bus.h"
#include "bus/unit-watch.h"

struct Bus {
        sd_event *event;
        Manager *manager;
        BusManager *manager_face;
        BusUnits *unit_faces;
        BusSessions *session_faces;
        UnitWatch *watch;

        sd_bus *bus;
        bool usable;            /* bus is connected; else it is to be replaced */
        sd_event_source *retry; /* connects, or asks for the name */
        usec_t delay_usec;      /* before the next try */
        bool lost;              /* said that something failed, and not yet that it is mended */

        bool named;   /* the request for the name was answered */
        bool settled; /* the units are known */
        bool synced;
        bool overfull; /* said that there are too many units */
        BusSynced on_synced;
        void *userdata;
};

/* ---- from the manager ---- */

static void on_patterns(Manager *m _unused_, const char *const *patterns, void *userdata) {
        Bus *b = userdata;
        int r;

        r = unit_watch_set_patterns(b->watch, patterns);
        if (r < 0)
                log_error_errno(r, "Failed to follow the configured units, ignoring: %m");
        bus_manager_config_changed(b->manager_face);
}

static void on_unit_added(Manager *m _unused_, Unit *u, void *userdata) {
        Bus *b = userdata;

        bus_units_add(b->unit_faces, u);
}

static void on_unit_removed(Manager *m _unused_, Unit *u, void *userdata) {
        Bus *b = userdata;

        bus_units_remove(b->unit_faces, u);
}

static void on_unit_changed(Manager *m _unused_, Unit *u, void *userdata) {
        Bus *b = userdata;

        bus_units_change(b->unit_faces, u);
}

static void on_state_changed(Manager *m _unused_, void *userdata) {
        Bus *b = userdata;

        bus_manager_state_changed(b->manager_face);
}

static void on_profile_written(Manager *m _unused_,
                               Unit *u,
                               const char *path,
                               usec_t start_usec,
                               usec_t duration_usec,
                               uint64_t samples,
                               void *userdata) {
        Bus *b = userdata;

        bus_manager_profile_written(b->manager_face, u, path, start_usec, duration_usec, samples);
        bus_units_change(b->unit_faces, u);
}

static void on_triggered(Manager *m _unused_,
                         const char *unit,
                         const char *trigger,
                         const char *reason,
                         const Session *s,
                         void *userdata) {
        Bus *b = userdata;

        bus_manager_triggered(b->manager_face, unit, trigger, reason, s);
}

static void on_session_added(Session *s, void *userdata) {
        Bus *b = userdata;

        bus_sessions_add(b->session_faces, s);
}

static void on_session_progress(Session *s, void *userdata) {
        Bus *b = userdata;

        bus_sessions_progress(b->session_faces, s);
}

static void on_session_over(Session *s, void *userdata) {
        Bus *b = userdata;

        bus_sessions_over(b->session_faces, s);
}

static void on_session_removed(Session *s, void *userdata) {
        Bus *b = userdata;

        bus_sessions_remove(b->session_faces, s);
}

static const ManagerCallbacks callbacks = {
        .on_patterns = on_patterns,
        .on_unit_added = on_unit_added,
        .on_unit_removed = on_unit_removed,
        .on_unit_changed = on_unit_changed,
        .on_state_changed = on_state_changed,
        .on_profile_written = on_profile_written,
        .on_triggered = on_triggered,
        .sessions = {
                .on_added = on_session_added,
                .on_progress = on_session_progress,
                .on_over = on_session_over,
                .on_removed = on_session_removed,
        },
};

/* ---- readiness ---- */

static void bus_check_synced(Bus *b) {
        if (b->synced || !b->named || !b->settled)
                return;

        b->synced = true;
        if (b->on_synced)
                b->on_synced(b, b->userdata);
}

static void on_settled(UnitWatch *w, int error, void *userdata) {
        Bus *b = userdata;

        bus_manager_settled(b->manager_face);
        if (unit_watch_get_refused(w) > 0 && !b->overfull) {
                log_warning("More units match than can be profiled, leaving out the rest.");
                b->overfull = true;
        }
        if (error < 0)
                return;
        b->settled = true;
        bus_check_synced(b);
}

/* ---- connection ---- */

static void bus_disconnect(Bus *b) {
        unit_watch_detach(b->watch);
        (void) bus_manager_attach(b->manager_face, NULL);
        (void) bus_units_attach(b->unit_faces, NULL);
        (void) bus_sessions_attach(b->session_faces, NULL);
        b->usable = false;
        b->bus = sd_bus_close_unref(b->bus);
}

static void bus_plan_retry(Bus *b, usec_t delay_usec) {
        (void) sd_event_source_set_time(b->retry, now_usec(CLOCK_MONOTONIC) + delay_usec);
        (void) sd_event_source_set_enabled(b->retry, SD_EVENT_ONESHOT);
}

static void bus_back_off(Bus *b) {
        bus_plan_retry(b, b->delay_usec);
        b->delay_usec = MIN(2 * b->delay_usec, BUS_RECONNECT_MAX_USEC);
}

static int on_disconnected(sd_bus_message *message _unused_,
                           void *userdata,
                           sd_bus_error *error _unused_) {
        Bus *b = userdata;

        if (!b->lost)
                log_warning("The system bus is gone, sampling goes on.");
        b->lost = true;
        b->usable = false;
        bus_back_off(b);
        return 0;
}

/* Without the name nobody can ask the daemon anything, but it profiles. */
static int on_name_answered(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        Bus *b = userdata;

        if (sd_bus_message_is_method_error(reply, NULL)) {
                const sd_bus_error *e = sd_bus_message_get_error(reply);

                if (!b->lost)
                        log_warning("Failed to take the bus name " BUS_NAME ", ignoring: %s",
                                    e->message ?: e->name);
                b->lost = true;
                bus_back_off(b);
        } else {
                if (b->lost)
                        log_info("Back on the system bus.");
                b->lost = false;
                b->delay_usec = BUS_RECONNECT_MIN_USEC;
        }
        b->named = true;
        bus_check_synced(b);
        return 0;
}

static int bus_request_name(Bus *b) {
        return sd_bus_request_name_async(b->bus, NULL, BUS_NAME, 0, on_name_answered, b);
}

static int on_connected(sd_bus_message *message _unused_,
                        void *userdata,
                        sd_bus_error *error _unused_) {
        Bus *b = userdata;
        int r;

        (void) sd_event_source_set_enabled(b->retry, SD_EVENT_OFF);
        r = bus_request_name(b);
        if (r >= 0)
                r = unit_watch_attach(b->watch, b->bus);
        if (r < 0) {
                log_warning_errno(r, "Failed to use the system bus, trying again: %m");
                bus_back_off(b);
        }
        b->usable = r >= 0;
        return 0;
}

static int bus_match_local(sd_bus *bus,
                           const char *member,
                           sd_bus_message_handler_t handler,
                           Bus *b) {
        return sd_bus_match_signal_async(bus, NULL, "org.freedesktop.DBus.Local",
                                         "/org/freedesktop/DBus/Local",
                                         "org.freedesktop.DBus.Local", member, handler, NULL, b);
}

static int bus_open(sd_bus **ret) {
        const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address ?: BUS_DEFAULT_ADDRESS);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;
        /* At early boot the socket may not be there: it is waited for. */
        r = sd_bus_set_watch_bind(bus, true);
        if (r < 0)
                return r;
        r = sd_bus_set_connected_signal(bus, true);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bus);
        return 0;
}

static int bus_connect(Bus *b) {
        int r;

        bus_disconnect(b);
        r = bus_open(&b->bus);
        if (r < 0)
                return r;

        r = bus_match_local(b->bus, "Connected", on_connected, b);
        if (r < 0)
                return r;
        r = bus_match_local(b->bus, "Disconnected", on_disconnected, b);
        if (r < 0)
                return r;
        r = bus_manager_attach(b->manager_face, b->bus);
        if (r < 0)
                return r;
        r = bus_units_attach(b->unit_faces, b->bus);
        if (r < 0)
                return r;
        r = bus_sessions_attach(b->session_faces, b->bus);
        if (r < 0)
                return r;
        r = bus_log_control_attach(b->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(b->bus, b->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        /* The socket may have been seen before anybody listened on it, and nothing tells of that.
         */
        bus_plan_retry(b, BUS_RECONNECT_MAX_USEC);
        return 0;
}

static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Bus *b = userdata;
        int r;

        r = b->usable ? bus_request_name(b) : bus_connect(b);
        if (r < 0) {
                if (!b->lost)
                        log_warning_errno(r, "Failed to connect to the system bus: %m");
                b->lost = true;
                bus_back_off(b);
        }
        return 0;
}

int bus_start(Bus *b) {
        int r;

        r = bus_connect(b);
        if (r == -EINVAL || r == -ENOMEM)
                return r;
        if (r < 0) {
                log_warning_errno(r, "Failed to connect to the system bus, trying again: %m");
                b->lost = true;
                bus_back_off(b);
        }
        return 0;
}

/* ---- object ---- */

int bus_new(Bus **ret, sd_event *event, Manager *m) {
        _cleanup_(bus_freep) Bus *b = NULL;
        int r;

        b = calloc(1, sizeof(Bus));
        if (!b)
                return -ENOMEM;
        b->event = sd_event_ref(event);
        b->manager = m;
        b->delay_usec = BUS_RECONNECT_MIN_USEC;

        r = unit_watch_new(&b->watch, event, m, on_settled, b);
        if (r < 0)
                return r;
        r = bus_sessions_new(&b->session_faces, m);
        if (r < 0)
                return r;
        r = bus_manager_new(&b->manager_face, event, m, b->watch, b->session_faces);
        if (r < 0)
                return r;
        r = bus_units_new(&b->unit_faces, event, m);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &b->retry, CLOCK_MONOTONIC, 0, 0, on_retry, b);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(b->retry, SD_EVENT_OFF);
        if (r < 0)
                return r;

        manager_set_callbacks(m, &callbacks, b);
        *ret = TAKE_PTR(b);
        return 0;
}

Bus *bus_free(Bus *b) {
        if (!b)
                return NULL;

        manager_set_callbacks(b->manager, &(ManagerCallbacks){ 0 }, NULL);
        /* The last signals are still under way. */
        if (b->bus && sd_bus_is_ready(b->bus) > 0)
                (void) sd_bus_flush(b->bus);

        bus_manager_free(b->manager_face);
        bus_units_free(b->unit_faces);
        bus_sessions_free(b->session_faces);
        unit_watch_free(b->watch);
        sd_event_source_disable_unref(b->retry);
        sd_bus_close_unref(b->bus);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}

bool bus_is_synced(const Bus *b) {
        return b->synced;
}

void bus_set_on_synced(Bus *b, BusSynced callback, void *userdata) {
        b->on_synced = callback;
        b->userdata = userdata;
}
