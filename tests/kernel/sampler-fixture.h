/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Samplers for Tests
 *
 * A sampler on a loop of its own, and work for it to see. All functions fail the test that calls
 * them.
 */

#include "capture/sampler.h"
#include "tests/kernel/cgroup-fixture.h"

static inline Sampler *start_sampler(sd_event *event,
                                     unsigned frequency_hz,
                                     const SamplerCallbacks *callbacks,
                                     void *userdata) {
        const SamplerOptions options = { .frequency_hz = frequency_hz };
        const char *step = "?";
        Sampler *s;
        int r;

        r = sampler_new(&s, event, &options, callbacks, userdata, &step);
        if (r < 0)
                fail_msg("%s: %s", step, strerror(-r));
        return s;
}

/* Until the cgroup has used so much CPU, however busy the host is: what it has used then. */
static inline uint64_t run_sampler_until_used(sd_event *event,
                                              Sampler *s,
                                              const char *cgroup,
                                              uint64_t nsec) {
        uint64_t before = cgroup_usage_nsec(cgroup), used = 0;

        for (int i = 0; i < 600 && used < nsec; i++) {
                assert_true(sd_event_run(event, 50 * USEC_PER_MSEC) >= 0);
                used = cgroup_usage_nsec(cgroup) - before;
        }
        sampler_drain(s);
        return cgroup_usage_nsec(cgroup) - before;
}

static inline void spin(void) {
        static volatile uint64_t sink;

        for (int i = 0; i < 1000000; i++)
                sink += (uint64_t) i;
}
