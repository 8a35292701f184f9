/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Trigger Watch
 *
 * Looks at the counters of the units that rules are for, several times in each window, and says
 * when one is beyond its limit; not again while it cools down, and not more often than an hour
 * allows. The pressure counters are polled: the kernel's own triggers on them want to be written
 * to, which a daemon without power over cgroups cannot.
 */

#include <systemd/sd-event.h>

#include "trigger-rule.h"

enum { TRIGGER_STEPS = 8 }; /* in a window */

typedef struct TriggerWatch TriggerWatch;

/* reason: "cpu-usage 1.83, limit 1.50, over 10s". */
typedef void (*TriggerFired)(const TriggerRule *rule,
                             const char *unit,
                             const char *reason,
                             void *userdata);

/* Takes the rules. */
int trigger_watch_new(TriggerWatch **ret,
                      sd_event *event,
                      TriggerRules *rules,
                      TriggerFired fired,
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
/* By somebody's call. -ENOENT: no such trigger, or it is not for this unit; -EBUSY: it cools down,
 * or has fired often enough in this hour. */
int trigger_watch_fire(TriggerWatch *w, const char *trigger, const char *unit, const char *reason);
