/* SPDX-License-Identifier: Apache-2.0 */
/* Separate Debug File */

#include <zlib.h>

#include "elf/elf-debug.h"

enum { CRC_BLOCK_SIZE = 256 << 10 };

/* The name, padded with zeros to four bytes, and the CRC. */
static bool parse_link(const uint8_t *data, size_t size, IndexDebugLink *ret) {
        size_t n = strnlen((const char *) data, size), padded = ROUND_UP(n + 1, sizeof(uint32_t));

        if (n == 0 || n >= INDEX_DEBUG_LINK_MAX || memchr(data, '/', n) ||
            padded + sizeof(uint32_t) > size)
                return false;
        *ret = (IndexDebugLink){};
        memcpy(ret->name, data, n);
        memcpy(&ret->crc, data + padded, sizeof(ret->crc));
        return true;
}

bool elf_debug_read_link(const ElfFile *f, IndexDebugLink *ret) {
        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                const uint8_t *data;
                ElfSection s;
                size_t size;

                if (elf_file_get_section(f, i, &s) < 0 || !streq(s.name, ".gnu_debuglink"))
                        continue;
                return elf_file_get_data(f, i, &data, &size) >= 0 && parse_link(data, size, ret);
        }
        return false;
}

static int compute_crc(int fd, uint32_t *ret) {
        _cleanup_free_ uint8_t *block = NULL;
        uLong crc = crc32(0, NULL, 0);
        off_t at = 0;

        block = malloc(CRC_BLOCK_SIZE);
        if (!block)
                return -ENOMEM;
        for (;;) {
                ssize_t n = pread(fd, block, CRC_BLOCK_SIZE, at);

                if (n < 0)
                        return negative_errno();
                if (n == 0)
                        break;
                crc = crc32(crc, block, (uInt) n);
                at += n;
        }
        *ret = (uint32_t) crc;
        return 0;
}

int elf_debug_check(const ElfFile *f, const ElfFile *debug, int debug_fd) {
        uint8_t a[INDEX_BUILD_ID_MAX], b[INDEX_BUILD_ID_MAX];
        size_t n_a = elf_file_get_build_id(f, a, sizeof(a)),
               n_b = elf_file_get_build_id(debug, b, sizeof(b));
        IndexDebugLink link;
        uint32_t crc;
        int r;

        if (elf_file_is_64(f) != elf_file_is_64(debug) ||
            elf_file_get_machine(f) != elf_file_get_machine(debug))
                return -ESTALE;
        if (n_a > 0 && n_b > 0)
                return n_a == n_b && memcmp(a, b, n_a) == 0 ? 0 : -ESTALE;
        if (!elf_debug_read_link(f, &link))
                return -ESTALE;
        r = compute_crc(debug_fd, &crc);
        if (r < 0)
                return r;
        return crc == link.crc ? 0 : -ESTALE;
}
