/* SPDX-License-Identifier: Apache-2.0 */
/* Growing Arrays */

#include "basic/array.h"

int array_reserve(void **array, size_t *capacity, size_t n, size_t size) {
        size_t wanted, bytes;
        void *p;

        if (n <= *capacity)
                return 0;

        wanted = MAX(n, *capacity + *capacity / 2);
        wanted = MAX(wanted, (size_t) 8);
        if (__builtin_mul_overflow(wanted, size, &bytes))
                return -ENOMEM;

        p = realloc(*array, bytes);
        if (!p)
                return -ENOMEM;

        *array = p;
        *capacity = wanted;
        return 0;
}
