/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dump of the Manager
 *
 * All that the daemon knows of itself, as text for people: configuration, counters, losses, units.
 * Neither stacks nor names from profiles, nor addresses of the kernel: everybody may read it. Its
 * form is no interface.
 */

#include "manager.h"

/* -ENOMEM, or what writing to f failed with. */
int manager_dump(Manager *m, FILE *f);
