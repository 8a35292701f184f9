/* SPDX-License-Identifier: Apache-2.0 */
/* The Daemon as the Web Page Sees It */

#include "web/web-bus.h"
#include "basic/string-util.h"
#include "bus/bus-names.h"

/* So long an answer is fresh, and so long the daemon is waited for. */
#define FRESH_USEC         (1 * USEC_PER_SEC)
#define CALL_TIMEOUT_USEC  (3 * USEC_PER_SEC)
#define FLUSH_TIMEOUT_USEC (1 * USEC_PER_MINUTE)

struct WebBus {
        sd_event *event;
        sd_bus *bus; /* NULL: not connected */
        sd_bus_slot *manager_slot, *units_slot;
        WebDaemon daemon, next; /* next: what of the answer is there */
        bool is_asking;
        unsigned n_missing;
        usec_t fresh_usec; /* when daemon was known */
        void (*on_fresh)(void *userdata);
        void *userdata;
};

static void daemon_done(WebDaemon *d) {
        daemon_status_done(&d->status);
        unit_statuses_free(d->units, d->n_units);
        free(d->error);
        *d = (WebDaemon){};
}

static void disconnect(WebBus *b) {
        b->manager_slot = sd_bus_slot_unref(b->manager_slot);
        b->units_slot = sd_bus_slot_unref(b->units_slot);
        if (b->bus)
                (void) sd_bus_detach_event(b->bus);
        b->bus = sd_bus_close_unref(b->bus);
}

/* ---- status ---- */

static void finish(WebBus *b) {
        daemon_done(&b->daemon);
        b->daemon = b->next;
        b->next = (WebDaemon){};
        b->is_asking = false;
        b->fresh_usec = now_usec(CLOCK_MONOTONIC);
        b->on_fresh(b->userdata);
}

static void fail(WebBus *b, const char *why) {
        b->next.is_running = false;
        if (!b->next.error)
                (void) free_and_strdup(&b->next.error, why);
}

