/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempt
 *
 * Signals have no user data, and a library's callbacks for the lack of memory have none either:
 * this is the one place with mutable global state.
 */

#include <setjmp.h>
#include <signal.h>

#include "elf/attempt.h"

enum { HANDLER_STACK_SIZE = 64 << 10 };

static jmp_buf escape;
static volatile sig_atomic_t is_under_way;
static volatile int error_of_attempt;
static uint8_t handler_stack[HANDLER_STACK_SIZE];

int attempt(int (*f)(void *userdata), void *userdata) {
        int r;

        assert(!is_under_way);
        if (setjmp(escape) != 0)
                return error_of_attempt;
        is_under_way = 1;
        r = f(userdata);
        is_under_way = 0;
        return r;
}

void attempt_abort(int error) {
        assert(is_under_way);
        is_under_way = 0;
        error_of_attempt = error;
        longjmp(escape, 1);
}

/* Where nothing is under way, the instruction fails once more, now without a handler. */
static void on_crash(int signal) {
        if (is_under_way)
                attempt_abort(-EFAULT);
}

int attempt_catch_crashes(void) {
        static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
        const stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };
        /* Not blocked in the handler: leaving it so takes no system call to let it in again. */
        const struct sigaction action = {
                .sa_handler = on_crash,
                .sa_flags = SA_ONSTACK | SA_NODEFER | (int) SA_RESETHAND,
        };

        if (sigaltstack(&stack, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                if (sigaction(signals[i], &action, NULL) < 0)
                        return -errno;
        return 0;
}
