/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bus
 *
 * The connection to the system bus, kept up for ever: name, faces of the manager and its units, and
 * the watch over systemd's units. The daemon samples on while the bus is away.
 */

#include <systemd/sd-event.h>

#include "manager.h"

#define BUS_RECONNECT_MIN_USEC (100 * USEC_PER_MSEC)
#define BUS_RECONNECT_MAX_USEC (10 * USEC_PER_SEC)

typedef struct Bus Bus;

typedef void (*BusSynced)(Bus *b, void *userdata);

/* Installs itself as the manager's callbacks: to be called before manager_start(), and freed before
 * the manager. */
int bus_new(Bus **ret, sd_event *event, Manager *m);
Bus *bus_free(Bus *b);
DEFINE_CLEANUP(Bus *, bus_free);

/* Connects; if the bus is not there it is tried for again and again. Errors are those that no
 * waiting mends. */
int bus_start(Bus *b);

/* The name was asked for, and the units that systemd has are known: once true, always true. */
bool bus_is_synced(const Bus *b);
void bus_set_on_synced(Bus *b, BusSynced callback, void *userdata);
