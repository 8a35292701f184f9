/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unpacking
 *
 * Compressed parts of ELF files. Few bytes can stand for endlessly many, so that each output has a
 * limit, and a stream that lies about its size is refused.
 */

#include "basic/util.h"

enum {
        UNPACK_XZ_MEMORY_MAX = 128 << 20, /* what a stream may want for its dictionary */
};

/* An .xz stream of at most max bytes, to be freed. -EBADMSG: damaged; -E2BIG: longer; -ENOMEM. */
int unpack_xz(const uint8_t *data, size_t size, size_t max, uint8_t **ret, size_t *ret_size);

/* Exactly size_out bytes. -EBADMSG: damaged, or of another size; -ENOMEM. */
int unpack_zlib(const uint8_t *data, size_t size, uint8_t *out, size_t size_out);
int unpack_zstd(const uint8_t *data, size_t size, uint8_t *out, size_t size_out);
