/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions on the Bus
 *
 * An object org.profilerd1.Session for each session, and who may start, end and read which. A
 * session ends with the connection of its caller, unless he wants to keep it.
 */

#include <systemd/sd-bus.h>

#include "bus/bus-session-start.h"

/* Exports the objects on a connection, which ends the one before. NULL: on none. */
int bus_sessions_attach(BusSessions *b, sd_bus *bus);

/* Manager.ListSessions() */
int bus_sessions_list(BusSessions *b, sd_bus_message *message);

/* To be told by the manager. */
void bus_sessions_add(BusSessions *b, const Session *s);
void bus_sessions_progress(BusSessions *b, const Session *s);
void bus_sessions_over(BusSessions *b, const Session *s);
void bus_sessions_remove(BusSessions *b, const Session *s);
