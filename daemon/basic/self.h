/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What this process itself costs. 0 where the kernel does not say. */

#include "basic/time-util.h"

uint64_t self_resident_bytes(void);
/* CPU time of the process and of its children that have ended. */
nsec_t self_cpu_nsec(void);
uint64_t self_descriptors(void); /* open ones */
