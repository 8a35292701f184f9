/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind Memory: runs of chunks in real maps */

#include "cgroup-fixture.h"

#include <bpf/bpf.h>

#include "capture/unwind-memory.h"

#define MEBIBYTE (UINT64_C(1) << 20)

/* An outer map as the BPF program has it. */
static int make_segments(void) {
        LIBBPF_OPTS(bpf_map_create_opts, inner, .map_flags = BPF_F_MMAPABLE);
        _cleanup_close_ int template = -EBADF;
        int fd;

        template = bpf_map_create(BPF_MAP_TYPE_ARRAY, "template", 4, UNWIND_CHUNK_BYTES,
                                  UNWIND_SEGMENT_CHUNKS, &inner);
        assert_true(template >= 0);
        LIBBPF_OPTS(bpf_map_create_opts, outer, .inner_map_fd = (uint32_t) template);
        fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "segments", 4, 4, UNWIND_SEGMENTS_MAX,
                            &outer);
        assert_true(fd >= 0);
        return fd;
}

/* A chunk as the kernel has it. */
static void read_chunk(int segments_fd, uint32_t chunk, struct unwind_chunk *ret) {
        uint32_t segment = chunk / UNWIND_SEGMENT_CHUNKS, index = chunk % UNWIND_SEGMENT_CHUNKS, id;
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(bpf_map_lookup_elem(segments_fd, &segment, &id), 0);
        fd = bpf_map_get_fd_by_id(id);
        assert_true(fd >= 0);
        assert_int_equal(bpf_map_lookup_elem(fd, &index, ret), 0);
}

static void test_what_is_written_is_in_the_kernel(void **state) {
        _cleanup_close_ int fd = make_segments();
        _cleanup_(unwind_memory_freep) UnwindMemory *m = NULL;
        struct unwind_chunk chunk;
        uint32_t first;

        assert_int_equal(unwind_memory_new(&m, fd, 8 * MEBIBYTE), 0);
        assert_int_equal(unwind_memory_allocate(m, 3, &first), 0);
        assert_true(first > 0);
        memset(unwind_memory_get(m, first + 1), 0xab, UNWIND_CHUNK_BYTES);
        read_chunk(fd, first + 1, &chunk);
        assert_int_equal(chunk.words[0], 0xabababababababab);
        assert_int_equal(chunk.words[63], 0xabababababababab);
        read_chunk(fd, first, &chunk);
        assert_int_equal(chunk.words[63], 0);
}

static void test_memory_grows_by_segments_and_runs_cross_them(void **state) {
        _cleanup_close_ int fd = make_segments();
        _cleanup_(unwind_memory_freep) UnwindMemory *m = NULL;
        uint32_t first;

        assert_int_equal(unwind_memory_new(&m, fd, 8 * MEBIBYTE), 0);
        assert_int_equal(unwind_memory_get_mapped_bytes(m), 0);
        assert_int_equal(unwind_memory_allocate(m, 1, &first), 0);
        assert_int_equal(unwind_memory_get_mapped_bytes(m), MEBIBYTE);
        assert_int_equal(unwind_memory_allocate(m, 3 * UNWIND_SEGMENT_CHUNKS, &first), 0);
        assert_int_equal(unwind_memory_get_mapped_bytes(m), 4 * MEBIBYTE);
        memset(unwind_memory_get(m, first), 1, 3 * MEBIBYTE);
}

static void test_the_budget_refuses_and_the_rest_goes_on(void **state) {
        _cleanup_close_ int fd = make_segments();
        _cleanup_(unwind_memory_freep) UnwindMemory *m = NULL;
        uint32_t first, small;

        assert_int_equal(unwind_memory_new(&m, fd, 2 * MEBIBYTE), 0);
        assert_int_equal(unwind_memory_allocate(m, 3 * UNWIND_SEGMENT_CHUNKS, &first), -ENOSPC);
        assert_int_equal(unwind_memory_allocate(m, 1, &small), 0);
        assert_true(unwind_memory_get_mapped_bytes(m) <= 2 * MEBIBYTE);
}

