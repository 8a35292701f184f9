/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Daemon as the Web Page Sees It
 *
 * Asks org.profilerd1 without waiting: what it says of itself and its units is kept for a second,
 * so that many clients cost one question.
 */

#include <systemd/sd-event.h>

#include "view/daemon-status.h"

/* The last answer. */
typedef struct WebDaemon {
        bool is_running; /* false: the rest is empty, and error says why */
        DaemonStatus status;
        UnitStatus *units;
        size_t n_units;
        char *error;
} WebDaemon;

typedef struct WebBus WebBus;

int web_bus_new(WebBus **ret, sd_event *event, void (*on_fresh)(void *userdata), void *userdata);
WebBus *web_bus_free(WebBus *b);
DEFINE_CLEANUP(WebBus *, web_bus_free);

/* 1: what is known is fresh; 0: the daemon was asked, on_fresh() tells when it has answered or will
 * not. */
int web_bus_refresh(WebBus *b);
const WebDaemon *web_bus_get_daemon(const WebBus *b);
/* NULL: the daemon does not know it. */
const UnitStatus *web_daemon_find_unit(const WebDaemon *d, const char *unit);

/*
 * Asks for the end of the unit's window. on_flushed() comes later, unless this fails: 0, or
 * -EACCES: polkit does not allow it, -EHOSTDOWN: the daemon does not run, -ENOENT: it does not know
 * the unit.
 */
typedef void (*WebOnFlushed)(int result, void *userdata);
int web_bus_flush(
        WebBus *b, const char *unit, WebOnFlushed on_flushed, void *userdata, sd_bus_slot **ret);
