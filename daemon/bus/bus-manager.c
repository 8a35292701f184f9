/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manager on the Bus
 *
 * All methods are open to all callers as far as sd-bus is concerned; those that change something
 * go through bus_auth_run().
 */

#include <utlist.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "bus/bus-auth.h"
#include "bus/bus-dump.h"
#include "bus/bus-manager.h"
#include "bus/bus-names.h"
#include "bus/bus-unit.h"
#include "paths.h"

/* A method whose answer comes later. */
typedef struct PendingCall {
        BusManager *face; /* NULL: gone, only the manager still knows of the call */
        sd_bus_message *message;
        bool reload; /* else a flush */
        struct PendingCall *prev, *next;
} PendingCall;

struct BusManager {
        sd_event *event;
        Manager *manager;
        const UnitWatch *watch;
        BusSessions *sessions;
        sd_bus *bus; /* NULL: not connected */
        BusAuth *auth;
        BusDump dump;
        PendingCall *calls;
        ManagerStatistics statistics; /* gathered once for all properties of one request */
        usec_t statistics_usec;
};

/* ---- properties ---- */

#define PROPERTY(name)                                                                 \
        static int name(sd_bus *bus _unused_, const char *path _unused_,               \
                        const char *interface _unused_, const char *property _unused_, \
                        sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_)

PROPERTY(property_version) {
        (void) userdata;
        return sd_bus_message_append(reply, "s", VERSION);
}

PROPERTY(property_state) {
        const BusManager *b = userdata;

        return sd_bus_message_append(reply, "s", manager_get_state(b->manager));
}

PROPERTY(property_event) {
        const BusManager *b = userdata;

        return sd_bus_message_append(reply, "s", manager_get_event_name(b->manager) ?: "");
}

PROPERTY(property_store_path) {
        const BusManager *b = userdata;

        return sd_bus_message_append(reply, "s", manager_get_store_path(b->manager) ?: "");
}

PROPERTY(property_units) {
        const BusManager *b = userdata;
        const Config *c = manager_get_config(b->manager);

        return sd_bus_message_append_strv(reply, c ? c->units : NULL);
}

PROPERTY(property_frequency) {
        const BusManager *b = userdata;
        const Config *c = manager_get_config(b->manager);

        return sd_bus_message_append(reply, "u", (uint32_t) (c ? c->frequency_hz : 0));
}

PROPERTY(property_interval) {
        const BusManager *b = userdata;
        const Config *c = manager_get_config(b->manager);

        return sd_bus_message_append(reply, "t", (uint64_t) (c ? c->interval_usec : 0));
}

PROPERTY(property_started) {
        const BusManager *b = userdata;

        return sd_bus_message_append(reply, "t", (uint64_t) manager_get_started_usec(b->manager));
}

PROPERTY(property_losses) {
        const BusManager *b = userdata;
        const ManagerLoss *losses;
        size_t n;
        int r;

        n = manager_get_losses(b->manager, &losses);
        r = sd_bus_message_open_container(reply, 'a', "(sst)");
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = sd_bus_message_append(reply, "(sst)", losses[i].reason, losses[i].help,
                                          losses[i].count);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

static int property_storage(sd_bus *bus _unused_,
                            const char *path _unused_,
                            const char *interface _unused_,
                            const char *property,
                            sd_bus_message *reply,
                            void *userdata,
                            sd_bus_error *error _unused_) {
        BusManager *b = userdata;
        const Config *c = manager_get_config(b->manager);

        return sd_bus_message_append(reply, "t",
                                     streq(property, "CompactAfterUSec")
                                             ? c->compact_after_usec
                                             : c->storage.max_use_bytes);
}

/* Gathering reads /proc: once for all properties of a GetAll, which is one turn of the loop. */
static const ManagerStatistics *get_statistics(BusManager *b) {
        uint64_t now = 0;

        if (sd_event_now(b->event, CLOCK_MONOTONIC, &now) < 0 || now != b->statistics_usec) {
                manager_get_statistics(b->manager, &b->statistics);
                b->statistics_usec = now;
        }
        return &b->statistics;
}

static const struct {
        const char *property;
        size_t offset;
} counters[] = {
        { "SamplesTotal", offsetof(ManagerStatistics, samples) },
        { "SamplesLost", offsetof(ManagerStatistics, lost) },
        { "CPUProfiledNSec", offsetof(ManagerStatistics, cpu_nsec) },
        { "ProfilesWritten", offsetof(ManagerStatistics, profiles) },
        { "ProfilesDropped", offsetof(ManagerStatistics, profiles_dropped) },
        { "ProfileBytes", offsetof(ManagerStatistics, profile_bytes) },
        { "StoreUseBytes", offsetof(ManagerStatistics, store_use_bytes) },
        { "StoreRemoved", offsetof(ManagerStatistics, store_removed) },
        { "MemoryBytes", offsetof(ManagerStatistics, memory_bytes) },
        { "BPFMemoryBytes", offsetof(ManagerStatistics, bpf_memory_bytes) },
        { "CPUUsageNSec", offsetof(ManagerStatistics, cpu_usage_nsec) },
        { "Descriptors", offsetof(ManagerStatistics, n_descriptors) },
        { "Processes", offsetof(ManagerStatistics, n_processes) },
        { "Files", offsetof(ManagerStatistics, n_files) },
        { "FilesQueued", offsetof(ManagerStatistics, n_files_queued) },
};
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "a counter is read as 64 bits");

