/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sample Clock
 *
 * The CPU time that one event stands for. cpu-clock counts nanoseconds: its period is the answer.
 * cycles counts cycles at a frequency that changes: between two events of a CPU that was never idle
 * the elapsed time is the answer, and idle time only ever adds to it, so the smallest recent
 * ns-per-cycle ratio is the CPU's speed.
 */

#include "basic/time-util.h"

enum { SAMPLE_CLOCK_HISTORY = 16 }; /* events of one CPU that its speed is judged by */

typedef struct SampleClock SampleClock;

/* cycles: periods are cycles, not nanoseconds. n_cpus: numbers of CPUs are below it. */
int sample_clock_new(SampleClock **ret, bool cycles, unsigned n_cpus);
SampleClock *sample_clock_free(SampleClock *c);
DEFINE_CLEANUP(SampleClock *, sample_clock_free);

/* elapsed_nsec: since the event before it on this CPU, 0: unknown. Never 0. */
nsec_t sample_clock_weigh(SampleClock *c, unsigned cpu, uint64_t period, nsec_t elapsed_nsec);
