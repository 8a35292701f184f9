/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzer: the list of parts in the header of a compacted file */

#include "store/store-parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        StorePart *parts = NULL;
        size_t n;

        if (store_parts_decode(data, size, &parts, &n) < 0)
                return 0;
        if (n > STORE_PARTS_MAX + STORE_PARTS_MAX / 10)
                abort();
        for (size_t i = 0; i < n; i++)
                if (parts[i].level >= _STORE_LEVEL_MAX)
                        abort();
        free(parts);
        return 0;
}
