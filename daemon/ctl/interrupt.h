/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Interrupts
 *
 * Ctrl-C during long work ends the work early instead of the program, so that what was done is not
 * lost. The second one ends the program as ever.
 */

#include "basic/util.h"

typedef struct Interrupt {
        int fd; /* of SIGINT and SIGTERM, which are blocked; negative: not ours to catch */
        bool pending;
} Interrupt;

/* 128 + SIGINT, as shells say it. */
enum { EXIT_CODE_INTERRUPTED = 130 };

int interrupt_init(Interrupt *i);
void interrupt_done(Interrupt *i);
bool interrupt_is_pending(Interrupt *i);
