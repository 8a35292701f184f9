/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index Cache
 *
 * Most of the workers here are a line of shell that takes the first line of "the ELF file" for its
 * name, copies that line and the hash, or the index, that the test has laid down under that name,
 * and before that misbehaves as the test wishes.
 */

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "basic/time-util.h"
#include "elf/sandbox.h"
#include "index-fixture.h"
#include "symbol/elf-worker.h"
#include "symbol/index-cache.h"
#include "unit-test.h"

enum { DEADLINE_USEC = 20 * 1000 * 1000 };

/* The argument that makes a hungry worker of this program. */
#define TAKE_MEMORY "take-memory"

typedef struct Fixture {
        char *directory; /* with the files, and the cache in "cache" */
        char *cache_path, *worker;
        usec_t worker_usec;
        sd_event *event;
        IndexCache *cache;
        unsigned n_calls;
        int error;       /* of the last callback */
        char names[256]; /* of the files that were called back, in this order */
} Fixture;

/* What a callback needs to know. */
typedef struct Request {
        Fixture *fixture;
        const char *name;
} Request;

static void start_cache(Fixture *f) {
        assert_return_code(
                index_cache_new(&f->cache, f->event, f->cache_path, f->worker, f->worker_usec), 0);
}

static void restart_cache(Fixture *f) {
        f->cache = index_cache_free(f->cache);
        start_cache(f);
}

static int setup(void **state) {
        _cleanup_free_ char *script = NULL;
        Fixture *f = calloc(1, sizeof(Fixture));
        sd_event_source *timer;

        assert_non_null(f);
        f->directory = make_directory();
        assert_true(asprintf(&f->cache_path, "%s/cache", f->directory) > 0);
        assert_true(asprintf(&f->worker, "%s/worker", f->directory) > 0);
        assert_true(asprintf(&script,
                             "#!/bin/sh\n"
                             "cd %s && read -r name || exit 99\n"
                             "echo \"${1%%=*} $name\" >> log\n"
                             "[ -e \"$name${1%%=*}\" ] && . \"./$name${1%%=*}\"\n"
                             "case $1 in\n"
                             "--copy*) echo \"$name\" >&3; exec cat \"$name.hash\";;\n"
                             "--index) [ -n \"$3\" ] && read -r debug < /proc/self/fd/3 && echo "
                             "\"+ $debug\" >> log\n"
                             "exec cat \"$2.index\";;\n"
                             "esac\n",
                             f->directory) > 0);
        put_text(f->directory, "worker", script);
        put_text(f->directory, "log", "");
        assert_return_code(sd_event_new(&f->event), 0);
        /* The loop's own descriptor for timers comes with the first and stays. */
        assert_return_code(sd_event_add_time(f->event, &timer, CLOCK_MONOTONIC, 0, 0, NULL, NULL),
                           0);
        sd_event_source_disable_unref(timer);
        f->worker_usec = INDEX_CACHE_WORKER_USEC;
        start_cache(f);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        index_cache_free(f->cache);
        sd_event_unref(f->event);
        remove_directory(f->directory);
        free(f->cache_path);
        free(f->worker);
        free(f);
        return 0;
}

/* Lays down a file and what a good worker would make of it. */
static void put_elf(Fixture *f, const char *name, uint8_t first) {
        char file_name[2 * INDEX_CONTENT_HASH_SIZE + sizeof(".index")];
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];
        TestIndex index = make_index(first, true);
        char line[64];

        make_hash(first, hash);
        snprintf(line, sizeof(line), "%s\n", name);
        put_text(f->directory, name, line);
        snprintf(line, sizeof(line), "%s.hash", name);
        put_file(f->directory, line, hash, sizeof(hash));

        for (size_t i = 0; i < sizeof(hash); i++)
                snprintf(file_name + 2 * i, 3, "%02x", hash[i]);
        strcpy(file_name + 2 * sizeof(hash), ".index");
        put_file(f->directory, file_name, &index, sizeof(index));
}

static void put_misbehaviour(Fixture *f, const char *name, const char *run, const char *script) {
        char file_name[64];

        snprintf(file_name, sizeof(file_name), "%s%s", name, run);
        put_text(f->directory, file_name, script);
}

