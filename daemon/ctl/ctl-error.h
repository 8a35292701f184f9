/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors for People
 *
 * Three parts, a line each: what happened, why, and what to do next.
 */

#include "ctl/ctl.h"

/* why and next may be NULL. Returns code. */
int ctl_error(ExitCode code, const char *why, const char *next, const char *what, ...)
        _printf_(4, 5);

/* The same for an errno of ours or of the system: why is its text, the code follows from it. */
int ctl_error_errno(int error, const char *next, const char *what, ...) _printf_(3, 4);

int ctl_oom(void);

/* A line about the result that the caller did not ask for; silent with --quiet. */
void ctl_hint(const Ctl *c, const char *format, ...) _printf_(2, 3);
/* Something is missing from the result; also with --quiet. */
void ctl_warning(const char *format, ...) _printf_(1, 2);
/* A file that a result was to be made of. */
void ctl_warn_left_out(const char *path, const char *reason);
