/* SPDX-License-Identifier: Apache-2.0 */
/* Sample Clock */

#include "capture/sample-clock.h"

typedef struct CpuSpeed {
        double nsec_per_cycle[SAMPLE_CLOCK_HISTORY]; /* 0: none yet */
        unsigned next;
} CpuSpeed;

struct SampleClock {
        bool cycles;
        unsigned n_cpus;
        CpuSpeed cpus[];
};

/* Between 10 GHz and 100 MHz; outside, the counter or the clock is wrong. */
#define NSEC_PER_CYCLE_MIN 0.1
#define NSEC_PER_CYCLE_MAX 10.0

int sample_clock_new(SampleClock **ret, bool cycles, unsigned n_cpus) {
        SampleClock *c;

        c = calloc(1, sizeof(*c) + n_cpus * sizeof(CpuSpeed));
        if (!c)
                return -ENOMEM;
        c->cycles = cycles;
        c->n_cpus = n_cpus;
        *ret = c;
        return 0;
}

SampleClock *sample_clock_free(SampleClock *c) {
        free(c);
        return NULL;
}

nsec_t sample_clock_weigh(SampleClock *c, unsigned cpu, uint64_t period, nsec_t elapsed_nsec) {
        double smallest = 0;
        CpuSpeed *speed;

        if (!c->cycles)
                return MAX(period, (uint64_t) 1);
        if (cpu >= c->n_cpus || period == 0)
                return MAX(elapsed_nsec, (nsec_t) 1);

        speed = &c->cpus[cpu];
        if (elapsed_nsec > 0) {
                speed->nsec_per_cycle[speed->next] = (double) elapsed_nsec / (double) period;
                speed->next = (speed->next + 1) % SAMPLE_CLOCK_HISTORY;
        }
        for (unsigned i = 0; i < SAMPLE_CLOCK_HISTORY; i++) {
                double ratio = speed->nsec_per_cycle[i];

                if (ratio >= NSEC_PER_CYCLE_MIN && (smallest == 0 || ratio < smallest))
                        smallest = ratio;
        }
        if (smallest == 0 || smallest > NSEC_PER_CYCLE_MAX)
                return MAX(elapsed_nsec, (nsec_t) 1);
        return MAX((nsec_t) ((double) period * smallest), (nsec_t) 1);
}
