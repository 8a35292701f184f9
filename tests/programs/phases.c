/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phases
 *
 * Spends its time in phase_0(), phase_1(), … phase_7(), and then in phase_0() again, so many
 * seconds in each, counted from its start. phases SECONDS
 */

#include <stdlib.h>
#include <time.h>

static volatile unsigned sink;

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

#define DEFINE_PHASE(name)                                    \
        static __attribute__((noinline)) void name(void) {    \
                for (int i = 0; i < 100000; i++)              \
                        sink = sink * 1664525u + 1013904223u; \
        }

DEFINE_PHASE(phase_0)
DEFINE_PHASE(phase_1)
DEFINE_PHASE(phase_2)
DEFINE_PHASE(phase_3)
DEFINE_PHASE(phase_4)
DEFINE_PHASE(phase_5)
DEFINE_PHASE(phase_6)
DEFINE_PHASE(phase_7)

int main(int argc, char *argv[]) {
        static void (*const phases[])(void) = { phase_0, phase_1, phase_2, phase_3,
                                                phase_4, phase_5, phase_6, phase_7 };
        double seconds = argc > 1 ? strtod(argv[1], NULL) : 5, start = now();

        for (;;)
                phases[(unsigned) ((now() - start) / seconds) % 8]();
}
