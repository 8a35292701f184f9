/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Daemon's Status
 *
 * What org.profilerd1 says of the daemon and its units, taken out of the messages of the bus. How
 * they are asked for is the caller's business.
 */

#include <systemd/sd-bus.h>

#include "basic/time-util.h"
#include "profile/profile-quality.h"
#include "view/json-output.h"

typedef struct DaemonLoss {
        char *reason, *help;
        uint64_t count;
} DaemonLoss;

/* Properties of org.profilerd1.Manager; what the daemon does not tell is 0 or NULL. */
typedef struct DaemonStatus {
        char *version, *state, *event, *store_path;
        uint32_t frequency_hz;
        uint64_t interval_usec, started_usec;
        uint64_t samples, lost, cpu_profiled_nsec, waits_nsec;
        uint64_t profiles, profiles_dropped, profile_bytes;
        uint64_t store_use_bytes, store_removed;
        uint64_t store_max_use_bytes, compact_after_usec;
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
        uint64_t stacks_complete, stacks_truncated, stacks_broken, stacks_none, stacks_guessed;
        ProfileReasons broken;
        uint64_t profiles, profile_bytes;
} UnitStatus;

/* From the reply to GetAll() of the properties of org.profilerd1.Manager. */
int daemon_status_read(sd_bus_message *m, DaemonStatus *ret);
void daemon_status_done(DaemonStatus *s);

/* From the reply to GetManagedObjects(), in the order of their names. *ret is an array. */
int unit_statuses_read(sd_bus_message *m, UnitStatus **ret, size_t *ret_n);
void unit_status_done(UnitStatus *u);
void unit_statuses_free(UnitStatus *units, size_t n);

/* Properties of org.profilerd1.Session. */
typedef struct SessionStatus {
        char *state, *unit, *error, *stored_path;
        uint64_t samples, lost, cpu_profiled_nsec, waits_nsec, elapsed_usec, started_usec;
        uint32_t frequency_hz;
} SessionStatus;

/* From the reply to GetAll(). */
int session_status_read(sd_bus_message *m, SessionStatus *ret);
void session_status_done(SessionStatus *s);

/* One target of profilerd-upload, see org.profilerd1.Upload in bus-names.h. */
typedef struct UploadStatus {
        char *name, *protocol, *url, *state, *last_error;
        uint64_t pending, pending_bytes, oldest_pending_usec;
        uint64_t sent, sent_bytes;
        uint64_t failures, rejected, expired, lost;
        uint64_t last_sent_usec, last_error_usec, next_try_usec;
} UploadStatus;

/* From the reply to ListTargets(). *ret is an array. */
int upload_statuses_read(sd_bus_message *m, UploadStatus **ret, size_t *ret_n);
void upload_statuses_free(UploadStatus *uploads, size_t n);

/* The signal ProfileWritten. */
typedef struct ProfileWritten {
        const char *unit, *path;
        uint64_t samples;
        usec_t start_usec, duration_usec; /* 0: not said */
} ProfileWritten;

/* Borrowed from the message. */
int profile_written_read(sd_bus_message *m, ProfileWritten *ret);

/* ---- in figures ---- */
bool unit_status_is_recent(const UnitStatus *u, usec_t now); /* its last profile is */
uint64_t unit_status_user_stacks(const UnitStatus *u);
/* "active": it uses CPU; "idle": it has not for two windows; else the daemon's word. */
const char *unit_status_display_state(const UnitStatus *u, usec_t now);

/* ---- as JSON ---- */
void stack_reasons_to_json(const ProfileReasons *reasons, JsonOutput *j); /* key "broken" */
void unit_status_to_json(const UnitStatus *u, JsonOutput *j);
void daemon_status_to_json(const DaemonStatus *d, JsonOutput *j, const char *key);
