/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Firefox Profiler's Format
 *
 * "Processed profile" JSON: one thread with a tree of stacks, and one sample for each stack with
 * the number of times it was taken as its weight. The time line is made up: pprof does not say when
 * a stack was seen.
 */

#include "profile/profile.h"

/* value_type should be a count, as the profiler shows weights as samples. -EDOM: a value is
 * negative; -E2BIG, -EFBIG: the profile is too large for this format. */
int firefox_encode(Profile *p, size_t value_type, const char *title, char **ret, size_t *ret_size);
