/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks
 *
 * Goes through the kinds of frames that are hard to leave, and traps in the innermost function of
 * each, stop(). Between the two calls of mark(), which trap as well, it may be single-stepped.
 */

#include <alloca.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#define NOINLINE __attribute__((__noinline__, __noclone__, __used__))

static volatile unsigned long sink;

NOINLINE void stop(void) {
        __asm__ volatile("int3" ::: "memory");
        sink++;
}

NOINLINE void mark(void) {
        __asm__ volatile("int3" ::: "memory");
        sink++;
}

NOINLINE void plain(unsigned long n) {
        sink += n;
        stop();
        sink -= n;
}

NOINLINE unsigned long recursive(unsigned long n) {
        unsigned long r;

        if (n == 0) {
                plain(3);
                return 1;
        }
        r = recursive(n - 1) * n + sink;
        return r;
}

NOINLINE void with_alloca(unsigned long n) {
        char *p = alloca(n);

        memset(p, (int) n, n);
        plain(n);
        sink += (unsigned char) p[n / 2];
}

/* The caller's stack pointer is lost but for a copy in memory. */
NOINLINE void with_realignment(unsigned long n,
                               unsigned long a,
                               unsigned long b,
                               unsigned long c,
                               unsigned long d,
                               unsigned long e,
                               unsigned long on_stack) {
        _Alignas(128) volatile char buffer[256];
        char *p = alloca(n);

        buffer[0] = (char) n;
        memset(p, 1, n);
        plain(n + on_stack + a + b + c + d + e);
        sink += (unsigned long) buffer[0] + (unsigned char) p[n / 3];
}

NOINLINE void with_many_registers(unsigned long *v) {
        unsigned long a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5];

        plain(a);
        a += b * c;
        plain(b);
        sink += a ^ b ^ c ^ d ^ e ^ f;
}

static void on_signal(int number) {
        plain((unsigned long) number);
        sink++;
}

NOINLINE void with_signal(int flags) {
        static char stack[65536];
        stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

        sigaltstack(&alternative, NULL);
        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
        sink++;
}

static int compare(const void *a, const void *b) {
        if (sink++ == 0)
                plain(1);
        return *(const int *) a - *(const int *) b;
}

NOINLINE void with_callback(void) {
        int numbers[] = { 3, 1, 2, 5, 4 };

        sink = 0;
        qsort(numbers, 5, sizeof(int), compare);
        sink++;
}

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *userdata) {
        (void) context;
        if (!*(int *) userdata)
                plain(2);
        *(int *) userdata = 1;
        return _URC_NO_REASON;
}

NOINLINE void with_unwinder(void) {
        int seen = 0;

        _Unwind_Backtrace(on_frame, &seen);
        sink++;
}

static void *thread_main(void *userdata) {
        plain((unsigned long) userdata);
        return NULL;
}

NOINLINE void with_thread(void) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, thread_main, (void *) 4) == 0)
                pthread_join(thread, NULL);
}

static ucontext_t outside, inside;

static void coroutine(void) {
        plain(5);
        sink++;
}

NOINLINE void with_coroutine(void) {
        static char stack[65536];

        getcontext(&inside);
        inside.uc_stack.ss_sp = stack;
        inside.uc_stack.ss_size = sizeof(stack);
        inside.uc_link = &outside;
        makecontext(&inside, coroutine, 0);
        swapcontext(&outside, &inside);
        sink++;
}

NOINLINE void clean_up(int *n) {
        plain((unsigned long) *n);
        sink++;
}

/* Runs while the stack is being unwound: in a landing pad. */
static void *cancelled(void *userdata) {
        int n __attribute__((__cleanup__(clean_up))) = 7;

        (void) userdata;
        sink++;
        pthread_exit(NULL);
}

NOINLINE void with_landing_pad(void) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, cancelled, NULL) == 0)
                pthread_join(thread, NULL);
}

/* Everything that a shadow of the stack can follow: calls, the PLT and libraries. */
NOINLINE void to_be_stepped(void) {
        unsigned long numbers[] = { 1, 2, 3, 4, 5, 6 };
        char text[128];
        struct timespec now;
        char *copy;

        sink += recursive(5);
        with_alloca(100);
        with_realignment(50, 1, 2, 3, 4, 5, 6);
        with_many_registers(numbers);
        with_callback();
        snprintf(text, sizeof(text), "%d %s %.3f", 42, "text", 2.5);
        copy = strdup(text);
        sink += strlen(copy) + (unsigned char) *strchr(copy, 'x');
        free(copy);
        sink += (unsigned long) sin((double) sink) + (unsigned long) getpid();
        clock_gettime(CLOCK_MONOTONIC, &now);
        sink += (unsigned long) now.tv_nsec;
}

int main(int argc, char *argv[]) {
        unsigned long numbers[] = { 1, 2, 3, 4, 5, 6 };

        (void) argv;
        plain((unsigned long) argc);
        recursive(20);
        with_alloca(1000);
        with_realignment(500, 1, 2, 3, 4, 5, 6);
        with_many_registers(numbers);
        with_signal(0);
        with_signal(SA_ONSTACK);
        with_callback();
        with_unwinder();
        with_thread();
        with_coroutine();
        with_landing_pad();
        mark();
        to_be_stepped();
        mark();
        return 0;
}
