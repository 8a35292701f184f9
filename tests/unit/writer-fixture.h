/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writer Fixture
 *
 * Closed windows for a writer of profiles, and turns of its loop.
 */

#include "profile-writer.h"
#include "window-fixture.h"

/* Runs what is due now. */
static inline void settle_loop(sd_event *event) {
        while (sd_event_run(event, 0) > 0)
                ;
}

/* A window of its own with one sample at the address. */
static inline ClosedWindow fixture_close_one(WindowFixture *f, const char *unit, uint64_t address) {
        struct sample_record record = fixture_record(0, 1);
        ClosedWindow c = { .frequency_hz = 99, .duration_usec = 60 * USEC_PER_SEC };

        assert_return_code(window_new(&c.window, WINDOW_CPU, 1000 * USEC_PER_SEC, NULL, NULL), 0);
        assert_return_code(window_add(c.window, &f->process, &record, &address, 10), 0);
        c.unit = strdup(unit);
        assert_non_null(c.unit);
        return c;
}
