/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions on the Bus */

#include <inttypes.h>
#include <linux/capability.h>
#include <uthash.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "bus/bus-names.h"
#include "bus/bus-session.h"

/* What the bus has to do with one session. */
typedef struct Face {
        const Session *session;
        BusSessions *owner;
        sd_bus_track *caller; /* NULL: nobody's end ends it */
        UT_hash_handle hh;
} Face;

struct BusSessions {
        Manager *manager;
        sd_bus *bus; /* NULL: not connected */
        BusAuth *auth;
        SessionStarter starter;
        Face *faces;            /* by session */
        const Session *passing; /* goes: it may be looked up though the registry has it no more */
};

char *bus_session_path(const Session *s) {
        char *path;

        return asprintf(&path, BUS_SESSION_PREFIX "/%" PRIu64, s->id) < 0 ? NULL : path;
}

static Session *find_by_path(BusSessions *b, const char *path) {
        SessionRegistry *t = manager_get_sessions(b->manager);
        char *end;
        uint64_t id;

        if (strncmp(path, BUS_SESSION_PREFIX "/", strlen(BUS_SESSION_PREFIX "/")) != 0)
                return NULL;
        path += strlen(BUS_SESSION_PREFIX "/");
        if (path[0] < '1' || path[0] > '9') /* one way to write each */
                return NULL;
        errno = 0;
        id = strtoull(path, &end, 10);
        if (*end != '\0' || errno != 0 || !t)
                return NULL;
        return b->passing && b->passing->id == id ? (Session *) b->passing
                                                  : session_registry_find(t, id);
}

/* ---- properties ---- */

#define PROPERTY(name)                                                                 \
        static int name(sd_bus *bus _unused_, const char *path _unused_,               \
                        const char *interface _unused_, const char *property _unused_, \
                        sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_)

PROPERTY(property_state) {
        const Session *s = userdata;

        return sd_bus_message_append(reply, "s", session_state_to_string(s->state));
}

PROPERTY(property_error) {
        const Session *s = userdata;

        return sd_bus_message_append(reply, "s",
                                     s->error < 0 ? strerrordesc_np(-s->error) ?: "" : "");
}

PROPERTY(property_elapsed) {
        return sd_bus_message_append(reply, "t", (uint64_t) session_get_elapsed(userdata));
}

PROPERTY(property_stream_bytes) {
        const Session *s = userdata;

        return sd_bus_message_append(reply, "t",
                                     s->stream ? session_stream_get_bytes(s->stream) : 0);
}

PROPERTY(property_result_bytes) {
        const Session *s = userdata;

        return sd_bus_message_append(reply, "t", (uint64_t) s->result.size_bytes);
}

PROPERTY(property_types) {
        const Session *s = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (int type = 0; type < _WINDOW_TYPE_MAX && r >= 0; type++)
                if (s->request.types & CONFIG_TYPE(type))
                        r = sd_bus_message_append(reply, "s",
                                                  window_type_to_string((WindowType) type));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_flag(sd_bus *bus _unused_,
                         const char *path _unused_,
                         const char *interface _unused_,
                         const char *property,
                         sd_bus_message *reply,
                         void *userdata,
                         sd_bus_error *error _unused_) {
        const SessionRequest *q = &((const Session *) userdata)->request;
        bool value = streq(property, "Kernel")     ? q->kernel
                     : streq(property, "User")     ? q->user
                     : streq(property, "Children") ? q->children
                     : streq(property, "Keep")     ? q->keep
                                                   : q->restricted;

        return sd_bus_message_append(reply, "b", (int) value);
}

/* ---- methods ---- */

/* Whose session it is, and who may do everything, may; others if polkit lets them. */
static int run_for_owner(BusSessions *b,
                         sd_bus_message *message,
                         const Session *s,
                         sd_bus_message_handler_t perform,
                         sd_bus_error *error) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        uid_t uid;
        int r;

        r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds);
        if (r < 0)
                return r;
        r = sd_bus_creds_get_euid(creds, &uid);
        if (r < 0)
                return r;
        r = uid == s->request.uid ? 1 : sd_bus_query_sender_privilege(message, CAP_PERFMON);
        if (r < 0)
                return r;
        return r > 0 ? perform(message, b, error)
                     : bus_auth_ask(b->auth, message, BUS_ACTION_MANAGE_SESSIONS, perform, b,
                                    error);
}

