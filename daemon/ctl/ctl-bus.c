/* SPDX-License-Identifier: Apache-2.0 */
/* The Daemon as profilerctl Sees It */

#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "bus/bus-names.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-error.h"

/* Flush waits for names of files that have not been indexed yet, one worker run each. */
#define CALL_TIMEOUT_USEC  (25 * USEC_PER_SEC)
#define FLUSH_TIMEOUT_USEC (5 * USEC_PER_MINUTE)

enum {
        DAEMON_LOSSES_MAX = 256,
};

struct CtlBus {
        sd_bus *bus;
        char *message; /* of the last error */
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
        { "ProfilesWritten",         "t",  offsetof(UnitStatus, profiles)                   },
        { "ProfileBytes",            "t",  offsetof(UnitStatus, profile_bytes)              },
        {}
};
/* clang-format on */

CtlBus *ctl_bus_free(CtlBus *b) {
        if (b) {
                sd_bus_flush_close_unref(b->bus);
                free(b->message);
                free(b);
        }
        return NULL;
}

int ctl_bus_new(CtlBus **ret) {
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        *ret = TAKE_PTR(b);
        return 0;
}

const char *ctl_bus_get_message(const CtlBus *b) {
        return b->message;
}

int ctl_bus_error(const CtlBus *b, int error, const char *what) {
        switch (error) {
        case -EHOSTDOWN:
                return ctl_error(EXIT_CODE_NOT_RUNNING, b->message,
                                 "Start it with 'systemctl start profilerd', or see why it stopped "
                                 "with 'systemctl status profilerd'.",
                                 "profilerd is not running.");
        case -EACCES:
                return ctl_error(EXIT_CODE_DENIED, b->message, "Try again as root.",
                                 "%s: not allowed.", what);
        case -ETIMEDOUT:
                return ctl_error(EXIT_CODE_FAILURE, b->message, "See 'systemctl status profilerd'.",
                                 "%s: profilerd did not answer.", what);
        case -EBADMSG:
                return ctl_error(EXIT_CODE_FAILURE, b->message,
                                 "Nothing has changed; check with 'profilerd --check-config'.",
                                 "%s: the configuration is broken.", what);
        default:
                return ctl_error(EXIT_CODE_FAILURE, b->message ?: strerror(-error),
                                 "See 'journalctl -u profilerd'.", "%s failed.", what);
        }
}

