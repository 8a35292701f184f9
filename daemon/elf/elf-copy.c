/* SPDX-License-Identifier: Apache-2.0 */
/* ELF Copy */

#include <nettle/sha2.h>

#include "basic/file-util.h"
#include "elf/elf-copy.h"

_Static_assert(SHA256_DIGEST_SIZE == INDEX_CONTENT_HASH_SIZE, "the content hash is SHA-256");

enum {
        COPY_BLOCK_SIZE = 256 << 10,
};

static bool is_zero(const uint8_t *data, size_t size) {
        return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* A file of holes, which cost its owner nothing, shall not fill our disk. */
static int write_block(int out, const uint8_t *block, size_t size) {
        if (is_zero(block, size))
                return lseek(out, (off_t) size, SEEK_CUR) < 0 ? -errno : 0;
        return write_all(out, block, size);
}

/* Also when the file grows without end, and when it ends before that. */
static int copy_blocks(int in, uint64_t size, int out, uint8_t *block, struct sha256_ctx *context) {
        uint64_t at = 0;
        int r;

        while (at < size) {
                ssize_t n;

                n = pread(in, block, (size_t) MIN(size - at, (uint64_t) COPY_BLOCK_SIZE),
                          (off_t) at);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;

                sha256_update(context, (size_t) n, block);
                if (out >= 0) {
                        r = write_block(out, block, (size_t) n);
                        if (r < 0)
                                return r;
                }
                at += (uint64_t) n;
        }

        /* Holes at the end count as well. */
        return out >= 0 && ftruncate(out, (off_t) at) < 0 ? -errno : 0;
}

/* first NULL: nothing goes before it. */
static int copy(const uint8_t *first, int in, uint64_t size, int out, uint8_t *ret) {
        _cleanup_free_ uint8_t *block = NULL;
        struct sha256_ctx context;
        int r;

        block = malloc(COPY_BLOCK_SIZE);
        if (!block)
                return -ENOMEM;

        sha256_init(&context);
        if (first)
                sha256_update(&context, INDEX_CONTENT_HASH_SIZE, first);
        r = copy_blocks(in, size, out, block, &context);
        if (r < 0)
                return r;
        sha256_digest(&context, INDEX_CONTENT_HASH_SIZE, ret);
        return 0;
}

int elf_copy(int in, uint64_t size, int out, uint8_t ret[static INDEX_CONTENT_HASH_SIZE]) {
        return copy(NULL, in, size, out, ret);
}

int elf_copy_second(const uint8_t first[static INDEX_CONTENT_HASH_SIZE],
                    int in,
                    uint64_t size,
                    int out,
                    uint8_t ret[static INDEX_CONTENT_HASH_SIZE]) {
        return copy(first, in, size, out, ret);
}