/* After polkit was asked it may be gone. */
static Session *find_called(BusSessions *b, sd_bus_message *message, sd_bus_error *error) {
        Session *s = find_by_path(b, sd_bus_message_get_path(message));

        if (!s)
                (void) sd_bus_error_set(error, BUS_ERROR_NO_SUCH_SESSION,
                                        "The session is gone, with its result.");
        return s;
}

static int perform_stop(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusSessions *b = userdata;
        Session *s = find_called(b, message, error);

        if (!s)
                return -ENOENT;
        session_registry_stop(manager_get_sessions(b->manager), s);
        return sd_bus_reply_method_return(message, NULL);
}

static int perform_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusSessions *b = userdata;
        Session *s = find_called(b, message, error);

        if (!s)
                return -ENOENT;
        session_registry_cancel(manager_get_sessions(b->manager), s);
        return sd_bus_reply_method_return(message, NULL);
}

static int perform_get_result(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        BusSessions *b = userdata;
        Session *s = find_called(b, message, error);
        SessionFormat format;
        const char *name;
        int r;

        if (!s)
                return -ENOENT;
        r = sd_bus_message_rewind(message, true);
        if (r < 0)
                return r;
        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        format = session_format_from_string(name);
        if (format < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "The formats are pprof, folded and json.");
        fd = session_result_open(&s->result, format);
        if (fd == -ENODATA)
                return sd_bus_error_setf(
                        error, BUS_ERROR_NO_RESULT, "The session is %s: there is no result%s.",
                        session_state_to_string(s->state), session_is_over(s) ? "" : " yet");
        if (fd == -EFBIG || fd == -E2BIG)
                return sd_bus_error_set(error, BUS_ERROR_LIMIT_EXCEEDED,
                                        "The result is too large for this format.");
        if (fd < 0)
                return sd_bus_error_set_errnof(error, fd, "Failed to make the result: %m");
        return sd_bus_reply_method_return(message, "h", fd);
}

/* Methods are given the session, which the fallback table found; the face knows whose face it is.
 */
static BusSessions *owner_of(const Session *s, sd_bus_message *message) {
        return sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(message)));
}

static int method_stop(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return run_for_owner(owner_of(userdata, message), message, userdata, perform_stop, error);
}

static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return run_for_owner(owner_of(userdata, message), message, userdata, perform_cancel, error);
}

static int method_get_result(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return run_for_owner(owner_of(userdata, message), message, userdata, perform_get_result,
                             error);
}

/* clang-format off */
#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define OPEN  SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable session_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_stop, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel, OPEN),
        SD_BUS_METHOD_WITH_ARGS("GetResult", SD_BUS_ARGS("s", format), SD_BUS_RESULT("h", result), method_get_result, OPEN),
        SD_BUS_SIGNAL_WITH_ARGS("Progress", SD_BUS_ARGS("t", samples, "t", lost, "t", elapsed_usec), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("b", has_result, "s", path), 0),
        SD_BUS_PROPERTY("Target", "s", NULL, offsetof(Session, request.target), CONST),
        SD_BUS_PROPERTY("Unit", "s", NULL, offsetof(Session, request.unit), CONST),
        SD_BUS_PROPERTY("UID", "u", NULL, offsetof(Session, request.uid), CONST),
        SD_BUS_PROPERTY("FrequencyHz", "u", NULL, offsetof(Session, request.frequency_hz), CONST),
        SD_BUS_PROPERTY("DurationUSec", "t", NULL, offsetof(Session, request.duration_usec), CONST),
        SD_BUS_PROPERTY("StartedUSec", "t", NULL, offsetof(Session, started_usec), CONST),
        SD_BUS_PROPERTY("Types", "as", property_types, 0, CONST),
        SD_BUS_PROPERTY("Kernel", "b", property_flag, 0, CONST),
        SD_BUS_PROPERTY("User", "b", property_flag, 0, CONST),
        SD_BUS_PROPERTY("Children", "b", property_flag, 0, CONST),
        SD_BUS_PROPERTY("Keep", "b", property_flag, 0, CONST),
        SD_BUS_PROPERTY("Restricted", "b", property_flag, 0, CONST),
        SD_BUS_PROPERTY("State", "s", property_state, 0, EMITS),
        SD_BUS_PROPERTY("Error", "s", property_error, 0, EMITS),
        SD_BUS_PROPERTY("StoredPath", "s", NULL, offsetof(Session, stored_path), EMITS),
        SD_BUS_PROPERTY("ElapsedUSec", "t", property_elapsed, 0, 0),
        SD_BUS_PROPERTY("Samples", "t", NULL, offsetof(Session, samples), 0),
        SD_BUS_PROPERTY("Lost", "t", NULL, offsetof(Session, lost), 0),
        SD_BUS_PROPERTY("CPUNSec", "t", NULL, offsetof(Session, cpu_nsec), 0),
        SD_BUS_PROPERTY("WaitsNSec", "t", NULL, offsetof(Session, waits_nsec), 0),
        SD_BUS_PROPERTY("StreamBytes", "t", property_stream_bytes, 0, 0),
        SD_BUS_PROPERTY("StreamDropped", "t", NULL, offsetof(Session, stream_dropped), 0),
        SD_BUS_PROPERTY("ResultBytes", "t", property_result_bytes, 0, 0),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

