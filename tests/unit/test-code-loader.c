/* SPDX-License-Identifier: Apache-2.0 */
/* What runtimes tell of their code: this program is the runtime, its map lies in /tmp */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "code-loader.h"
#include "process/process-status.h"
#include "unit-test.h"

typedef struct Fixture {
        char path[64];
        ProcessTable *processes;
        const Process *process; /* ours */
        CodeLoader *loader;
        usec_t now;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        ProcessStatus status;

        assert_non_null(f);
        assert_return_code(process_status_read(getpid(), &status), 0);
        snprintf(f->path, sizeof(f->path), "/tmp/perf-%d.map", (int) status.inner_pid);
        (void) unlink(f->path);
        assert_return_code(process_table_new(&f->processes), 0);
        f->process = process_table_get(f->processes, getpid(), 0);
        assert_non_null(f->process);
        assert_return_code(code_loader_new(CODE_LOADER_BYTES_MAX, &f->loader), 0);
        f->now = now_usec(CLOCK_MONOTONIC);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        code_loader_free(f->loader);
        process_table_free(f->processes);
        (void) unlink(f->path);
        (void) rmdir(f->path);
        free(f);
        return 0;
}

static void put(const char *path, int flags, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

        assert_return_code(fd, errno);
        assert_return_code(write_all(fd, text, strlen(text)), 0);
}

/* The name at an address after one more refresh. NULL: none. */
static const char *refresh_and_find(Fixture *f, uint64_t address) {
        static CodeEntry e;

        assert_return_code(code_loader_follow(f->loader, f->processes, f->process), 0);
        f->now += CODE_LOADER_REFRESH_USEC;
        code_loader_refresh(f->loader, f->process, f->now);
        return code_map_find(f->process->code, address,
                             code_map_get_epoch(f->process->code, f->now * NSEC_PER_USEC), &e)
                       ? e.name
                       : NULL;
}

static void test_a_map_is_read_as_it_grows(void **state) {
        Fixture *f = *state;

        assert_null(refresh_and_find(f, 0x1000));
        put(f->path, 0, "1000 10 first\n2000 10 sec");
        assert_string_equal(refresh_and_find(f, 0x1000), "first");
        assert_null(refresh_and_find(f, 0x2000));
        put(f->path, O_APPEND, "ond\n");
        assert_string_equal(refresh_and_find(f, 0x2000), "second");
        put(f->path, O_APPEND, "1000 10 third\n");
        assert_string_equal(refresh_and_find(f, 0x1000), "third");
        assert_int_equal(code_map_size(f->process->code), 3);
}

static void test_a_map_that_was_written_anew_is_read_from_its_start(void **state) {
        Fixture *f = *state;

        put(f->path, 0, "1000 10 first\n");
        assert_string_equal(refresh_and_find(f, 0x1000), "first");
        put(f->path, O_TRUNC, "3000 10 other, and longer than before\n");
        assert_string_equal(refresh_and_find(f, 0x3000), "other, and longer than before");
        assert_return_code(unlink(f->path), errno);
        put(f->path, 0, "4000 10 another file\n");
        assert_string_equal(refresh_and_find(f, 0x4000), "another file");
}

static void test_only_a_regular_file_is_read(void **state) {
        Fixture *f = *state;

        assert_return_code(mkfifo(f->path, 0600), errno);
        assert_null(refresh_and_find(f, 0x1000));
        assert_return_code(unlink(f->path), errno);
        assert_return_code(mkdir(f->path, 0700), errno);
        assert_null(refresh_and_find(f, 0x1000));
        assert_return_code(rmdir(f->path), errno);
        assert_return_code(symlink("/etc/passwd", f->path), errno);
        assert_null(refresh_and_find(f, 0x1000));
        assert_int_equal(code_map_size(f->process->code), 0);
}

static void test_the_file_of_another_user_is_not_read(void **state) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();
        put(f->path, 0, "1000 10 a\n");
        assert_return_code(chown(f->path, 12345, 12345), errno);
        assert_null(refresh_and_find(f, 0x1000));
}

static void test_a_map_that_nobody_needs_is_forgotten(void **state) {
        CodeLoaderStatistics s;
        Fixture *f = *state;

        put(f->path, 0, "1000 10 a\n");
        assert_string_equal(refresh_and_find(f, 0x1000), "a");
        code_loader_refresh_all(f->loader, f->now);
        code_loader_get_statistics(f->loader, &s);
        assert_int_equal(s.n_processes, 1);
        assert_int_equal(s.n_names, 1);

        assert_return_code(process_table_exec(f->processes, getpid(), "new"), 0);
        code_loader_refresh_all(f->loader, f->now);
        code_loader_get_statistics(f->loader, &s);
        assert_int_equal(s.n_processes, 0);
}

static void test_beyond_the_limit_of_all_maps_nothing_more_is_read(void **state) {
        CodeLoaderStatistics s;
        Fixture *f = *state;

        code_loader_free(f->loader);
        assert_return_code(code_loader_new(4096, &f->loader), 0);
        put(f->path, 0, "1000 10 first\n");
        assert_string_equal(refresh_and_find(f, 0x1000), "first");
        for (unsigned i = 0; i < 200; i++)
                put(f->path, O_APPEND, "2000 10 more\n");
        assert_string_equal(refresh_and_find(f, 0x2000), "more");
        assert_null(refresh_and_find(f, 0x3000));
        code_loader_get_statistics(f->loader, &s);
        assert_int_equal(s.refused, 0); /* nothing was left out so far */

        put(f->path, O_APPEND, "3000 10 too much\n");
        assert_null(refresh_and_find(f, 0x3000));
        assert_null(refresh_and_find(f, 0x3000));
        code_loader_get_statistics(f->loader, &s);
        assert_int_equal(s.n_names, 201);
        assert_int_equal(s.refused, 1);

        /* Once the map is forgotten there is room again. */
        assert_return_code(process_table_exec(f->processes, getpid(), "new"), 0);
        code_loader_refresh_all(f->loader, f->now);
        f->process = process_table_get(f->processes, getpid(), 0);
        put(f->path, O_TRUNC, "4000 10 after\n");
        assert_string_equal(refresh_and_find(f, 0x4000), "after");
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define loader_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
                loader_test(test_a_map_is_read_as_it_grows),
                loader_test(test_a_map_that_was_written_anew_is_read_from_its_start),
                loader_test(test_only_a_regular_file_is_read),
                loader_test(test_the_file_of_another_user_is_not_read),
                loader_test(test_a_map_that_nobody_needs_is_forgotten),
                loader_test(test_beyond_the_limit_of_all_maps_nothing_more_is_read),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
