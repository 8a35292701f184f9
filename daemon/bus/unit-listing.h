/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Listing
 *
 * The two calls with which systemd lists units: by name it loads them, resolves aliases, and
 * answers for each; by glob it tells of loaded units only, and never by an alias.
 */

#include <systemd/sd-bus.h>

#include "basic/util.h"

/* Borrowed from the reply. */
typedef struct UnitListed {
        const char *name; /* primary */
        const char *load_state, *active_state;
} UnitListed;

/* Sends the call; names that are none are left out, since systemd would skip them silently. */
int unit_listing_by_names(sd_bus *bus,
                          sd_bus_slot **ret_slot,
                          char *const *names,
                          sd_bus_message_handler_t on_reply,
                          void *userdata);
int unit_listing_by_globs(sd_bus *bus,
                          sd_bus_slot **ret_slot,
                          char *const *globs,
                          sd_bus_message_handler_t on_reply,
                          void *userdata);

/* Starts to read a reply; an error reply is returned as its errno. */
int unit_listing_open(sd_bus_message *reply);
/* 1: a unit, 0: the end. */
int unit_listing_next(sd_bus_message *reply, UnitListed *ret);

bool unit_listed_is_dead(const UnitListed *l);
