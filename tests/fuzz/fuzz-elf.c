/* SPDX-License-Identifier: Apache-2.0 */
/* ELF readers: whatever the file, what becomes of it is an index that the reader accepts */

#include <assert.h>
#include <sys/mman.h>

#include "elf/elf-index.h"
#include "index/index-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (elf_file_new_from_memory(&elf, data, size) < 0)
                return 0;
        fd = memfd_create("index", MFD_CLOEXEC);
        if (fd < 0 ||
            elf_index_write(&(ElfIndexInput){ .file = elf, .lines = true, .hash = hash }, fd) < 0)
                return 0;

        r = index_file_open(&index, fd, hash);
        assert(r >= 0);
        return 0;
}
