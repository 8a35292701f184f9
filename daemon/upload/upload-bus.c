/* SPDX-License-Identifier: Apache-2.0 */
/* Upload on the Bus */

#include <systemd/sd-bus.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "bus/bus-log-control.h"
#include "bus/bus-names.h"
#include "paths.h"
#include "upload/upload-bus.h"

#define RECONNECT_USEC (10 * USEC_PER_SEC)

struct UploadBus {
        sd_event *event;
        Uploader *uploader;
        sd_bus *bus; /* NULL: not connected */
        sd_event_source *retry;
        bool said;
};

/* ---- targets ---- */

static int append_text(sd_bus_message *m, const char *key, const char *value) {
        return sd_bus_message_append(m, "{sv}", key, "s", value);
}

static int append_count(sd_bus_message *m, const char *key, uint64_t value) {
        return sd_bus_message_append(m, "{sv}", key, "t", value);
}

static int append_target(sd_bus_message *m, const Shipper *shipper) {
        const UploadTarget *t = shipper_get_target(shipper);
        ShipperStatus s;
        int r;

        shipper_get_status(shipper, &s);
        const struct {
                const char *key, *value;
        } texts[] = {
                { "Name", t->name },
                { "Protocol", t->protocol->name },
                { "URL", t->url },
                { "State", shipper_state_to_string(s.state) },
                { "LastError", s.last_error },
        };
        const struct {
                const char *key;
                uint64_t value;
        } counts[] = {
                { "Pending", s.n_pending },
                { "PendingBytes", s.pending_bytes },
                { "OldestPendingUSec", s.oldest_pending_usec },
                { "Sent", s.n_sent },
                { "SentBytes", s.sent_bytes },
                { "Failures", s.n_failures },
                { "Rejected", s.n_rejected },
                { "Expired", s.n_expired },
                { "Lost", s.n_lost },
                { "LastSentUSec", s.last_sent_usec },
                { "LastErrorUSec", s.last_error_usec },
                { "NextTryUSec", s.next_try_usec },
        };

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
                r = append_text(m, texts[i].key, texts[i].value);
        for (size_t i = 0; i < ELEMENTSOF(counts) && r >= 0; i++)
                r = append_count(m, counts[i].key, counts[i].value);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int method_list_targets(sd_bus_message *message,
                               void *userdata,
                               sd_bus_error *error _unused_) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        UploadBus *b = userdata;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; i < uploader_n_shippers(b->uploader) && r >= 0; i++)
                r = append_target(reply, uploader_get_shipper(b->uploader, i));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_retry(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        UploadBus *b = userdata;
        const char *name;
        bool found = false;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < uploader_n_shippers(b->uploader); i++) {
                Shipper *s = uploader_get_shipper(b->uploader, i);

                if (!isempty(name) && !streq(name, shipper_get_target(s)->name))
                        continue;
                shipper_retry(s);
                found = true;
        }
        if (!found)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_TARGET, "No target '%s'.", name);
        return sd_bus_reply_method_return(message, NULL);
}

static int property_version(sd_bus *bus _unused_,
                            const char *path _unused_,
                            const char *interface _unused_,
                            const char *property _unused_,
                            sd_bus_message *reply,
                            void *userdata _unused_,
                            sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", VERSION);
}

/* clang-format off */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ListTargets", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", targets), method_list_targets, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Retry", SD_BUS_ARGS("s", target), SD_BUS_NO_RESULT, method_retry, 0),
        SD_BUS_SIGNAL_WITH_ARGS("TargetChanged", SD_BUS_ARGS("s", target, "s", state), 0),
        SD_BUS_PROPERTY("Version", "s", property_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

static void on_changed(Uploader *u _unused_, const Shipper *shipper, void *userdata) {
        UploadBus *b = userdata;
        ShipperStatus s;

        if (!b->bus || sd_bus_is_ready(b->bus) <= 0 || !shipper)
                return;
        shipper_get_status(shipper, &s);
        (void) sd_bus_emit_signal(b->bus, BUS_UPLOAD_PATH, BUS_UPLOAD_INTERFACE, "TargetChanged",
                                  "ss", shipper_get_target(shipper)->name,
                                  shipper_state_to_string(s.state));
}

/* ---- connection ---- */

static void plan_retry(UploadBus *b) {
        (void) sd_event_source_set_time_relative(b->retry, RECONNECT_USEC);
        (void) sd_event_source_set_enabled(b->retry, SD_EVENT_ONESHOT);
}

static int on_disconnected(sd_bus_message *message _unused_,
                           void *userdata,
                           sd_bus_error *error _unused_) {
        plan_retry(userdata);
        return 0;
}

static int on_name_answered(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        UploadBus *b = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);

        if (!e)
                return 0;
        if (!b->said)
                log_warning("Failed to take the bus name " BUS_UPLOAD_NAME ", ignoring: %s",
                            e->message ?: e->name);
        b->said = true;
        plan_retry(b);
        return 0;
}

static int open_bus(UploadBus *b) {
        const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r;

        b->bus = sd_bus_close_unref(b->bus);
        r = sd_bus_new(&b->bus);
        if (r >= 0)
                r = sd_bus_set_address(b->bus, address ?: BUS_DEFAULT_ADDRESS);
        if (r >= 0)
                r = sd_bus_set_bus_client(b->bus, true);
        if (r >= 0)
                r = sd_bus_set_watch_bind(b->bus, true);
        return r < 0 ? r : sd_bus_start(b->bus);
}

static int use_bus(UploadBus *b) {
        int r;

        r = sd_bus_match_signal_async(b->bus, NULL, "org.freedesktop.DBus.Local",
                                      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                      "Disconnected", on_disconnected, NULL, b);
        if (r >= 0)
                r = sd_bus_add_object_vtable(b->bus, NULL, BUS_UPLOAD_PATH, BUS_UPLOAD_INTERFACE,
                                             vtable, b);
        if (r >= 0)
                r = bus_log_control_attach(b->bus);
        if (r >= 0)
                r = sd_bus_request_name_async(b->bus, NULL, BUS_UPLOAD_NAME, 0, on_name_answered,
                                              b);
        return r < 0 ? r : sd_bus_attach_event(b->bus, b->event, SD_EVENT_PRIORITY_NORMAL);
}

static void connect_bus(UploadBus *b) {
        int r;

        r = open_bus(b);
        if (r >= 0)
                r = use_bus(b);
        if (r >= 0)
                return;
        if (!b->said)
                (void) log_warning_errno(r, "Failed to connect to the system bus, trying again: "
                                            "%m");
        b->said = true;
        plan_retry(b);
}

static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        connect_bus(userdata);
        return 0;
}

int upload_bus_new(UploadBus **ret, sd_event *event, Uploader *u) {
        _cleanup_(upload_bus_freep) UploadBus *b = NULL;
        int r;

        b = calloc(1, sizeof(UploadBus));
        if (!b)
                return -ENOMEM;
        b->event = sd_event_ref(event);
        b->uploader = u;
        r = sd_event_add_time(event, &b->retry, CLOCK_MONOTONIC, 0, 0, on_retry, b);
        if (r >= 0)
                r = sd_event_source_set_enabled(b->retry, SD_EVENT_OFF);
        if (r < 0)
                return r;
        uploader_set_on_changed(u, on_changed, b);
        connect_bus(b);
        *ret = TAKE_PTR(b);
        return 0;
}

UploadBus *upload_bus_free(UploadBus *b) {
        if (!b)
                return NULL;

        uploader_set_on_changed(b->uploader, NULL, NULL);
        sd_event_source_disable_unref(b->retry);
        sd_bus_flush_close_unref(b->bus);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}
