/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Findings on the stacks of a unit: which file and which reason costs how many, and what helps. */

#include "ctl/ctl-bus.h"
#include "ctl/findings.h"

/* Of the unit's last profile. false: there is none, or its stacks are well. */
bool doctor_check_stacks(Findings *f, const UnitStatus *u);