static void test_without_a_budget_there_is_no_memory(void **state) {
        _cleanup_close_ int fd = make_segments();
        _cleanup_(unwind_memory_freep) UnwindMemory *m = NULL;
        uint32_t first;

        assert_int_equal(unwind_memory_new(&m, fd, 0), 0);
        assert_int_equal(unwind_memory_allocate(m, 1, &first), -ENOSPC);
        assert_int_equal(unwind_memory_get_mapped_bytes(m), 0);
}

static void test_what_was_released_is_used_again_and_is_clean(void **state) {
        _cleanup_close_ int fd = make_segments();
        _cleanup_(unwind_memory_freep) UnwindMemory *m = NULL;
        uint32_t first;

        assert_int_equal(unwind_memory_new(&m, fd, MEBIBYTE), 0);
        for (int i = 0; i < 100; i++) {
                const uint64_t *words;

                assert_int_equal(unwind_memory_allocate(m, UNWIND_SEGMENT_CHUNKS / 2, &first), 0);
                words = unwind_memory_get(m, first);
                for (size_t w = 0; w < UNWIND_SEGMENT_CHUNKS / 2 * 64; w++)
                        assert_int_equal(words[w], 0);
                memset(unwind_memory_get(m, first), 0xff, MEBIBYTE / 2);
                unwind_memory_release(m, first, UNWIND_SEGMENT_CHUNKS / 2);
                assert_int_equal(unwind_memory_get_used_bytes(m), 0);
        }
}

/* Many runs of odd sizes, in no order: no two may overlap, and all of it comes back in the end. */
static void test_runs_never_overlap(void **state) {
        enum { RUNS = 300 };
        _cleanup_close_ int fd = make_segments();
        _cleanup_(unwind_memory_freep) UnwindMemory *m = NULL;
        uint32_t first[RUNS] = {}, n[RUNS], all;

        assert_int_equal(unwind_memory_new(&m, fd, 8 * MEBIBYTE), 0);
        for (int round = 0; round < 20; round++)
                for (uint32_t i = (uint32_t) round % 3; i < RUNS; i += 1 + (uint32_t) round % 2) {
                        if (first[i] != 0) {
                                const uint32_t *p = unwind_memory_get(m, first[i]);

                                for (uint32_t c = 0; c < n[i]; c++)
                                        assert_int_equal(p[c * UNWIND_CHUNK_BYTES / 4], i + 1);
                                unwind_memory_release(m, first[i], n[i]);
                                first[i] = 0;
                                continue;
                        }
                        n[i] = 1 + (i * 7 + (uint32_t) round * 13) % 40;
                        assert_int_equal(unwind_memory_allocate(m, n[i], &first[i]), 0);
                        for (uint32_t c = 0; c < n[i]; c++)
                                *(uint32_t *) unwind_memory_get(m, first[i] + c) = i + 1;
                }
        for (uint32_t i = 0; i < RUNS; i++)
                if (first[i] != 0)
                        unwind_memory_release(m, first[i], n[i]);
        assert_int_equal(unwind_memory_get_used_bytes(m), 0);
        assert_int_equal(unwind_memory_allocate(m, 8 * UNWIND_SEGMENT_CHUNKS - 1, &all), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_written_is_in_the_kernel),
                cmocka_unit_test(test_memory_grows_by_segments_and_runs_cross_them),
                cmocka_unit_test(test_the_budget_refuses_and_the_rest_goes_on),
                cmocka_unit_test(test_without_a_budget_there_is_no_memory),
                cmocka_unit_test(test_what_was_released_is_used_again_and_is_clean),
                cmocka_unit_test(test_runs_never_overlap),
        };
        const char *missing = missing_for_kernel_tests();

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
