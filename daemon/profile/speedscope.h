/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * speedscope's File Format
 *
 * JSON: a table of frames, and for each type of value one sampled profile.
 */

#include "profile/profile.h"

/* title: of the file; value_type: the one to show first. -EDOM: a value is negative, which
 * speedscope refuses; -E2BIG, -EFBIG: the profile is too large for this format. */
int speedscope_encode(
        Profile *p, size_t value_type, const char *title, char **ret, size_t *ret_size);
