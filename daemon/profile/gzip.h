/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* gzip (RFC 1952) in memory: one member, reproducible on the way out, bounded on the way in. */

#include "basic/util.h"

/* As gzip writes it after the magic: offsets into a member's header. */
enum {
        GZIP_HEADER_SIZE = 10,
        GZIP_FLAGS_OFFSET = 3,
        GZIP_MTIME_OFFSET = 4,
};

/* Whether data starts as a gzip file does. */
bool gzip_is_gzip(const void *data, size_t size);

/* Fast and reproducible: level 1, no time, no name, unknown system. *ret is a heap block. */
int gzip_compress(const void *data, size_t size, uint8_t **ret, size_t *ret_size);

/*
 * One complete member with nothing behind it, into *buffer, a heap block of *capacity bytes, or
 * NULL and 0, that grows as it must; there is room for one byte behind the end. -E2BIG: it holds
 * more than max bytes, found without unpacking the rest. -EBADMSG, and on -E2BIG too: *ret_reason
 * (may be NULL) is a sentence about what is wrong.
 */
int gzip_decompress(const void *data,
                    size_t size,
                    size_t max,
                    uint8_t **buffer,
                    size_t *capacity,
                    size_t *ret_size,
                    const char **ret_reason);
