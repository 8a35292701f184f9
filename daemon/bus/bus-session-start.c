/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of a Session by the Bus
 *
 * While polkit is asked nothing is held but the call: who is let pass has it read anew.
 */

#include <fcntl.h>
#include <linux/capability.h>
#include <utlist.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "bus/bus-names.h"
#include "bus/bus-session-start.h"
#include "bus/unit-query.h"

/* A call that waits for systemd's word about a unit. */
struct PendingStart {
        SessionStarter *starter;
        sd_bus_message *call;
        bool authorized;
        SessionRequest request;
        UnitQuery *query;
        struct PendingStart *prev, *next;
};

/* Options that are not in the request. */
typedef struct Options {
        int pidfd; /* borrowed from the message */
        bool has_kernel;
} Options;

/* ---- reading the call ---- */

static int read_flag(sd_bus_message *m, bool *ret) {
        int value, r;

        r = sd_bus_message_read(m, "v", "b", &value);
        if (r < 0)
                return r;
        *ret = value;
        return 0;
}

/* At least one, each but once. */
static int read_types(sd_bus_message *m, SessionRequest *q) {
        unsigned types = 0;
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "s", &name)) > 0) {
                int type = window_type_from_string(name);

                if (type < 0 || types & CONFIG_TYPE(type))
                        return -EINVAL;
                types |= CONFIG_TYPE(type);
        }
        if (r < 0)
                return r;
        q->types = types;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        return r < 0 || types != 0 ? r : -EINVAL;
}

static int read_stream(sd_bus_message *m, SessionRequest *q) {
        int fd, r;

        r = sd_bus_message_read(m, "v", "h", &fd);
        if (r < 0)
                return r;
        safe_close(q->stream_fd);
        q->stream_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return q->stream_fd < 0 ? -errno : 0;
}

static int read_stream_format(sd_bus_message *m, SessionRequest *q) {
        const char *format;
        int r;

        r = sd_bus_message_read(m, "v", "s", &format);
        if (r < 0)
                return r;
        q->stream_format = session_format_from_string(format);
        return q->stream_format == SESSION_FORMAT_PPROF || q->stream_format == SESSION_FORMAT_FOLDED
                       ? 0
                       : -EINVAL;
}

/* -EINVAL: there is no such option. */
static int read_option(sd_bus_message *m, const char *name, SessionRequest *q, Options *o) {
        if (streq(name, "Types"))
                return read_types(m, q);
        if (streq(name, "Kernel")) {
                o->has_kernel = true;
                return read_flag(m, &q->kernel);
        }
        if (streq(name, "User"))
                return read_flag(m, &q->user);
        if (streq(name, "Children"))
                return read_flag(m, &q->children);
        if (streq(name, "Keep"))
                return read_flag(m, &q->keep);
        if (streq(name, "Store"))
                return read_flag(m, &q->store);
        if (streq(name, "PIDFD"))
                return sd_bus_message_read(m, "v", "h", &o->pidfd);
        if (streq(name, "Stream"))
                return read_stream(m, q);
        if (streq(name, "StreamFormat"))
                return read_stream_format(m, q);
        if (streq(name, "StreamIntervalUSec"))
                return sd_bus_message_read(m, "v", "t", &q->stream_interval_usec);
        return -EINVAL;
}

static int read_options(sd_bus_message *m, SessionRequest *q, Options *o, sd_bus_error *error) {
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;
                r = read_option(m, name, q, o);
                if (r == -ENXIO || r == -EINVAL)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                                 "There is no option '%.64s' with such a value.",
                                                 name);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int reply_target(int r, const char *reason, sd_bus_error *error) {
        if (r == -ENOMEM)
                return r;
        return sd_bus_error_set(error,
                                r == -EINVAL || r == -ENAMETOOLONG ? SD_BUS_ERROR_INVALID_ARGS
                                                                   : BUS_ERROR_NO_SUCH_TARGET,
                                reason ?: "There is no such target.");
}

static int read_call(
        SessionStarter *t, sd_bus_message *m, SessionRequest *q, Options *o, sd_bus_error *error) {
        const char *target, *reason = NULL;
        int r;

        *q = SESSION_REQUEST_NONE;
        *o = (Options){ .pidfd = -EBADF };
        q->kernel = q->user = true;
        q->stream_format = SESSION_FORMAT_FOLDED;
        q->stream_interval_usec = USEC_PER_SEC;
        r = sd_bus_message_rewind(m, true);
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "sut", &target, &q->frequency_hz, &q->duration_usec);
        if (r < 0)
                return r;
        if (q->frequency_hz == 0)
                q->frequency_hz = manager_get_config(t->manager)->frequency_hz;
        r = read_options(m, q, o, error);
        if (r < 0)
                return r;
        if (!q->kernel && !q->user)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "Without kernel and user stacks nothing is left.");

        r = session_request_parse_target(q, target, o->pidfd, &reason);
        return r < 0 ? reply_target(r, reason, error) : 0;
}

/* ---- starting ---- */

int bus_session_refuse(int r, const char *reason, sd_bus_error *error) {
        switch (r) {
        case -ENOMEM:
                return r;
        case -ERANGE:
                return sd_bus_error_set(error, BUS_ERROR_LIMIT_EXCEEDED, reason);
        case -EUSERS:
        case -EBUSY:
                return sd_bus_error_set(error, BUS_ERROR_TOO_MANY_SESSIONS,
                                        reason ?: "There are too many sessions.");
        case -E2BIG:
                return sd_bus_error_set(error, BUS_ERROR_TOO_MANY_SESSIONS,
                                        "The kernel's tables of sessions are full.");
        case -ENOENT:
                return sd_bus_error_set(error, BUS_ERROR_NO_SUCH_TARGET,
                                        reason ?: "The control group is gone.");
        case -EINVAL:
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "The stream is not the writing end of a pipe.");
        default:
                return sd_bus_error_set_errnof(error, r, "Failed to start the session: %m");
        }
}

