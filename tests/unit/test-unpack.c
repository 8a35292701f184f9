/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking: what other programs have packed, and what is no such thing */

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "elf/unpack.h"
#include "unit-test.h"

enum { SIZE = 100 * 1000, PACKED_MAX = SIZE + 4096 };

typedef struct Packed {
        uint8_t plain[SIZE];
        uint8_t zlib[PACKED_MAX], zstd[PACKED_MAX], xz[PACKED_MAX];
        size_t zlib_size, zstd_size, xz_size;
} Packed;

static int setup(void **state) {
        Packed *p = calloc(1, sizeof(Packed));
        uLongf n = PACKED_MAX;

        assert_non_null(p);
        for (size_t i = 0; i < SIZE; i++)
                p->plain[i] = (uint8_t) (i / 7 * i % 251);
        assert_int_equal(compress(p->zlib, &n, p->plain, SIZE), Z_OK);
        p->zlib_size = n;
        p->zstd_size = ZSTD_compress(p->zstd, PACKED_MAX, p->plain, SIZE, 1);
        assert_false(ZSTD_isError(p->zstd_size));
        assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, p->plain, SIZE, p->xz,
                                                 &p->xz_size, PACKED_MAX),
                         LZMA_OK);
        *state = p;
        return 0;
}

static int teardown(void **state) {
        free(*state);
        return 0;
}

static void test_what_was_packed_comes_back(void **state) {
        const Packed *p = *state;
        _cleanup_free_ uint8_t *out = malloc(SIZE), *xz = NULL;
        size_t n;

        assert_non_null(out);
        assert_int_equal(unpack_zlib(p->zlib, p->zlib_size, out, SIZE), 0);
        assert_memory_equal(out, p->plain, SIZE);
        memset(out, 0, SIZE);
        assert_int_equal(unpack_zstd(p->zstd, p->zstd_size, out, SIZE), 0);
        assert_memory_equal(out, p->plain, SIZE);
        assert_int_equal(unpack_xz(p->xz, p->xz_size, SIZE, &xz, &n), 0);
        assert_int_equal(n, SIZE);
        assert_memory_equal(xz, p->plain, SIZE);
}

static void test_another_size_than_was_said_is_refused(void **state) {
        const Packed *p = *state;
        _cleanup_free_ uint8_t *out = malloc(SIZE + 1), *xz = NULL;
        size_t n;

        assert_non_null(out);
        for (int more = -1; more <= 1; more += 2) {
                size_t size = (size_t) (SIZE + more);

                assert_int_equal(unpack_zlib(p->zlib, p->zlib_size, out, size), -EBADMSG);
                assert_int_equal(unpack_zstd(p->zstd, p->zstd_size, out, size), -EBADMSG);
        }
        assert_int_equal(unpack_xz(p->xz, p->xz_size, SIZE - 1, &xz, &n), -E2BIG);
}

static void test_damage_is_refused(void **state) {
        const Packed *p = *state;
        _cleanup_free_ uint8_t *out = malloc(SIZE), *xz = NULL;
        size_t n;

        assert_non_null(out);
        for (size_t size = 0; size < 100; size++) {
                assert_int_equal(unpack_zlib(p->zlib, size, out, SIZE), -EBADMSG);
                assert_int_equal(unpack_zstd(p->zstd, size, out, SIZE), -EBADMSG);
                assert_int_equal(unpack_xz(p->xz, size, SIZE, &xz, &n), -EBADMSG);
        }
        assert_int_equal(unpack_zlib(p->plain, SIZE, out, SIZE), -EBADMSG);
        assert_int_equal(unpack_zstd(p->plain, SIZE, out, SIZE), -EBADMSG);
        assert_int_equal(unpack_xz(p->plain, SIZE, SIZE, &xz, &n), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_packed_comes_back),
                cmocka_unit_test(test_another_size_than_was_said_is_refused),
                cmocka_unit_test(test_damage_is_refused),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
