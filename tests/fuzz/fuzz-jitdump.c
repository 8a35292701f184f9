/* SPDX-License-Identifier: Apache-2.0 */
/* Jitdumps, fuzzed: whole or in two pieces, the same names come out of them */

#include "symbol/jitdump.h"

enum { ADDRESSES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const CodeMap *a, const CodeMap *b, uint64_t address) {
        CodeEntry x, y;
        bool found = code_map_find(a, address, 500, &x);

        if (found != code_map_find(b, address, 500, &y))
                abort();
        if (found && (x.start != y.start || x.size != y.size || strcmp(x.name, y.name) != 0))
                abort();
}

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
        for (uint64_t address = 0; address < 0x4000; address += 0x111)
                compare(a, b, address);
        /* The input's own numbers are the addresses that matter; none lies on a boundary. */
        for (size_t i = 0, n = 0; i + sizeof(uint64_t) <= size && n < ADDRESSES_MAX; i++) {
                uint64_t address;

                memcpy(&address, data + i, sizeof(address));
                if (address >> 48 != 0 || (address & 0xff) != 0)
                        continue;
                compare(a, b, address);
                compare(a, b, address - 1);
                n++;
        }
        return 0;
}
