/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Byte Reader
 *
 * Reads the fields of foreign bytes one after the other. Past the end everything is 0 and `failed`
 * is set, so that a reader checks once, behind its last field.
 */

#include "basic/util.h"

typedef struct ByteReader {
        const uint8_t *at, *end;
        bool failed;
} ByteReader;

static inline ByteReader byte_reader(const uint8_t *bytes, size_t size) {
        return (ByteReader){ .at = bytes, .end = bytes + size };
}

static inline size_t byte_reader_left(const ByteReader *r) {
        return (size_t) (r->end - r->at);
}

/* NULL: they are not all there. */
static inline const uint8_t *byte_reader_take(ByteReader *r, uint64_t n) {
        const uint8_t *p = r->at;

        if (n > byte_reader_left(r)) {
                r->failed = true;
                r->at = r->end;
                return NULL;
        }
        r->at += n;
        return p;
}

/* An unsigned number of n bytes, at most 8, of this machine's byte order. */
static inline uint64_t byte_reader_fixed(ByteReader *r, size_t n) {
        const uint8_t *p = byte_reader_take(r, n);
        uint64_t v = 0;

        if (p)
                for (size_t i = 0; i < n; i++)
                        v |= (uint64_t) p[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : n - 1 - i]
                             << (8 * i);
        return v;
}

static inline uint8_t byte_reader_u8(ByteReader *r) {
        if (r->at == r->end) {
                r->failed = true;
                return 0;
        }
        return *r->at++;
}

/* Sign-extended from n bytes. */
static inline int64_t byte_reader_signed(ByteReader *r, size_t n) {
        unsigned unused = (unsigned) (64 - 8 * n);

        return (int64_t) (byte_reader_fixed(r, n) << unused) >> unused;
}

/* LEB128. What does not fit 64 bits is no number that anybody wrote on purpose. */
static inline uint64_t byte_reader_uleb(ByteReader *r) {
        uint64_t v = 0;

        for (unsigned shift = 0; shift < 70; shift += 7) {
                uint8_t b = byte_reader_u8(r);

                if (shift == 63 && b > 1)
                        break;
                v |= (uint64_t) (b & 0x7f) << shift;
                if (!(b & 0x80))
                        return v;
        }
        r->failed = true;
        return 0;
}

static inline int64_t byte_reader_sleb(ByteReader *r) {
        uint64_t v = 0;

        for (unsigned shift = 0; shift < 70; shift += 7) {
                uint8_t b = byte_reader_u8(r);

                if (shift == 63 && b != 0 && b != 0x7f)
                        break;
                v |= (uint64_t) (b & 0x7f) << shift;
                if (b & 0x80)
                        continue;
                if (b & 0x40 && shift < 57)
                        v |= UINT64_MAX << (shift + 7);
                return (int64_t) v;
        }
        r->failed = true;
        return 0;
}
