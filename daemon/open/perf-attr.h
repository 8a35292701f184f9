/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Attributes of Perf Events
 *
 * The few kinds of event that there are, whoever opens them: the daemon itself, or profilerd-open
 * for it.
 */

#include <linux/perf_event.h>

#include "open/open-protocol.h"

enum {
        PERF_RECORDS_WATERMARK = 64 << 10, /* bytes in the ring until OPEN_RECORDS wakes */
};

/* Of OPEN_SESSION, ns: a different one for each frequency. */
static inline uint64_t perf_session_period(uint32_t frequency_hz) {
        return UINT64_C(1000000000) / frequency_hz;
}

/* -EBADMSG: no such magic, -EINVAL: kind, CPU or frequency are none of those that there are. */
int open_request_check(const OpenRequest *request);

/* Of a request that is right and asks for an event: not OPEN_KALLSYMS. */
void perf_attr_fill(const OpenRequest *request, struct perf_event_attr *ret);
