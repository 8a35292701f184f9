/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fake Manager
 *
 * Units that live as systemd says, and nothing else of a manager. Stands in for manager.c, so at
 * most one file of a program includes it.
 */

#include "basic/string-util.h"
#include "manager.h"

enum { FAKE_UNITS_MAX = 512 };

struct Manager {
        ManagerCallbacks callbacks;
        void *userdata;
        Unit *units[FAKE_UNITS_MAX];
        bool seen[FAKE_UNITS_MAX];
        char *load_states[FAKE_UNITS_MAX];
        char *aliases[FAKE_UNITS_MAX]; /* the last one */
        size_t n_units;
        Config config;
        const char *broken; /* what is wrong with the configuration, NULL: nothing */

        unsigned n_reports, n_gone, n_syncs, n_reloads;
        bool in_sync, paused;
        ManagerFlushed flushed;
        void *flushed_userdata;
};

static inline void fake_unit_free(Unit *u) {
        free(u->name);
        free(u->active_state);
        free(u->control_group);
        free(u->last_profile_path);
        free(u);
}

static inline ssize_t fake_index(const Manager *m, const char *name) {
        for (size_t i = 0; i < m->n_units; i++)
                if (streq(m->units[i]->name, name))
                        return (ssize_t) i;
        return -1;
}

static inline void fake_remove(Manager *m, size_t i) {
        Unit *u = m->units[i];

        free(m->load_states[i]);
        free(m->aliases[i]);
        m->n_units--;
        m->units[i] = m->units[m->n_units];
        m->seen[i] = m->seen[m->n_units];
        m->load_states[i] = m->load_states[m->n_units];
        m->aliases[i] = m->aliases[m->n_units];
        if (m->callbacks.on_unit_removed)
                m->callbacks.on_unit_removed(m, u, m->userdata);
        fake_unit_free(u);
}

static inline void fake_manager_done(Manager *m) {
        while (m->n_units > 0)
                fake_remove(m, 0);
}

void manager_set_callbacks(Manager *m, const ManagerCallbacks *callbacks, void *userdata) {
        m->callbacks = *callbacks;
        m->userdata = userdata;
}

static inline size_t fake_add(Manager *m, const char *name) {
        Unit *u = calloc(1, sizeof(Unit));

        assert(u && m->n_units < FAKE_UNITS_MAX);
        u->manager = m;
        u->name = strdup(name);
        m->units[m->n_units] = u;
        m->load_states[m->n_units] = m->aliases[m->n_units] = NULL;
        return m->n_units++;
}

int manager_unit_changed(Manager *m, const UnitInfo *info) {
        ssize_t i = fake_index(m, info->name);
        bool added = i < 0;
        Unit *u;

        m->n_reports++;
        if (added)
                i = (ssize_t) fake_add(m, info->name);
        u = m->units[i];
        m->seen[i] = true;
        free_and_strdup(&m->load_states[i], info->load_state);
        free_and_strdup(&m->aliases[i], NULL);
        for (const char *const *a = info->aliases; a && *a; a++)
                free_and_strdup(&m->aliases[i], *a);
        free_and_strdup(&u->active_state, info->active_state);
        free_and_strdup(&u->control_group, info->control_group);
        u->invocation_id = info->invocation_id;
        u->main_pid = info->main_pid;
        u->state = streq(info->load_state, "not-found") ? UNIT_NOT_FOUND
                   : isempty(info->control_group)       ? UNIT_INACTIVE
                                                        : UNIT_PROFILED;

        if (added && m->callbacks.on_unit_added)
                m->callbacks.on_unit_added(m, u, m->userdata);
        else if (!added && m->callbacks.on_unit_changed)
                m->callbacks.on_unit_changed(m, u, m->userdata);
        return 0;
}

void manager_unit_gone(Manager *m, const char *name) {
        ssize_t i = fake_index(m, name);

        m->n_gone++;
        if (i >= 0)
                fake_remove(m, (size_t) i);
}

void manager_sync_begin(Manager *m) {
        assert(!m->in_sync);
        m->in_sync = true;
        memset(m->seen, 0, sizeof(m->seen));
}

void manager_sync_end(Manager *m) {
        assert(m->in_sync);
        m->in_sync = false;
        m->n_syncs++;
        for (size_t i = m->n_units; i > 0; i--)
                if (!m->seen[i - 1])
                        fake_remove(m, i - 1);
}