static int error_to_errno(const sd_bus_error *e, int r) {
        static const struct {
                const char *name;
                int error;
        } errors[] = {
                { SD_BUS_ERROR_SERVICE_UNKNOWN, -EHOSTDOWN },
                { SD_BUS_ERROR_NAME_HAS_NO_OWNER, -EHOSTDOWN },
                { SD_BUS_ERROR_DISCONNECTED, -EHOSTDOWN },
                { SD_BUS_ERROR_ACCESS_DENIED, -EACCES },
                { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, -EACCES },
                { SD_BUS_ERROR_NO_REPLY, -ETIMEDOUT },
                { SD_BUS_ERROR_TIMEOUT, -ETIMEDOUT },
                { BUS_ERROR_NO_SUCH_UNIT, -ENOENT },
                { BUS_ERROR_CONFIG_INVALID, -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (sd_bus_error_has_name(e, errors[i].name))
                        return errors[i].error;
        return r < 0 ? r : -EIO;
}

/* The bus is opened by the first call, so that its failure is that call's. */
static int bus_connect(CtlBus *b) {
        int r;

        if (b->bus)
                return 0;

        r = sd_bus_open_system(&b->bus);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                char why[128];

                snprintf(why, sizeof(why), "The system bus cannot be reached: %s.", strerror(-r));
                (void) free_and_strdup(&b->message, why);
                return r == -EACCES || r == -EPERM ? -EACCES : -EHOSTDOWN;
        }
        return 0;
}

static int call(CtlBus *b,
                const char *interface,
                const char *member,
                const char *argument,
                usec_t timeout_usec,
                sd_bus_message **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_connect(b);
        if (r < 0)
                return r;

        r = sd_bus_message_new_method_call(b->bus, &m, BUS_NAME, BUS_PATH, interface, member);
        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;
        if (argument) {
                r = sd_bus_message_append(m, "s", argument);
                if (r < 0)
                        return r;
        }

        r = sd_bus_call(b->bus, m, timeout_usec, &error, ret);
        if (r < 0) {
                r = error_to_errno(&error, r);
                (void) free_and_strdup(&b->message, error.message);
                return r;
        }
        return 0;
}

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

int ctl_bus_get_status(CtlBus *b, DaemonStatus *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(daemon_status_done) DaemonStatus s = {};
        int r;

        r = call(b, "org.freedesktop.DBus.Properties", "GetAll", BUS_MANAGER_INTERFACE,
                 CALL_TIMEOUT_USEC, &reply);
        if (r < 0)
                return r;
        r = read_properties(reply, daemon_properties, &s);
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

int ctl_bus_list_units(CtlBus *b, UnitStatus **ret, size_t *ret_n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        UnitStatus *units = NULL;
        size_t n = 0;
        int r;

        r = call(b, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
                 CALL_TIMEOUT_USEC, &reply);
        if (r < 0)
                return r;
        r = read_objects(reply, &units, &n);
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

int ctl_bus_get_unit_state(CtlBus *b, const char *unit, char **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_connect(b);
        if (r < 0)
                return r;
        r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
        if (r < 0)
                return r;
        r = sd_bus_get_property_string(b->bus, "org.freedesktop.systemd1", path,
                                       "org.freedesktop.systemd1.Unit", "ActiveState", &error, ret);
        return r < 0 ? error_to_errno(&error, r) : 0;
}

int ctl_bus_get_unit_start(CtlBus *b, const char *unit, usec_t *ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        uint64_t start;
        int r;

        r = bus_connect(b);
        if (r < 0)
                return r;
        r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
        if (r < 0)
                return r;
        r = sd_bus_get_property_trivial(b->bus, "org.freedesktop.systemd1", path,
                                        "org.freedesktop.systemd1.Unit", "InactiveExitTimestamp",
                                        &error, 't', &start);
        if (r < 0)
                return error_to_errno(&error, r);
        *ret = start;
        return 0;
}

/* ---- signals ---- */

typedef struct Watch {
        int (*on_written)(const ProfileWritten *w, void *userdata);
        void *userdata;
        int result; /* of the callback, once it is not 0 */
} Watch;

static int read_details(sd_bus_message *m, ProfileWritten *w) {
        static const Property properties[] = {
                { "StartUSec", "t", offsetof(ProfileWritten, start_usec) },
                { "DurationUSec", "t", offsetof(ProfileWritten, duration_usec) },
                {},
        };

        return read_properties(m, properties, w);
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ProfileWritten w = {};
        Watch *watch = userdata;
        int r;

        (void) error;
        r = sd_bus_message_read(m, "sst", &w.unit, &w.path, &w.samples);
        if (r >= 0)
                r = read_details(m, &w);
        if (r < 0) /* of a daemon that speaks another way */
                return 0;
        watch->result = watch->on_written(&w, watch->userdata);
        return 0;
}

int ctl_bus_watch(CtlBus *b,
                  int (*on_written)(const ProfileWritten *w, void *userdata),
                  void *userdata) {
        Watch watch = { .on_written = on_written, .userdata = userdata };
        int r;

        r = bus_connect(b);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(b->bus, NULL, BUS_NAME, BUS_PATH, BUS_MANAGER_INTERFACE,
                                "ProfileWritten", on_signal, &watch);
        if (r < 0)
                return r;
        while (watch.result == 0) {
                r = sd_bus_process(b->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(b->bus, UINT64_MAX);
                if (r == -EINTR)
                        continue;
                if (r < 0)
                        return r;
        }
        return MIN(watch.result, 0);
}

int ctl_bus_reload(CtlBus *b) {
        return call(b, BUS_MANAGER_INTERFACE, "Reload", NULL, CALL_TIMEOUT_USEC, NULL);
}

int ctl_bus_flush(CtlBus *b, const char *pattern, uint64_t *ret_n_profiles) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = call(b, BUS_MANAGER_INTERFACE, "Flush", pattern, FLUSH_TIMEOUT_USEC, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "t", ret_n_profiles);
        return r < 0 ? r : 0;
}

bool unit_status_is_recent(const UnitStatus *u, usec_t now) {
        usec_t age = now > u->last_profile_usec ? now - u->last_profile_usec : 0;

        return u->last_profile_usec > 0 && age / 2 <= u->interval_usec;
}

uint64_t unit_status_user_stacks(const UnitStatus *u) {
        return u->stacks_complete + u->stacks_truncated + u->stacks_broken;
}
