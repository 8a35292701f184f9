/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Splitting Profiles: for servers that limit what they take. The parts add up to the whole. */

#include "profile/profile.h"

/* Part number part (from 0) of n_parts: every n-th sample, header and comments as of the whole. */
int profile_split(Profile *p, size_t part, size_t n_parts, Profile **ret);

/* A copy without the text labels of its samples; what is equal then becomes one sample. */
int profile_drop_text_labels(Profile *p, Profile **ret);