static int property_counter(sd_bus *bus _unused_,
                            const char *path _unused_,
                            const char *interface _unused_,
                            const char *property,
                            sd_bus_message *reply,
                            void *userdata,
                            sd_bus_error *error _unused_) {
        const uint8_t *statistics = (const uint8_t *) get_statistics(userdata);
        uint64_t value;

        for (size_t i = 0; i < ELEMENTSOF(counters); i++)
                if (streq(counters[i].property, property)) {
                        memcpy(&value, statistics + counters[i].offset, sizeof(value));
                        return sd_bus_message_append(reply, "t", value);
                }
        return -ENOENT;
}

/* ---- methods ---- */

static int method_list_units(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ Unit **units = NULL;
        BusManager *b = userdata;
        size_t n;
        int r;

        (void) error;
        r = manager_list_units(b->manager, &units, &n);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(ssstso)");
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = bus_unit_path(units[i]->name);

                if (!path)
                        return -ENOMEM;
                r = sd_bus_message_append(reply, "(ssstso)", units[i]->name,
                                          unit_state_to_string(units[i]->state),
                                          units[i]->active_state ?: "", units[i]->cgroup_id,
                                          units[i]->last_profile_path ?: "", path);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int method_get_unit(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        BusManager *b = userdata;
        const char *name;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        if (strlen(name) > UNIT_NAME_MAX)
                return sd_bus_error_set(error, BUS_ERROR_NO_SUCH_UNIT, "No unit has such a name.");
        if (!manager_find_unit(b->manager, name))
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_UNIT,
                                         "Unit '%s' is not profiled.", name);

        path = bus_unit_path(name);
        if (!path)
                return -ENOMEM;
        return sd_bus_reply_method_return(message, "o", path);
}

static int pending_call_new(BusManager *b, sd_bus_message *message, PendingCall **ret) {
        PendingCall *c;
        int n;

        DL_COUNT(b->calls, c, n);
        if (n >= BUS_MANAGER_CALLS_MAX)
                return -EBUSY;

        c = calloc(1, sizeof(PendingCall));
        if (!c)
                return -ENOMEM;
        c->face = b;
        c->message = sd_bus_message_ref(message);
        DL_APPEND(b->calls, c);
        *ret = c;
        return 0;
}

static void pending_call_free(PendingCall *c) {
        if (c->face)
                DL_DELETE(c->face->calls, c);
        sd_bus_message_unref(c->message);
        free(c);
}

static int reply_busy(sd_bus_error *error) {
        return sd_bus_error_set(error, BUS_ERROR_BUSY, "Too many calls wait for their answer.");
}

static int reply_reload_failed(sd_bus_error *error, int r, const char *reason) {
        if (r == -EBADMSG)
                return sd_bus_error_set(error, BUS_ERROR_CONFIG_INVALID,
                                        reason ?: "The configuration is broken.");
        return sd_bus_error_set_errnof(error, r, "Failed to reload: %m");
}

/* Answered when the units of the new configuration are known, so that it is in effect then. */
static int perform_reload(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *reason = NULL;
        BusManager *b = userdata;
        PendingCall *c;
        int r;

        r = pending_call_new(b, message, &c);
        if (r == -EBUSY)
                return reply_busy(error);
        if (r < 0)
                return r;

        r = manager_reload(b->manager, &reason);
        if (r < 0 || unit_watch_is_settled(b->watch)) {
                pending_call_free(c);
                return r < 0 ? reply_reload_failed(error, r, reason)
                             : sd_bus_reply_method_return(message, NULL);
        }
        c->reload = true;
        return 1;
}

