/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Memory of BPF Maps */

#include "basic/util.h"

/* What the kernel has charged for the map, as it says in the descriptor's fdinfo ("memlock:"); 0:
 * it does not say. */
uint64_t map_memory_bytes(int fd);
