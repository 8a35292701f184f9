/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time
 *
 * Microseconds as systemd counts them: CLOCK_REALTIME for what people see and what is stored,
 * CLOCK_MONOTONIC for what is measured.
 */

#include <time.h>

#include "basic/util.h"

typedef uint64_t usec_t;
typedef uint64_t nsec_t;

#define USEC_INFINITY   UINT64_MAX
#define USEC_PER_MSEC   ((usec_t) 1000)
#define USEC_PER_SEC    ((usec_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY    (24 * USEC_PER_HOUR)
#define NSEC_PER_USEC   ((nsec_t) 1000)
#define NSEC_PER_SEC    ((nsec_t) 1000000000)

usec_t now_usec(clockid_t clock);
nsec_t now_nsec(clockid_t clock);