static int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        return bus_auth_run(b->auth, message, BUS_ACTION_RELOAD, perform_reload, b, error);
}

void bus_manager_settled(BusManager *b) {
        PendingCall *c, *next;

        DL_FOREACH_SAFE (b->calls, c, next)
                if (c->reload) {
                        (void) sd_bus_reply_method_return(c->message, NULL);
                        pending_call_free(c);
                }
}

/* Who has left meanwhile misses nothing. */
static void on_flushed(Manager *m _unused_, int error, uint64_t n_profiles, void *userdata) {
        PendingCall *c = userdata;

        if (error < 0)
                (void) sd_bus_reply_method_errorf(c->message, BUS_ERROR_STORE,
                                                  "Failed to store profiles: %s",
                                                  strerrordesc_np(-error) ?: "unknown error");
        else
                (void) sd_bus_reply_method_return(c->message, "t", n_profiles);
        pending_call_free(c);
}

static int perform_flush(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;
        const char *pattern;
        PendingCall *c;
        int r;

        r = sd_bus_message_read(message, "s", &pattern);
        if (r < 0)
                return r;
        /* fnmatch() may take long for a long one. */
        if (strlen(pattern) > UNIT_NAME_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "The pattern is longer than names of units are.");
        r = pending_call_new(b, message, &c);
        if (r == -EBUSY)
                return reply_busy(error);
        if (r < 0)
                return r;

        r = manager_flush(b->manager, isempty(pattern) ? NULL : pattern, on_flushed, c);
        if (r >= 0)
                return 1;

        pending_call_free(c);
        if (r == -ENOENT)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_UNIT, "No unit matches '%s'.",
                                         pattern);
        if (r == -EBUSY)
                return reply_busy(error);
        return sd_bus_error_set_errnof(error, r, "Failed to flush: %m");
}

static int method_flush(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        return bus_auth_run(b->auth, message, BUS_ACTION_FLUSH, perform_flush, b, error);
}

static int method_dump_state(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        BusManager *b = userdata;

        fd = bus_dump_open(&b->dump, b->manager);
        if (fd < 0)
                return sd_bus_error_set_errnof(error, fd, "Failed to dump the state: %m");
        return sd_bus_reply_method_return(message, "h", fd);
}

/* ---- pausing, and a look at what is open ---- */

static int set_paused(sd_bus_message *message, BusManager *b, bool paused, sd_bus_error *error) {
        int r;

        r = manager_set_paused(b->manager, paused);
        if (r < 0)
                return sd_bus_error_set_errnof(error, r, "Failed to %s: %m",
                                               paused ? "pause" : "resume");
        return sd_bus_reply_method_return(message, NULL);
}

static int perform_pause(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return set_paused(message, userdata, true, error);
}

static int perform_resume(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return set_paused(message, userdata, false, error);
}

static int method_pause(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        return bus_auth_run(b->auth, message, BUS_ACTION_PAUSE, perform_pause, b, error);
}

static int method_resume(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        return bus_auth_run(b->auth, message, BUS_ACTION_PAUSE, perform_resume, b, error);
}

/* Answered as a reload is: when it is in effect. */
static int perform_set(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(strv_freep) char **assignments = NULL;
        _cleanup_free_ char *reason = NULL, *name = NULL;
        BusManager *b = userdata;
        const char *unit;
        PendingCall *c;
        int r;

        r = sd_bus_message_read(message, "s", &unit);
        if (r < 0)
                return r;
        if (strlen(unit) > UNIT_NAME_MAX || strpbrk(unit, "*?[\n") ||
            (unit[0] != '\0' && unit_pattern_complete(unit, &name) < 0))
                return sd_bus_error_set(error, BUS_ERROR_NO_SUCH_UNIT, "No unit has such a name.");
        r = sd_bus_message_read_strv(message, &assignments);
        if (r < 0)
                return r;
        r = pending_call_new(b, message, &c);
        if (r == -EBUSY)
                return reply_busy(error);
        if (r < 0)
                return r;

        r = manager_set(b->manager, unit, assignments, &reason);
        if (r < 0 || unit_watch_is_settled(b->watch)) {
                pending_call_free(c);
                if (r == -EBADMSG)
                        return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                                reason ?: "It is no setting.");
                return r < 0 ? sd_bus_error_set_errnof(error, r, "Failed to set it: %m")
                             : sd_bus_reply_method_return(message, NULL);
        }
        c->reload = true;
        return 1;
}

