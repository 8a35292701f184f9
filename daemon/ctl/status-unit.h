/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One Unit in Full: what profilerctl status UNIT shows, and status as JSON. */

#include "ctl/ctl-bus.h"

/* "active": it uses CPU; "idle": it has not for two windows; else the daemon's word. */
const char *unit_status_display_state(const UnitStatus *u, usec_t now);

/* With the first functions of its last profile, if that can be read. */
int unit_status_print(const Ctl *c, const UnitStatus *u);

void unit_status_to_json(const UnitStatus *u, JsonOutput *j);
void daemon_status_to_json(const DaemonStatus *d, JsonOutput *j, const char *key);
