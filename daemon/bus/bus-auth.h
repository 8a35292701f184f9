/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Authorization on the Bus
 *
 * Who may call what is not for everybody: root and the daemon's own user always, others if polkit
 * says so. Nothing waits for polkit's answer but the call. Whatever goes wrong is a no.
 */

#include <systemd/sd-bus.h>

#include "basic/time-util.h"

#define BUS_ACTION_RELOAD          "org.profilerd1.reload"
#define BUS_ACTION_FLUSH           "org.profilerd1.flush"
#define BUS_ACTION_PAUSE           "org.profilerd1.pause"
#define BUS_ACTION_SET             "org.profilerd1.set"
#define BUS_ACTION_READ            "org.profilerd1.read-profiles"
#define BUS_ACTION_START_SESSION   "org.profilerd1.start-session"
#define BUS_ACTION_MANAGE_SESSIONS "org.profilerd1.manage-sessions"

/* Calls that wait for somebody else's answer, polkit's or systemd's; further ones: Busy. */
enum {
        BUS_WAITING_MAX = 64,
        BUS_WAITING_PER_USER_MAX = 8, /* so that none of them keeps others out */
};
#define BUS_AUTH_USEC             (25 * USEC_PER_SEC)
#define BUS_AUTH_INTERACTIVE_USEC (2 * USEC_PER_MINUTE) /* somebody has to type a password */

typedef struct BusAuth BusAuth;

int bus_auth_new(BusAuth **ret);
BusAuth *bus_auth_free(BusAuth *a);
DEFINE_CLEANUP(BusAuth *, bus_auth_free);

/* Questions go through this connection; those on the one before are forgotten. NULL: none. */
void bus_auth_attach(BusAuth *a, sd_bus *bus);

/* Whether one more call of the user may wait, where n of his do and n_all of all users. Root is
 * only in his own way. */
bool bus_may_wait(uid_t uid, size_t n, size_t n_all);

/*
 * To be returned by the handler of a method that SD_BUS_VTABLE_UNPRIVILEGED opens to all: calls
 * perform() if the caller may, now or later. It is done as that handler would be, once, or never;
 * then the call is answered here.
 */
int bus_auth_run(BusAuth *a,
                 sd_bus_message *call,
                 const char *action,
                 sd_bus_message_handler_t perform,
                 void *userdata,
                 sd_bus_error *error);
/* The same for a caller who is neither root nor the daemon's user. */
int bus_auth_ask(BusAuth *a,
                 sd_bus_message *call,
                 const char *action,
                 sd_bus_message_handler_t perform,
                 void *userdata,
                 sd_bus_error *error);
