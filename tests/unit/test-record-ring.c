/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record Ring
 *
 * The kernel's side of the ring is a file in memory here.
 */

#include <linux/perf_event.h>
#include <sys/mman.h>

#include "capture/record-ring.h"
#include "unit-test.h"

typedef struct Fixture {
        RecordRing *ring;
        struct perf_event_mmap_page *page;
        uint8_t *data;
        size_t page_size, data_size;

        unsigned n;
        pid_t first, last;
} Fixture;

/* PERF_RECORD_FORK with its sample_id. */
typedef struct ForkRecord {
        struct perf_event_header header;
        uint32_t pid, ppid, tid, ptid;
        uint64_t time;
        uint32_t id_pid, id_tid;
        uint64_t id_time;
        uint32_t cpu, reserved;
} ForkRecord;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        uint8_t *p;
        int fd;

        assert_non_null(f);
        f->page_size = (size_t) sysconf(_SC_PAGESIZE);
        f->data_size = RECORD_RING_PAGES * f->page_size;
        fd = memfd_create("ring", MFD_CLOEXEC);
        assert_return_code(fd, errno);
        assert_return_code(ftruncate(fd, (off_t) (f->page_size + f->data_size)), errno);
        p = mmap(NULL, f->page_size + f->data_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true(p != MAP_FAILED);
        f->page = (void *) p;
        f->data = p + f->page_size;
        assert_return_code(record_ring_new(&f->ring, fd), 0);
        assert_int_equal(record_ring_get_fd(f->ring), fd);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        record_ring_free(f->ring);
        munmap(f->page, f->page_size + f->data_size);
        free(f);
        return 0;
}

static void put(Fixture *f, const void *bytes, size_t size) {
        for (size_t i = 0; i < size; i++)
                f->data[f->page->data_head++ & (f->data_size - 1)] = ((const uint8_t *) bytes)[i];
}

static void put_fork(Fixture *f, uint32_t pid) {
        const ForkRecord r = {
                .header = { .type = PERF_RECORD_FORK, .size = sizeof(r) },
                .pid = pid,
                .ppid = 1,
                .tid = pid,
                .ptid = 1,
                .id_time = pid,
        };

        put(f, &r, sizeof(r));
}

static void on_record(const ProcessRecord *record, void *userdata) {
        Fixture *f = userdata;

        assert_int_equal(record->kind, PROCESS_RECORD_FORK);
        assert_int_equal(record->time_nsec, record->pid);
        if (f->n++ == 0)
                f->first = record->pid;
        f->last = record->pid;
}

static size_t drain(Fixture *f) {
        size_t bad;

        f->n = 0;
        bad = record_ring_drain(f->ring, on_record, f);
        assert_int_equal(f->page->data_tail, f->page->data_head);
        return bad;
}

static void test_records_come_once_and_in_order(void **state) {
        Fixture *f = *state;

        assert_int_equal(drain(f), 0);
        assert_int_equal(f->n, 0);
        put_fork(f, 10);
        put_fork(f, 11);
        assert_int_equal(drain(f), 0);
        assert_int_equal(f->n, 2);
        assert_int_equal(f->first, 10);
        assert_int_equal(f->last, 11);
        assert_int_equal(drain(f), 0);
        assert_int_equal(f->n, 0);
}

static void test_a_record_may_wrap_around_the_end(void **state) {
        Fixture *f = *state;

        for (size_t at = 8; at < sizeof(ForkRecord); at += 8) {
                f->page->data_head = f->page->data_tail = 3 * f->data_size - at;
                put_fork(f, (uint32_t) at);
                put_fork(f, (uint32_t) at + 1);
                assert_int_equal(drain(f), 0);
                assert_int_equal(f->n, 2);
                assert_int_equal(f->first, at);
                assert_int_equal(f->last, at + 1);
        }
}

static void test_a_full_ring_is_read_to_its_end(void **state) {
        Fixture *f = *state;
        uint32_t n = (uint32_t) (f->data_size / sizeof(ForkRecord));

        for (uint32_t i = 0; i < n; i++)
                put_fork(f, 10 + i);
        assert_int_equal(drain(f), 0);
        assert_int_equal(f->n, n);
        assert_int_equal(f->last, 10 + n - 1);
}

static void test_a_record_that_makes_no_sense_is_skipped(void **state) {
        const struct perf_event_header odd = { .type = PERF_RECORD_FORK, .size = 16 };
        const uint64_t rest = 0;
        Fixture *f = *state;

        put_fork(f, 10);
        put(f, &odd, sizeof(odd));
        put(f, &rest, sizeof(rest));
        put_fork(f, 11);
        assert_int_equal(drain(f), 1);
        assert_int_equal(f->n, 2);
}

/* Where a length cannot be, no record is found any more: all is given up. */
static void test_a_length_that_cannot_be_ends_the_drain(void **state) {
        const uint16_t sizes[] = { 0, 7, 4096 };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                const struct perf_event_header odd = { .type = PERF_RECORD_FORK, .size = sizes[i] };

                put_fork(f, 10);
                put(f, &odd, sizeof(odd));
                put_fork(f, 11);
                assert_int_equal(drain(f), 1);
                assert_int_equal(f->n, 1);
        }
}

/* A ring that has no memory behind it. */
static void test_what_cannot_be_mapped_is_refused(void **state) {
        RecordRing *ring;
        int fds[2];

        assert_return_code(pipe(fds), errno);
        close(fds[1]);
        assert_true(record_ring_new(&ring, fds[0]) < 0);
        assert_int_equal(close(fds[0]), -1); /* it was taken */
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define ring_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
                ring_test(test_records_come_once_and_in_order),
                ring_test(test_a_record_may_wrap_around_the_end),
                ring_test(test_a_full_ring_is_read_to_its_end),
                ring_test(test_a_record_that_makes_no_sense_is_skipped),
                ring_test(test_a_length_that_cannot_be_ends_the_drain),
                cmocka_unit_test(test_what_cannot_be_mapped_is_refused),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
