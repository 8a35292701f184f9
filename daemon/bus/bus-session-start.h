/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Start of a Session by the Bus
 *
 * Reads a call of Manager.StartSession(), finds out where the target is and whose, and starts what
 * the caller may have:
 *
 *   root, the daemon's user, CAP_PERFMON   everything
 *   the target is the caller's own         its processes that are his, and nothing of the kernel
 *   else                                   everything, if polkit lets him
 */

#include "bus/bus-auth.h"
#include "manager.h"
#include "session-registry.h"

typedef struct BusSessions BusSessions;
typedef struct PendingStart PendingStart;

/* The session belongs to the sender of the call from now on. */
typedef void (*BusSessionStarted)(BusSessions *b, Session *s, sd_bus_message *call);

typedef struct SessionStarter {
        Manager *manager;
        sd_bus *bus; /* NULL: not connected */
        BusAuth *auth;
        PendingStart *pending;
        size_t n_pending;
        BusSessions *owner;
        BusSessionStarted on_started;
} SessionStarter;

/* The handler of the method; its userdata is the starter. */
int session_starter_method(sd_bus_message *message, void *userdata, sd_bus_error *error);
/* Forgets the calls of this connection. */
void session_starter_forget(SessionStarter *t);

/* The named error for what session_registry_start() says. */
int bus_session_refuse(int r, const char *reason, sd_bus_error *error);

/* Object path of a session, to be freed. NULL: out of memory. */
char *bus_session_path(const Session *s);

int bus_sessions_new(BusSessions **ret, Manager *m);
BusSessions *bus_sessions_free(BusSessions *b);
DEFINE_CLEANUP(BusSessions *, bus_sessions_free);
/* For the method StartSession(). */
SessionStarter *bus_sessions_get_starter(BusSessions *b);
