/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Screen
 *
 * A terminal that is drawn anew and asked for keys. Where the standard output is none nothing is
 * drawn over and there are no keys: it just waits.
 */

#include "basic/time-util.h"
#include "ctl/interrupt.h"

enum {
        SCREEN_ROWS_DEFAULT = 24,
        SCREEN_KEY_NONE = 0,
        SCREEN_KEY_QUIT = 'q', /* also: interrupted */
};

typedef struct Screen Screen;

int screen_new(Screen **ret, bool is_tty);
/* Leaves the terminal as it was. */
Screen *screen_free(Screen *s);
DEFINE_CLEANUP(Screen *, screen_free);

/* Lines of the terminal; 0: it is none. */
unsigned screen_get_rows(const Screen *s);
/* Before a new picture. */
void screen_clear(Screen *s);
/* Waits so long for a key; SCREEN_KEY_NONE: the time is over. */
int screen_wait(Screen *s, usec_t usec);
