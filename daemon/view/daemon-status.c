/* SPDX-License-Identifier: Apache-2.0 */
/* The Daemon's Status */

#include <systemd/sd-id128.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "bus/bus-names.h"
#include "view/daemon-status.h"

enum {
        DAEMON_LOSSES_MAX = 256,
};

/* A property that is read into a struct: strings are copied, the rest has the size of its type. */
typedef struct Property {
        const char *name;
        const char *type;
        size_t offset;
} Property;

/* clang-format off */
static const Property daemon_properties[] = {
        { "Version",         "s",      offsetof(DaemonStatus, version)           },
        { "State",           "s",      offsetof(DaemonStatus, state)             },
        { "Event",           "s",      offsetof(DaemonStatus, event)             },
        { "StorePath",       "s",      offsetof(DaemonStatus, store_path)        },
        { "FrequencyHz",     "u",      offsetof(DaemonStatus, frequency_hz)      },
        { "IntervalUSec",    "t",      offsetof(DaemonStatus, interval_usec)     },
        { "StartedUSec",     "t",      offsetof(DaemonStatus, started_usec)      },
        { "SamplesTotal",    "t",      offsetof(DaemonStatus, samples)           },
        { "SamplesLost",     "t",      offsetof(DaemonStatus, lost)              },
        { "CPUProfiledNSec", "t",      offsetof(DaemonStatus, cpu_profiled_nsec) },
        { "ProfilesWritten", "t",      offsetof(DaemonStatus, profiles)          },
        { "ProfilesDropped", "t",      offsetof(DaemonStatus, profiles_dropped)  },
        { "ProfileBytes",    "t",      offsetof(DaemonStatus, profile_bytes)     },
        { "StoreUseBytes",   "t",      offsetof(DaemonStatus, store_use_bytes)   },
        { "StoreRemoved",    "t",      offsetof(DaemonStatus, store_removed)     },
        { "StoreMaxUseBytes", "t",     offsetof(DaemonStatus, store_max_use_bytes) },
        { "CompactAfterUSec", "t",     offsetof(DaemonStatus, compact_after_usec) },
        { "MemoryBytes",     "t",      offsetof(DaemonStatus, memory_bytes)      },
        { "BPFMemoryBytes",  "t",      offsetof(DaemonStatus, bpf_memory_bytes)  },
        { "CPUUsageNSec",    "t",      offsetof(DaemonStatus, cpu_usage_nsec)    },
        { "Descriptors",     "t",      offsetof(DaemonStatus, descriptors)       },
        { "Processes",       "t",      offsetof(DaemonStatus, processes)         },
        { "Files",           "t",      offsetof(DaemonStatus, files)             },
        { "FilesQueued",     "t",      offsetof(DaemonStatus, files_queued)      },
        { "Losses",          "a(sst)", 0                                         },
        {}
};

