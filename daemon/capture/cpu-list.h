/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* CPU lists as the kernel writes them: "0-3,8" (admin-guide/cputopology.rst). */

#include "basic/util.h"

enum { CPU_NUMBER_MAX = 8191 }; /* CONFIG_NR_CPUS of the largest configurations */

/* The set as a heap array in ascending order. -EINVAL: not such a list. */
int cpu_list_parse(const char *s, unsigned **ret, size_t *ret_n);

/* CPUs that are online now; and one more than the highest number that may ever be. */
int cpu_list_online(unsigned **ret, size_t *ret_n);
int cpu_list_possible(unsigned *ret);
