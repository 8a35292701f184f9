/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Manager on the Bus
 *
 * The object org.profilerd1.Manager.
 */

#include <systemd/sd-bus.h>

#include "bus/bus-session.h"
#include "bus/unit-watch.h"
#include "manager.h"

enum {
        BUS_MANAGER_PROFILE_MAX = 16 << 20, /* bytes of a profile in a message */
        BUS_MANAGER_CALLS_MAX = 64,         /* of clients, that wait for an answer; further: Busy */
};

typedef struct BusManager BusManager;

/* watch and sessions outlive it. */
int bus_manager_new(BusManager **ret,
                    sd_event *event,
                    Manager *m,
                    const UnitWatch *watch,
                    BusSessions *sessions);
BusManager *bus_manager_free(BusManager *b);
DEFINE_CLEANUP(BusManager *, bus_manager_free);

/* Exports the object on a connection, which ends the one before. NULL: on none. */
int bus_manager_attach(BusManager *b, sd_bus *bus);

/* The units are settled after a reload: who called for it gets the answer. */
void bus_manager_settled(BusManager *b);

/* Signals. */
void bus_manager_state_changed(BusManager *b);
void bus_manager_config_changed(BusManager *b);
void bus_manager_triggered(
        BusManager *b, const char *unit, const char *trigger, const char *reason, const Session *s);
void bus_manager_profile_written(BusManager *b,
                                 const Unit *u,
                                 const char *path,
                                 usec_t start_usec,
                                 usec_t duration_usec,
                                 uint64_t samples);
