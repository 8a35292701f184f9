/* SPDX-License-Identifier: Apache-2.0 */
/* Jitdumps, fuzzed: whole or in two pieces, the same names come out of them */

#include "symbol/jitdump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static CodeMap *parse(const uint8_t *data, size_t size, size_t first) {
        JitdumpReader reader = {};
        ssize_t used;
        CodeMap *m;

        if (code_map_new(&m) < 0)
                abort();
        used = jitdump_parse(&reader, m, data, first, 1000);
        if (used > (ssize_t) first)
                abort();
        if (used >= 0 && !reader.closed)
                (void) jitdump_parse(&reader, m, data + used, size - (size_t) used, 1000);
        if (code_map_commit(m) < 0)
                abort();
        return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(code_map_unrefp) CodeMap *a = parse(data, size, size),
                                           *b = parse(data, size, size / 2);

        if (code_map_size(a) != code_map_size(b))
                abort();
        for (uint64_t address = 0; address < 0x4000; address += 0x11) {
                CodeEntry x, y;

                if (code_map_find(a, address, 500, &x) != code_map_find(b, address, 500, &y))
                        abort();
        }
        return 0;
}
