/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit Watch
 *
 * Signals say that something happened, properties what. Four rules keep PID 1 and us well:
 *
 * - A property of a unit that is not loaded loads it, and PID 1 says so with UnitNew: who then
 * reads a property drives an endless loop of loading and unloading. So UnitNew is not listened to
 * (what starts also sends PropertiesChanged), and units that are inactive are never asked; whether
 * their processes left a cgroup behind, the cgroup tree itself knows.
 * - A reload of systemd removes all units and adds them anew, as its signals have it, although
 * nothing happens to them: until it has ended and all were listed, no removal is believed.
 * - One query runs per unit. What happens meanwhile makes it dirty, and it is asked once more.
 * - Few queries run at once; the rest waits in a queue.
 *
 * A synchronization lists what is loaded, asks those that are active, and hands all to the manager
 * at its end in one go, so that the manager never acts on half a list. A signal addressed to us
 * alone may come from anybody: only those of the owner of systemd's name count.
 */

#include "bus/unit-watch.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "bus/unit-listing.h"
#include "bus/unit-object.h"
#include "bus/unit-selection.h"
#include "bus/unit-table.h"

#define SYSTEMD_NAME    "org.freedesktop.systemd1"
#define SYSTEMD_PATH    "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define SYSTEMD_UNIT    "org.freedesktop.systemd1.Unit"
#define DBUS_NAME       "org.freedesktop.DBus"
#define DBUS_PATH       "/org/freedesktop/DBus"
#define MANAGER_SIGNAL(s) \
        "type='signal',sender='" SYSTEMD_NAME "',interface='" SYSTEMD_MANAGER "',member='" s "'"

enum { MATCHES_MAX = 4 };

struct UnitWatch {
        Manager *manager;
        UnitWatchSettled on_settled;
        void *userdata;

        sd_bus *bus; /* NULL: detached */
        sd_bus_slot *matches[MATCHES_MAX];
        sd_bus_slot *owner_call;
        char *owner; /* unique name of PID 1's connection; NULL: not there */

        UnitTable *table;
        sd_event_source *timer; /* next synchronization */
        sd_bus_slot *names_call, *globs_call;
        bool requested, syncing;
        bool reloading; /* systemd takes all units down and up again, on the bus only */
        int sync_error;
};

/* ---- synchronization ---- */

