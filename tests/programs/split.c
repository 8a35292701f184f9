/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ground Truth
 *
 * Spends 50, 30 and 20 % of its work in spend_half(), spend_third() and spend_fifth(), each called
 * through a chain of functions as deep as asked for. split [DEPTH [SECONDS [THREADS]]]
 */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { UNIT_OF_WORK = 20000 };

static volatile uint64_t sink;
static int arg_depth = 10;
static double arg_seconds = 1e9;

/* The compiler leaves out the frame of a leaf that has nothing to store in it, unless its address
 * is asked for. */
#ifdef WITHOUT_FRAME_POINTERS
#define KEEP_FRAME()
#else
#define KEEP_FRAME() __asm__ volatile("" ::"r"(__builtin_frame_address(0)))
#endif

/* The same loop for all: only the number of turns differs. */
#define DEFINE_SPEND(name, units)                                            \
        static __attribute__((noinline)) void name(void) {                   \
                uint64_t x = sink;                                           \
                                                                             \
                KEEP_FRAME();                                                \
                for (int i = 0; i < (units) *UNIT_OF_WORK; i++)              \
                        x = x * 6364136223846793005u + 1442695040888963407u; \
                sink = x;                                                    \
        }

DEFINE_SPEND(spend_half, 5)
DEFINE_SPEND(spend_third, 3)
DEFINE_SPEND(spend_fifth, 2)

/* A call in tail position would leave no frame. */
static __attribute__((noinline)) void descend(int depth) {
        if (depth > 0) {
                descend(depth - 1);
        } else {
                spend_half();
                spend_third();
                spend_fifth();
        }
        __asm__ volatile("" ::: "memory");
}

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static void *work(void *unused) {
        double end = now() + arg_seconds;

        while (now() < end)
                descend(arg_depth);
        return unused;
}

int main(int argc, char *argv[]) {
        int n_threads = argc > 3 ? atoi(argv[3]) : 1;
        pthread_t threads[64];

        if (argc > 1)
                arg_depth = atoi(argv[1]);
        if (argc > 2)
                arg_seconds = atof(argv[2]);
        if (n_threads < 1 || n_threads > 64)
                return EXIT_FAILURE;

        for (int i = 1; i < n_threads; i++)
                if (pthread_create(&threads[i], NULL, work, NULL) != 0)
                        return EXIT_FAILURE;
        work(NULL);
        for (int i = 1; i < n_threads; i++)
                pthread_join(threads[i], NULL);
        return EXIT_SUCCESS;
}
