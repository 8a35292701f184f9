/* SPDX-License-Identifier: Apache-2.0 */
/* Jitdumps: made here record by record */

#include "symbol/jitdump.h"
#include "unit-test.h"

enum { LOAD = 0, MOVE = 1, DEBUG_INFO = 2, CLOSE = 3 };

typedef struct Dump {
        uint8_t data[4096];
        size_t size;
} Dump;

static void put(Dump *d, const void *data, size_t size) {
        assert_true(d->size + size <= sizeof(d->data));
        memcpy(d->data + d->size, data, size);
        d->size += size;
}

static void put_u32(Dump *d, uint32_t v) {
        put(d, &v, sizeof(v));
}

static void put_u64(Dump *d, uint64_t v) {
        put(d, &v, sizeof(v));
}

static void put_header(Dump *d, uint64_t flags) {
        const uint32_t words[] = { 0x4a695444, 1, 40, 62, 0, 1 };

        put(d, words, sizeof(words));
        put_u64(d, 0);
        put_u64(d, flags);
}

static void put_record(Dump *d, uint32_t id, uint32_t size, uint64_t time) {
        put_u32(d, id);
        put_u32(d, size);
        put_u64(d, time);
}

static void put_load(Dump *d, uint64_t time, uint64_t address, const char *name) {
        put_record(d, LOAD, (uint32_t) (56 + strlen(name) + 1 + 4), time);
        put_u64(d, 0); /* pid, tid */
        put_u64(d, address);
        put_u64(d, address);
        put_u64(d, 0x10);
        put_u64(d, 0);
        put(d, name, strlen(name) + 1);
        put_u32(d, 0xcccccccc); /* the code */
}

static void put_move(Dump *d, uint64_t time, uint64_t from, uint64_t to) {
        put_record(d, MOVE, 64, time);
        put_u64(d, 0);
        put_u64(d, to);
        put_u64(d, from);
        put_u64(d, to);
        put_u64(d, 0x10);
        put_u64(d, 0);
}

static void assert_name(const CodeMap *m, uint64_t address, nsec_t time, const char *expected) {
        CodeEntry e;

        assert_true(code_map_find(m, address, code_map_get_epoch(m, time), &e));
        assert_string_equal(e.name, expected);
}

static void test_code_has_its_name_from_its_time_on(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        JitdumpReader reader = {};
        Dump d = {};

        put_header(&d, 0);
        put_load(&d, 10, 0x1000, "first");
        put_load(&d, 30, 0x1000, "second");
        put_move(&d, 40, 0x1000, 0x2000);
        put_load(&d, 50, 0x2000, "third");
        assert_return_code(code_map_new(&m), 0);
        assert_int_equal(jitdump_parse(&reader, m, d.data, d.size, 1000), d.size);
        assert_return_code(code_map_commit(m), 0);
        assert_name(m, 0x1000, 20, "first");
        assert_name(m, 0x1000, 30, "second");
        assert_name(m, 0x2008, 45, "second");
        assert_name(m, 0x2008, 50, "third");
}

/* As it is when a file is read while it grows. */
static void test_a_dump_may_come_in_any_pieces(void **state) {
        Dump d = {};

        put_header(&d, 0);
        put_load(&d, 10, 0x1000, "first");
        put_record(&d, DEBUG_INFO, 24, 11);
        put_u64(&d, 0);
        put_load(&d, 30, 0x2000, "second");
        for (size_t piece = 1; piece < d.size; piece++) {
                _cleanup_(code_map_unrefp) CodeMap *m = NULL;
                JitdumpReader reader = {};
                size_t at = 0, end = 0;

                assert_return_code(code_map_new(&m), 0);
                while (end < d.size) {
                        end = MIN(end + piece, d.size);
                        at += (size_t) jitdump_parse(&reader, m, d.data + at, end - at, 1000);
                }
                assert_int_equal(at, d.size);
                assert_return_code(code_map_commit(m), 0);
                assert_int_equal(code_map_size(m), 2);
        }
}