static int connect_bus(WebBus *b) {
        int r;

        if (b->bus && sd_bus_is_open(b->bus) > 0)
                return 0;
        /* Nobody answers what was asked before. */
        disconnect(b);
        if (b->is_asking) {
                fail(b, "The bus has gone.");
                finish(b);
        }
        r = sd_bus_open_system(&b->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(b->bus, b->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                disconnect(b);
        return r;
}

static void note_answer(WebBus *b) {
        if (--b->n_missing == 0)
                finish(b);
}

static int on_manager(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        WebBus *b = userdata;

        (void) error;
        if (sd_bus_message_is_method_error(m, NULL))
                fail(b, sd_bus_message_get_error(m)->message);
        else if (daemon_status_read(m, &b->next.status) < 0)
                fail(b, "The daemon's answer cannot be read.");
        note_answer(b);
        return 1;
}

static int on_units(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        WebBus *b = userdata;

        (void) error;
        if (sd_bus_message_is_method_error(m, NULL))
                fail(b, sd_bus_message_get_error(m)->message);
        else if (unit_statuses_read(m, &b->next.units, &b->next.n_units) < 0)
                fail(b, "The daemon's answer cannot be read.");
        note_answer(b);
        return 1;
}

/* The call never starts the daemon. */
static int call(WebBus *b,
                const char *interface,
                const char *member,
                const char *argument,
                usec_t timeout_usec,
                sd_bus_message_handler_t on_reply,
                void *userdata,
                sd_bus_slot **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(b->bus, &m, BUS_NAME, BUS_PATH, interface, member);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0 && argument)
                r = sd_bus_message_append(m, "s", argument);
        if (r < 0)
                return r;
        return sd_bus_call_async(b->bus, ret, m, on_reply, userdata, timeout_usec);
}

static int ask(WebBus *b) {
        int r;

        r = connect_bus(b);
        if (r < 0)
                return r;
        b->manager_slot = sd_bus_slot_unref(b->manager_slot);
        b->units_slot = sd_bus_slot_unref(b->units_slot);
        r = call(b, "org.freedesktop.DBus.Properties", "GetAll", BUS_MANAGER_INTERFACE,
                 CALL_TIMEOUT_USEC, on_manager, b, &b->manager_slot);
        if (r < 0)
                return r;
        return call(b, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
                    CALL_TIMEOUT_USEC, on_units, b, &b->units_slot);
}

int web_bus_refresh(WebBus *b) {
        int r;

        if (b->is_asking)
                return 0;
        if (b->fresh_usec > 0 && now_usec(CLOCK_MONOTONIC) < b->fresh_usec + FRESH_USEC)
                return 1;
        daemon_done(&b->next);
        b->next.is_running = true;
        b->n_missing = 2;
        r = ask(b);
        b->is_asking = r >= 0;
        if (r >= 0)
                return 0;

        disconnect(b);
        daemon_done(&b->daemon);
        daemon_done(&b->next);
        (void) free_and_strdup(&b->daemon.error, strerror(-r));
        b->fresh_usec = now_usec(CLOCK_MONOTONIC);
        return 1;
}

const WebDaemon *web_bus_get_daemon(const WebBus *b) {
        return &b->daemon;
}

const UnitStatus *web_daemon_find_unit(const WebDaemon *d, const char *unit) {
        for (size_t i = 0; i < d->n_units; i++)
                if (streq(d->units[i].name, unit))
                        return &d->units[i];
        return NULL;
}

/* ---- flush ---- */

typedef struct Flush {
        WebOnFlushed on_flushed;
        void *userdata;
} Flush;

static int error_of(const sd_bus_error *e) {
        static const struct {
                const char *name;
                int error;
        } errors[] = {
                { SD_BUS_ERROR_SERVICE_UNKNOWN, -EHOSTDOWN },
                { SD_BUS_ERROR_NAME_HAS_NO_OWNER, -EHOSTDOWN },
                { SD_BUS_ERROR_ACCESS_DENIED, -EACCES },
                { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, -EACCES },
                { BUS_ERROR_NO_SUCH_UNIT, -ENOENT },
        };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (sd_bus_error_has_name(e, errors[i].name))
                        return errors[i].error;
        return -EIO;
}

static int on_flush_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Flush *f = userdata;

        (void) error;
        f->on_flushed(
                sd_bus_message_is_method_error(m, NULL) ? error_of(sd_bus_message_get_error(m)) : 0,
                f->userdata);
        return 1;
}

int web_bus_flush(
        WebBus *b, const char *unit, WebOnFlushed on_flushed, void *userdata, sd_bus_slot **ret) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        Flush *f;
        int r;

        r = connect_bus(b);
        if (r < 0)
                return -EHOSTDOWN;
        f = malloc(sizeof(*f));
        if (!f)
                return -ENOMEM;
        *f = (Flush){ .on_flushed = on_flushed, .userdata = userdata };
        r = call(b, BUS_MANAGER_INTERFACE, "Flush", unit, FLUSH_TIMEOUT_USEC, on_flush_reply, f,
                 &slot);
        if (r < 0) {
                free(f);
                return r;
        }
        (void) sd_bus_slot_set_destroy_callback(slot, free);
        *ret = TAKE_PTR(slot);
        return 0;
}

/* ---- object ---- */

int web_bus_new(WebBus **ret, sd_event *event, void (*on_fresh)(void *userdata), void *userdata) {
        WebBus *b;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        *b = (WebBus){
                .event = sd_event_ref(event),
                .on_fresh = on_fresh,
                .userdata = userdata,
        };
        *ret = b;
        return 0;
}

WebBus *web_bus_free(WebBus *b) {
        if (!b)
                return NULL;
        disconnect(b);
        daemon_done(&b->daemon);
        daemon_done(&b->next);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}
