/* SPDX-License-Identifier: Apache-2.0 */
/* gzip */

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif
#include <zlib.h>

#include "profile/gzip.h"

enum {
        GZIP_LEVEL = 1, /* 2 to 8 % larger than level 6 in a third of the time */
        GZIP_WINDOW_BITS = 15,
        GZIP_WRAP = 16,           /* added to the window bits: gzip, not zlib */
        GZIP_MEMORY_LEVEL = 8,    /* zlib's default */
        GZIP_OS_UNKNOWN = 255,    /* the same bytes everywhere */
        GZIP_STEP = 64 << 10,     /* bytes of output at first */
        GZIP_GUESS = 4,           /* profiles shrink about so many times */
        GZIP_TRAILER_SIZE = 8,    /* checksum and length */
        GZIP_RATIO_MAX = 1032,    /* of deflate */
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

/* Room for n bytes and one behind them. */
static int reserve(uint8_t **buffer, size_t *capacity, size_t n) {
        uint8_t *p;

        if (n < *capacity)
                return 0;
        p = realloc(*buffer, n + 1);
        if (!p)
                return -ENOMEM;
        *buffer = p;
        *capacity = n + 1;
        return 0;
}

/* More of it, never past one byte more than max: that byte proves that max is exceeded. */
static int make_room(z_stream *z, uint8_t **buffer, size_t *capacity, size_t max) {
        size_t used = z->next_out - *buffer;
        int r;

        if (z->avail_out > 0)
                return 0;
        if (used > max)
                return -E2BIG;
        r = reserve(buffer, capacity, MIN(MAX(used * 2, (size_t) GZIP_STEP), max + 1));
        if (r < 0)
                return r;
        z->next_out = *buffer + used;
        z->avail_out = MIN(*capacity - 1, max + 1) - used;
        return 0;
}

static int inflate_member(
        z_stream *z, uint8_t **buffer, size_t *capacity, size_t max, const char **ret_reason) {
        int r;

        for (;;) {
                r = make_room(z, buffer, capacity, max);
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
        if ((size_t) (z->next_out - *buffer) > max)
                return refuse(-E2BIG, "It unpacks to more than a profile may hold.", ret_reason);
        return 0;
}

static int decompress(const void *data,
                      size_t size,
                      size_t max,
                      uint8_t **buffer,
                      size_t *capacity,
                      size_t *ret_size,
                      const char **ret_reason) {
        z_stream stream = {};
        _cleanup_(inflate_endp) z_stream *z = NULL;
        int r;

        if (inflateInit2(&stream, GZIP_WINDOW_BITS + GZIP_WRAP) != Z_OK)
                return -ENOMEM;
        z = &stream;

        r = reserve(buffer, capacity, MIN(MAX(size * GZIP_GUESS, (size_t) GZIP_STEP), max + 1));
        if (r < 0)
                return r;
        z->next_in = (Bytef *) data;
        z->avail_in = size;
        z->next_out = *buffer;
        z->avail_out = MIN(*capacity - 1, max + 1);

        r = inflate_member(z, buffer, capacity, max, ret_reason);
        if (r < 0)
                return r;
        if (z->avail_in > 0)
                return refuse(-EBADMSG,
                              gzip_is_gzip(z->next_in, z->avail_in)
                                      ? "A second gzip member follows the first."
                                      : "There are bytes behind the end of the gzip data.",
                              ret_reason);

        *ret_size = z->next_out - *buffer;
        return 0;
}

#ifdef HAVE_LIBDEFLATE
/* A member says at its end how long it is (modulo 2^32): where that is true, and nothing else is
 * wrong, libdeflate has it in a third of the time. For all else zlib knows what it is. */
static bool decompress_fast(const uint8_t *data,
                            size_t size,
                            size_t max,
                            uint8_t **buffer,
                            size_t *capacity,
                            size_t *ret_size) {
        struct libdeflate_decompressor *d;
        size_t n_in = 0, n_out = 0, said = 0;
        enum libdeflate_result result;

        if (size < GZIP_HEADER_SIZE + GZIP_TRAILER_SIZE)
                return false;
        for (size_t i = 0; i < sizeof(uint32_t); i++)
                said |= (size_t) data[size - sizeof(uint32_t) + i] << 8 * i;
        /* No more than what deflate can make of so many bytes. */
        if (said > max || said / GZIP_RATIO_MAX > size || reserve(buffer, capacity, said) < 0)
                return false;

        d = libdeflate_alloc_decompressor();
        if (!d)
                return false;
        result = libdeflate_gzip_decompress_ex(d, data, size, *buffer, said, &n_in, &n_out);
        libdeflate_free_decompressor(d);
        if (result != LIBDEFLATE_SUCCESS || n_in != size)
                return false;
        *ret_size = n_out;
        return true;
}
#else
static bool decompress_fast(const uint8_t *data,
                            size_t size,
                            size_t max,
                            uint8_t **buffer,
                            size_t *capacity,
                            size_t *ret_size) {
        return false;
}
#endif

int gzip_decompress(const void *data,
                    size_t size,
                    size_t max,
                    uint8_t **buffer,
                    size_t *capacity,
                    size_t *ret_size,
                    const char **ret_reason) {
        assert(max < GZIP_INPUT_MAX);

        if (size > GZIP_INPUT_MAX)
                return refuse(-E2BIG, "The file is larger than a profile may be.", ret_reason);
        if (decompress_fast(data, size, max, buffer, capacity, ret_size))
                return 0;
        return decompress(data, size, max, buffer, capacity, ret_size, ret_reason);
}
