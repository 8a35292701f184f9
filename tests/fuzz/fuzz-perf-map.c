/* SPDX-License-Identifier: Apache-2.0 */
/* Perf maps, fuzzed: whatever the text, what is found covers the address it was looked up by */

#include "symbol/perf-map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const CodeMap *m, uint64_t address) {
        CodeEntry e;

        if (code_map_find(m, address, code_map_get_epoch(m, address % 30), &e) &&
            (address < e.start || address - e.start >= e.size || e.name[0] == '\0'))
                abort();
}

/* The addresses that the lines begin with. */
static void check_lines(const CodeMap *m, const char *text, size_t size) {
        const char *end = text + size;

        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                char line[32] = "";
                uint64_t address;

                memcpy(line, text, MIN((size_t) (end - text), sizeof(line) - 1));
                address = strtoull(line, NULL, 16);
                check_address(m, address);
                check_address(m, address - 1);
                text = newline ? newline + 1 : end;
        }
}

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

        for (uint64_t address = 0; address < 0x4000; address += 0x111)
                check_address(m, address);
        check_lines(m, (const char *) data, size);
        return 0;
}
