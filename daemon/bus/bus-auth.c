/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authorization on the Bus
 *
 * A check holds the call while polkit is asked, and ends with the first of: polkit's answer, the
 * end of its time, the caller leaving the bus, our connection ending. Only the first of them may
 * let the call through.
 */

#include <inttypes.h>
#include <utlist.h>

#include "basic/log.h"
#include "bus/bus-auth.h"
#include "bus/bus-names.h"

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

enum { POLKIT_ALLOW_USER_INTERACTION = 1 };

/* A call that waits for polkit. */
typedef struct Check {
        BusAuth *auth;
        uid_t uid;
        sd_bus_message *call;
        sd_bus_slot *question;
        sd_bus_track *caller;
        char id[3 * sizeof(uint64_t)]; /* by which polkit knows it, to cancel it */
        sd_bus_message_handler_t perform;
        void *userdata;
        struct Check *prev, *next;
} Check;

struct BusAuth {
        sd_bus *bus; /* NULL: not connected */
        Check *checks;
        size_t n_checks;
        uint64_t last_id;
};

static void check_free(Check *c) {
        DL_DELETE(c->auth->checks, c);
        c->auth->n_checks--;
        sd_bus_slot_unref(c->question);
        sd_bus_track_unref(c->caller);
        sd_bus_message_unref(c->call);
        free(c);
}

/* ---- the end of a check ---- */

/* Takes a dialogue off the screen that nobody waits for any more. */
static void check_cancel(const Check *c) {
        int r;

        r = sd_bus_call_method_async(c->auth->bus, NULL, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                     "CancelCheckAuthorization", NULL, NULL, "s", c->id);
        if (r < 0)
                log_debug_errno(r, "Failed to cancel a question to polkit, ignoring: %m");
}

static int on_caller_gone(sd_bus_track *track _unused_, void *userdata) {
        Check *c = userdata;

        check_cancel(c);
        check_free(c);
        return 1;
}

/* What polkit said: 1: yes, 0: no, and error says how. */
static int read_answer(sd_bus_message *answer, sd_bus_error *error) {
        int authorized = false, challenge = false, r;

        if (sd_bus_message_is_method_error(answer, NULL)) {
                log_debug("polkit did not decide: %s", sd_bus_message_get_error(answer)->message);
                (void) sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                        "Access denied: polkit does not answer, so only root may.");
                return 0;
        }

        r = sd_bus_message_enter_container(answer, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(answer, "bb", &authorized, &challenge);
        if (r >= 0 && authorized)
                return 1;
        if (r >= 0 && challenge)
                (void) sd_bus_error_set(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                        "Access denied: interactive authentication is required.");
        else
                (void) sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Access denied.");
        return 0;
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *ignored _unused_) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message_handler_t perform;
        Check *c = userdata;
        void *performer;
        int r = 0;

        /* Off the books before anything is done: performing may end the connection. */
        call = sd_bus_message_ref(c->call);
        perform = c->perform;
        performer = c->userdata;
        if (sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NO_REPLY))
                check_cancel(c);
        check_free(c);

        if (read_answer(answer, &error))
                r = perform(call, performer, &error);
        if (r < 0 || sd_bus_error_is_set(&error))
                r = sd_bus_reply_method_errno(call, r, &error);
        if (r < 0)
                log_debug_errno(r, "Failed to answer a call, ignoring: %m");
        return 1;
}

/* ---- the question ---- */

static int check_ask(Check *c, const char *action, bool interactive) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(c->auth->bus, &m, POLKIT_NAME, POLKIT_PATH,
                                           POLKIT_INTERFACE, "CheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                                  sd_bus_message_get_sender(c->call), action, 0,
                                  interactive ? POLKIT_ALLOW_USER_INTERACTION : 0, c->id);
        if (r < 0)
                return r;
        return sd_bus_call_async(c->auth->bus, &c->question, m, on_answer, c,
                                 interactive ? BUS_AUTH_INTERACTIVE_USEC : BUS_AUTH_USEC);
}

static int check_start(Check *c, const char *action) {
        int r;

        r = sd_bus_track_new(c->auth->bus, &c->caller, on_caller_gone, c);
        if (r < 0)
                return r;
        r = sd_bus_track_add_sender(c->caller, c->call);
        if (r < 0)
                return r;
        r = sd_bus_message_get_allow_interactive_authorization(c->call);
        if (r < 0)
                return r;
        return check_ask(c, action, r > 0);
}

bool bus_may_wait(uid_t uid, size_t n, size_t n_all) {
        if (uid == 0)
                return n < BUS_WAITING_MAX;
        return n < BUS_WAITING_PER_USER_MAX && n_all < BUS_WAITING_MAX;
}

static bool may_wait(const BusAuth *a, uid_t uid) {
        const Check *c;
        size_t n = 0;

        DL_FOREACH (a->checks, c)
                n += c->uid == uid;
        return bus_may_wait(uid, n, a->n_checks);
}

static int query_uid(sd_bus_message *call, uid_t *ret) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        int r;

        r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
        return r < 0 ? r : sd_bus_creds_get_euid(creds, ret);
}

int bus_auth_ask(BusAuth *a,
                 sd_bus_message *call,
                 const char *action,
                 sd_bus_message_handler_t perform,
                 void *userdata,
                 sd_bus_error *error) {
        Check *c;
        uid_t uid;
        int r;

        if (!a->bus)
                return -ENOTCONN;
        r = query_uid(call, &uid);
        if (r < 0)
                return r;
        if (!may_wait(a, uid))
                return sd_bus_error_set(error, BUS_ERROR_BUSY, "Too many calls wait for polkit.");

        c = calloc(1, sizeof(Check));
        if (!c)
                return -ENOMEM;
        *c = (Check){
                .auth = a,
                .uid = uid,
                .call = sd_bus_message_ref(call),
                .perform = perform,
                .userdata = userdata,
        };
        snprintf(c->id, sizeof(c->id), "%" PRIu64, ++a->last_id);
        DL_APPEND(a->checks, c);
        a->n_checks++;

        r = check_start(c, action);
        if (r < 0) {
                log_debug_errno(r, "Failed to ask polkit: %m");
                check_free(c);
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Access denied.");
        }
        return 1;
}

int bus_auth_run(BusAuth *a,
                 sd_bus_message *call,
                 const char *action,
                 sd_bus_message_handler_t perform,
                 void *userdata,
                 sd_bus_error *error) {
        int r;

        r = sd_bus_query_sender_privilege(call, -1);
        if (r < 0)
                return r;
        return r > 0 ? perform(call, userdata, error)
                     : bus_auth_ask(a, call, action, perform, userdata, error);
}

/* ---- object ---- */

static void forget_checks(BusAuth *a) {
        while (a->checks)
                check_free(a->checks);
}

void bus_auth_attach(BusAuth *a, sd_bus *bus) {
        forget_checks(a);
        a->bus = (sd_bus_unref(a->bus), sd_bus_ref(bus));
}

int bus_auth_new(BusAuth **ret) {
        BusAuth *a;

        a = calloc(1, sizeof(BusAuth));
        if (!a)
                return -ENOMEM;
        *ret = a;
        return 0;
}

BusAuth *bus_auth_free(BusAuth *a) {
        if (!a)
                return NULL;
        forget_checks(a);
        sd_bus_unref(a->bus);
        free(a);
        return NULL;
}
