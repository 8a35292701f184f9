/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the calls to the daemon share, for the files that make them. */

#include <systemd/sd-bus.h>

#include "ctl/ctl-bus.h"

/* The connection, borrowed; the first call opens it. */
int ctl_bus_connect(CtlBus *b, sd_bus **ret);

/* Keeps the sentence of an error; its errno, or else r. name, message: NULL: none. */
int ctl_bus_set_error(CtlBus *b, const char *name, const char *message, int r);
