/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pager
 *
 * Sends the standard output through $SYSTEMD_PAGER, $PAGER or less, and waits for it at the end.
 */

#include "basic/util.h"

typedef struct Pager {
        pid_t pid; /* 0: none */
} Pager;

/* Nothing happens where no pager is wanted or can be started: output then goes straight on. */
void pager_open(Pager *p, bool utf8);
void pager_close(Pager *p);
