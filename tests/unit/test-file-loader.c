/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File Loader
 *
 * The worker is a line of shell that has one index for whatever it is given.
 */

#include <sys/mman.h>

#include "basic/time-util.h"
#include "file-loader.h"
#include "index-fixture.h"
#include "process/process-table.h"
#include "unit-test.h"

enum { DEADLINE_USEC = 20 * 1000 * 1000 };

typedef struct Fixture {
        char *directory;
        sd_event *event;
        FileLoader *loader;
        ProcessTable *processes;
        void *memory; /* where the file is mapped */
        Mapping mapping;
        File *file; /* ours */
        unsigned n_loaded;
} Fixture;

static void on_loaded(File *file, void *userdata) {
        Fixture *f = userdata;

        f->n_loaded++;
}

/* What it does instead of parsing the copy of the file. */
static void put_worker(Fixture *f, const char *index) {
        _cleanup_free_ char *script = NULL;

        assert_true(asprintf(&script,
                             "#!/bin/sh\n"
                             "cd %s\n"
                             "[ $1 = --copy ] && cat >&3 && exec cat hash\n"
                             "%s\n",
                             f->directory, index) > 0);
        put_text(f->directory, "worker", script);
}

/* The file as another table sees it. */
static File *find_file(Fixture *f, ProcessTable *processes) {
        const Process *p = process_table_get(processes, getpid(), 0);
        const Mapping *m;

        assert_true(p && p->mappings);
        m = mapping_set_find(p->mappings, (uintptr_t) f->memory);
        assert_non_null(m);
        f->mapping = *m;
        return file_ref(m->file);
}

static void map_file(Fixture *f) {
        _cleanup_close_ int fd = -EBADF;

        put_text(f->directory, "program", "some bytes");
        fd = open_in(f->directory, "program");
        f->memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        assert_true(f->memory != MAP_FAILED);
        assert_return_code(process_table_new(&f->processes), 0);
        f->file = find_file(f, f->processes);
}

static int setup(void **state) {
        _cleanup_free_ char *cache = NULL, *worker = NULL;
        TestIndex index = make_index(1, true);
        Fixture *f = calloc(1, sizeof(Fixture));
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        assert_non_null(f);
        f->directory = make_directory();
        make_hash(1, hash);
        put_file(f->directory, "hash", hash, sizeof(hash));
        put_file(f->directory, "index", &index, sizeof(index));
        put_worker(f, "exec cat index");
        assert_true(asprintf(&cache, "%s/cache", f->directory) > 0);
        assert_true(asprintf(&worker, "%s/worker", f->directory) > 0);
        assert_return_code(sd_event_new(&f->event), 0);
        assert_return_code(file_loader_new(&f->loader, f->event, cache, worker, on_loaded, f), 0);
        map_file(f);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        file_loader_free(f->loader);
        file_unref(f->file);
        process_table_free(f->processes);
        munmap(f->memory, 4096);
        sd_event_unref(f->event);
        remove_directory(f->directory);
        free(f);
        return 0;
}

static void load(Fixture *f, File *file) {
        file_loader_load(f->loader, file, getpid(), f->mapping.start, f->mapping.end);
}

/* From a process that has it no more, to a path that is no more. */
static void load_in_vain(Fixture *f) {
        file_loader_load(f->loader, f->file, 0, 0, 0);
        assert_int_equal(file_get_state(f->file), FILE_LOST);
}

static void run_until_loaded(Fixture *f, unsigned n) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + DEADLINE_USEC;

        while (f->n_loaded < n) {
                assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
                assert_return_code(sd_event_run(f->event, DEADLINE_USEC), 0);
        }
}

static void test_a_file_that_is_mapped_gets_its_index(void **state) {
        Fixture *f = *state;

        assert_int_equal(file_get_state(f->file), FILE_NEW);
        load(f, f->file);
        assert_int_equal(file_get_state(f->file), FILE_PENDING);
        load(f, f->file); /* once is enough */
        run_until_loaded(f, 1);
        assert_int_equal(file_get_state(f->file), FILE_INDEXED);
        assert_string_equal(index_file_get_build_id(file_get_index(f->file)), "abcd");
        assert_int_equal(f->n_loaded, 1);
}

