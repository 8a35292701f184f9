/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Log Control on the Bus
 *
 * org.freedesktop.LogControl1, behind "systemctl service-log-level".
 */

#include <systemd/sd-bus.h>

/* Exports the object for the life of the connection. */
int bus_log_control_attach(sd_bus *bus);
