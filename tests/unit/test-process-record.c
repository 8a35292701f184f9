/* SPDX-License-Identifier: Apache-2.0 */
/* Process Record */

#include <linux/perf_event.h>
#include <sys/mman.h>

#include "capture/process-record.h"
#include "unit-test.h"

/* A record as the kernel lays it out: header, body, sample_id. */
typedef struct Raw {
        struct perf_event_header header;
        uint8_t bytes[512];
} Raw;

static void put(Raw *raw, const void *data, size_t size) {
        memcpy((uint8_t *) raw + raw->header.size, data, size);
        raw->header.size = (uint16_t) (raw->header.size + size);
}

static void finish(Raw *raw, uint64_t time) {
        const struct {
                uint32_t pid, tid;
                uint64_t time;
                uint32_t cpu, reserved;
        } id = { .time = time };

        while (raw->header.size % 8 != 0)
                put(raw, "", 1);
        put(raw, &id, sizeof(id));
}

static Raw start(uint32_t type, uint16_t misc) {
        return (Raw){
                .header = { .type = type, .misc = misc, .size = sizeof(struct perf_event_header) }
        };
}

static Raw make_task(uint32_t type, uint32_t pid, uint32_t ppid, uint32_t tid) {
        const struct {
                uint32_t pid, ppid, tid, ptid;
                uint64_t time;
        } body = { pid, ppid, tid, ppid, 1 };
        Raw raw = start(type, 0);

        put(&raw, &body, sizeof(body));
        finish(&raw, 77);
        return raw;
}

static Raw make_mmap(uint32_t pid, uint32_t prot, const char *path) {
        const struct {
                uint32_t pid, tid;
                uint64_t addr, len, pgoff;
                uint32_t maj, min;
                uint64_t ino, generation;
                uint32_t prot, flags;
        } body = { pid, pid, 0x1000, 0x2000, 0x3000, 8, 1, 42, 0, prot, 0 };
        Raw raw = start(PERF_RECORD_MMAP2, 0);

        put(&raw, &body, sizeof(body));
        put(&raw, path, strlen(path) + 1);
        finish(&raw, 99);
        return raw;
}

static void test_an_executable_mapping_is_decoded(void **state) {
        Raw raw = make_mmap(10, PROT_READ | PROT_EXEC, "/usr/lib/libx.so");
        ProcessRecord r;

        assert_int_equal(process_record_decode(&raw.header, raw.header.size, &r), 1);
        assert_int_equal(r.kind, PROCESS_RECORD_MMAP);
        assert_int_equal(r.time_nsec, 99);
        assert_int_equal(r.pid, 10);
        assert_int_equal(r.start, 0x1000);
        assert_int_equal(r.end, 0x3000);
        assert_int_equal(r.offset, 0x3000);
        assert_int_equal(r.major, 8);
        assert_int_equal(r.minor, 1);
        assert_int_equal(r.inode, 42);
        assert_string_equal(r.path, "/usr/lib/libx.so");
}

static void test_data_mappings_are_of_no_interest(void **state) {
        Raw raw = make_mmap(10, PROT_READ, "/x");
        ProcessRecord r;

        assert_int_equal(process_record_decode(&raw.header, raw.header.size, &r), 0);
}

static void test_new_threads_are_not_new_processes(void **state) {
        Raw process = make_task(PERF_RECORD_FORK, 11, 10, 11),
            thread = make_task(PERF_RECORD_FORK, 10, 10, 12);
        ProcessRecord r;

        assert_int_equal(process_record_decode(&process.header, process.header.size, &r), 1);
        assert_int_equal(r.kind, PROCESS_RECORD_FORK);
        assert_int_equal(r.pid, 11);
        assert_int_equal(r.parent, 10);
        assert_int_equal(process_record_decode(&thread.header, thread.header.size, &r), 0);
}

static void test_a_process_ends_with_its_leader(void **state) {
        Raw leader = make_task(PERF_RECORD_EXIT, 10, 1, 10),
            thread = make_task(PERF_RECORD_EXIT, 10, 1, 12);
        ProcessRecord r;

        assert_int_equal(process_record_decode(&leader.header, leader.header.size, &r), 1);
        assert_int_equal(r.kind, PROCESS_RECORD_EXIT);
        assert_int_equal(process_record_decode(&thread.header, thread.header.size, &r), 0);
}

static void test_exec_is_told_from_a_new_name(void **state) {
        const struct {
                uint32_t pid, tid;
                char comm[8];
        } body = { 10, 10, "nginx" };
        Raw exec = start(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC),
            comm = start(PERF_RECORD_COMM, 0);
        ProcessRecord r;

        put(&exec, &body, sizeof(body));
        finish(&exec, 1);
        assert_int_equal(process_record_decode(&exec.header, exec.header.size, &r), 1);
        assert_int_equal(r.kind, PROCESS_RECORD_EXEC);
        assert_string_equal(r.comm, "nginx");

        put(&comm, &body, sizeof(body));
        finish(&comm, 1);
        assert_int_equal(process_record_decode(&comm.header, comm.header.size, &r), 1);
        assert_int_equal(r.kind, PROCESS_RECORD_COMM);
}

static void test_tasks_outside_of_our_pid_namespace_are_ignored(void **state) {
        Raw zero = make_task(PERF_RECORD_FORK, 0, 0, 0),
            minus = make_task(PERF_RECORD_FORK, UINT32_MAX, 1, 1);
        ProcessRecord r;

        assert_int_equal(process_record_decode(&zero.header, zero.header.size, &r), 0);
        assert_int_equal(process_record_decode(&minus.header, minus.header.size, &r), 0);
}

static void test_a_record_cut_short_anywhere_is_refused(void **state) {
        Raw raw = make_mmap(10, PROT_EXEC, "/usr/lib/libx.so");
        uint16_t whole = raw.header.size;
        ProcessRecord r;

        for (uint16_t size = sizeof(raw.header); size < whole - 40; size++) {
                raw.header.size = size;
                assert_int_equal(process_record_decode(&raw.header, size, &r), -EBADMSG);
        }
        raw.header.size = whole;
        assert_int_equal(process_record_decode(&raw.header, whole - 8u, &r), -EBADMSG);
}

static void test_a_path_without_end_is_refused(void **state) {
        Raw raw = make_mmap(10, PROT_EXEC, "/usr/lib/libx.so");
        uint8_t *path = (uint8_t *) &raw.header + sizeof(raw.header) + 64;
        ProcessRecord r;

        memset(path, 'x', 24);
        assert_int_equal(process_record_decode(&raw.header, raw.header.size, &r), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_executable_mapping_is_decoded),
                cmocka_unit_test(test_data_mappings_are_of_no_interest),
                cmocka_unit_test(test_new_threads_are_not_new_processes),
                cmocka_unit_test(test_a_process_ends_with_its_leader),
                cmocka_unit_test(test_exec_is_told_from_a_new_name),
                cmocka_unit_test(test_tasks_outside_of_our_pid_namespace_are_ignored),
                cmocka_unit_test(test_a_record_cut_short_anywhere_is_refused),
                cmocka_unit_test(test_a_path_without_end_is_refused),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