static int method_set(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        return bus_auth_run(b->auth, message, BUS_ACTION_SET, perform_set, b, error);
}

static int perform_get_open_profile(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        BusManager *b = userdata;
        const char *name;
        size_t size = 0;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        r = manager_encode_open(b->manager, name, &data, &size);
        if (r == -ENOENT)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_UNIT,
                                         "Unit '%.*s' is not profiled.", UNIT_NAME_MAX, name);
        if (r >= 0 && size > BUS_MANAGER_PROFILE_MAX)
                r = -E2BIG;
        if (r < 0)
                return sd_bus_error_set_errnof(error, r, "Failed to encode the profile: %m");

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append_array(reply, 'y', data, size);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int method_get_open_profile(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        return bus_auth_run(b->auth, message, BUS_ACTION_READ, perform_get_open_profile, b, error);
}

/* ---- sessions ---- */

static int method_start_session(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        return session_starter_method(message, bus_sessions_get_starter(b->sessions), error);
}

static int method_list_sessions(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        (void) error;
        return bus_sessions_list(b->sessions, message);
}

static int perform_trigger(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        const char *trigger, *unit, *reason;
        BusManager *b = userdata;
        Session *s;
        int r;

        r = sd_bus_message_read(message, "ss", &trigger, &unit);
        if (r < 0)
                return r;
        r = manager_trigger(b->manager, trigger, unit, &s, &reason);
        if (r == -EALREADY || r == -EDQUOT)
                return sd_bus_error_set(error, BUS_ERROR_BUSY, reason);
        if (r < 0)
                return bus_session_refuse(r, reason, error);
        path = bus_session_path(s);
        return path ? sd_bus_reply_method_return(message, "o", path) : -ENOMEM;
}

static int method_trigger(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusManager *b = userdata;

        return bus_auth_run(b->auth, message, BUS_ACTION_START_SESSION, perform_trigger, b, error);
}