static void on_loaded(IndexFile *index, int error, void *userdata) {
        Request *request = userdata;
        Fixture *f = request->fixture;

        assert_true(error <= 0);
        assert_true((index == NULL) == (error < 0));
        if (index)
                assert_int_equal(index_file_n_functions(index), 1);
        f->n_calls++;
        f->error = error;
        strncat(f->names, request->name, sizeof(f->names) - strlen(f->names) - 1);
        free(request);
}

/* As index_cache_load(); the index goes at once. */
static int load_fd(Fixture *f, const char *name, int fd) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        Request *request = malloc(sizeof(Request));
        int r;

        assert_non_null(request);
        *request = (Request){ f, name };
        r = index_cache_load(f->cache, fd, on_loaded, request, &index);
        if (r != 0)
                free(request);
        assert_true((r > 0) == (index != NULL));
        return r;
}

static int load(Fixture *f, const char *name) {
        return load_fd(f, name, open_in(f->directory, name));
}

static void run_until_idle(Fixture *f) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + DEADLINE_USEC;

        while (!index_cache_is_idle(f->cache)) {
                assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
                assert_return_code(sd_event_run(f->event, DEADLINE_USEC), 0);
        }
}

/* The callback's error, of a file that was not known. */
static int load_and_run(Fixture *f, const char *name) {
        unsigned n_calls = f->n_calls;

        assert_int_equal(load(f, name), 0);
        run_until_idle(f);
        assert_int_equal(f->n_calls, n_calls + 1);
        return f->error;
}

/* Which workers ran. */
static void assert_log(Fixture *f, const char *expected) {
        _cleanup_close_ int fd = open_in(f->directory, "log");
        _cleanup_free_ char *log = NULL;

        assert_return_code(read_full_fd(fd, 65536, &log, NULL), 0);
        assert_string_equal(log, expected);
        put_text(f->directory, "log", "");
}

static size_t count_descriptors(void) {
        return count_names("/proc/self/fd", "");
}

static void test_a_new_file_is_copied_and_its_copy_is_indexed(void **state) {
        Fixture *f = *state;
        IndexCacheStatistics s;

        put_elf(f, "a", 1);
        assert_true(index_cache_is_idle(f->cache));
        assert_int_equal(load(f, "a"), 0);
        assert_false(index_cache_is_idle(f->cache));
        assert_int_equal(f->n_calls, 0);
        run_until_idle(f);

        assert_int_equal(f->n_calls, 1);
        assert_int_equal(f->error, 0);
        assert_log(f, "--copy a\n--index a\n");
        index_cache_get_statistics(f->cache, &s);
        assert_int_equal(s.built, 1);
        assert_int_equal(s.hits, 0);
        assert_int_equal(s.failed, 0);
        assert_int_equal(s.n_queued + s.n_running, 0);
        assert_int_equal(count_names(f->cache_path, ".idx"), 1);
}

static void test_a_known_file_costs_no_worker_also_after_a_restart(void **state) {
        Fixture *f = *state;
        IndexCacheStatistics s;

        put_elf(f, "a", 1);
        assert_int_equal(load_and_run(f, "a"), 0);
        put_text(f->directory, "log", "");
        assert_int_equal(load(f, "a"), 1);
        restart_cache(f);
        assert_int_equal(load(f, "a"), 1);
        assert_int_equal(f->n_calls, 1);
        assert_log(f, "");
        index_cache_get_statistics(f->cache, &s);
        assert_int_equal(s.hits, 1);
}

static void test_known_contents_in_another_file_are_only_copied(void **state) {
        Fixture *f = *state;
        IndexCacheStatistics s;
        size_t n_descriptors;

        put_elf(f, "a", 1);
        put_elf(f, "b", 1);
        assert_int_equal(load_and_run(f, "a"), 0);
        n_descriptors = count_descriptors();
        assert_int_equal(load_and_run(f, "b"), 0);
        assert_int_equal(count_descriptors(), n_descriptors);
        assert_log(f, "--copy a\n--index a\n--copy b\n");
        assert_int_equal(load(f, "b"), 1);
        index_cache_get_statistics(f->cache, &s);
        assert_int_equal(s.built, 1);
        assert_int_equal(s.hits, 2);
}

static void test_a_replaced_file_is_another_file(void **state) {
        Fixture *f = *state;

        put_elf(f, "a", 1);
        assert_int_equal(load_and_run(f, "a"), 0);
        put_elf(f, "a", 2);
        put_text(f->directory, "a", "a\nanother\n");
        assert_int_equal(load_and_run(f, "a"), 0);
        assert_log(f, "--copy a\n--index a\n--copy a\n--index a\n");
        assert_int_equal(count_names(f->cache_path, ".idx"), 2);
}

