/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Watch
 *
 * Follows, as a client of systemd, the units that the patterns match, and tells the manager their
 * state: at first sight, whenever it changes, and all of them after each synchronization.
 */

#include <systemd/sd-bus.h>

#include "manager.h"

#define UNIT_WATCH_RESYNC_USEC (5 * USEC_PER_MINUTE) /* without any reason, to heal */
#define UNIT_WATCH_RETRY_USEC  (5 * USEC_PER_SEC)    /* after systemd did not answer */

typedef struct UnitWatch UnitWatch;

/* A synchronization has ended; error: 0, or why it failed (it will be repeated). */
typedef void (*UnitWatchSettled)(UnitWatch *w, int error, void *userdata);

int unit_watch_new(
        UnitWatch **ret, sd_event *event, Manager *m, UnitWatchSettled on_settled, void *userdata);
UnitWatch *unit_watch_free(UnitWatch *w);
DEFINE_CLEANUP(UnitWatch *, unit_watch_free);

/* Copies the patterns; what they match is learnt later, from the event loop. 0, -ENOMEM. */
int unit_watch_set_patterns(UnitWatch *w, const char *const *patterns);

/* The connection is there: subscribes and synchronizes. Keeps a reference until detached. */
int unit_watch_attach(UnitWatch *w, sd_bus *bus);
/* The connection is gone: what is known stays. */
void unit_watch_detach(UnitWatch *w);

/* No synchronization is under way or due, but the regular one. */
bool unit_watch_is_settled(const UnitWatch *w);
/* Times that a unit was not followed because there are too many. */
uint64_t unit_watch_get_refused(const UnitWatch *w);