static void test_foreign_time_is_the_time_of_reading(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        JitdumpReader reader = {};
        CodeEntry e;
        Dump d = {};

        put_header(&d, 1);
        put_load(&d, 123456789, 0x1000, "a");
        assert_return_code(code_map_new(&m), 0);
        assert_int_equal(jitdump_parse(&reader, m, d.data, d.size, 77), d.size);
        assert_return_code(code_map_commit(m), 0);
        assert_true(code_map_find(m, 0x1000, 0, &e));
        assert_int_equal(e.born_nsec, 77);
}

static void test_what_is_no_dump_is_refused(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        JitdumpReader reader = {};
        Dump d = {};

        assert_return_code(code_map_new(&m), 0);
        put_header(&d, 0);
        d.data[0] ^= 1;
        assert_int_equal(jitdump_parse(&reader, m, d.data, d.size, 1), -EBADMSG);
        d.data[0] ^= 1;
        put_record(&d, LOAD, 8, 1); /* shorter than its own header */
        assert_int_equal(jitdump_parse(&reader, m, d.data, d.size, 1), 40);
        assert_true(reader.closed);
}

static void test_nothing_is_read_behind_the_end(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        JitdumpReader reader = {};
        Dump d = {};

        assert_return_code(code_map_new(&m), 0);
        put_header(&d, 0);
        put_record(&d, CLOSE, 16, 5);
        put_load(&d, 10, 0x1000, "late");
        assert_true(jitdump_parse(&reader, m, d.data, d.size, 100) > 0);
        assert_true(reader.closed);
        assert_return_code(code_map_commit(m), 0);
        assert_int_equal(code_map_size(m), 0);
}

/* Processor time, with room for a slow machine: a search through all code takes many times that. */
static void test_moves_among_much_code_cost_little(void **state) {
        enum { N_CODE = CODE_MAP_ENTRIES_MAX / 2, N_MOVES = 1 << 16, LIMIT_MSEC = 1000 };
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        JitdumpReader reader = {};
        Dump header = {}, d = {};
        usec_t begin;

        assert_return_code(code_map_new(&m), 0);
        assert_return_code(code_map_add(m, 0, UINT64_C(1) << 62, 1, "everything", 10), 0);
        for (uint64_t i = 1; i <= N_CODE; i++)
                assert_return_code(code_map_add(m, i * 0x10, 0x10, 1, "a", 1), 0);
        assert_return_code(code_map_commit(m), 0);
        put_header(&header, 0);
        assert_int_equal(jitdump_parse(&reader, m, header.data, header.size, 9), header.size);
        for (unsigned i = 0; i < 32; i++)
                put_move(&d, 5, N_CODE * 0x10, UINT64_C(1) << 61);

        begin = now_usec(CLOCK_PROCESS_CPUTIME_ID);
        for (unsigned i = 0; i < N_MOVES / 32; i++)
                assert_int_equal(jitdump_parse(&reader, m, d.data, d.size, 9), d.size);
        assert_true(now_usec(CLOCK_PROCESS_CPUTIME_ID) - begin < LIMIT_MSEC * USEC_PER_MSEC);
        assert_return_code(code_map_commit(m), 0);
        assert_int_equal(code_map_size(m), 1 + N_CODE + N_MOVES);
        assert_name(m, UINT64_C(1) << 61, 9, "a");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_code_has_its_name_from_its_time_on),
                cmocka_unit_test(test_a_dump_may_come_in_any_pieces),
                cmocka_unit_test(test_foreign_time_is_the_time_of_reading),
                cmocka_unit_test(test_what_is_no_dump_is_refused),
                cmocka_unit_test(test_nothing_is_read_behind_the_end),
                cmocka_unit_test(test_moves_among_much_code_cost_little),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
