/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Attempt
 *
 * Runs what may be given up without the rest: a library ends the program where memory is short,
 * and may crash on bytes that nobody has tried on it. Neither is to cost the names that are there
 * already.
 */

#include "basic/util.h"

/*
 * What f returns; the error of attempt_abort(); or -EFAULT, when it crashed after
 * attempt_catch_crashes(). In the latter two cases what it held is lost, and no memory may be
 * asked for that is not needed. Attempts do not nest.
 */
int attempt(int (*f)(void *userdata), void *userdata);

/* Leaves the attempt under way. */
_Noreturn void attempt_abort(int error);

/* To be called once, before the sandbox. A second crash ends the process. */
int attempt_catch_crashes(void);
