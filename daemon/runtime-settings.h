/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Runtime Settings
 *
 * What was set on the bus: drop-ins below /run, as systemd writes them for "set-property
 * --runtime". They come last among the files of the configuration, and first among those of units,
 * and are gone with the next boot.
 */

#include "config.h"

enum {
        RUNTIME_SETTINGS_MAX = 32,            /* assignments at once */
        RUNTIME_SETTINGS_FILE_MAX = 64 << 10, /* bytes of a drop-in */
};

/*
 * Puts the assignments ("Frequency=199") into force with the next reload: for a unit, else (unit
 * "") for the daemon. A value that is empty is that of the files again; no assignment at all drops
 * what was set before. root: NULL is "/"; c is the configuration in force. -EBADMSG: *ret_reason
 * (to be freed) says what is wrong with an assignment, and all is as it was.
 */
int runtime_settings_write(const char *root,
                           const Config *c,
                           const char *unit,
                           char *const *assignments,
                           char **ret_reason);
