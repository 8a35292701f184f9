/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Window, measured
 *
 * What a sample costs from its record to its place in the window: of a stack that was seen before,
 * of a new one that shares most of its frames with others, and of a new one all of whose frames are
 * new.
 */

#include "figures.h"
#include "tests/unit/window-fixture.h"

enum {
        FRAMES = 44,
        STACKS = 2000,
        REPEATED = 200 * 1000,
        ROUNDS = 7,

        /* Of the 8 us that a sample may cost the daemon. */
        KNOWN_NSEC_MAX = 500,
        NEW_NSEC_MAX = 5000,
};

static nsec_t cpu_nsec(void) {
        return now_nsec(CLOCK_PROCESS_CPUTIME_ID);
}

/* Stack i goes through 40 frames that all have, and 4 of its own; or has none in common. */
static void make_stack(uint64_t i, bool shared, uint64_t frames[static FRAMES]) {
        for (uint64_t k = 0; k < FRAMES; k++)
                frames[k] = FIXTURE_CODE + (shared && k >= 4 ? k * 16 : (i * FRAMES + k) * 16 + 8) %
                                                   FIXTURE_CODE_SIZE;
}

static double add_new(WindowFixture *f, bool shared) {
        uint64_t frames[FRAMES];
        nsec_t sum = 0, begin;

        for (uint64_t i = 0; i < STACKS; i++) {
                make_stack(i, shared, frames);
                begin = cpu_nsec();
                assert_return_code(fixture_add(f, frames, FRAMES, 1), 0);
                sum += cpu_nsec() - begin;
        }
        return (double) sum / STACKS;
}

static double add_known(WindowFixture *f) {
        nsec_t begin = cpu_nsec();
        uint64_t frames[FRAMES];
        double make;

        for (uint64_t i = 0; i < REPEATED; i++)
                make_stack(i % STACKS, true, frames);
        make = (double) (cpu_nsec() - begin);
        begin = cpu_nsec();
        for (uint64_t i = 0; i < REPEATED; i++) {
                make_stack(i % STACKS, true, frames);
                assert_return_code(fixture_add(f, frames, FRAMES, 1), 0);
        }
        return ((double) (cpu_nsec() - begin) - make) / REPEATED;
}

int main(void) {
        double known[ROUNDS], shared[ROUNDS], own[ROUNDS];
        bool failed = false;

        for (unsigned i = 0; i < ROUNDS; i++) {
                _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
                _cleanup_(window_fixture_freep) WindowFixture *g = window_fixture_new();

                fixture_settle(f->program);
                fixture_settle(g->program);
                shared[i] = add_new(f, true);
                known[i] = add_known(f);
                own[i] = add_new(g, false);
        }
        failed |= figure_at_most("window-known-stack", median(known, ROUNDS), "ns", KNOWN_NSEC_MAX);
        failed |= figure_at_most("window-new-stack", median(shared, ROUNDS), "ns", NEW_NSEC_MAX);
        figure("window-new-stack-of-new-frames", median(own, ROUNDS), "ns");
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