/* Takes the request. */
static int start(SessionStarter *t, sd_bus_message *call, SessionRequest *q, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        const char *reason = NULL;
        Session *s;
        int r;

        r = session_registry_start(manager_get_sessions(t->manager), q, &s, &reason);
        if (r < 0)
                return bus_session_refuse(r, reason, error);
        path = bus_session_path(s);
        if (!path)
                return -ENOMEM;
        t->on_started(t->owner, s, call);
        return sd_bus_reply_method_return(call, "o", path);
}

static int perform_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* Where it is, is known. Takes the request. */
static int judge(SessionStarter *t,
                 sd_bus_message *call,
                 SessionRequest *q,
                 bool has_kernel,
                 bool authorized,
                 sd_bus_error *error) {
        int r = 1;

        if (!authorized)
                r = sd_bus_query_sender_privilege(call, CAP_PERFMON);
        if (r == 0) {
                /* Who asks for the kernel's stacks gets them, or nothing. The store is everybody's;
                 * and a pipe's reader may hold its lock for as long as he likes. */
                r = (has_kernel && q->kernel) || q->store || q->stream_fd >= 0
                            ? 0
                            : session_request_is_own(q, q->uid);
                if (r > 0) {
                        q->restricted = true;
                        q->kernel = false;
                } else if (r == 0) {
                        session_request_done(q);
                        return bus_auth_ask(t->auth, call, BUS_ACTION_START_SESSION,
                                            perform_authorized, t, error);
                }
        }
        if (r < 0) {
                session_request_done(q);
                return r;
        }
        return start(t, call, q, error);
}

static void pending_free(PendingStart *p) {
        DL_DELETE(p->starter->pending, p);
        p->starter->n_pending--;
        unit_query_free(p->query);
        session_request_done(&p->request);
        sd_bus_message_unref(p->call);
        free(p);
}

static void on_unit(UnitQuery *query, int r, const UnitProperties *properties, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        PendingStart *p = userdata;
        SessionStarter *t = p->starter;
        SessionRequest q = p->request;
        bool authorized = p->authorized;

        call = sd_bus_message_ref(p->call);
        p->request = SESSION_REQUEST_NONE;
        if (r >= 0 && !isempty(properties->control_group))
                r = free_and_strdup(&q.control_group, properties->control_group);
        else if (r >= 0)
                r = -ENOENT;
        pending_free(p);

        if (r == -ENOENT)
                r = sd_bus_error_setf(&error, BUS_ERROR_NO_SUCH_TARGET,
                                      "There is no unit '%s', or it is not running.", q.unit);
        if (r >= 0)
                r = judge(t, call, &q, q.explicit_kernel, authorized, &error);
        else
                session_request_done(&q);
        if (r < 0)
                (void) sd_bus_reply_method_errno(call, r, &error);
}

static bool may_wait(const SessionStarter *t, uid_t uid) {
        const PendingStart *p;
        size_t n = 0;

        DL_FOREACH (t->pending, p)
                n += p->request.uid == uid;
        return bus_may_wait(uid, n, t->n_pending);
}

/* Takes the request. */
static int ask_for_unit(SessionStarter *t,
                        sd_bus_message *call,
                        SessionRequest *q,
                        bool authorized,
                        sd_bus_error *error) {
        PendingStart *p = NULL;
        int r;

        if (may_wait(t, q->uid))
                p = calloc(1, sizeof(*p));
        if (!p) {
                session_request_done(q);
                return sd_bus_error_set(error, BUS_ERROR_BUSY,
                                        "Too many calls wait for systemd's answer.");
        }
        *p = (PendingStart){
                .starter = t,
                .call = sd_bus_message_ref(call),
                .authorized = authorized,
                .request = *q,
        };
        DL_APPEND(t->pending, p);
        t->n_pending++;
        r = unit_query_new(&p->query, t->bus, p->request.unit, false, on_unit, p);
        if (r < 0) {
                pending_free(p);
                return sd_bus_error_set(error, BUS_ERROR_NO_SUCH_TARGET,
                                        "Units of this type run nothing.");
        }
        return 1;
}

static int read_and_start(SessionStarter *t,
                          sd_bus_message *call,
                          bool authorized,
                          sd_bus_error *error) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        SessionRequest q;
        const Unit *unit;
        Options o;
        int r;

        if (!t->bus || !manager_get_sessions(t->manager))
                return -ENOTCONN;
        r = read_call(t, call, &q, &o, error);
        if (r >= 0)
                r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, &q.uid);
        if (r < 0) {
                session_request_done(&q);
                return r;
        }
        q.explicit_kernel = o.has_kernel;
        if (q.scope == SESSION_SCOPE_CGROUPS && !q.control_group) {
                unit = manager_find_unit(t->manager, q.unit);
                if (!unit || isempty(unit->control_group))
                        return ask_for_unit(t, call, &q, authorized, error);
                q.control_group = strdup(unit->control_group);
                if (!q.control_group) {
                        session_request_done(&q);
                        return -ENOMEM;
                }
        }
        return judge(t, call, &q, q.explicit_kernel, authorized, error);
}

static int perform_authorized(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return read_and_start(userdata, call, true, error);
}

int session_starter_method(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return read_and_start(userdata, message, false, error);
}

void session_starter_forget(SessionStarter *t) {
        while (t->pending)
                pending_free(t->pending);
}
