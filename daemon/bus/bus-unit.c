/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units on the Bus
 *
 * Each unit has a face, which remembers what the last signal said of its state: a unit that is
 * reported again and again without a change stays silent.
 */

#include <uthash.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "bus/bus-names.h"
#include "bus/bus-unit.h"

/* Properties whose changes are signalled. */
static const char *const state_properties[] = {
        "State",   "ActiveState", "ControlGroup",    "ControlGroupId",  "InvocationID",
        "MainPID", "Error",       "LastProfilePath", "LastProfileUSec",
};
enum { STATE_PROPERTIES = ELEMENTSOF(state_properties) };
_Static_assert(STATE_PROPERTIES == 9, "hash_state() knows them by their places");

typedef struct Face {
        const Unit *unit;
        uint64_t told[STATE_PROPERTIES]; /* hashes of what the bus knows */
        bool dirty;
        UT_hash_handle hh;
} Face;

struct BusUnits {
        Manager *manager;
        sd_bus *bus;            /* NULL: not connected */
        Face *faces;            /* by unit */
        sd_event_source *timer; /* runs when a face is dirty */
        const Unit *passing;    /* comes or goes: it may be looked up though the manager may not
                                   know it */
};

static const char *unit_error(const Unit *u) {
        return u->state == UNIT_FAILED && u->error < 0 ? strerrordesc_np(-u->error) : NULL;
}

/* In the order of state_properties. */
static void hash_state(const Unit *u, uint64_t ret[static STATE_PROPERTIES]) {
        const char *strings[] = {
                unit_state_to_string(u->state), u->active_state, u->control_group, unit_error(u),
                u->last_profile_path,
        };
        uint64_t h[ELEMENTSOF(strings)];

        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                h[i] = hash_bytes(strings[i] ?: "", strlen(strings[i] ?: ""), 0);

        ret[0] = h[0];
        ret[1] = h[1];
        ret[2] = h[2];
        ret[3] = u->cgroup_id;
        ret[4] = hash_bytes(&u->invocation_id, sizeof(u->invocation_id), 0);
        ret[5] = (uint64_t) u->main_pid;
        ret[6] = h[3];
        ret[7] = h[4];
        ret[8] = u->last_profile_usec;
}

/* ---- properties ---- */

static int property_state(sd_bus *bus _unused_,
                          const char *path _unused_,
                          const char *interface _unused_,
                          const char *property _unused_,
                          sd_bus_message *reply,
                          void *userdata,
                          sd_bus_error *error _unused_) {
        const Unit *u = userdata;

        return sd_bus_message_append(reply, "s", unit_state_to_string(u->state));
}

static int property_error(sd_bus *bus _unused_,
                          const char *path _unused_,
                          const char *interface _unused_,
                          const char *property _unused_,
                          sd_bus_message *reply,
                          void *userdata,
                          sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", unit_error(userdata) ?: "");
}

/* Empty for none, as systemd has it. */
static int property_invocation_id(sd_bus *bus _unused_,
                                  const char *path _unused_,
                                  const char *interface _unused_,
                                  const char *property _unused_,
                                  sd_bus_message *reply,
                                  void *userdata,
                                  sd_bus_error *error _unused_) {
        const Unit *u = userdata;
        size_t size = sd_id128_is_null(u->invocation_id) ? 0 : sizeof(u->invocation_id);

        return sd_bus_message_append_array(reply, 'y', &u->invocation_id, size);
}

static int property_main_pid(sd_bus *bus _unused_,
                             const char *path _unused_,
                             const char *interface _unused_,
                             const char *property _unused_,
                             sd_bus_message *reply,
                             void *userdata,
                             sd_bus_error *error _unused_) {
        const Unit *u = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t) u->main_pid);
}