static void test_all_who_ask_for_a_file_share_one_job(void **state) {
        Fixture *f = *state;
        IndexCacheStatistics s;

        put_elf(f, "a", 1);
        for (int i = 0; i < 3; i++)
                assert_int_equal(load(f, "a"), 0);
        index_cache_get_statistics(f->cache, &s);
        assert_int_equal(s.n_queued, 1);
        run_until_idle(f);
        assert_int_equal(f->n_calls, 3);
        assert_int_equal(f->error, 0);
        assert_log(f, "--copy a\n--index a\n");
}

static void test_files_are_taken_in_the_order_they_came_two_at_a_time(void **state) {
        static const char *const names[] = { "a", "b", "c", "d", "e" };
        Fixture *f = *state;
        IndexCacheStatistics s;
        size_t n_max = 0;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                put_elf(f, names[i], (uint8_t) i);
                assert_int_equal(load(f, names[i]), 0);
        }
        /* c has to wait for e, whose turn comes when d is through. */
        put_misbehaviour(f, "c", "--copy", "while ! grep -q -e '--copy e' log; do :; done\n");
        while (!index_cache_is_idle(f->cache)) {
                assert_return_code(sd_event_run(f->event, DEADLINE_USEC), 0);
                index_cache_get_statistics(f->cache, &s);
                n_max = MAX(n_max, s.n_running);
        }
        assert_int_equal(n_max, INDEX_CACHE_WORKERS_MAX);
        assert_int_equal(f->n_calls, 5);
        assert_true(strchr(f->names, 'd') < strchr(f->names, 'c'));
        assert_true(strchr(f->names, 'a') < strchr(f->names, 'd'));
}

static void test_an_unreadable_file_is_not_tried_again(void **state) {
        Fixture *f = *state;
        IndexCacheStatistics s;

        put_elf(f, "a", 1);
        put_elf(f, "b", 2);
        put_misbehaviour(f, "a", "--index", "exit 65\n");
        put_misbehaviour(f, "b", "--copy", "exit 65\n");
        assert_int_equal(load_and_run(f, "a"), -EBADMSG);
        assert_int_equal(load_and_run(f, "b"), -EBADMSG);
        assert_log(f, "--copy a\n--index a\n--copy b\n");
        index_cache_get_statistics(f->cache, &s);
        assert_int_equal(s.failed, 2);
        assert_int_equal(s.unreadable, 2);
        assert_int_equal(s.last_error, 0);

        assert_int_equal(load(f, "a"), -EBADMSG);
        restart_cache(f);
        assert_int_equal(load(f, "a"), -EBADMSG);
        assert_int_equal(load(f, "b"), -EBADMSG);
        assert_true(index_cache_is_idle(f->cache));
        assert_int_equal(count_names(f->cache_path, ".idx"), 0);
        index_cache_get_statistics(f->cache, &s);
        assert_int_equal(s.failed, 0);
}