static const Property unit_properties[] = {
        { "Name",                    "s",  offsetof(UnitStatus, name)                       },
        { "State",                   "s",  offsetof(UnitStatus, state)                      },
        { "ActiveState",             "s",  offsetof(UnitStatus, active_state)               },
        { "ControlGroup",            "s",  offsetof(UnitStatus, control_group)              },
        { "ControlGroupId",          "t",  offsetof(UnitStatus, control_group_id)           },
        { "InvocationID",            "ay", offsetof(UnitStatus, invocation_id)              },
        { "MainPID",                 "u",  offsetof(UnitStatus, main_pid)                   },
        { "Error",                   "s",  offsetof(UnitStatus, error)                      },
        { "FrequencyHz",             "u",  offsetof(UnitStatus, frequency_hz)               },
        { "IntervalUSec",            "t",  offsetof(UnitStatus, interval_usec)              },
        { "LastProfilePath",         "s",  offsetof(UnitStatus, last_profile_path)          },
        { "LastProfileUSec",         "t",  offsetof(UnitStatus, last_profile_usec)          },
        { "LastProfileDurationUSec", "t",  offsetof(UnitStatus, last_profile_duration_usec) },
        { "LastProfileSamples",      "t",  offsetof(UnitStatus, last_profile_samples)       },
        { "LastProfileCPUNSec",      "t",  offsetof(UnitStatus, last_profile_cpu_nsec)      },
        { "SamplesTotal",            "t",  offsetof(UnitStatus, samples)                    },
        { "SamplesLost",             "t",  offsetof(UnitStatus, lost)                       },
        { "CPUProfiledNSec",         "t",  offsetof(UnitStatus, cpu_profiled_nsec)          },
        { "FramesTotal",             "t",  offsetof(UnitStatus, frames)                     },
        { "FramesNamed",             "t",  offsetof(UnitStatus, frames_named)               },
        { "StacksComplete",          "t",  offsetof(UnitStatus, stacks_complete)            },
        { "StacksTruncated",         "t",  offsetof(UnitStatus, stacks_truncated)           },
        { "StacksBroken",            "t",  offsetof(UnitStatus, stacks_broken)              },
        { "StacksNone",              "t",  offsetof(UnitStatus, stacks_none)                },
        { "StacksGuessed",           "t",  offsetof(UnitStatus, stacks_guessed)             },
        { "StackEnds",               "a(st)", offsetof(UnitStatus, broken)                  },
        { "ProfilesWritten",         "t",  offsetof(UnitStatus, profiles)                   },
        { "ProfileBytes",            "t",  offsetof(UnitStatus, profile_bytes)              },
        {}
};

static const Property upload_properties[] = {
        { "Name",              "s", offsetof(UploadStatus, name)                },
        { "Protocol",          "s", offsetof(UploadStatus, protocol)            },
        { "URL",               "s", offsetof(UploadStatus, url)                 },
        { "State",             "s", offsetof(UploadStatus, state)               },
        { "LastError",         "s", offsetof(UploadStatus, last_error)          },
        { "Pending",           "t", offsetof(UploadStatus, pending)             },
        { "PendingBytes",      "t", offsetof(UploadStatus, pending_bytes)       },
        { "OldestPendingUSec", "t", offsetof(UploadStatus, oldest_pending_usec) },
        { "Sent",              "t", offsetof(UploadStatus, sent)                },
        { "SentBytes",         "t", offsetof(UploadStatus, sent_bytes)          },
        { "Failures",          "t", offsetof(UploadStatus, failures)            },
        { "Rejected",          "t", offsetof(UploadStatus, rejected)            },
        { "Expired",           "t", offsetof(UploadStatus, expired)             },
        { "Lost",              "t", offsetof(UploadStatus, lost)                },
        { "LastSentUSec",      "t", offsetof(UploadStatus, last_sent_usec)      },
        { "LastErrorUSec",     "t", offsetof(UploadStatus, last_error_usec)     },
        { "NextTryUSec",       "t", offsetof(UploadStatus, next_try_usec)       },
        {}
};
/* clang-format on */

static int read_losses(sd_bus_message *m, DaemonStatus *s) {
        const char *reason, *help;
        size_t capacity = 0;
        uint64_t count;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(sst)");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(m, "(sst)", &reason, &help, &count)) > 0) {
                DaemonLoss *l;

                if (s->n_losses >= DAEMON_LOSSES_MAX)
                        return -E2BIG;
                r = ARRAY_RESERVE(s->losses, capacity, s->n_losses + 1);
                if (r < 0)
                        return r;
                l = &s->losses[s->n_losses++];
                *l = (DaemonLoss){ .reason = strdup(reason), .help = strdup(help), .count = count };
                if (!l->reason || !l->help)
                        return -ENOMEM;
        }
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

