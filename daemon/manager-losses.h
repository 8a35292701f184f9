/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Losses
 *
 * Each reason for which something is lost, in words, with how often it was.
 */

#include "profiler.h"

enum { MANAGER_LOSSES_MAX = 32 };

/* Into ret, which has room for MANAGER_LOSSES_MAX; how many there are. */
size_t manager_losses_list(const ProfilerStatistics *s, ManagerLoss *ret);