int bus_sessions_list(BusSessions *b, sd_bus_message *message) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        SessionRegistry *t = manager_get_sessions(b->manager);
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(ossuuttt)");
        if (r < 0)
                return r;
        for (Session *s = t ? session_registry_next(t, NULL) : NULL; s;
             s = session_registry_next(t, s)) {
                _cleanup_free_ char *path = bus_session_path(s);

                if (!path)
                        return -ENOMEM;
                r = sd_bus_message_append(
                        reply, "(ossuuttt)", path, s->request.target,
                        session_state_to_string(s->state), (uint32_t) s->request.uid,
                        (uint32_t) s->request.frequency_hz, (uint64_t) s->request.duration_usec,
                        (uint64_t) session_get_elapsed(s), s->samples);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

/* ---- objects ---- */

static int find_session(sd_bus *bus _unused_,
                        const char *path,
                        const char *interface _unused_,
                        void *userdata,
                        void **ret_found,
                        sd_bus_error *error _unused_) {
        *ret_found = find_by_path(userdata, path);
        return *ret_found ? 1 : 0;
}

static int enumerate_sessions(sd_bus *bus _unused_,
                              const char *prefix _unused_,
                              void *userdata,
                              char ***ret_nodes,
                              sd_bus_error *error _unused_) {
        _cleanup_(strv_freep) char **nodes = strv_copy(NULL);
        BusSessions *b = userdata;
        SessionRegistry *t = manager_get_sessions(b->manager);

        if (!nodes)
                return -ENOMEM;
        for (Session *s = t ? session_registry_next(t, NULL) : NULL; s;
             s = session_registry_next(t, s)) {
                _cleanup_free_ char *path = bus_session_path(s);
                int r;

                r = path ? strv_extend(&nodes, path) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

/* ---- callers ---- */

/* Who has left cannot want it any more. */
static int on_caller_gone(sd_bus_track *track _unused_, void *userdata) {
        Face *f = userdata;
        BusSessions *b = f->owner;

        session_registry_cancel(manager_get_sessions(b->manager), (Session *) f->session);
        return 0;
}

static Face *find_face(BusSessions *b, const Session *s) {
        Face *f;

        HASH_FIND_PTR(b->faces, &s, f);
        return f;
}

static void on_started(BusSessions *b, Session *s, sd_bus_message *call) {
        Face *f = find_face(b, s);
        int r;

        if (!f || s->request.keep)
                return;
        r = sd_bus_track_new(b->bus, &f->caller, on_caller_gone, f);
        if (r >= 0)
                r = sd_bus_track_add_sender(f->caller, call);
        if (r < 0)
                log_debug_errno(r, "A session's caller is not watched, ignoring: %m");
}

static void forget_callers(BusSessions *b) {
        for (Face *f = b->faces; f; f = f->hh.next)
                f->caller = sd_bus_track_unref(f->caller);
}

/* ---- signals ---- */

static bool is_connected(const BusSessions *b) {
        return b->bus && sd_bus_is_ready(b->bus) > 0;
}

static void emit(BusSessions *b, const Session *s, int (*emitter)(sd_bus *bus, const char *path)) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (!is_connected(b))
                return;
        path = bus_session_path(s);
        r = path ? emitter(b->bus, path) : -ENOMEM;
        if (r < 0)
                log_debug_errno(r, "Failed to signal a session, ignoring: %m");
}

void bus_sessions_add(BusSessions *b, const Session *s) {
        Face *f;

        f = calloc(1, sizeof(*f));
        if (f) { /* else its caller's end does not end it */
                *f = (Face){ .session = s, .owner = b };
                HASH_ADD_PTR(b->faces, session, f);
        }
        emit(b, s, sd_bus_emit_object_added);
}

void bus_sessions_progress(BusSessions *b, const Session *s) {
        _cleanup_free_ char *path = NULL;

        if (!is_connected(b))
                return;
        path = bus_session_path(s);
        if (path)
                (void) sd_bus_emit_signal(b->bus, path, BUS_SESSION_INTERFACE, "Progress", "ttt",
                                          s->samples, s->lost, (uint64_t) session_get_elapsed(s));
}

void bus_sessions_over(BusSessions *b, const Session *s) {
        _cleanup_free_ char *path = NULL;
        Face *f = find_face(b, s);

        if (f)
                f->caller = sd_bus_track_unref(f->caller);
        if (!is_connected(b))
                return;
        path = bus_session_path(s);
        if (!path)
                return;
        (void) sd_bus_emit_properties_changed(b->bus, path, BUS_SESSION_INTERFACE, "State", "Error",
                                              "StoredPath", NULL);
        (void) sd_bus_emit_signal(b->bus, path, BUS_SESSION_INTERFACE, "Finished", "bs",
                                  (int) (s->state == SESSION_FINISHED), s->stored_path ?: "");
}

void bus_sessions_remove(BusSessions *b, const Session *s) {
        Face *f = find_face(b, s);

        b->passing = s;
        emit(b, s, sd_bus_emit_object_removed);
        b->passing = NULL;
        if (!f)
                return;
        HASH_DEL(b->faces, f);
        sd_bus_track_unref(f->caller);
        free(f);
}

/* ---- object ---- */

int bus_sessions_attach(BusSessions *b, sd_bus *bus) {
        int r;

        forget_callers(b);
        session_starter_forget(&b->starter);
        bus_auth_attach(b->auth, bus);
        b->bus = (sd_bus_unref(b->bus), sd_bus_ref(bus));
        b->starter.bus = bus;
        if (!bus)
                return 0;
        r = sd_bus_add_fallback_vtable(bus, NULL, BUS_SESSION_PREFIX, BUS_SESSION_INTERFACE,
                                       session_vtable, find_session, b);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(bus, NULL, BUS_SESSION_PREFIX, enumerate_sessions, b);
}

SessionStarter *bus_sessions_get_starter(BusSessions *b) {
        return &b->starter;
}

int bus_sessions_new(BusSessions **ret, Manager *m) {
        _cleanup_(bus_sessions_freep) BusSessions *b = NULL;
        int r;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        b->manager = m;
        r = bus_auth_new(&b->auth);
        if (r < 0)
                return r;
        b->starter = (SessionStarter){
                .manager = m,
                .auth = b->auth,
                .owner = b,
                .on_started = on_started,
        };
        *ret = TAKE_PTR(b);
        return 0;
}

BusSessions *bus_sessions_free(BusSessions *b) {
        Face *f, *next;

        if (!b)
                return NULL;
        session_starter_forget(&b->starter);
        HASH_ITER (hh, b->faces, f, next) {
                HASH_DEL(b->faces, f);
                sd_bus_track_unref(f->caller);
                free(f);
        }
        bus_auth_free(b->auth);
        sd_bus_unref(b->bus);
        free(b);
        return NULL;
}
