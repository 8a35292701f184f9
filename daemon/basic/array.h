/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Growing Arrays
 *
 * An array is a pointer, its element count and its capacity; growth is by half again, checked for
 * overflow.
 */

#include "basic/util.h"

/* Makes room for n elements of the given size in *array. 0, or -ENOMEM with *array untouched. */
int array_reserve(void **array, size_t *capacity, size_t n, size_t size);

#define ARRAY_RESERVE(array, capacity, n) \
        array_reserve((void **) &(array), &(capacity), (n), sizeof((array)[0]))
