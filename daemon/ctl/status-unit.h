/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One Unit in Full: what profilerctl status UNIT shows. */

#include "ctl/ctl-bus.h"

/* With the first functions of its last profile, if that can be read. */
int unit_status_print(const Ctl *c, const UnitStatus *u);
