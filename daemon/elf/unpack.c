/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking */

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "basic/array.h"
#include "elf/unpack.h"

enum {
        UNPACK_BLOCK_SIZE = 64 << 10,
        UNPACK_STEP_MAX = 1 << 30, /* zlib counts in 32 bits */
};

static int error_of_lzma(lzma_ret r) {
        switch (r) {
        case LZMA_MEM_ERROR:
                return -ENOMEM;
        case LZMA_MEMLIMIT_ERROR:
                return -E2BIG;
        default:
                return -EBADMSG;
        }
}

static int unpack_xz_stream(
        lzma_stream *s, size_t max, uint8_t **data, size_t *capacity, size_t *size) {
        lzma_ret status = LZMA_OK;
        int r;

        while (status != LZMA_STREAM_END) {
                r = ARRAY_RESERVE(*data, *capacity, *size + UNPACK_BLOCK_SIZE);
                if (r < 0)
                        return r;
                s->next_out = *data + *size;
                s->avail_out = UNPACK_BLOCK_SIZE;
                status = lzma_code(s, LZMA_FINISH);
                if (status != LZMA_OK && status != LZMA_STREAM_END)
                        return error_of_lzma(status);
                *size += UNPACK_BLOCK_SIZE - s->avail_out;
                if (*size > max)
                        return -E2BIG;
        }
        return 0;
}

int unpack_xz(const uint8_t *data, size_t size, size_t max, uint8_t **ret, size_t *ret_size) {
        lzma_stream s = LZMA_STREAM_INIT;
        _cleanup_free_ uint8_t *out = NULL;
        size_t n = 0, capacity = 0;
        lzma_ret status;
        int r;

        status = lzma_stream_decoder(&s, UNPACK_XZ_MEMORY_MAX, LZMA_CONCATENATED);
        if (status != LZMA_OK)
                return error_of_lzma(status);
        s.next_in = data;
        s.avail_in = size;
        r = unpack_xz_stream(&s, max, &out, &capacity, &n);
        lzma_end(&s);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(out);
        *ret_size = n;
        return 0;
}

static int inflate_all(z_stream *s, size_t size, size_t size_out) {
        size_t left_in = size, left_out = size_out;

        for (;;) {
                uInt in = (uInt) MIN(left_in, (size_t) UNPACK_STEP_MAX);
                uInt out = (uInt) MIN(left_out, (size_t) UNPACK_STEP_MAX);
                int status;

                s->avail_in = in;
                s->avail_out = out;
                status = inflate(s, Z_NO_FLUSH);
                left_in -= in - s->avail_in;
                left_out -= out - s->avail_out;
                if (status == Z_STREAM_END)
                        return left_out == 0 ? 0 : -EBADMSG;
                if (status == Z_MEM_ERROR)
                        return -ENOMEM;
                /* Without progress there never will be any. */
                if (status != Z_OK || (in == s->avail_in && out == s->avail_out))
                        return -EBADMSG;
        }
}

int unpack_zlib(const uint8_t *data, size_t size, uint8_t *out, size_t size_out) {
        z_stream s = { .next_in = (uint8_t *) data, .next_out = out };
        int r;

        if (inflateInit(&s) != Z_OK)
                return -ENOMEM;
        r = inflate_all(&s, size, size_out);
        (void) inflateEnd(&s);
        return r;
}

int unpack_zstd(const uint8_t *data, size_t size, uint8_t *out, size_t size_out) {
        size_t n = ZSTD_decompress(out, size_out, data, size);

        return !ZSTD_isError(n) && n == size_out ? 0 : -EBADMSG;
}