/* Sooner than what is planned already, never later. */
static void watch_request_sync(UnitWatch *w, usec_t delay) {
        uint64_t at = now_usec(CLOCK_MONOTONIC) + delay, planned;
        int enabled;

        if (delay == 0)
                w->requested = true;
        if (!w->bus)
                return;

        if (sd_event_source_get_enabled(w->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF &&
            sd_event_source_get_time(w->timer, &planned) >= 0 && planned <= at)
                return;
        (void) sd_event_source_set_time(w->timer, at);
        (void) sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static void watch_abort_sync(UnitWatch *w) {
        w->names_call = sd_bus_slot_unref(w->names_call);
        w->globs_call = sd_bus_slot_unref(w->globs_call);
        unit_table_forget_awaited(w->table);
        w->syncing = false;
}

static void watch_settle(UnitWatch *w, int error) {
        watch_abort_sync(w);
        w->reloading = false;
        watch_request_sync(w, error < 0 ? UNIT_WATCH_RETRY_USEC : UNIT_WATCH_RESYNC_USEC);
        w->requested = false;
        if (w->on_settled)
                w->on_settled(w, error, w->userdata);
}

/* Does what has become possible; called at the end of every event. */
static void watch_advance(UnitWatch *w) {
        unit_table_start_queries(w->table);
        if (!w->syncing || w->names_call || w->globs_call)
                return;
        if (w->sync_error < 0) {
                watch_settle(w, w->sync_error);
                return;
        }
        if (unit_table_n_awaited(w->table) > 0)
                return;

        unit_table_remove_unseen(w->table);
        manager_sync_begin(w->manager);
        unit_table_report_all(w->table);
        manager_sync_end(w->manager);
        watch_settle(w, 0);
}

static void on_answered(UnitTable *t _unused_, int error, void *userdata) {
        UnitWatch *w = userdata;

        if (error < 0)
                watch_request_sync(w, UNIT_WATCH_RETRY_USEC);
        watch_advance(w);
}

/* A unit of a listing; by_name: because it was asked for by name. */
static int watch_take_listed(UnitWatch *w, const UnitListed *l, bool by_name) {
        bool dead = unit_listed_is_dead(l);
        WatchedUnit *u;
        int r;

        /* A glob asks for what runs or may run, not for every name that another unit mentions. */
        if (!by_name &&
            (!unit_object_get_interface(l->name) || (dead && !streq(l->load_state, "loaded"))))
                return 0;

        r = unit_table_put(w->table, l->name, &u);
        if (r < 0)
                return r == -E2BIG ? 0 : r;
        r = free_and_strdup(&u->load_state, l->load_state);
        if (r < 0)
                return r;
        r = free_and_strdup(&u->active_state, l->active_state);
        if (r < 0)
                return r;

        if (dead)
                watched_unit_stop_query(u);
        else
                watched_unit_query(u, true);
        return 0;
}

static int take_globs_reply(UnitWatch *w, sd_bus_message *reply) {
        UnitListed l;
        int r;

        r = unit_listing_open(reply);
        if (r < 0)
                return r;
        while ((r = unit_listing_next(reply, &l)) > 0) {
                r = watch_take_listed(w, &l, false);
                if (r < 0)
                        return r;
        }
        return r;
}

/* One entry for each name that was sent, in their order: so the primary names are learnt. */
static int take_names_reply(UnitWatch *w, sd_bus_message *reply) {
        UnitSelection *s = unit_table_get_selection(w->table);
        char *const *names = unit_selection_get_names(s);
        int r;

        r = unit_listing_open(reply);
        if (r < 0)
                return r;

        for (size_t i = 0; names[i]; i++) {
                UnitListed l = { names[i], "not-found", "inactive" };

                if (unit_object_name_is_valid(names[i])) {
                        r = unit_listing_next(reply, &l);
                        if (r <= 0)
                                return r < 0 ? r : -EBADMSG;
                        r = unit_selection_resolve(s, i, l.name);
                        if (r < 0)
                                return r;
                }
                r = watch_take_listed(w, &l, true);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int on_names_listed(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        UnitWatch *w = userdata;
        int r;

        w->names_call = sd_bus_slot_unref(w->names_call);
        r = take_names_reply(w, reply);
        if (r < 0)
                w->sync_error = log_debug_errno(r, "Failed to list units by name: %m");
        watch_advance(w);
        return 0;
}

static int on_globs_listed(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        UnitWatch *w = userdata;
        int r;

        w->globs_call = sd_bus_slot_unref(w->globs_call);
        r = take_globs_reply(w, reply);
        if (r < 0)
                w->sync_error = log_debug_errno(r, "Failed to list units by pattern: %m");
        watch_advance(w);
        return 0;
}

static void watch_sync(UnitWatch *w) {
        UnitSelection *s = unit_table_get_selection(w->table);
        char *const *names = unit_selection_get_names(s), *const *globs =
                                                                  unit_selection_get_globs(s);
        int r = 0;

        watch_abort_sync(w);
        w->syncing = true;
        w->sync_error = 0;
        unit_table_begin_generation(w->table);

        if (*names)
                r = unit_listing_by_names(w->bus, &w->names_call, names, on_names_listed, w);
        /* No glob at all would list everything. */
        if (r >= 0 && *globs)
                r = unit_listing_by_globs(w->bus, &w->globs_call, globs, on_globs_listed, w);
        if (r < 0)
                w->sync_error = log_debug_errno(r, "Failed to list units: %m");
        watch_advance(w);
}

/* ---- signals ---- */

static bool from_systemd(UnitWatch *w, sd_bus_message *message) {
        const char *sender = sd_bus_message_get_sender(message);

        return sender && w->owner && streq(sender, w->owner);
}

/* What a PropertiesChanged of a unit says itself. */
static int read_changes(sd_bus_message *message, const char **ret_state, sd_id128_t *ret_id) {
        const char *name;
        int r;

        r = sd_bus_message_skip(message, "s");
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &name);
                if (r < 0)
                        return r;
                if (streq(name, "ActiveState"))
                        r = sd_bus_message_read(message, "v", "s", ret_state);
                else if (streq(name, "InvocationID")) {
                        const void *data;
                        size_t size;

                        r = sd_bus_message_enter_container(message, 'v', "ay");
                        if (r >= 0)
                                r = sd_bus_message_read_array(message, 'y', &data, &size);
                        if (r >= 0 && size == sizeof(*ret_id))
                                memcpy(ret_id, data, size);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(message);
                } else
                        r = sd_bus_message_skip(message, "v");
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r;
}

static int watch_take_change(UnitWatch *w, const char *name, const char *state, sd_id128_t id) {
        WatchedUnit *u;
        bool same;
        int r;

        /* A unit yet unknown is of interest once it says that it lives. */
        u = unit_table_find(w->table, name);
        if (!u && (!state || streq(state, "inactive") || streq(state, "failed")))
                return 0;

        r = unit_table_put(w->table, name, &u);
        if (r < 0)
                return r == -E2BIG ? 0 : r;

        /* Jobs come and go without a change of what matters here. */
        same = state && streq(state, u->active_state) && sd_id128_equal(id, u->invocation_id);
        if (same && !isempty(u->control_group))
                return 0;

        if (state) {
                r = free_and_strdup(&u->active_state, state);
                if (r < 0)
                        return r;
        }
        if (!sd_id128_is_null(id))
                u->invocation_id = id;

        /* What stops may be unloaded before a question arrives, and its cgroup stays the same. */
        if (watched_unit_is_dead(u) ||
            (streq(u->active_state, "deactivating") && !isempty(u->control_group))) {
                watched_unit_stop_query(u);
                watched_unit_report(u);
                return 0;
        }
        if (streq(u->load_state, "not-found")) {
                r = free_and_strdup(&u->load_state, "loaded");
                if (r < 0)
                        return r;
        }
        watched_unit_query(u, false);
        return 0;
}

static bool watch_wants(UnitWatch *w, const char *name) {
        UnitSelection *s = unit_table_get_selection(w->table);

        return s && (unit_selection_has_name(s, name) ||
                     (unit_object_get_interface(name) && unit_selection_match(s, name)));
}

static int on_unit_changed(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        _cleanup_free_ char *name = NULL;
        UnitWatch *w = userdata;
        const char *state = NULL;
        sd_id128_t id = SD_ID128_NULL;
        int r;

        if (!from_systemd(w, message))
                return 0;
        r = unit_object_decode(sd_bus_message_get_path(message), &name);
        if (r <= 0 || !watch_wants(w, name))
                return 0;

        r = read_changes(message, &state, &id);
        if (r >= 0)
                r = watch_take_change(w, name, state, id);
        if (r < 0)
                log_debug_errno(r, "Failed to take up a change of unit '%s', ignoring: %m", name);
        watch_advance(w);
        return 0;
}

static int on_unit_removed(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        UnitWatch *w = userdata;
        const char *name;
        WatchedUnit *u;
        int r;

        if (!from_systemd(w, message))
                return 0;
        r = sd_bus_message_read(message, "so", &name, NULL);
        if (r < 0)
                return 0;
        u = unit_table_find(w->table, name);
        if (!u || w->reloading)
                return 0;

        if (unit_selection_has_name(unit_table_get_selection(w->table), name)) {
                watched_unit_stop_query(u);
                if (!watched_unit_is_dead(u) && free_and_strdup(&u->active_state, "inactive") < 0)
                        return -ENOMEM;
                watched_unit_report(u);
        } else {
                unit_table_remove(w->table, u);
                manager_unit_gone(w->manager, name);
        }
        watch_advance(w);
        return 0;
}

/* Anything may be different now, aliases too. */
static void watch_restart(UnitWatch *w) {
        unit_table_forget_names(w->table);
        watch_abort_sync(w);
        watch_request_sync(w, 0);
}

static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        UnitWatch *w = userdata;
        int active;

        if (!from_systemd(w, message) || sd_bus_message_read(message, "b", &active) < 0)
                return 0;
        if (active)
                w->reloading = true;
        else
                watch_restart(w);
        return 0;
}

/* ---- connection ---- */

static int watch_set_owner(UnitWatch *w, const char *owner) {
        int r;

        r = free_and_strdup(&w->owner, isempty(owner) ? NULL : owner);
        if (r < 0)
                return r;
        if (!w->owner) {
                watch_settle(w, -EHOSTDOWN);
                return 0;
        }

        /* Without it the signals stop as soon as no one else is subscribed. */
        r = sd_bus_call_method_async(w->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                     "Subscribe", NULL, NULL, NULL);
        if (r < 0)
                return r;
        watch_restart(w);
        return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        const char *sender = sd_bus_message_get_sender(message), *name, *owner;
        UnitWatch *w = userdata;
        int r;

        if (!sender || !streq(sender, DBUS_NAME))
                return 0;
        r = sd_bus_message_read(message, "sss", &name, NULL, &owner);
        if (r < 0 || !streq(name, SYSTEMD_NAME))
                return 0;
        r = watch_set_owner(w, owner);
        if (r < 0)
                log_debug_errno(r, "Failed to follow systemd, ignoring: %m");
        return 0;
}

static int on_owner_known(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        UnitWatch *w = userdata;
        const char *owner = NULL;
        int r = 0;

        w->owner_call = sd_bus_slot_unref(w->owner_call);

        /* An error means that systemd is not there yet. */
        if (!sd_bus_message_is_method_error(reply, NULL))
                r = sd_bus_message_read(reply, "s", &owner);
        if (r >= 0)
                r = watch_set_owner(w, owner);
        if (r < 0)
                log_debug_errno(r, "Failed to follow systemd, ignoring: %m");
        return 0;
}

static int watch_ask_owner(UnitWatch *w) {
        w->owner_call = sd_bus_slot_unref(w->owner_call);
        return sd_bus_call_method_async(w->bus, &w->owner_call, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                                        "GetNameOwner", on_owner_known, w, "s", SYSTEMD_NAME);
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        UnitWatch *w = userdata;

        if (!w->bus || !unit_table_get_selection(w->table))
                return 0;
        if (w->owner)
                watch_sync(w);
        else if (watch_ask_owner(w) < 0)
                watch_request_sync(w, UNIT_WATCH_RETRY_USEC);
        return 0;
}

static const struct {
        const char *match;
        sd_bus_message_handler_t handler;
} matches[] = {
        { "type='signal',sender='" DBUS_NAME "',path='" DBUS_PATH "',interface='" DBUS_NAME
          "',member='NameOwnerChanged',arg0='" SYSTEMD_NAME "'",
          on_owner_changed },
        { "type='signal',sender='" SYSTEMD_NAME "',path_namespace='" UNIT_OBJECT_PREFIX
          "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0="
          "'" SYSTEMD_UNIT "'",
          on_unit_changed },
        { MANAGER_SIGNAL("UnitRemoved"), on_unit_removed },
        { MANAGER_SIGNAL("Reloading"), on_reloading },
};
_Static_assert(ELEMENTSOF(matches) == MATCHES_MAX, "a slot for each match");

int unit_watch_attach(UnitWatch *w, sd_bus *bus) {
        int r;

        unit_watch_detach(w);
        w->bus = sd_bus_ref(bus);
        unit_table_set_bus(w->table, bus);
        w->requested = true;

        for (size_t i = 0; i < MATCHES_MAX; i++) {
                r = sd_bus_add_match_async(bus, &w->matches[i], matches[i].match,
                                           matches[i].handler, NULL, w);
                if (r < 0)
                        return r;
        }

        /* Behind the matches in the same queue: no change of owner falls between. */
        return watch_ask_owner(w);
}

void unit_watch_detach(UnitWatch *w) {
        watch_abort_sync(w);
        unit_table_set_bus(w->table, NULL);
        for (size_t i = 0; i < MATCHES_MAX; i++)
                w->matches[i] = sd_bus_slot_unref(w->matches[i]);
        w->owner_call = sd_bus_slot_unref(w->owner_call);
        w->reloading = false;
        (void) sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        (void) free_and_strdup(&w->owner, NULL);
        w->bus = sd_bus_unref(w->bus);
}

int unit_watch_set_patterns(UnitWatch *w, const char *const *patterns) {
        UnitSelection *s;
        int r;

        r = unit_selection_new(&s, patterns);
        if (r < 0)
                return r;

        /* A listing under way answers the old ones. */
        watch_abort_sync(w);
        unit_table_set_selection(w->table, s);
        watch_request_sync(w, 0);
        return 0;
}

int unit_watch_new(
        UnitWatch **ret, sd_event *event, Manager *m, UnitWatchSettled on_settled, void *userdata) {
        _cleanup_(unit_watch_freep) UnitWatch *w = NULL;
        int r;

        w = calloc(1, sizeof(UnitWatch));
        if (!w)
                return -ENOMEM;
        w->manager = m;
        w->on_settled = on_settled;
        w->userdata = userdata;
        r = unit_table_new(&w->table, m, on_answered, w);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &w->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, w);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

UnitWatch *unit_watch_free(UnitWatch *w) {
        if (!w)
                return NULL;

        if (w->table && w->timer)
                unit_watch_detach(w);
        unit_table_free(w->table);
        sd_event_source_disable_unref(w->timer);
        free(w);
        return NULL;
}

bool unit_watch_is_settled(const UnitWatch *w) {
        return !w->requested && !w->syncing;
}

uint64_t unit_watch_get_refused(const UnitWatch *w) {
        return unit_table_get_refused(w->table);
}
