/* SPDX-License-Identifier: Apache-2.0 */
/* Errors for People */

#include <stdarg.h>

#include "ctl/ctl-error.h"

static void print_error(const char *why, const char *next, const char *what, va_list ap) {
        /* What is printed already comes first, also where both streams end in one file. */
        fflush(stdout);
        vfprintf(stderr, what, ap);
        fputc('\n', stderr);
        if (why)
                fprintf(stderr, "%s\n", why);
        if (next)
                fprintf(stderr, "%s\n", next);
}

int ctl_error(ExitCode code, const char *why, const char *next, const char *what, ...) {
        va_list ap;

        va_start(ap, what);
        print_error(why, next, what, ap);
        va_end(ap);
        return code;
}

int ctl_error_errno(int error, const char *next, const char *what, ...) {
        va_list ap;

        va_start(ap, what);
        print_error(strerror(-error), next, what, ap);
        va_end(ap);
        return error == -EACCES || error == -EPERM ? EXIT_CODE_DENIED : EXIT_CODE_FAILURE;
}

int ctl_oom(void) {
        return ctl_error(EXIT_CODE_FAILURE, NULL, NULL, "Out of memory.");
}

void ctl_hint(const Ctl *c, const char *format, ...) {
        va_list ap;

        if (c->quiet)
                return;
        fflush(stdout);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
}

void ctl_warning(const char *format, ...) {
        va_list ap;

        fflush(stdout);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
}

void ctl_warn_left_out(const char *path, const char *reason) {
        ctl_warning("%s: %s; left out.", path, reason);
}