static void test_a_known_file_has_its_index_at_once(void **state) {
        _cleanup_(process_table_freep) ProcessTable *processes = NULL;
        _cleanup_(file_unrefp) File *other = NULL;
        IndexCacheStatistics s;
        Fixture *f = *state;

        load(f, f->file);
        run_until_loaded(f, 1);
        assert_return_code(process_table_new(&processes), 0);
        other = find_file(f, processes);
        load(f, other);
        assert_int_equal(file_get_state(other), FILE_INDEXED);
        index_cache_get_statistics(file_loader_get_cache(f->loader), &s);
        assert_int_equal(s.built, 1);
        assert_int_equal(s.hits, 1);
}

static void test_a_file_that_cannot_be_understood_is_refused(void **state) {
        Fixture *f = *state;

        put_worker(f, "exit 65");
        load(f, f->file);
        run_until_loaded(f, 1);
        assert_int_equal(file_get_state(f->file), FILE_REFUSED);
        assert_int_equal(file_get_error(f->file), -EBADMSG);
        load(f, f->file);
        assert_int_equal(file_get_state(f->file), FILE_REFUSED);
}

static void test_a_worker_that_fails_loses_the_file(void **state) {
        Fixture *f = *state;

        put_worker(f, "exit 1");
        load(f, f->file);
        run_until_loaded(f, 1);
        assert_int_equal(file_get_state(f->file), FILE_LOST);
        assert_int_equal(file_get_error(f->file), -EIO);
}

static void test_a_lost_file_may_be_within_reach_of_another_process(void **state) {
        _cleanup_free_ char *path = NULL;
        Fixture *f = *state;

        assert_true(asprintf(&path, "%s/program", f->directory) > 0);
        assert_return_code(unlink(path), errno);
        load_in_vain(f);
        if (geteuid() != 0) /* a deleted file is found through map_files only, which needs root */
                skip();
        load(f, f->file);
        assert_int_equal(file_get_state(f->file), FILE_PENDING);
}

/* Attempts cost system calls, samples may come by the thousand. */
static void test_attempts_are_limited_until_the_next_drain(void **state) {
        _cleanup_free_ char *path = NULL, *away = NULL;
        Fixture *f = *state;

        assert_true(asprintf(&path, "%s/program", f->directory) > 0);
        assert_true(asprintf(&away, "%s/away", f->directory) > 0);
        assert_return_code(rename(path, away), errno);
        for (unsigned i = 0; i < 1 + FILE_LOADER_RETRIES; i++)
                load_in_vain(f);
        assert_return_code(rename(away, path), errno);
        load(f, f->file);
        assert_int_equal(file_get_state(f->file), FILE_LOST);
        file_loader_refill(f->loader);
        load(f, f->file);
        assert_int_equal(file_get_state(f->file), FILE_PENDING);
}

/* AddressSanitizer would tell of a leak. */
static void test_requests_under_way_go_with_the_loader(void **state) {
        Fixture *f = *state;

        load(f, f->file);
        f->loader = file_loader_free(f->loader);
        assert_int_equal(f->n_loaded, 0);
        assert_int_equal(file_get_state(f->file), FILE_PENDING);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define loader_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
                loader_test(test_a_file_that_is_mapped_gets_its_index),
                loader_test(test_a_known_file_has_its_index_at_once),
                loader_test(test_a_file_that_cannot_be_understood_is_refused),
                loader_test(test_a_worker_that_fails_loses_the_file),
                loader_test(test_a_lost_file_may_be_within_reach_of_another_process),
                loader_test(test_attempts_are_limited_until_the_next_drain),
                loader_test(test_requests_under_way_go_with_the_loader),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
