/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Daemon as profilerctl Sees It
 *
 * Calls to org.profilerd1 on the system bus. A call never starts the daemon.
 */

#include "basic/time-util.h"
#include "ctl/ctl.h"

typedef struct DaemonLoss {
        char *reason, *help;
        uint64_t count;
} DaemonLoss;

/* Properties of org.profilerd1.Manager; what the daemon does not tell is 0 or NULL. */
typedef struct DaemonStatus {
        char *version, *state, *event, *store_path;
        uint32_t frequency_hz;
        uint64_t interval_usec, started_usec;
        uint64_t samples, lost, cpu_profiled_nsec;
        uint64_t profiles, profiles_dropped, profile_bytes;
        uint64_t store_use_bytes, store_removed;
        uint64_t memory_bytes, bpf_memory_bytes, cpu_usage_nsec;
        uint64_t descriptors, processes, files, files_queued;
        DaemonLoss *losses;
        size_t n_losses;
} DaemonStatus;

/* Properties of org.profilerd1.Unit. */
typedef struct UnitStatus {
        char *name, *state, *active_state, *control_group, *error, *last_profile_path;
        char invocation_id[2 * 16 + 1]; /* hex; "": none */
        uint32_t main_pid, frequency_hz;
        uint64_t control_group_id, interval_usec;
        uint64_t last_profile_usec, last_profile_duration_usec;
        uint64_t last_profile_samples, last_profile_cpu_nsec;
        uint64_t samples, lost, cpu_profiled_nsec;
        uint64_t frames, frames_named;
        uint64_t stacks_complete, stacks_truncated, stacks_broken, stacks_none;
        uint64_t profiles, profile_bytes;
} UnitStatus;

typedef struct CtlBus CtlBus;

/*
 * All calls: -EHOSTDOWN: the daemon is not running; -EACCES: not allowed; -ENOENT: no such unit;
 * -EBADMSG: the configuration is broken; -ETIMEDOUT: no answer. ctl_bus_get_message() then is the
 * sentence that came with it.
 */
int ctl_bus_new(CtlBus **ret);
CtlBus *ctl_bus_free(CtlBus *b);
DEFINE_CLEANUP(CtlBus *, ctl_bus_free);

int ctl_bus_get_status(CtlBus *b, DaemonStatus *ret);
void daemon_status_done(DaemonStatus *s);

/* The state of a unit as systemd sees it ("active", "inactive", …). *ret is to be freed. */
int ctl_bus_get_unit_state(CtlBus *b, const char *unit, char **ret);

/* In the order of their names. *ret is an array. */
int ctl_bus_list_units(CtlBus *b, UnitStatus **ret, size_t *ret_n);
void unit_status_done(UnitStatus *u);
void unit_statuses_free(UnitStatus *units, size_t n);

int ctl_bus_reload(CtlBus *b);
/* pattern "": all units. */
int ctl_bus_flush(CtlBus *b, const char *pattern, uint64_t *ret_n_profiles);

/* The signal ProfileWritten. */
typedef struct ProfileWritten {
        const char *unit, *path;
        uint64_t samples;
        usec_t start_usec, duration_usec; /* 0: not said */
} ProfileWritten;

/* Calls on_written for each profile that the daemon writes, until it returns a negative errno,
 * which is the result, or 1. */
int ctl_bus_watch(CtlBus *b,
                  int (*on_written)(const ProfileWritten *w, void *userdata),
                  void *userdata);

/* When the unit was started last, CLOCK_REALTIME; 0: never in this boot. */
int ctl_bus_get_unit_start(CtlBus *b, const char *unit, usec_t *ret);

const char *ctl_bus_get_message(const CtlBus *b);
/* Says in three parts why a call failed, and returns the exit code. */
int ctl_bus_error(const CtlBus *b, int error, const char *what);

/* UnitStatus in figures */
bool unit_status_is_recent(const UnitStatus *u, usec_t now); /* its last profile is */
uint64_t unit_status_user_stacks(const UnitStatus *u);