static int property_labels(sd_bus *bus _unused_,
                           const char *path _unused_,
                           const char *interface _unused_,
                           const char *property _unused_,
                           sd_bus_message *reply,
                           void *userdata,
                           sd_bus_error *error _unused_) {
        const Unit *u = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        if (r < 0)
                return r;
        for (size_t i = 0; i < u->settings.n_labels; i++) {
                r = sd_bus_message_append(reply, "{ss}", u->settings.labels[i].key,
                                          u->settings.labels[i].value);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

static int property_types(sd_bus *bus _unused_,
                          const char *path _unused_,
                          const char *interface _unused_,
                          const char *property _unused_,
                          sd_bus_message *reply,
                          void *userdata,
                          sd_bus_error *error _unused_) {
        const Unit *u = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        if (r < 0)
                return r;
        for (int type = 0; type < _WINDOW_TYPE_MAX; type++) {
                if (!(u->settings.types & CONFIG_TYPE(type)))
                        continue;
                r = sd_bus_message_append(reply, "s", window_type_to_string((WindowType) type));
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

/* All reasons, so that a reader needs no list of his own. */
static int property_stack_ends(sd_bus *bus _unused_,
                               const char *path _unused_,
                               const char *interface _unused_,
                               const char *property _unused_,
                               sd_bus_message *reply,
                               void *userdata,
                               sd_bus_error *error _unused_) {
        const Unit *u = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(st)");
        if (r < 0)
                return r;
        for (unsigned i = 0; i < _STACK_END_MAX; i++) {
                r = sd_bus_message_append(reply, "(st)", stack_end_to_string(i),
                                          u->counters.stacks.ends[i]);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

/* clang-format off */
#define STATE SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST SD_BUS_VTABLE_PROPERTY_CONST

static const sd_bus_vtable unit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", NULL, offsetof(Unit, name), CONST),
        SD_BUS_PROPERTY("State", "s", property_state, 0, STATE),
        SD_BUS_PROPERTY("ActiveState", "s", NULL, offsetof(Unit, active_state), STATE),
        SD_BUS_PROPERTY("ControlGroup", "s", NULL, offsetof(Unit, control_group), STATE),
        SD_BUS_PROPERTY("ControlGroupId", "t", NULL, offsetof(Unit, cgroup_id), STATE),
        SD_BUS_PROPERTY("InvocationID", "ay", property_invocation_id, 0, STATE),
        SD_BUS_PROPERTY("MainPID", "u", property_main_pid, 0, STATE),
        SD_BUS_PROPERTY("Error", "s", property_error, 0, STATE),
        SD_BUS_PROPERTY("FrequencyHz", "u", NULL, offsetof(Unit, settings.frequency_hz), 0),
        SD_BUS_PROPERTY("IntervalUSec", "t", NULL, offsetof(Unit, settings.interval_usec), 0),
        SD_BUS_PROPERTY("Types", "as", property_types, 0, 0),
        SD_BUS_PROPERTY("Labels", "a{ss}", property_labels, 0, 0),
        SD_BUS_PROPERTY("LastProfilePath", "s", NULL, offsetof(Unit, last_profile_path), STATE),
        SD_BUS_PROPERTY("LastProfileUSec", "t", NULL, offsetof(Unit, last_profile_usec), STATE),
        SD_BUS_PROPERTY("LastProfileDurationUSec", "t", NULL, offsetof(Unit, last_profile_duration_usec), 0),
        SD_BUS_PROPERTY("LastProfileSamples", "t", NULL, offsetof(Unit, last_profile_samples), 0),
        SD_BUS_PROPERTY("LastProfileCPUNSec", "t", NULL, offsetof(Unit, last_profile_cpu_nsec), 0),
        SD_BUS_PROPERTY("SamplesTotal", "t", NULL, offsetof(Unit, counters.samples), 0),
        SD_BUS_PROPERTY("SamplesLost", "t", NULL, offsetof(Unit, counters.lost), 0),
        SD_BUS_PROPERTY("CPUProfiledNSec", "t", NULL, offsetof(Unit, counters.cpu_nsec), 0),
        SD_BUS_PROPERTY("Waits", "t", NULL, offsetof(Unit, counters.waits), 0),
        SD_BUS_PROPERTY("WaitsNSec", "t", NULL, offsetof(Unit, counters.waits_nsec), 0),
        SD_BUS_PROPERTY("FramesTotal", "t", NULL, offsetof(Unit, counters.frames), 0),
        SD_BUS_PROPERTY("FramesNamed", "t", NULL, offsetof(Unit, counters.named), 0),
        SD_BUS_PROPERTY("StacksComplete", "t", NULL, offsetof(Unit, counters.stacks.ends[STACK_END_COMPLETE]), 0),
        SD_BUS_PROPERTY("StacksTruncated", "t", NULL, offsetof(Unit, counters.stacks.ends[STACK_END_TRUNCATED]), 0),
        SD_BUS_PROPERTY("StacksBroken", "t", NULL, offsetof(Unit, counters.stacks.broken), 0),
        SD_BUS_PROPERTY("StacksNone", "t", NULL, offsetof(Unit, counters.stacks.ends[STACK_END_NONE]), 0),
        SD_BUS_PROPERTY("StacksGuessed", "t", NULL, offsetof(Unit, counters.stacks.guessed), 0),
        SD_BUS_PROPERTY("StackEnds", "a(st)", property_stack_ends, 0, 0),
        SD_BUS_PROPERTY("ProfilesWritten", "t", NULL, offsetof(Unit, counters.profiles), 0),
        SD_BUS_PROPERTY("ProfileBytes", "t", NULL, offsetof(Unit, counters.profile_bytes), 0),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

/* ---- objects ---- */

char *bus_unit_path(const char *name) {
        char *path;

        return sd_bus_path_encode(BUS_UNIT_PREFIX, name, &path) < 0 ? NULL : path;
}

/* The unit behind a path: 1, or 0: none. */
static int find_unit(sd_bus *bus _unused_,
                     const char *path,
                     const char *interface _unused_,
                     void *userdata,
                     void **ret_found,
                     sd_bus_error *error _unused_) {
        _cleanup_free_ char *name = NULL;
        BusUnits *b = userdata;
        int r;

        r = sd_bus_path_decode(path, BUS_UNIT_PREFIX, &name);
        if (r <= 0)
                return r;

        *ret_found = b->passing && streq(b->passing->name, name)
                             ? (void *) b->passing
                             : manager_find_unit(b->manager, name);
        return *ret_found ? 1 : 0;
}

static int enumerate_units(sd_bus *bus _unused_,
                           const char *prefix _unused_,
                           void *userdata,
                           char ***ret_nodes,
                           sd_bus_error *error _unused_) {
        _cleanup_(strv_freep) char **nodes = NULL;
        _cleanup_free_ Unit **units = NULL;
        BusUnits *b = userdata;
        size_t n;
        int r;

        r = manager_list_units(b->manager, &units, &n);
        if (r < 0)
                return r;

        nodes = calloc(n + 1, sizeof(char *));
        if (!nodes)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                nodes[i] = bus_unit_path(units[i]->name);
                if (!nodes[i])
                        return -ENOMEM;
        }

        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

int bus_units_attach(BusUnits *b, sd_bus *bus) {
        int r;

        b->bus = (sd_bus_unref(b->bus), sd_bus_ref(bus));
        if (!bus)
                return 0;

        r = sd_bus_add_object_manager(bus, NULL, BUS_PATH);
        if (r < 0)
                return r;
        r = sd_bus_add_fallback_vtable(bus, NULL, BUS_UNIT_PREFIX, BUS_UNIT_INTERFACE, unit_vtable,
                                       find_unit, b);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(bus, NULL, BUS_UNIT_PREFIX, enumerate_units, b);
}

/* ---- signals: lost while there is no bus, for clients then ask anew ---- */

static bool is_connected(const BusUnits *b) {
        return b->bus && sd_bus_is_ready(b->bus) > 0;
}

static void emit_changes(BusUnits *b, Face *f) {
        const char *changed[STATE_PROPERTIES + 1];
        _cleanup_free_ char *path = NULL;
        uint64_t now[STATE_PROPERTIES];
        size_t n = 0;
        int r;

        f->dirty = false;
        hash_state(f->unit, now);
        for (size_t i = 0; i < STATE_PROPERTIES; i++)
                if (now[i] != f->told[i])
                        changed[n++] = state_properties[i];
        changed[n] = NULL;
        memcpy(f->told, now, sizeof(now));
        if (n == 0 || !is_connected(b))
                return;

        path = bus_unit_path(f->unit->name);
        r = path ? sd_bus_emit_properties_changed_strv(b->bus, path, BUS_UNIT_INTERFACE,
                                                       (char **) changed)
                 : -ENOMEM;
        if (r < 0)
                log_debug_errno(r, "Failed to signal a change, ignoring: %m");
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        BusUnits *b = userdata;
        Face *f, *next;

        HASH_ITER (hh, b->faces, f, next)
                if (f->dirty)
                        emit_changes(b, f);
        return 0;
}

static void emit_passing(BusUnits *b, const Unit *u, int (*emit)(sd_bus *bus, const char *path)) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (!is_connected(b))
                return;

        b->passing = u;
        path = bus_unit_path(u->name);
        r = path ? emit(b->bus, path) : -ENOMEM;
        b->passing = NULL;
        if (r < 0)
                log_debug_errno(r, "Failed to signal unit '%s', ignoring: %m", u->name);
}

void bus_units_add(BusUnits *b, const Unit *u) {
        Face *f;

        f = calloc(1, sizeof(Face));
        if (!f)
                return; /* its changes will not be signalled */
        f->unit = u;
        hash_state(u, f->told);
        HASH_ADD_PTR(b->faces, unit, f);
        emit_passing(b, u, sd_bus_emit_object_added);
}

static void face_free(BusUnits *b, Face *f) {
        HASH_DEL(b->faces, f);
        free(f);
}

static Face *find_face(BusUnits *b, const Unit *u) {
        Face *f;

        HASH_FIND_PTR(b->faces, &u, f);
        return f;
}

void bus_units_remove(BusUnits *b, const Unit *u) {
        Face *f = find_face(b, u);

        emit_passing(b, u, sd_bus_emit_object_removed);
        if (f)
                face_free(b, f);
}

void bus_units_change(BusUnits *b, const Unit *u) {
        Face *f = find_face(b, u);
        int enabled;

        if (!f)
                return;

        f->dirty = true;
        if (sd_event_source_get_enabled(b->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF)
                return;
        (void) sd_event_source_set_time(b->timer,
                                        now_usec(CLOCK_MONOTONIC) + BUS_UNIT_CHANGES_USEC);
        (void) sd_event_source_set_enabled(b->timer, SD_EVENT_ONESHOT);
}

int bus_units_new(BusUnits **ret, sd_event *event, Manager *m) {
        _cleanup_(bus_units_freep) BusUnits *b = NULL;
        int r;

        b = calloc(1, sizeof(BusUnits));
        if (!b)
                return -ENOMEM;
        b->manager = m;
        r = sd_event_add_time(event, &b->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, b);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(b->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(b);
        return 0;
}

BusUnits *bus_units_free(BusUnits *b) {
        Face *f, *next;

        if (!b)
                return NULL;

        HASH_ITER (hh, b->faces, f, next)
                face_free(b, f);
        sd_event_source_disable_unref(b->timer);
        sd_bus_unref(b->bus);
        free(b);
        return NULL;
}
