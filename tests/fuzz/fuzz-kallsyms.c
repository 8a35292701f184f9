/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel Symbols, fuzzed
 *
 * Whatever the text, what is found lies at or before the address that was asked for, close to it,
 * and has a name.
 */

#include "basic/util.h"
#include "symbol/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const Kallsyms *k, uint64_t address) {
        KernelSymbol s;

        if (!kallsyms_find(k, address, &s))
                return;
        if (s.address > address || address - s.address >= 1 << 20 || strlen(s.name) == 0 ||
            (s.module && strlen(s.module) == 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;

        if (kallsyms_new(&k) < 0)
                return 0;
        if (kallsyms_parse(k, (const char *) data, size) < 0 && kallsyms_size(k) > 0)
                abort();

        check_address(k, 0);
        check_address(k, UINT64_MAX);
        check_address(k, kallsyms_get_text(k));
        check_address(k, kallsyms_get_text_end(k));
        for (size_t i = 0; i + sizeof(uint64_t) <= size && i < 256; i += sizeof(uint64_t)) {
                uint64_t address;

                memcpy(&address, data + i, sizeof(address));
                check_address(k, address);
        }
        for (uint64_t address = 0; address < 1 << 20; address += 4093)
                check_address(k, address);
        return 0;
}
