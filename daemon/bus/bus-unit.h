/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Units on the Bus
 *
 * An object org.profilerd1.Unit for each unit that the manager has, under an object manager. What
 * changes is signalled, but never more often than BUS_UNIT_CHANGES_USEC says.
 */

#include <systemd/sd-bus.h>

#include "manager.h"

#define BUS_UNIT_CHANGES_USEC (100 * USEC_PER_MSEC) /* changes are gathered for so long */

typedef struct BusUnits BusUnits;

int bus_units_new(BusUnits **ret, sd_event *event, Manager *m);
BusUnits *bus_units_free(BusUnits *b);
DEFINE_CLEANUP(BusUnits *, bus_units_free);

/* Exports the objects on a connection, which ends the one before. NULL: on none. */
int bus_units_attach(BusUnits *b, sd_bus *bus);

/* To be told by the manager. */
void bus_units_add(BusUnits *b, const Unit *u);
void bus_units_remove(BusUnits *b, const Unit *u);
void bus_units_change(BusUnits *b, const Unit *u);

/* Object path of a unit, to be freed. NULL: out of memory. */
char *bus_unit_path(const char *name);
