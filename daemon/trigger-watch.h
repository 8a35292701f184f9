/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Trigger Watch
 *
 * Looks at the counters of the units that rules are for, several times in each window, and says
 * when one is beyond its limit; not again while it cools down, and not more often than an hour
 * allows. Pressure is watched by the kernel where it can (see trigger-pressure.h), and polled like
 * the rest where not.
 */

#include <systemd/sd-event.h>

#include "trigger-rule.h"

enum { TRIGGER_STEPS = 8 }; /* in a window */

typedef struct TriggerWatch TriggerWatch;

typedef struct TriggerWatchCallbacks {
        /* reason: "cpu-usage 1.83, limit 1.50, over 10s". again: so it was a moment ago, and was
         * refused. A negative errno: refused; then it neither cools down nor counts. */
        int (*fired)(const TriggerRule *rule,
                     const char *unit,
                     const char *reason,
                     bool again,
                     void *userdata);
        /* The kernel does not watch the pressure of some unit, which is polled instead. Once for
         * each error in a row. -EOPNOTSUPP: there is nothing to poll either. */
        void (*unwatched)(int error, void *userdata);
} TriggerWatchCallbacks;

/* Takes the rules. open_socket: of profilerd-open; outlives it. */
int trigger_watch_new(TriggerWatch **ret,
                      sd_event *event,
                      TriggerRules *rules,
                      const char *open_socket,
                      const TriggerWatchCallbacks *callbacks,
                      void *userdata);
TriggerWatch *trigger_watch_free(TriggerWatch *w);
DEFINE_CLEANUP(TriggerWatch *, trigger_watch_free);

/* The unit is known no longer. */
void trigger_watch_forget_unit(TriggerWatch *w, const char *unit);

/* Where the unit runs; control_group "": nowhere any more. started: it did just now, and was not
 * merely found. */
int trigger_watch_set_unit(TriggerWatch *w,
                           const char *unit,
                           const char *control_group,
                           bool started);
/* The longest BeforeSec= of the rules for this unit. */
usec_t trigger_watch_get_before(const TriggerWatch *w, const char *unit);
/* By somebody's call. -ENOENT: no such trigger, or it is not for this unit; -EALREADY: it cools
 * down; -EDQUOT: it has fired often enough in this hour; others: what fired() says. */
int trigger_watch_fire(TriggerWatch *w, const char *trigger, const char *unit, const char *reason);
