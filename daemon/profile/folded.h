/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Folded Stacks
 *
 * One line for each stack, "root;caller;callee 42", as flamegraph.pl, inferno and many others read
 * it. Functions of the kernel end in "_[k]", a frame without a name is "[BINARY]".
 */

#include "profile/profile.h"

/* -EDOM: a value is negative; -E2BIG, -EFBIG: the profile is too large for this format. */
int folded_encode(Profile *p, size_t value_type, char **ret, size_t *ret_size);
