/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes
 *
 * Spends its time in stacks of every shape that compilers and C libraries make, in turn, for ever.
 * Built by tests/system/test_completeness.py in many ways: no shape is known to the walk.
 */

#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifndef WITHOUT_UCONTEXT
#include <ucontext.h>
#endif

#define NOINLINE __attribute__((noinline))
enum { STACK_BYTES = 64 << 10, DEPTH = 30 };

static volatile unsigned sink;

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* In user mode, in libc and the vDSO, and in the kernel. */
NOINLINE static void spend(void) {
        uint64_t end = now_usec() + 3000;
        char a[512], b[512];

        memset(a, (int) sink, sizeof(a));
        while (now_usec() < end) {
                for (unsigned i = 0; i < 2000; i++)
                        sink += i * sink;
                memcpy(b, a, sizeof(b));
                sink += (unsigned char) b[sink % sizeof(b)];
                (void) getppid();
        }
}

NOINLINE static unsigned recursive(unsigned n) {
        if (n == 0) {
                spend();
                return 1;
        }
        return recursive(n - 1) * 3 + n;
}

NOINLINE static void with_alloca(size_t n) {
        char *p = alloca(n);

        memset(p, 1, n);
        spend();
        sink += (unsigned char) p[n / 2];
}

typedef float Wide __attribute__((vector_size(64), aligned(64)));

NOINLINE static void with_realignment(unsigned n) {
        volatile Wide w = { (float) n };

        spend();
        sink += (unsigned) w[0];
}

NOINLINE static void with_both(size_t n) {
        volatile Wide w = { (float) n };
        char *p = alloca(n);

        memset(p, 1, n);
        recursive(2);
        sink += (unsigned) w[0] + (unsigned char) p[0];
}

static int compare(const void *a, const void *b) {
        if (*(const int *) a == 3)
                spend();
        return *(const int *) a - *(const int *) b;
}

NOINLINE static void with_callback(void) {
        int numbers[] = { 5, 3, 9, 1 };

        qsort(numbers, 4, sizeof(int), compare);
        sink += (unsigned) numbers[0];
}

static void on_signal(int number) {
        spend();
}

NOINLINE static void with_signal(void) {
        raise(SIGUSR1);
        sink++;
}

NOINLINE static void with_alternate_stack(void) {
        static char stack[STACK_BYTES];
        const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };

        sigaltstack(&alternate, NULL);
        raise(SIGUSR2);
        sink++;
}

NOINLINE static void with_vfork(void) {
        pid_t pid = vfork();

        if (pid == 0) {
                spend();
                _exit(0);
        }
        waitpid(pid, NULL, 0);
}

static void *thread_main(void *argument) {
        recursive(DEPTH);
        return argument;
}

NOINLINE static void with_thread(void) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, thread_main, NULL) == 0)
                pthread_join(thread, NULL);
}

#ifndef WITHOUT_UCONTEXT
static ucontext_t outer, inner;

static void coroutine(void) {
        recursive(5);
        swapcontext(&inner, &outer);
        spend();
}

NOINLINE static void with_coroutine(void) {
        static char stack[STACK_BYTES];

        getcontext(&inner);
        inner.uc_stack.ss_sp = stack;
        inner.uc_stack.ss_size = sizeof(stack);
        inner.uc_link = &outer;
        makecontext(&inner, coroutine, 0);
        swapcontext(&outer, &inner);
        swapcontext(&outer, &inner);
}
#else
static void with_coroutine(void) {
}
#endif

int main(void) {
        const struct sigaction plain = { .sa_handler = on_signal };
        const struct sigaction elsewhere = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

        sigaction(SIGUSR1, &plain, NULL);
        sigaction(SIGUSR2, &elsewhere, NULL);
        for (;;) {
                recursive(DEPTH);
                with_alloca(1000 + sink % 100);
                with_realignment(sink);
                with_both(500);
                with_callback();
                with_signal();
                with_alternate_stack();
                with_vfork();
                with_thread();
                with_coroutine();
        }
}