/* Each costs the names of its file, and nothing else: no index, no link, the next file works. */
static void test_a_misbehaving_worker_costs_its_file_only(void **state) {
        static const struct {
                const char *run, *script;
        } cases[] = {
                { "--copy", "exit 1\n" },
                { "--copy", "kill -9 $$\n" },
                { "--copy", "exit 0\n" },
                { "--copy", "echo garbage; exit 0\n" },
                { "--copy", "cat a.hash a.hash; exit 0\n" },
                { "--copy", "exec head -c 60000 /dev/zero\n" },
                { "--index", "exit 1\n" },
                { "--index", "kill -SEGV $$\n" },
                { "--index", "exit 0\n" },
                { "--index", "exec head -c 1000000 /dev/urandom\n" },
                { "--index", "head -c 100 \"$2.index\"; exit 0\n" },
                { "--index", "cat \"$2.index\"; echo; exit 0\n" },
                /* The index of another file. */
                { "--index", "cat 02*.index; exit 0\n" },
                /* A hash without the copy that has it. */
                { "--copy", "cat a.hash; exit 0\n" },
                /* The file is written while it is read. */
                { "--copy", "echo >> a\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                IndexCacheStatistics s;
                size_t n_descriptors;
                Fixture *f;
                int r;

                setup((void **) &f);
                put_elf(f, "a", 1);
                put_elf(f, "b", 2);
                put_elf(f, "c", 3);
                put_misbehaviour(f, "a", cases[i].run, cases[i].script);
                n_descriptors = count_descriptors();

                r = load_and_run(f, "a");
                assert_true(r < 0 && r != -EBADMSG);
                assert_int_equal(count_names(f->cache_path, ".idx"), 0);
                assert_int_equal(count_links(f->cache_path), 0);
                assert_int_equal(load_and_run(f, "c"), 0);
                assert_int_equal(count_descriptors(), n_descriptors);
                index_cache_get_statistics(f->cache, &s);
                assert_int_equal(s.failed, 1);
                assert_int_equal(s.unreadable, 0);
                assert_int_equal(s.last_error, r);
                assert_int_equal(s.built, 1);
                teardown((void **) &f);
        }
}

/* Each in its turn, then the next file has its own. */
static void test_a_worker_that_hangs_is_ended(void **state) {
        static const char *const runs[] = { "--copy", "--index" };

        for (size_t i = 0; i < ELEMENTSOF(runs); i++) {
                Fixture *f;

                setup((void **) &f);
                f->worker_usec = USEC_PER_SEC;
                restart_cache(f);
                put_elf(f, "a", 1);
                put_elf(f, "b", 2);
                put_misbehaviour(f, "a", runs[i], "while :; do :; done\n");
                assert_int_equal(load_and_run(f, "a"), -ETIME);
                assert_int_equal(load(f, "a"), -ETIME);
                assert_int_equal(count_names(f->cache_path, ".idx"), 0);
                assert_int_equal(load_and_run(f, "b"), 0);
                teardown((void **) &f);
        }
}

/* What a parser does whose counts come from the file. */
static int take_memory_without_end(void) {
        volatile char *p;

        if (sandbox_enter(STDERR_FILENO + 1, 0, INDEX_SIZE_MAX) < 0)
                return EXIT_FAILURE;
        while ((p = malloc(1 << 20)))
                *p = 1;
        _exit(ELF_WORKER_EXIT_UNREADABLE);
}

static void test_a_worker_that_takes_all_memory_gets_no_more_than_its_share(void **state) {
        _cleanup_free_ char *script = NULL;
        Fixture *f = *state;

        if (!SANDBOX_LIMITS_MEMORY) {
                print_message("# A sanitizer needs more memory than any limit would grant.\n");
                return;
        }
        assert_true(asprintf(&script, "exec /proc/%d/exe %s\n", (int) getpid(), TAKE_MEMORY) > 0);
        put_elf(f, "a", 1);
        put_elf(f, "b", 2);
        put_misbehaviour(f, "a", "--index", script);
        assert_int_equal(load_and_run(f, "a"), -EBADMSG);
        assert_int_equal(load_and_run(f, "b"), 0);
}

static void test_a_failure_is_remembered_for_a_while_but_not_beyond_a_restart(void **state) {
        Fixture *f = *state;

        put_elf(f, "a", 1);
        put_misbehaviour(f, "a", "--copy", "exit 1\n");
        assert_int_equal(load_and_run(f, "a"), -EIO);
        assert_int_equal(load(f, "a"), -EIO);
        assert_int_equal(f->n_calls, 1);
        assert_log(f, "--copy a\n");

        put_misbehaviour(f, "a", "--copy", "");
        restart_cache(f);
        assert_int_equal(load_and_run(f, "a"), 0);
}

static void test_a_worker_that_cannot_be_started_is_reported(void **state) {
        Fixture *f = *state;

        put_elf(f, "a", 1);
        put_elf(f, "b", 2);
        assert_return_code(unlink(f->worker), errno);
        assert_int_equal(load(f, "a"), 0);
        assert_int_equal(load(f, "b"), 0);
        assert_int_equal(f->n_calls, 0);
        run_until_idle(f);
        assert_int_equal(f->n_calls, 2);
        assert_int_equal(f->error, -ENOENT);
}

static void test_freeing_the_cache_ends_the_workers_and_all_callbacks(void **state) {
        Fixture *f = *state;
        IndexCacheStatistics s = {};
        size_t n_descriptors = count_descriptors();
        _cleanup_free_ Request *r = calloc(1, sizeof(Request));
        IndexFile *index;

        put_elf(f, "a", 1);
        put_elf(f, "b", 2);
        put_elf(f, "c", 3);
        put_misbehaviour(f, "a", "--copy", "while :; do :; done\n");
        put_misbehaviour(f, "b", "--index", "while :; do :; done\n");
        *r = (Request){ f, "" };
        for (const char *name = "a\0b\0c\0"; *name; name += 2)
                assert_int_equal(index_cache_load(f->cache, open_in(f->directory, name), on_loaded,
                                                  r, &index),
                                 0);
        while (s.n_running < 2) {
                assert_return_code(sd_event_run(f->event, DEADLINE_USEC), 0);
                index_cache_get_statistics(f->cache, &s);
        }
        assert_int_equal(s.n_queued, 1);
        for (int i = 0; i < 10; i++)
                assert_return_code(sd_event_run(f->event, 10000), 0);

        restart_cache(f);
        assert_return_code(sd_event_run(f->event, 0), 0);
        assert_int_equal(f->n_calls, 0);
        assert_true(index_cache_is_idle(f->cache));
        assert_int_equal(count_descriptors(), n_descriptors);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void test_the_queue_has_an_end(void **state) {
        Fixture *f = *state;
        Request r = { f, "" };
        IndexCacheStatistics s;
        struct rlimit limit;
        IndexFile *index;
        int fd, last = 0;

        assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
        limit.rlim_cur = limit.rlim_max;
        assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
        if (limit.rlim_max < INDEX_CACHE_QUEUE_MAX + 100) {
                print_message("# A process may not open enough files here.\n");
                return;
        }

        for (size_t i = 0; i < INDEX_CACHE_QUEUE_MAX + 1 && last == 0; i++) {
                fd = memfd_create("file", MFD_CLOEXEC);
                assert_return_code(fd, errno);
                last = index_cache_load(f->cache, fd, on_loaded, &r, &index);
        }
        assert_int_equal(last, -EBUSY);
        index_cache_get_statistics(f->cache, &s);
        assert_int_equal(s.n_queued, INDEX_CACHE_QUEUE_MAX);
}

static void test_the_descriptor_is_taken_in_every_case(void **state) {
        Fixture *f = *state;
        size_t n_descriptors = count_descriptors();
        int pipe_fds[2];

        put_elf(f, "a", 1);
        assert_int_equal(load_fd(f, "bad", -EBADF), -EBADF);
        assert_return_code(pipe2(pipe_fds, O_CLOEXEC), errno);
        assert_int_equal(load_fd(f, "pipe", pipe_fds[0]), -EINVAL);
        safe_close(pipe_fds[1]);
        assert_int_equal(load_fd(f, "directory", open_in(f->directory, ".")), -EINVAL);
        assert_int_equal(count_descriptors(), n_descriptors);

        assert_int_equal(load(f, "a"), 0);
        assert_int_equal(load(f, "a"), 0);
        assert_int_equal(count_descriptors(), n_descriptors + 1);
        run_until_idle(f);
        assert_int_equal(load(f, "a"), 1);
        assert_int_equal(count_descriptors(), n_descriptors);
}

static void test_a_file_without_a_name_is_indexed_but_leaves_no_link(void **state) {
        Fixture *f = *state;
        int fd;

        put_elf(f, "a", 1);
        for (int i = 0; i < 2; i++) {
                fd = memfd_create("vdso", MFD_CLOEXEC);
                assert_return_code(write_all(fd, "a\n", 2), 0);
                assert_int_equal(load_fd(f, "memory", fd), 0);
                run_until_idle(f);
                assert_int_equal(f->error, 0);
        }
        assert_log(f, "--copy a\n--index a\n--copy a\n");
        assert_int_equal(count_links(f->cache_path), 0);
}

static void test_an_unreadable_file_without_a_name_is_remembered_in_memory(void **state) {
        _cleanup_close_ int fd = -EBADF;
        Fixture *f = *state;

        put_misbehaviour(f, "a", "--copy", "exit 65\n");
        fd = memfd_create("file", MFD_CLOEXEC);
        assert_return_code(write_all(fd, "a\n", 2), 0);
        assert_int_equal(load_fd(f, "memory", fcntl(fd, F_DUPFD_CLOEXEC, 0)), 0);
        run_until_idle(f);
        assert_int_equal(f->error, -EBADMSG);
        assert_int_equal(load_fd(f, "memory", fcntl(fd, F_DUPFD_CLOEXEC, 0)), -EBADMSG);
        assert_int_equal(count_links(f->cache_path), 0);
}

static void on_loaded_load_next(IndexFile *index, int error, void *userdata) {
        Fixture *f = userdata;

        assert_int_equal(error, 0);
        assert_int_equal(load(f, "b"), 0);
}

static void test_a_callback_may_ask_for_the_next_file(void **state) {
        Fixture *f = *state;
        IndexFile *index;

        put_elf(f, "a", 1);
        put_elf(f, "b", 2);
        assert_int_equal(index_cache_load(f->cache, open_in(f->directory, "a"), on_loaded_load_next,
                                          f, &index),
                         0);
        run_until_idle(f);
        assert_int_equal(f->n_calls, 1);
        assert_int_equal(f->error, 0);
}

static void test_trimming_is_followed_by_making_anew(void **state) {
        Fixture *f = *state;

        put_elf(f, "a", 1);
        assert_int_equal(load_and_run(f, "a"), 0);
        assert_return_code(index_cache_trim(f->cache, 0), 0);
        assert_int_equal(count_names(f->cache_path, ".idx"), 0);
        assert_int_equal(count_links(f->cache_path), 0);
        assert_int_equal(load_and_run(f, "a"), 0);
        assert_int_equal(load(f, "a"), 1);
}

static const char *real_worker(void) {
        const char *worker = getenv("PROFILERD_ELF");

        if (!worker || access(worker, X_OK) < 0) {
                print_message("# PROFILERD_ELF does not name the program.\n");
                return NULL;
        }
        return worker;
}

static void on_index_count_functions(IndexFile *index, int error, void *userdata) {
        size_t *n_functions = userdata;

        assert_int_equal(error, 0);
        *n_functions = index_file_n_functions(index);
}

static size_t load_and_count_functions(Fixture *f, const char *directory, const char *name) {
        size_t n_functions = 0;
        IndexFile *index;

        assert_int_equal(index_cache_load(f->cache, open_in(directory, name),
                                          on_index_count_functions, &n_functions, &index),
                         0);
        run_until_idle(f);
        return n_functions;
}

/* The program as installed, on the file that this test is. */
static void test_the_real_worker_indexes_this_program(void **state) {
        const char *worker = real_worker();
        Fixture *f = *state;

        if (!worker)
                return;
        assert_return_code(free_and_strdup(&f->worker, worker), 0);
        restart_cache(f);

        assert_true(load_and_count_functions(f, "/proc/self", "exe") > 10);
        assert_int_equal(load_fd(f, "exe", open_in("/proc/self", "exe")), 1);

        put_text(f->directory, "text", "This is not an ELF file.\n");
        assert_int_equal(load_and_run(f, "text"), -EBADMSG);
}

static int load_pair(Fixture *f, const char *name, const char *debug) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        Request *request = malloc(sizeof(Request));
        int r;

        assert_non_null(request);
        *request = (Request){ f, name };
        r = index_cache_load_with_debug(f->cache, open_in(f->directory, name),
                                        open_in(f->directory, debug), on_loaded, request, &index);
        if (r != 0)
                free(request);
        run_until_idle(f);
        return r;
}

/* The second copy's hash, which the worker makes of both, is what the index is known by. */
static void test_a_file_with_its_debug_file_has_an_index_of_its_own(void **state) {
        Fixture *f = *state;
        size_t n_descriptors;

        put_elf(f, "a", 1);
        put_elf(f, "d", 2);
        n_descriptors = count_descriptors();
        assert_int_equal(load_and_run(f, "a"), 0);
        assert_int_equal(load_pair(f, "a", "d"), 0);
        assert_int_equal(f->error, 0);
        assert_log(f, "--copy a\n--index a\n--copy a\n--copy d\n--index a\n+ d\n");
        assert_int_equal(count_names(f->cache_path, ".idx"), 2);
        assert_int_equal(count_descriptors(), n_descriptors);

        restart_cache(f);
        assert_int_equal(load(f, "a"), 1);
        assert_int_equal(load_pair(f, "a", "d"), 1);
        assert_log(f, "");
}

static void test_the_debug_file_of_another_is_refused_for_good(void **state) {
        Fixture *f = *state;

        put_elf(f, "a", 1);
        put_elf(f, "d", 2);
        put_misbehaviour(f, "a", "--index", "exit 66");
        assert_int_equal(load_pair(f, "a", "d"), 0);
        assert_int_equal(f->error, -EBADMSG);
        restart_cache(f);
        assert_int_equal(load_pair(f, "a", "d"), -EBADMSG);

        /* The file itself is as good as before. */
        put_misbehaviour(f, "a", "--index", "");
        assert_int_equal(load_and_run(f, "a"), 0);
}

static void copy_file(Fixture *f, const char *from, const char *name) {
        _cleanup_free_ char *data = NULL;
        size_t size;

        assert_return_code(read_full_file_at(AT_FDCWD, from, 256 << 20, &data, &size), 0);
        put_file(f->directory, name, data, size);
}

/* Its contents become those of another program between the two runs. */
static void test_an_index_is_of_the_bytes_that_were_hashed(void **state) {
        const char *worker = real_worker();
        size_t n_first, n_second;
        _cleanup_free_ char *script = NULL;
        Fixture *f = *state, *reference;

        if (!worker)
                return;
        /* What both programs have when nobody cheats. */
        setup((void **) &reference);
        assert_return_code(free_and_strdup(&reference->worker, worker), 0);
        restart_cache(reference);
        n_first = load_and_count_functions(reference, "/proc/self", "exe");
        copy_file(reference, worker, "worker-copy");
        n_second = load_and_count_functions(reference, reference->directory, "worker-copy");
        assert_true(n_first > 0 && n_second > 0 && n_first != n_second);
        teardown((void **) &reference);

        assert_true(asprintf(&script,
                             "#!/bin/sh\n"
                             "cd %s\n"
                             "[ $1 = --index ] && cat second > first\n"
                             "exec %s \"$@\"\n",
                             f->directory, worker) > 0);
        put_text(f->directory, "worker", script);
        copy_file(f, "/proc/self/exe", "first");
        copy_file(f, worker, "second");
        assert_int_equal(load_and_count_functions(f, f->directory, "first"), n_first);

        /* What has the hash of the first finds the index of the first. */
        copy_file(f, "/proc/self/exe", "third");
        assert_int_equal(load_and_count_functions(f, f->directory, "third"), n_first);
        assert_int_equal(count_names(f->cache_path, ".idx"), 1);
        assert_int_equal(load_and_count_functions(f, f->directory, "second"), n_second);
}

#define cache_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                cache_test(test_a_new_file_is_copied_and_its_copy_is_indexed),
                cache_test(test_a_file_with_its_debug_file_has_an_index_of_its_own),
                cache_test(test_the_debug_file_of_another_is_refused_for_good),
                cache_test(test_a_known_file_costs_no_worker_also_after_a_restart),
                cache_test(test_known_contents_in_another_file_are_only_copied),
                cache_test(test_a_replaced_file_is_another_file),
                cache_test(test_all_who_ask_for_a_file_share_one_job),
                cache_test(test_files_are_taken_in_the_order_they_came_two_at_a_time),
                cache_test(test_an_unreadable_file_is_not_tried_again),
                cmocka_unit_test(test_a_misbehaving_worker_costs_its_file_only),
                cmocka_unit_test(test_a_worker_that_hangs_is_ended),
                cache_test(test_a_worker_that_takes_all_memory_gets_no_more_than_its_share),
                cache_test(test_a_failure_is_remembered_for_a_while_but_not_beyond_a_restart),
                cache_test(test_a_worker_that_cannot_be_started_is_reported),
                cache_test(test_freeing_the_cache_ends_the_workers_and_all_callbacks),
                cache_test(test_the_queue_has_an_end),
                cache_test(test_the_descriptor_is_taken_in_every_case),
                cache_test(test_a_file_without_a_name_is_indexed_but_leaves_no_link),
                cache_test(test_an_unreadable_file_without_a_name_is_remembered_in_memory),
                cache_test(test_a_callback_may_ask_for_the_next_file),
                cache_test(test_trimming_is_followed_by_making_anew),
                cache_test(test_the_real_worker_indexes_this_program),
                cache_test(test_an_index_is_of_the_bytes_that_were_hashed),
        };

        if (argc > 1 && streq(argv[1], TAKE_MEMORY))
                return take_memory_without_end();

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