/* clang-format off */
#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define OPEN  SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ListUnits", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssstso)", units), method_list_units, OPEN),
        SD_BUS_METHOD_WITH_ARGS("GetUnit", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", unit), method_get_unit, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Flush", SD_BUS_ARGS("s", pattern), SD_BUS_RESULT("t", profiles), method_flush, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Pause", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_pause, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_resume, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Set", SD_BUS_ARGS("s", unit, "as", assignments), SD_BUS_NO_RESULT, method_set, OPEN),
        SD_BUS_METHOD_WITH_ARGS("GetOpenProfile", SD_BUS_ARGS("s", unit), SD_BUS_RESULT("ay", profile), method_get_open_profile, OPEN),
        SD_BUS_METHOD_WITH_ARGS("DumpState", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", state), method_dump_state, OPEN),
        SD_BUS_METHOD_WITH_ARGS("StartSession", SD_BUS_ARGS("s", target, "u", frequency_hz, "t", duration_usec, "a{sv}", options), SD_BUS_RESULT("o", session), method_start_session, OPEN),
        SD_BUS_METHOD_WITH_ARGS("ListSessions", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ossuuttt)", sessions), method_list_sessions, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Trigger", SD_BUS_ARGS("s", trigger, "s", unit), SD_BUS_RESULT("o", session), method_trigger, OPEN),
        SD_BUS_SIGNAL_WITH_ARGS("Triggered", SD_BUS_ARGS("s", unit, "s", trigger, "s", reason, "o", session), 0),
        SD_BUS_SIGNAL_WITH_ARGS("ProfileWritten", SD_BUS_ARGS("s", unit, "s", path, "t", samples, "a{sv}", details), 0),
        SD_BUS_PROPERTY("Version", "s", property_version, 0, CONST),
        SD_BUS_PROPERTY("State", "s", property_state, 0, EMITS),
        SD_BUS_PROPERTY("Event", "s", property_event, 0, 0),
        SD_BUS_PROPERTY("StorePath", "s", property_store_path, 0, CONST),
        SD_BUS_PROPERTY("Units", "as", property_units, 0, EMITS),
        SD_BUS_PROPERTY("FrequencyHz", "u", property_frequency, 0, EMITS),
        SD_BUS_PROPERTY("IntervalUSec", "t", property_interval, 0, EMITS),
        SD_BUS_PROPERTY("StartedUSec", "t", property_started, 0, CONST),
        SD_BUS_PROPERTY("SamplesTotal", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("SamplesLost", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("CPUProfiledNSec", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("ProfilesWritten", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("ProfilesDropped", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("ProfileBytes", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("StoreUseBytes", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("StoreRemoved", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("StoreMaxUseBytes", "t", property_storage, 0, 0),
        SD_BUS_PROPERTY("CompactAfterUSec", "t", property_storage, 0, 0),
        SD_BUS_PROPERTY("MemoryBytes", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("BPFMemoryBytes", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("CPUUsageNSec", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("Descriptors", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("Processes", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("Files", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("FilesQueued", "t", property_counter, 0, 0),
        SD_BUS_PROPERTY("Losses", "a(sst)", property_losses, 0, 0),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

/* ---- signals ---- */

static bool is_connected(const BusManager *b) {
        return b->bus && sd_bus_is_ready(b->bus) > 0;
}

static void emit_changed(BusManager *b, const char *const *properties) {
        int r;

        if (!is_connected(b))
                return;
        r = sd_bus_emit_properties_changed_strv(b->bus, BUS_PATH, BUS_MANAGER_INTERFACE,
                                                (char **) properties);
        if (r < 0)
                log_debug_errno(r, "Failed to signal a change, ignoring: %m");
}

void bus_manager_state_changed(BusManager *b) {
        emit_changed(b, (const char *const[]){ "State", NULL });
}

void bus_manager_config_changed(BusManager *b) {
        emit_changed(b, (const char *const[]){ "Units", "FrequencyHz", "IntervalUSec", NULL });
}

void bus_manager_profile_written(BusManager *b,
                                 const Unit *u,
                                 const char *path,
                                 usec_t start_usec,
                                 usec_t duration_usec,
                                 uint64_t samples) {
        int r;

        if (!is_connected(b))
                return;
        r = sd_bus_emit_signal(b->bus, BUS_PATH, BUS_MANAGER_INTERFACE, "ProfileWritten",
                               "ssta{sv}", u->name, path, samples, 2, "StartUSec", "t",
                               (uint64_t) start_usec, "DurationUSec", "t",
                               (uint64_t) duration_usec);
        if (r < 0)
                log_debug_errno(r, "Failed to signal a profile, ignoring: %m");
}

void bus_manager_triggered(BusManager *b,
                           const char *unit,
                           const char *trigger,
                           const char *reason,
                           const Session *s) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (!is_connected(b))
                return;
        path = bus_session_path(s);
        r = path ? sd_bus_emit_signal(b->bus, BUS_PATH, BUS_MANAGER_INTERFACE, "Triggered", "ssso",
                                      unit, trigger, reason, path)
                 : -ENOMEM;
        if (r < 0)
                log_debug_errno(r, "Failed to signal a trigger, ignoring: %m");
}

/* ---- object ---- */

int bus_manager_attach(BusManager *b, sd_bus *bus) {
        b->bus = (sd_bus_unref(b->bus), sd_bus_ref(bus));
        bus_auth_attach(b->auth, bus);
        if (!bus)
                return 0;
        return sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_MANAGER_INTERFACE, manager_vtable,
                                        b);
}

int bus_manager_new(BusManager **ret,
                    sd_event *event,
                    Manager *m,
                    const UnitWatch *watch,
                    BusSessions *sessions) {
        _cleanup_(bus_manager_freep) BusManager *b = NULL;
        int r;

        b = calloc(1, sizeof(BusManager));
        if (!b)
                return -ENOMEM;
        b->event = sd_event_ref(event);
        b->manager = m;
        b->watch = watch;
        b->sessions = sessions;
        b->dump = BUS_DUMP_NONE;
        r = bus_auth_new(&b->auth);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

BusManager *bus_manager_free(BusManager *b) {
        PendingCall *c, *next;

        if (!b)
                return NULL;

        bus_manager_settled(b);
        /* The manager still holds the flushes, and ends them. */
        DL_FOREACH_SAFE (b->calls, c, next) {
                DL_DELETE(b->calls, c);
                c->face = NULL;
        }
        bus_auth_free(b->auth);
        bus_dump_done(&b->dump);
        sd_bus_unref(b->bus);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}