static int read_stack_ends(sd_bus_message *m, ProfileReasons *ret) {
        const char *reason;
        uint64_t stacks;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(st)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(st)", &reason, &stacks)) > 0)
                profile_reasons_add(ret, reason, stacks);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

static int read_id(sd_bus_message *m, char *ret) {
        const void *bytes;
        sd_id128_t id;
        size_t n;
        int r;

        r = sd_bus_message_read_array(m, 'y', &bytes, &n);
        if (r < 0)
                return r;
        if (n == sizeof(id)) {
                memcpy(&id, bytes, n);
                if (!sd_id128_is_null(id))
                        sd_id128_to_string(id, ret);
        }
        return 0;
}

static int read_value(sd_bus_message *m, const Property *p, void *object) {
        void *field = (uint8_t *) object + p->offset;
        const char *s;
        int r;

        if (streq(p->type, "a(sst)"))
                return read_losses(m, object);
        if (streq(p->type, "a(st)"))
                return read_stack_ends(m, field);
        if (streq(p->type, "ay"))
                return read_id(m, field);
        if (!streq(p->type, "s"))
                return sd_bus_message_read_basic(m, p->type[0], field);

        r = sd_bus_message_read_basic(m, 's', &s);
        if (r < 0)
                return r;
        return free_and_strdup(field, s);
}

/* a{sv} at the message's position. What is unknown, or of another type, is of a newer daemon. */
static int read_properties(sd_bus_message *m, const Property *table, void *object) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const Property *p = table;
                const char *name, *type;

                r = sd_bus_message_read_basic(m, 's', &name);
                if (r < 0)
                        return r;
                r = sd_bus_message_peek_type(m, NULL, &type);
                if (r < 0)
                        return r;

                while (p->name && !(streq(p->name, name) && streq(p->type, type)))
                        p++;
                if (p->name) {
                        r = sd_bus_message_enter_container(m, 'v', p->type);
                        if (r < 0)
                                return r;
                        r = read_value(m, p, object);
                        if (r < 0)
                                return r;
                        r = sd_bus_message_exit_container(m);
                } else
                        r = sd_bus_message_skip(m, "v");
                if (r < 0)
                        return r;

                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

void daemon_status_done(DaemonStatus *s) {
        free(s->version);
        free(s->state);
        free(s->event);
        free(s->store_path);
        for (size_t i = 0; i < s->n_losses; i++) {
                free(s->losses[i].reason);
                free(s->losses[i].help);
        }
        free(s->losses);
        *s = (DaemonStatus){};
}

int daemon_status_read(sd_bus_message *m, DaemonStatus *ret) {
        _cleanup_(daemon_status_done) DaemonStatus s = {};
        int r;

        r = read_properties(m, daemon_properties, &s);
        if (r < 0)
                return r;

        *ret = s;
        s = (DaemonStatus){};
        return 0;
}

void unit_status_done(UnitStatus *u) {
        free(u->name);
        free(u->state);
        free(u->active_state);
        free(u->control_group);
        free(u->error);
        free(u->last_profile_path);
        *u = (UnitStatus){};
}

void unit_statuses_free(UnitStatus *units, size_t n) {
        for (size_t i = 0; i < n; i++)
                unit_status_done(&units[i]);
        free(units);
}

void session_status_done(SessionStatus *s) {
        free(s->state);
        free(s->unit);
        free(s->error);
        free(s->stored_path);
        *s = (SessionStatus){};
}

int session_status_read(sd_bus_message *m, SessionStatus *ret) {
        static const Property properties[] = {
                { "State", "s", offsetof(SessionStatus, state) },
                { "Unit", "s", offsetof(SessionStatus, unit) },
                { "Error", "s", offsetof(SessionStatus, error) },
                { "StoredPath", "s", offsetof(SessionStatus, stored_path) },
                { "Samples", "t", offsetof(SessionStatus, samples) },
                { "Lost", "t", offsetof(SessionStatus, lost) },
                { "CPUNSec", "t", offsetof(SessionStatus, cpu_profiled_nsec) },
                { "WaitsNSec", "t", offsetof(SessionStatus, waits_nsec) },
                { "ElapsedUSec", "t", offsetof(SessionStatus, elapsed_usec) },
                { "StartedUSec", "t", offsetof(SessionStatus, started_usec) },
                { "FrequencyHz", "u", offsetof(SessionStatus, frequency_hz) },
                {},
        };
        SessionStatus s = {};
        int r;

        r = read_properties(m, properties, &s);
        if (r < 0) {
                session_status_done(&s);
                return r;
        }
        *ret = s;
        return 0;
}

/* The interfaces of one object. 1: it is a unit, 0: it is something else. */
static int read_object(sd_bus_message *m, UnitStatus *u) {
        bool found = false;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
                const char *interface;

                r = sd_bus_message_read_basic(m, 's', &interface);
                if (r < 0)
                        return r;
                if (streq(interface, BUS_UNIT_INTERFACE)) {
                        found = true;
                        r = read_properties(m, unit_properties, u);
                } else
                        r = sd_bus_message_skip(m, "a{sv}");
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        return found && u->name && u->state;
}

static int read_objects(sd_bus_message *m, UnitStatus **units, size_t *n) {
        size_t capacity = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
                UnitStatus u = {};

                r = sd_bus_message_skip(m, "o");
                if (r < 0)
                        return r;
                r = read_object(m, &u);
                if (r > 0 && ARRAY_RESERVE(*units, capacity, *n + 1) < 0)
                        r = -ENOMEM;
                if (r > 0)
                        (*units)[(*n)++] = u;
                else
                        unit_status_done(&u);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static int compare_units(const void *a, const void *b) {
        return strcmp(((const UnitStatus *) a)->name, ((const UnitStatus *) b)->name);
}

int unit_statuses_read(sd_bus_message *m, UnitStatus **ret, size_t *ret_n) {
        UnitStatus *units = NULL;
        size_t n = 0;
        int r;

        r = read_objects(m, &units, &n);
        if (r < 0) {
                unit_statuses_free(units, n);
                return r;
        }

        if (n > 0)
                qsort(units, n, sizeof(*units), compare_units);
        *ret = units;
        *ret_n = n;
        return 0;
}

static int read_details(sd_bus_message *m, ProfileWritten *w) {
        static const Property properties[] = {
                { "StartUSec", "t", offsetof(ProfileWritten, start_usec) },
                { "DurationUSec", "t", offsetof(ProfileWritten, duration_usec) },
                {},
        };

        return read_properties(m, properties, w);
}

/* ---- uploads ---- */

void upload_statuses_free(UploadStatus *uploads, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(uploads[i].name);
                free(uploads[i].protocol);
                free(uploads[i].url);
                free(uploads[i].state);
                free(uploads[i].last_error);
        }
        free(uploads);
}

int upload_statuses_read(sd_bus_message *m, UploadStatus **ret, size_t *ret_n) {
        UploadStatus *uploads = NULL;
        size_t n = 0, capacity = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && sd_bus_message_at_end(m, false) == 0) {
                r = ARRAY_RESERVE(uploads, capacity, n + 1);
                if (r < 0)
                        break;
                uploads[n] = (UploadStatus){};
                r = read_properties(m, upload_properties, &uploads[n++]);
                if (r >= 0 && (!uploads[n - 1].name || !uploads[n - 1].protocol ||
                               !uploads[n - 1].url || !uploads[n - 1].state))
                        r = -EBADMSG;
        }
        if (r < 0) {
                upload_statuses_free(uploads, n);
                return r;
        }
        *ret = uploads;
        *ret_n = n;
        return 0;
}

