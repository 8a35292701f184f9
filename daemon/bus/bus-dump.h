/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dump on the Bus
 *
 * The manager's state as text in a sealed memory file. Who has received one may keep it for ever,
 * and its memory counts as the daemon's: so all who ask within BUS_DUMP_KEEP_USEC get the same.
 */

#include "manager.h"

#define BUS_DUMP_KEEP_USEC (10 * USEC_PER_SEC)

typedef struct BusDump {
        int fd;           /* -EBADF: none yet */
        usec_t made_usec; /* CLOCK_MONOTONIC */
} BusDump;

#define BUS_DUMP_NONE ((BusDump){ .fd = -EBADF })

/* A descriptor for one reader, with a position of its own: the caller's. */
int bus_dump_open(BusDump *d, Manager *m);
void bus_dump_done(BusDump *d);
