/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fake Manager, as It Is Called
 *
 * What the bus has a manager do, and what it asks of it, with answers that a test knows.
 */

#include "fake-manager.h"

int manager_reload(Manager *m, char **ret_reason) {
        m->n_reloads++;
        if (m->broken) {
                *ret_reason = strdup(m->broken);
                return -EBADMSG;
        }
        if (m->callbacks.on_patterns)
                m->callbacks.on_patterns(m, (const char *const *) m->config.units, m->userdata);
        return 0;
}

int manager_flush(Manager *m, const char *pattern, ManagerFlushed callback, void *userdata) {
        if (pattern && fake_index(m, pattern) < 0)
                return -ENOENT;
        m->flushed = callback;
        m->flushed_userdata = userdata;
        return 0;
}

int manager_set_paused(Manager *m, bool paused) {
        int r = m->paused != paused;

        m->paused = paused;
        return r;
}

int manager_set(Manager *m, const char *unit, char *const *assignments, char **ret_reason) {
        if (!isempty(unit) || strv_length(assignments) != 1 ||
            !streq(assignments[0], "Frequency=7")) {
                *ret_reason = strdup("Only a fool would set that.");
                return -EBADMSG;
        }
        m->config.frequency_hz = 7;
        return 0;
}

int manager_encode_open(Manager *m, const char *unit, uint8_t **ret, size_t *ret_size) {
        if (fake_index(m, unit) < 0)
                return -ENOENT;
        *ret = (uint8_t *) strdup("pprof");
        *ret_size = 5;
        return 1;
}

Unit *manager_find_unit(Manager *m, const char *name) {
        ssize_t i = fake_index(m, name);

        return i < 0 ? NULL : m->units[i];
}

int manager_list_units(Manager *m, Unit ***ret, size_t *ret_n) {
        *ret = calloc(m->n_units + 1, sizeof(Unit *));
        memcpy(*ret, m->units, m->n_units * sizeof(Unit *));
        *ret_n = m->n_units;
        return 0;
}

/* As before the start. */
SessionRegistry *manager_get_sessions(Manager *m _unused_) {
        return NULL;
}

int manager_trigger(Manager *m _unused_,
                    const char *trigger _unused_,
                    const char *unit _unused_,
                    Session **ret _unused_,
                    const char **ret_reason) {
        *ret_reason = NULL;
        return -ENOENT;
}

const Config *manager_get_config(const Manager *m) {
        return &m->config;
}

const char *manager_get_store_path(const Manager *m _unused_) {
        return "/store";
}

const char *manager_get_state(const Manager *m) {
        return m->paused ? "paused" : "running";
}

usec_t manager_get_started_usec(const Manager *m _unused_) {
        return 1;
}

const char *manager_get_event_name(const Manager *m _unused_) {
        return "cpu-clock";
}

void manager_get_statistics(Manager *m, ManagerStatistics *ret) {
        *ret = (ManagerStatistics){ .samples = 7, .n_processes = 3, .n_units = m->n_units };
}

size_t manager_get_losses(Manager *m _unused_, const ManagerLoss **ret) {
        static const ManagerLoss loss = { .reason = "ring-full", .help = "Help.", .count = 2 };

        *ret = &loss;
        return 1;
}
