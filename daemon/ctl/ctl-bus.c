/* SPDX-License-Identifier: Apache-2.0 */
/* The Daemon as profilerctl Sees It */

#include "basic/string-util.h"
#include "bus/bus-names.h"
#include "ctl/ctl-bus-call.h"
#include "ctl/ctl-error.h"

/* Flush waits for names of files that have not been indexed yet, one worker run each. */
#define CALL_TIMEOUT_USEC  (25 * USEC_PER_SEC)
#define FLUSH_TIMEOUT_USEC (5 * USEC_PER_MINUTE)

struct CtlBus {
        sd_bus *bus;
        char *message; /* of the last error */
};

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
                { BUS_ERROR_NO_SUCH_TARGET, -ESRCH },
                { BUS_ERROR_TOO_MANY_SESSIONS, -EUSERS },
                { BUS_ERROR_BUSY, -EBUSY },
                { BUS_ERROR_LIMIT_EXCEEDED, -ERANGE },
                { SD_BUS_ERROR_INVALID_ARGS, -EINVAL },
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

int ctl_bus_connect(CtlBus *b, sd_bus **ret) {
        int r;

        r = bus_connect(b);
        if (r < 0)
                return r;
        *ret = b->bus;
        return 0;
}

int ctl_bus_set_error(CtlBus *b, const char *name, const char *message, int r) {
        const sd_bus_error error = { .name = name };

        (void) free_and_strdup(&b->message, message);
        return error_to_errno(&error, r);
}

static int call_at(CtlBus *b,
                   const char *name,
                   const char *path,
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

        r = sd_bus_message_new_method_call(b->bus, &m, name, path, interface, member);
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

static int call(CtlBus *b,
                const char *interface,
                const char *member,
                const char *argument,
                usec_t timeout_usec,
                sd_bus_message **ret) {
        return call_at(b, BUS_NAME, BUS_PATH, interface, member, argument, timeout_usec, ret);
}

int ctl_bus_get_status(CtlBus *b, DaemonStatus *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = call(b, "org.freedesktop.DBus.Properties", "GetAll", BUS_MANAGER_INTERFACE,
                 CALL_TIMEOUT_USEC, &reply);
        return r < 0 ? r : daemon_status_read(reply, ret);
}

int ctl_bus_list_units(CtlBus *b, UnitStatus **ret, size_t *ret_n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = call(b, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
                 CALL_TIMEOUT_USEC, &reply);
        return r < 0 ? r : unit_statuses_read(reply, ret, ret_n);
}

int ctl_bus_list_uploads(CtlBus *b, UploadStatus **ret, size_t *ret_n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = call_at(b, BUS_UPLOAD_NAME, BUS_UPLOAD_PATH, BUS_UPLOAD_INTERFACE, "ListTargets", NULL,
                    CALL_TIMEOUT_USEC, &reply);
        return r < 0 ? r : upload_statuses_read(reply, ret, ret_n);
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

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ProfileWritten w = {};
        Watch *watch = userdata;
        int r;

        (void) error;
        r = profile_written_read(m, &w);
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

int ctl_bus_set(CtlBus *b, const char *unit, char **assignments) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char *none[] = { NULL };
        int r;

        r = bus_connect(b);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(b->bus, &m, BUS_NAME, BUS_PATH, BUS_MANAGER_INTERFACE,
                                           "Set");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", unit);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, assignments ?: none);
        if (r < 0)
                return r;
        r = sd_bus_call(b->bus, m, CALL_TIMEOUT_USEC, &error, NULL);
        if (r < 0) {
                bool invalid = sd_bus_error_has_name(&error, SD_BUS_ERROR_INVALID_ARGS);

                r = error_to_errno(&error, r);
                (void) free_and_strdup(&b->message, error.message);
                return invalid ? -EINVAL : r;
        }
        return 0;
}

int ctl_bus_set_paused(CtlBus *b, bool paused) {
        return call(b, BUS_MANAGER_INTERFACE, paused ? "Pause" : "Resume", NULL, CALL_TIMEOUT_USEC,
                    NULL);
}

int ctl_bus_get_open_profile(CtlBus *b, const char *unit, uint8_t **ret, size_t *ret_size) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const void *data;
        size_t size;
        int r;

        r = call(b, BUS_MANAGER_INTERFACE, "GetOpenProfile", unit, CALL_TIMEOUT_USEC, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read_array(reply, 'y', &data, &size);
        if (r < 0)
                return r;
        *ret = malloc(size + 1);
        if (!*ret)
                return -ENOMEM;
        memcpy(*ret, data, size);
        *ret_size = size;
        return 0;
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
