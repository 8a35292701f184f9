/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Table */

#include <uthash.h>
#include <utlist.h>

#include "basic/cgroup-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "bus/unit-table.h"

struct UnitTable {
        Manager *manager;
        UnitTableAnswered on_answered;
        void *userdata;

        sd_bus *bus;
        UnitSelection *selection;
        WatchedUnit *units; /* by primary name */
        WatchedUnit *queue;
        size_t n_queries, n_awaited;
        uint64_t generation, n_refused;
};

/* ---- units ---- */

bool watched_unit_is_dead(const WatchedUnit *u) {
        return streq(u->active_state, "inactive") || streq(u->active_state, "failed");
}

static WatchedUnit *watched_unit_free(WatchedUnit *u) {
        if (!u)
                return NULL;

        watched_unit_stop_query(u);
        free(u->name);
        free(u->load_state);
        free(u->active_state);
        free(u->control_group);
        strv_free(u->names);
        free(u);
        return NULL;
}
DEFINE_CLEANUP(WatchedUnit *, watched_unit_free);

static int watched_unit_get_aliases(const WatchedUnit *u, char ***ret) {
        _cleanup_(strv_freep) char **aliases = NULL;
        int r;

        aliases = strv_copy(NULL);
        if (!aliases)
                return -ENOMEM;
        for (char **n = u->names; n && *n; n++) {
                if (streq(*n, u->name))
                        continue;
                r = strv_extend(&aliases, *n);
                if (r < 0)
                        return r;
        }
        r = unit_selection_add_aliases(u->table->selection, u->name, &aliases);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(aliases);
        return 0;
}

void watched_unit_report(WatchedUnit *u) {
        _cleanup_(strv_freep) char **aliases = NULL;
        bool dead = watched_unit_is_dead(u);
        int r;

        /* Processes may stay behind (KillMode=process), and then their cgroup does. */
        if (dead && !isempty(u->control_group) && !cgroup_exists(u->control_group))
                u->control_group[0] = '\0';

        r = watched_unit_get_aliases(u, &aliases);
        if (r >= 0)
                r = manager_unit_changed(u->table->manager,
                                         &(UnitInfo){
                                                 .name = u->name,
                                                 .aliases = (const char *const *) aliases,
                                                 .load_state = u->load_state,
                                                 .active_state = u->active_state,
                                                 .control_group = u->control_group,
                                                 .invocation_id = u->invocation_id,
                                                 .main_pid = dead ? 0 : u->main_pid,
                                         });
        if (r < 0)
                log_debug_errno(r, "Failed to follow unit '%s', ignoring: %m", u->name);
}

/* ---- queries ---- */

static int take_properties(WatchedUnit *u, const UnitProperties *p) {
        int r;

        r = free_and_strdup(&u->control_group, p->control_group ?: "");
        if (r < 0)
                return r;
        u->main_pid = p->main_pid;
        if (isempty(u->control_group))
                return 0;

        if (p->active_state) {
                r = free_and_strdup(&u->active_state, p->active_state);
                if (r < 0)
                        return r;
        }
        if (p->names) {
                char **names = strv_copy(p->names);

                if (!names)
                        return -ENOMEM;
                strv_free(u->names);
                u->names = names;
        }
        u->invocation_id = p->invocation_id;
        return 0;
}

static void query_ended(WatchedUnit *u) {
        UnitTable *t = u->table;

        u->query = unit_query_free(u->query);
        t->n_queries--;
        if (u->awaited) {
                u->awaited = false;
                t->n_awaited--;
        }
        if (u->dirty) {
                u->dirty = false;
                watched_unit_query(u, false);
        }
}

static void on_query_done(UnitQuery *q _unused_,
                          int error,
                          const UnitProperties *p,
                          void *userdata) {
        WatchedUnit *u = userdata;
        UnitTable *t = u->table;

        if (error >= 0)
                error = take_properties(u, p);
        query_ended(u);

        if (error >= 0)
                watched_unit_report(u);
        else
                log_debug_errno(error, "Failed to ask systemd for unit '%s': %m", u->name);
        t->on_answered(t, MIN(error, 0), t->userdata);
}

void watched_unit_query(WatchedUnit *u, bool awaited) {
        UnitTable *t = u->table;

        if (u->query)
                u->dirty = true;
        else if (!u->queued) {
                DL_APPEND(t->queue, u);
                u->queued = true;
        }
        if (awaited && !u->awaited) {
                u->awaited = true;
                t->n_awaited++;
        }
}

void watched_unit_stop_query(WatchedUnit *u) {
        UnitTable *t = u->table;

        if (u->queued)
                DL_DELETE(t->queue, u);
        if (u->query)
                t->n_queries--;
        if (u->awaited)
                t->n_awaited--;
        u->query = unit_query_free(u->query);
        u->queued = u->dirty = u->awaited = false;
}

