/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Load of the Last Hour
 *
 * How much CPU time each stored profile of the last hour holds. A file is read once, when nothing
 * else is to be done, and never changes.
 */

#include "web/web-collector.h"

enum {
        WEB_LOAD_SLICES = 60,
        WEB_LOAD_FILES_MAX = 20000, /* of all units; the load of further ones is not known */
};
#define WEB_LOAD_RANGE (1 * USEC_PER_HOUR)

typedef struct WebLoad WebLoad;

int web_load_new(WebLoad **ret, sd_event *event, WebCollector *collector);
WebLoad *web_load_free(WebLoad *l);
DEFINE_CLEANUP(WebLoad *, web_load_free);

/* Looks for new files, not more often than every few seconds. now: CLOCK_REALTIME. */
int web_load_refresh(WebLoad *l, usec_t now);
/* Cores in each slice of the hour before now, as far as its files have been read. False: none of
 * them has been. */
bool web_load_get(const WebLoad *l, const char *unit, usec_t now, double slices[WEB_LOAD_SLICES]);
