/* SPDX-License-Identifier: Apache-2.0 */
/* gzip */

#include <zlib.h>

#include "basic/array.h"
#include "profile/gzip.h"

enum {
        GZIP_LEVEL = 1, /* 2 to 8 % larger than level 6 in a third of the time */
        GZIP_WINDOW_BITS = 15,
        GZIP_WRAP = 16,           /* added to the window bits: gzip, not zlib */
        GZIP_MEMORY_LEVEL = 8,    /* zlib's default */
        GZIP_OS_UNKNOWN = 255,    /* the same bytes everywhere */
        GZIP_STEP = 64 << 10,     /* bytes of output at first */
        GZIP_GUESS = 4,           /* profiles shrink about so many times */
        GZIP_INPUT_MAX = 1 << 30, /* zlib counts in unsigned int */
};

bool gzip_is_gzip(const void *data, size_t size) {
        static const uint8_t magic[] = { 0x1f, 0x8b };

        return size >= sizeof(magic) && memcmp(data, magic, sizeof(magic)) == 0;
}

static void deflate_endp(z_stream **z) {
        if (*z)
                deflateEnd(*z);
}

static void inflate_endp(z_stream **z) {
        if (*z)
                inflateEnd(*z);
}

int gzip_compress(const void *data, size_t size, uint8_t **ret, size_t *ret_size) {
        z_stream stream = {};
        _cleanup_(deflate_endp) z_stream *z = NULL;
        _cleanup_free_ uint8_t *out = NULL;
        gz_header header = { .os = GZIP_OS_UNKNOWN };
        size_t bound;

        if (size > GZIP_INPUT_MAX)
                return -E2BIG;
        if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS + GZIP_WRAP,
                         GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;
        z = &stream;
        if (deflateSetHeader(z, &header) != Z_OK)
                return -EIO;

        bound = deflateBound(z, size);
        out = malloc(bound);
        if (!out)
                return -ENOMEM;

        z->next_in = (Bytef *) data;
        z->avail_in = size;
        z->next_out = out;
        z->avail_out = bound;
        if (deflate(z, Z_FINISH) != Z_STREAM_END)
                return -EIO;

        *ret_size = bound - z->avail_out;
        *ret = TAKE_PTR(out);
        return 0;
}

static int refuse(int error, const char *sentence, const char **ret_reason) {
        if (ret_reason)
                *ret_reason = sentence;
        return error;
}

/* Room for more output, never past one byte more than max: that byte proves that max is exceeded.
 */
static int make_room(z_stream *z, uint8_t **out, size_t *capacity, size_t max) {
        size_t used = z->next_out - *out, wanted = MIN(MAX(used * 2, (size_t) GZIP_STEP), max + 1);
        uint8_t *p;

        if (used < *capacity)
                return 0;
        if (used > max)
                return -E2BIG;

        p = realloc(*out, wanted);
        if (!p)
                return -ENOMEM;
        *out = p;
        *capacity = wanted;
        z->next_out = p + used;
        z->avail_out = wanted - used;
        return 0;
}

static int inflate_member(
        z_stream *z, uint8_t **out, size_t *capacity, size_t max, const char **ret_reason) {
        int r;

        for (;;) {
                r = make_room(z, out, capacity, max);
                if (r == -E2BIG)
                        return refuse(r, "It unpacks to more than a profile may hold.", ret_reason);
                if (r < 0)
                        return r;

                r = inflate(z, Z_NO_FLUSH);
                if (r == Z_STREAM_END)
                        break;
                if (r == Z_MEM_ERROR)
                        return -ENOMEM;
                if (r == Z_BUF_ERROR || (r == Z_OK && z->avail_in == 0 && z->avail_out > 0))
                        return refuse(-EBADMSG, "The gzip data ends too early.", ret_reason);
                if (r != Z_OK)
                        return refuse(-EBADMSG, "The gzip data is damaged.", ret_reason);
        }
        if ((size_t) (z->next_out - *out) > max)
                return refuse(-E2BIG, "It unpacks to more than a profile may hold.", ret_reason);
        return 0;
}

int gzip_decompress(const void *data,
                    size_t size,
                    size_t max,
                    uint8_t **ret,
                    size_t *ret_size,
                    const char **ret_reason) {
        z_stream stream = {};
        _cleanup_(inflate_endp) z_stream *z = NULL;
        _cleanup_free_ uint8_t *out = NULL;
        size_t capacity;
        int r;

        assert(max < GZIP_INPUT_MAX);

        if (size > GZIP_INPUT_MAX)
                return refuse(-E2BIG, "The file is larger than a profile may be.", ret_reason);
        if (inflateInit2(&stream, GZIP_WINDOW_BITS + GZIP_WRAP) != Z_OK)
                return -ENOMEM;
        z = &stream;

        capacity = MIN(MAX(size * GZIP_GUESS, (size_t) GZIP_STEP), max + 1);
        out = malloc(capacity);
        if (!out)
                return -ENOMEM;
        z->next_in = (Bytef *) data;
        z->avail_in = size;
        z->next_out = out;
        z->avail_out = capacity;

        r = inflate_member(z, &out, &capacity, max, ret_reason);
        if (r < 0)
                return r;
        if (z->avail_in > 0)
                return refuse(-EBADMSG,
                              gzip_is_gzip(z->next_in, z->avail_in)
                                      ? "A second gzip member follows the first."
                                      : "There are bytes behind the end of the gzip data.",
                              ret_reason);

        *ret_size = z->next_out - out;
        *ret = TAKE_PTR(out);
        return 0;
}