void unit_table_start_queries(UnitTable *t) {
        while (t->bus && t->queue && t->n_queries < UNIT_TABLE_QUERIES_MAX) {
                WatchedUnit *u = t->queue;
                int r;

                DL_DELETE(t->queue, u);
                u->queued = false;
                t->n_queries++;
                r = unit_query_new(&u->query, t->bus, u->name, !u->names, on_query_done, u);
                if (r >= 0)
                        continue;

                query_ended(u);
                if (r != -EOPNOTSUPP) {
                        log_debug_errno(r, "Failed to ask systemd for unit '%s': %m", u->name);
                        return;
                }
                watched_unit_report(u);
        }
}

/* ---- table ---- */

WatchedUnit *unit_table_find(UnitTable *t, const char *name) {
        WatchedUnit *u;

        HASH_FIND_STR(t->units, name, u);
        return u;
}

static int unit_table_add(UnitTable *t, const char *name, WatchedUnit **ret) {
        _cleanup_(watched_unit_freep) WatchedUnit *u = NULL;

        if (HASH_COUNT(t->units) >= UNIT_TABLE_UNITS_MAX) {
                t->n_refused++;
                return -E2BIG;
        }

        u = calloc(1, sizeof(WatchedUnit));
        if (!u)
                return -ENOMEM;
        u->table = t;
        u->name = strdup(name);
        u->load_state = strdup("loaded");
        u->active_state = strdup("inactive");
        u->control_group = strdup("");
        if (!u->name || !u->load_state || !u->active_state || !u->control_group)
                return -ENOMEM;

        HASH_ADD_KEYPTR(hh, t->units, u->name, strlen(u->name), u);
        *ret = TAKE_PTR(u);
        return 0;
}

int unit_table_put(UnitTable *t, const char *name, WatchedUnit **ret) {
        WatchedUnit *u;
        int r;

        u = unit_table_find(t, name);
        if (!u) {
                r = unit_table_add(t, name, &u);
                if (r < 0)
                        return r;
        }
        u->generation = t->generation;
        *ret = u;
        return 0;
}

void unit_table_remove(UnitTable *t, WatchedUnit *u) {
        HASH_DEL(t->units, u);
        watched_unit_free(u);
}

void unit_table_begin_generation(UnitTable *t) {
        t->generation++;
}

void unit_table_remove_unseen(UnitTable *t) {
        WatchedUnit *u, *next;

        HASH_ITER (hh, t->units, u, next)
                if (u->generation != t->generation)
                        unit_table_remove(t, u);
}

size_t unit_table_n_awaited(const UnitTable *t) {
        return t->n_awaited;
}

void unit_table_forget_awaited(UnitTable *t) {
        WatchedUnit *u, *next;

        HASH_ITER (hh, t->units, u, next)
                u->awaited = false;
        t->n_awaited = 0;
}

void unit_table_forget_names(UnitTable *t) {
        WatchedUnit *u, *next;

        HASH_ITER (hh, t->units, u, next)
                u->names = strv_free(u->names);
}

void unit_table_report_all(UnitTable *t) {
        WatchedUnit *u, *next;

        HASH_ITER (hh, t->units, u, next)
                watched_unit_report(u);
}

uint64_t unit_table_get_refused(const UnitTable *t) {
        return t->n_refused;
}

void unit_table_set_selection(UnitTable *t, UnitSelection *selection) {
        unit_selection_free(t->selection);
        t->selection = selection;
}

UnitSelection *unit_table_get_selection(UnitTable *t) {
        return t->selection;
}

void unit_table_set_bus(UnitTable *t, sd_bus *bus) {
        WatchedUnit *u, *next;

        HASH_ITER (hh, t->units, u, next)
                watched_unit_stop_query(u);
        sd_bus_unref(t->bus);
        t->bus = sd_bus_ref(bus);
}

int unit_table_new(UnitTable **ret, Manager *m, UnitTableAnswered on_answered, void *userdata) {
        UnitTable *t;

        t = calloc(1, sizeof(UnitTable));
        if (!t)
                return -ENOMEM;
        t->manager = m;
        t->on_answered = on_answered;
        t->userdata = userdata;
        *ret = t;
        return 0;
}

UnitTable *unit_table_free(UnitTable *t) {
        WatchedUnit *u, *next;

        if (!t)
                return NULL;

        HASH_ITER (hh, t->units, u, next)
                unit_table_remove(t, u);
        unit_selection_free(t->selection);
        sd_bus_unref(t->bus);
        free(t);
        return NULL;
}
