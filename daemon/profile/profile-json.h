/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A Profile as JSON
 *
 * For scripts: everything a pprof file holds, with the tables joined where they need not be looked
 * up. The keys are documented in profilerctl(1).
 */

#include "profile/profile.h"

/* -EFBIG: the profile is too large for this format. */
int profile_json_encode(Profile *p, char **ret, size_t *ret_size);
