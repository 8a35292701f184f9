/* SPDX-License-Identifier: Apache-2.0 */
/* Perf maps, fuzzed: whatever the text, what is found covers the address it was looked up by */

#include "symbol/perf-map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        size_t half = size / 2;
        ssize_t used;

        if (code_map_new(&m) < 0)
                return 0;
        used = perf_map_parse(m, (const char *) data, half, 10);
        if (used < 0 || (size_t) used > half || code_map_commit(m) < 0)
                abort();
        used += perf_map_parse(m, (const char *) data + used, size - (size_t) used, 20);
        if ((size_t) used > size || code_map_commit(m) < 0)
                abort();

        for (uint64_t address = 0; address < 0x4000; address += 0x11) {
                CodeEntry e;

                if (code_map_find(m, address, code_map_get_epoch(m, address % 30), &e) &&
                    (address < e.start || address - e.start >= e.size || e.name[0] == '\0'))
                        abort();
        }
        return 0;
}