int profile_written_read(sd_bus_message *m, ProfileWritten *ret) {
        ProfileWritten w = {};
        int r;

        r = sd_bus_message_read(m, "sst", &w.unit, &w.path, &w.samples);
        if (r >= 0)
                r = read_details(m, &w);
        if (r < 0)
                return r;
        *ret = w;
        return 0;
}

/* ---- in figures ---- */

bool unit_status_is_recent(const UnitStatus *u, usec_t now) {
        usec_t age = now > u->last_profile_usec ? now - u->last_profile_usec : 0;

        return u->last_profile_usec > 0 && age / 2 <= u->interval_usec;
}

uint64_t unit_status_user_stacks(const UnitStatus *u) {
        return u->stacks_complete + u->stacks_truncated + u->stacks_broken;
}

const char *unit_status_display_state(const UnitStatus *u, usec_t now) {
        if (!streq(u->state, "profiled"))
                return u->state;
        /* Its first window is still open. */
        if (u->last_profile_usec == 0)
                return u->samples > 0 ? "active" : "idle";
        return unit_status_is_recent(u, now) ? "active" : "idle";
}

/* ---- as JSON ---- */

static const char *null_if_empty(const char *s) {
        return isempty(s) ? NULL : s;
}

void stack_reasons_to_json(const ProfileReasons *reasons, JsonOutput *j) {
        json_open_array(j, "broken");
        for (size_t i = 0; i < reasons->n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "reason", reasons->items[i].name);
                json_add_count(j, "stacks", reasons->items[i].stacks);
                json_close(j);
        }
        json_close(j);
}

