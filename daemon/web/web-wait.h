/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiting for Samples
 *
 * The samples of a unit from now on, for so long: its window is ended at both ends of the time, so
 * that what is stored in between is what was asked for. Where the daemon does not allow that, all
 * windows that overlap the time are taken, once the last of them is stored.
 */

#include "web/web-bus.h"

enum {
        WEB_WAITS_MAX = 32, /* at a time */
};
#define WEB_WAIT_MAX_USEC (10 * USEC_PER_MINUTE)

typedef struct WebWait WebWait;

/*
 * A time of 0 only ends the window. on_done() comes later. result: 0: the profiles that begin at
 * since_usec or later, or overlap it, are stored; -EHOSTDOWN, -ENOENT, -EACCES: the window may not
 * be ended, and is still open.
 */
typedef void (*WebOnWaited)(int result, usec_t since_usec, void *userdata);
int web_wait_new(WebWait **ret,
                 sd_event *event,
                 WebBus *bus,
                 const char *unit,
                 usec_t span_usec,
                 WebOnWaited on_done,
                 void *userdata);
WebWait *web_wait_free(WebWait *w);
