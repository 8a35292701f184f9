/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking */

#include <lzma.h>

#include "basic/array.h"
#include "elf/unpack.h"

enum {
        UNPACK_BLOCK_SIZE = 64 << 10,
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