void unit_status_to_json(const UnitStatus *u, JsonOutput *j) {
        json_open_object(j, NULL);
        json_add_string(j, "unit", u->name);
        json_add_string(j, "state", u->state);
        json_add_string(j, "active_state", null_if_empty(u->active_state));
        json_add_string(j, "error", null_if_empty(u->error));
        json_add_string(j, "control_group", null_if_empty(u->control_group));
        json_add_count(j, "control_group_id", u->control_group_id);
        json_add_string(j, "invocation_id", null_if_empty(u->invocation_id));
        json_add_count(j, "main_pid", u->main_pid);
        json_add_count(j, "frequency_hz", u->frequency_hz);
        json_add_count(j, "interval_usec", u->interval_usec);
        json_add_count(j, "samples", u->samples);
        json_add_count(j, "lost", u->lost);
        json_add_count(j, "cpu_nsec", u->cpu_profiled_nsec);
        json_add_count(j, "frames", u->frames);
        json_add_count(j, "frames_named", u->frames_named);
        json_add_count(j, "stacks_complete", u->stacks_complete);
        json_add_count(j, "stacks_truncated", u->stacks_truncated);
        json_add_count(j, "stacks_broken", u->stacks_broken);
        json_add_count(j, "stacks_none", u->stacks_none);
        json_add_count(j, "stacks_guessed", u->stacks_guessed);
        stack_reasons_to_json(&u->broken, j);
        json_add_count(j, "profiles", u->profiles);
        json_add_count(j, "profile_bytes", u->profile_bytes);
        if (u->last_profile_usec > 0) {
                json_open_object(j, "last_profile");
                json_add_count(j, "end_usec", u->last_profile_usec);
                json_add_count(j, "duration_usec", u->last_profile_duration_usec);
                json_add_count(j, "samples", u->last_profile_samples);
                json_add_count(j, "cpu_nsec", u->last_profile_cpu_nsec);
                json_add_string(j, "path", null_if_empty(u->last_profile_path));
                json_close(j);
        } else
                json_add_null(j, "last_profile");
        json_close(j);
}

void daemon_status_to_json(const DaemonStatus *d, JsonOutput *j, const char *key) {
        json_open_object(j, key);
        json_add_string(j, "version", d->version);
        json_add_string(j, "state", d->state);
        json_add_string(j, "event", d->event);
        json_add_count(j, "started_usec", d->started_usec);
        json_add_count(j, "frequency_hz", d->frequency_hz);
        json_add_count(j, "interval_usec", d->interval_usec);
        json_add_count(j, "samples", d->samples);
        json_add_count(j, "lost", d->lost);
        json_open_array(j, "losses");
        for (size_t i = 0; i < d->n_losses; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "reason", d->losses[i].reason);
                json_add_count(j, "count", d->losses[i].count);
                json_close(j);
        }
        json_close(j);
        json_add_count(j, "cpu_profiled_nsec", d->cpu_profiled_nsec);
        json_add_count(j, "profiles", d->profiles);
        json_add_count(j, "profiles_dropped", d->profiles_dropped);
        json_add_count(j, "profile_bytes", d->profile_bytes);
        json_add_count(j, "store_removed", d->store_removed);
        json_add_count(j, "cpu_usage_nsec", d->cpu_usage_nsec);
        json_add_count(j, "memory_bytes", d->memory_bytes);
        json_add_count(j, "bpf_memory_bytes", d->bpf_memory_bytes);
        json_add_count(j, "descriptors", d->descriptors);
        json_add_count(j, "processes", d->processes);
        json_add_count(j, "files", d->files);
        json_add_count(j, "files_queued", d->files_queued);
        json_close(j);
}
