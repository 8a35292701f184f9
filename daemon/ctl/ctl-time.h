/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Times of the options: what systemd.time(7) knows, and the words "boot" and "restart". */

#include "ctl/ctl.h"

/* "restart" is the last start of the unit that names, NULL-terminated, consist of. Sets the times
 * from what was given. 0 or an exit code. */
int ctl_resolve_times(Ctl *c, char **names);
