/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Manager
 *
 * The root object: owns the sampler, the tables, the store and the units, and decides. It runs with
 * or without a bus: what systemd says comes in through manager_unit_changed(), what happens goes
 * out through the callbacks.
 */

#include <systemd/sd-event.h>

#include "config.h"
#include "session.h"
#include "unit.h"

typedef struct ManagerPaths {
        const char *store, *cache, *worker, *open_socket; /* NULL: as installed */
        const char *config;                               /* NULL: the tree of directories */
        const char *root;                                 /* the tree is below it, NULL: "/" */
} ManagerPaths;

/* One line of figures, all since the daemon started unless said. */
typedef struct ManagerStatistics {
        uint64_t samples, cpu_nsec;
        uint64_t lost; /* samples, by all reasons below */
        uint64_t profiles, profile_bytes, profiles_dropped;
        uint64_t store_use_bytes, store_removed;
        uint64_t memory_bytes, bpf_memory_bytes; /* resident; locked by BPF maps */
        uint64_t cpu_usage_nsec;                 /* of the daemon and its workers */
        uint64_t n_descriptors;
        size_t n_units, n_profiled, n_processes, n_files;
        size_t n_workers, n_files_queued;
} ManagerStatistics;

/* Something that was lost, by reason. */
typedef struct ManagerLoss {
        const char *reason; /* "ring-full" */
        const char *help;   /* one sentence */
        bool samples;       /* counts samples; else what they are understood with */
        uint64_t count;
} ManagerLoss;

/* Any may be NULL. Borrowed arguments. */
typedef struct ManagerCallbacks {
        void (*on_patterns)(Manager *m, const char *const *patterns, void *userdata);
        void (*on_unit_added)(Manager *m, Unit *u, void *userdata);
        void (*on_unit_removed)(Manager *m, Unit *u, void *userdata);
        void (*on_unit_changed)(Manager *m, Unit *u, void *userdata);
        void (*on_state_changed)(Manager *m, void *userdata);
        void (*on_profile_written)(Manager *m,
                                   Unit *u,
                                   const char *path,
                                   usec_t start_usec,
                                   usec_t duration_usec,
                                   uint64_t samples,
                                   void *userdata);
        /* A trigger has started a session. */
        void (*on_triggered)(Manager *m,
                             const char *unit,
                             const char *trigger,
                             const char *reason,
                             const Session *s,
                             void *userdata);
        SessionCallbacks sessions;
} ManagerCallbacks;

typedef void (*ManagerFlushed)(Manager *m, int error, uint64_t n_profiles, void *userdata);

int manager_new(Manager **ret, sd_event *event, const ManagerPaths *paths);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free);
void manager_set_callbacks(Manager *m, const ManagerCallbacks *callbacks, void *userdata);

/* Loads the configuration and starts sampling; logs what fails. */
int manager_start(Manager *m);
/* Writes the open windows with the names known by now, and stops sampling. */
void manager_stop(Manager *m);

/* Replaces the configuration. -EBADMSG: it is broken, *ret_reason (to be freed) says where, and the
 * old one stays in force. */
int manager_reload(Manager *m, char **ret_reason);

/*
 * Closes the windows of the units that match (fnmatch; NULL: all), and calls back when they are on
 * disk. -ENOENT: no unit matches.
 */
int manager_flush(Manager *m, const char *pattern, ManagerFlushed callback, void *userdata);

/* What systemd says of a unit that one of the patterns matches, at its first sight and whenever it
 * changes; and that it no longer knows it. */
int manager_unit_changed(Manager *m, const UnitInfo *info);
void manager_unit_gone(Manager *m, const char *name);
/* Between these two every unit is reported anew; those that are not are forgotten. */
void manager_sync_begin(Manager *m);
void manager_sync_end(Manager *m);

Unit *manager_find_unit(Manager *m, const char *name); /* by primary name; NULL: none */
/* All units in the order of their names: a heap array of borrowed units. */
int manager_list_units(Manager *m, Unit ***ret, size_t *ret_n);

/* Borrowed; NULL before the start. */
SessionRegistry *manager_get_sessions(Manager *m);
/* As if its condition were met. -ENOENT: no such trigger, or not for such a unit that runs;
 * -EALREADY: it cools down; -EDQUOT: it has fired often enough; others, and *ret_reason: those of
 * session_registry_start(). */
int manager_trigger(
        Manager *m, const char *trigger, const char *unit, Session **ret, const char **ret_reason);

const Config *manager_get_config(const Manager *m);
/* Takes no samples until it is resumed, whatever is reloaded; what is open is written first. 0:
 * it was so already, 1: done. */
int manager_set_paused(Manager *m, bool paused);

/* Sets something until the next boot, see runtime-settings.h, and reloads. -EOPNOTSUPP: the
 * configuration is one file. */
int manager_set(Manager *m, const char *unit, char *const *assignments, char **ret_reason);

/* What a unit's open window holds by now, as a heap block of pprof. -ENOENT: no such unit; 0:
 * nothing, 1: done. */
int manager_encode_open(Manager *m, const char *unit, uint8_t **ret, size_t *ret_size);

const char *manager_get_state(const Manager *m);   /* "starting", "running", "paused", "stopping" */
usec_t manager_get_started_usec(const Manager *m); /* CLOCK_REALTIME */
const char *manager_get_event_name(const Manager *m); /* "cpu-clock" or "cycles" */
const char *manager_get_store_path(const Manager *m);
void manager_get_statistics(Manager *m, ManagerStatistics *ret);
/* *ret borrowed until the next call. */
size_t manager_get_losses(Manager *m, const ManagerLoss **ret);
