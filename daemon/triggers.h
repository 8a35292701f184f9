/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Triggers: the rules in force, and the sessions that they start. */

#include "session-registry.h"
#include "trigger-watch.h"
#include "unit-registry.h"

typedef struct Triggers Triggers;

/* A session was started. */
typedef void (*TriggersFired)(const char *unit,
                              const char *trigger,
                              const char *reason,
                              const Session *s,
                              void *userdata);

/* All but event outlive it; open_socket: of profilerd-open. */
int triggers_new(Triggers **ret,
                 sd_event *event,
                 const char *open_socket,
                 UnitRegistry *units,
                 Profiler *profiler,
                 SessionRegistry *sessions,
                 TriggersFired fired,
                 void *userdata);
Triggers *triggers_free(Triggers *t);
DEFINE_CLEANUP(Triggers *, triggers_free);

/* Replaces the rules by those below root. After an error there are none. */
int triggers_load(Triggers *t, const char *root, ConfigComplaint complaint, void *userdata);
/* The unit has changed. started: it did just now, and was not merely found. */
void triggers_tell(Triggers *t, const Unit *u, bool started);
void triggers_forget(Triggers *t, const Unit *u);
/* See manager_trigger(). */
int triggers_fire(
        Triggers *t, const char *trigger, const char *unit, Session **ret, const char **ret_reason);
