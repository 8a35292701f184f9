/* SPDX-License-Identifier: Apache-2.0 */
/* Process Table */

#include <signal.h>
#include <sys/wait.h>

#include "process/process-image.h"
#include "process/process-table.h"
#include "unit-test.h"

/* Beyond PID_MAX_LIMIT: no process ever has these. */
enum { PARENT = 5000000, CHILD, OTHER, FIRST };

static const FileId some_id = { 8, 1, 100 }, other_id = { 8, 1, 101 }, no_id = {};

static int setup(void **state) {
        ProcessTable *t;

        assert_return_code(process_table_new(&t), 0);
        *state = t;
        return 0;
}

static int teardown(void **state) {
        process_table_free(*state);
        return 0;
}

static ProcessTableStatistics statistics(const ProcessTable *t) {
        ProcessTableStatistics s;

        process_table_get_statistics(t, &s);
        return s;
}

/* CLOCK_BOOTTIME, as exact as /proc says. */
static nsec_t start_of(pid_t pid) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        ProcessImage image;
        uint64_t tick;

        assert_return_code(file_table_new(&files), 0);
        assert_return_code(process_image_read(pid, NULL, files, &image), 0);
        tick = image.start_tick;
        process_image_done(&image);
        return tick * NSEC_PER_SEC / (nsec_t) sysconf(_SC_CLK_TCK);
}

static void add(ProcessTable *t, pid_t pid, uint64_t page, const FileId *id, const char *path) {
        assert_return_code(
                process_table_mmap(t, pid, page << 12, (page + 1) << 12, page << 12, id, path), 0);
}

/* A process with a pid that no process has, and one mapping. */
static Process *make_parent(ProcessTable *t) {
        assert_non_null(process_table_get(t, PARENT, 1));
        assert_return_code(process_table_exec(t, PARENT, "parent"), 0);
        add(t, PARENT, 1, &some_id, "/usr/bin/parent");
        return process_table_find(t, PARENT);
}

static const char *path_at(const Process *p, uint64_t page) {
        const Mapping *m = mapping_set_find(p->mappings, page << 12);

        return m ? file_get_path(m->file) : NULL;
}

static void test_a_sampled_process_is_read_once(void **state) {
        ProcessTable *t = *state;
        nsec_t start = start_of(getpid());
        char exe[256] = "";
        Process *p;

        assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
        for (size_t i = 0; i < 3; i++) {
                p = process_table_get(t, getpid(), start);
                assert_non_null(p);
        }
        assert_non_null(p->mappings);
        assert_non_null(mapping_set_find(p->mappings, (uintptr_t) start_of));
        assert_string_equal(p->exe, exe);
        assert_string_not_equal(p->comm, "");
        assert_true(p->start_nsec == start && !p->dead && p->pid == getpid());
        assert_int_equal(statistics(t).maps_read, 1);
        assert_int_equal(statistics(t).maps_failed, 0);
        assert_ptr_equal(process_table_find(t, getpid()), p);
}

/* Children that were forked before anybody looked: what is the same is kept once. */
static void test_processes_with_the_same_mappings_share_them(void **state) {
        const Process *parent, *child;
        ProcessTable *t = *state;
        MappingSet *mappings;
        pid_t pid = fork();

        if (pid == 0)
                for (;;)
                        pause();
        parent = process_table_get(t, getpid(), 0);
        assert_non_null(parent->mappings);
        mappings = parent->mappings;
        child = process_table_get(t, pid, 0);
        assert_ptr_equal(child->mappings, mappings);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_a_start_asked_later_belongs_to_the_same_process(void **state) {
        ProcessTable *t = *state;
        nsec_t start = start_of(getpid()) + 7654321;
        Process *p = process_table_get(t, getpid(), 0);

        assert_non_null(p->mappings);
        assert_int_equal(p->start_nsec, 0);
        assert_ptr_equal(process_table_get(t, getpid(), start), p);
        assert_int_equal(p->start_nsec, start);
        assert_int_equal(statistics(t).maps_read, 1);
}

static void test_a_reused_pid_does_not_lend_its_mappings(void **state) {
        ProcessTable *t = *state;
        nsec_t start = start_of(getpid());
        Process *p = process_table_get(t, getpid(), start - NSEC_PER_SEC);

        assert_null(p->mappings);
        assert_true(p->dead);
        assert_int_equal(statistics(t).maps_failed, 1);

        p = process_table_get(t, getpid(), start);
        assert_non_null(p->mappings);
        assert_false(p->dead);
        p = process_table_get(t, getpid(), start + NSEC_PER_SEC);
        assert_null(p->mappings);
        assert_int_equal(statistics(t).n_processes, 1);
}

static void test_what_is_gone_before_its_first_sample_has_no_mappings(void **state) {
        ProcessTable *t = *state;

        for (size_t i = 0; i < 3; i++) {
                Process *p = process_table_get(t, CHILD, 1);

                assert_non_null(p);
                assert_null(p->mappings);
                assert_null(p->exe);
                assert_true(p->dead);
        }
        assert_int_equal(statistics(t).maps_failed, 1);
        assert_int_equal(statistics(t).n_dead, 1);
        assert_non_null(process_table_get(t, 0, 1));
        assert_non_null(process_table_get(t, -1, 1));
}

static void test_unknown_processes_are_ignored(void **state) {
        ProcessTable *t = *state;

        assert_return_code(process_table_fork(t, CHILD, PARENT), 0);
        assert_return_code(process_table_exec(t, CHILD, "child"), 0);
        assert_return_code(process_table_comm(t, CHILD, "child"), 0);
        add(t, CHILD, 1, &some_id, "/a");
        process_table_exit(t, CHILD, 1);
        assert_null(process_table_find(t, CHILD));
        assert_int_equal(statistics(t).n_processes, 0);
        assert_int_equal(statistics(t).n_files, 0);
}

static void test_a_forked_child_shares_until_one_of_the_two_changes(void **state) {
        ProcessTable *t = *state;
        Process *parent = make_parent(t), *child;

        assert_return_code(process_table_fork(t, CHILD, PARENT), 0);
        child = process_table_get(t, CHILD, 77);
        assert_ptr_equal(child->mappings, parent->mappings);
        assert_string_equal(child->exe, "/usr/bin/parent");
        assert_string_equal(child->comm, "parent");
        assert_int_equal(child->start_nsec, 77);
        assert_int_equal(statistics(t).maps_failed, 1); /* only the parent's */

        add(t, CHILD, 9, &other_id, "/lib/child.so");
        assert_string_equal(path_at(child, 9), "/lib/child.so");
        assert_null(path_at(parent, 9));
        assert_string_equal(path_at(child, 1), "/usr/bin/parent");
        add(t, PARENT, 1, &other_id, "/lib/over.so");
        assert_string_equal(path_at(child, 1), "/usr/bin/parent");
}

static void test_exec_forgets_the_image_and_learns_the_new_one(void **state) {
        ProcessTable *t = *state;
        Process *child;

        make_parent(t);
        assert_return_code(process_table_fork(t, CHILD, PARENT), 0);
        assert_return_code(process_table_exec(t, CHILD, "a-name-that-is-too-long"), 0);
        child = process_table_find(t, CHILD);
        assert_non_null(child->mappings);
        assert_int_equal(mapping_set_size(child->mappings), 0);
        assert_null(child->exe);
        assert_string_equal(child->comm, "a-name-that-is-");

        add(t, CHILD, 0x7000, &no_id, "[vdso]");
        add(t, CHILD, 0x6000, &other_id, "/lib64/ld-linux-x86-64.so.2");
        assert_null(child->exe);
        add(t, CHILD, 0x100, &some_id, "/usr/bin/tool (deleted)");
        add(t, CHILD, 0x5000, &other_id, "/lib/libc.so.6");
        assert_string_equal(child->exe, "/usr/bin/tool");
        assert_int_equal(mapping_set_size(child->mappings), 4);
        assert_return_code(process_table_comm(t, CHILD, "renamed"), 0);
        assert_string_equal(child->comm, "renamed");
        assert_string_equal(child->exe, "/usr/bin/tool");
}

static void test_the_owner_is_known_of_what_was_read(void **state) {
        ProcessTable *t = *state;
        Process *self;

        assert_int_equal(make_parent(t)->owner, PROCESS_OWNER_UNKNOWN);
        self = process_table_get(t, getpid(), start_of(getpid()));
        assert_int_equal(self->owner, geteuid());
        assert_return_code(process_table_fork(t, CHILD, getpid()), 0);
        assert_int_equal(process_table_find(t, CHILD)->owner, geteuid());
        assert_return_code(process_table_exec(t, getpid(), "new"), 0);
        assert_int_equal(self->owner, PROCESS_OWNER_UNKNOWN);
}

static void test_records_build_the_mappings_of_a_process_that_was_never_read(void **state) {
        ProcessTable *t = *state;
        Process *child;

        assert_null(process_table_get(t, PARENT, 1)->mappings);
        assert_return_code(process_table_fork(t, CHILD, PARENT), 0);
        add(t, CHILD, 5, &some_id, "/a");
        process_table_exit(t, CHILD, 1);
        child = process_table_get(t, CHILD, 2);
        assert_string_equal(path_at(child, 5), "/a");
        assert_int_equal(statistics(t).maps_failed, 1); /* the dead are not looked for */
}

static void test_a_process_known_by_records_is_read_if_they_are_not_all(void **state) {
        ProcessTable *t = *state;
        Process *self;

        assert_null(process_table_get(t, PARENT, 1)->mappings);
        assert_return_code(process_table_fork(t, getpid(), PARENT), 0);
        add(t, getpid(), 5, &some_id, "/a");
        self = process_table_get(t, getpid(), start_of(getpid()));
        assert_null(path_at(self, 5));
        assert_non_null(mapping_set_find(self->mappings, (uintptr_t) start_of));
}

static void test_the_dead_linger_and_then_go(void **state) {
        ProcessTable *t = *state;
        const usec_t death = 1000 * USEC_PER_SEC;

        make_parent(t);
        process_table_collect(t, death);
        assert_return_code(process_table_fork(t, CHILD, PARENT), 0);
        process_table_exit(t, CHILD, death);
        process_table_exit(t, CHILD, death + 1);
        assert_true(process_table_find(t, CHILD)->dead);
        assert_non_null(process_table_get(t, CHILD, 7)->mappings);
        process_table_collect(t, death + PROCESS_LINGER_USEC - 1);
        assert_non_null(process_table_find(t, CHILD));
        process_table_collect(t, death + PROCESS_LINGER_USEC);
        assert_null(process_table_find(t, CHILD));
        assert_int_equal(statistics(t).evicted, 0);
}

static void test_a_pid_used_again_is_a_new_process(void **state) {
        ProcessTable *t = *state;

        make_parent(t);
        assert_return_code(process_table_fork(t, CHILD, PARENT), 0);
        assert_int_equal(process_table_get(t, CHILD, 7)->start_nsec, 7);
        process_table_exit(t, CHILD, 1);
        assert_return_code(process_table_fork(t, CHILD, PARENT), 0);
        assert_false(process_table_find(t, CHILD)->dead);
        assert_int_equal(process_table_find(t, CHILD)->start_nsec, 0);

        /* Its parent is not known: nor is it. */
        process_table_exit(t, CHILD, 2);
        assert_return_code(process_table_fork(t, CHILD, OTHER), 0);
        assert_null(process_table_find(t, CHILD));
        assert_int_equal(statistics(t).n_dead, 1);

        /* Seen alive, although the one we knew is dead. */
        assert_non_null(process_table_get(t, getpid(), 0)->mappings);
        process_table_exit(t, getpid(), 3);
        assert_false(process_table_get(t, getpid(), 0)->dead);
}

static void test_a_fork_reported_late_does_not_undo_what_was_read(void **state) {
        ProcessTable *t = *state;
        Process *self = process_table_get(t, getpid(), 0);
        const MappingSet *mappings = self->mappings;

        make_parent(t);
        assert_return_code(process_table_fork(t, getpid(), PARENT), 0);
        assert_return_code(process_table_fork(t, getpid(), OTHER), 0);
        assert_ptr_equal(process_table_find(t, getpid()), self);
        assert_ptr_equal(self->mappings, mappings);
}

static void test_after_an_invalidation_maps_are_read_once_more(void **state) {
        ProcessTable *t = *state;
        nsec_t start = start_of(getpid());
        Process *p = process_table_get(t, getpid(), start);

        add(t, getpid(), 5, &some_id, "/bogus");
        assert_string_equal(path_at(p, 5), "/bogus");
        process_table_invalidate(t);
        assert_int_equal(statistics(t).maps_read, 1);
        p = process_table_get(t, getpid(), start);
        assert_null(path_at(p, 5));
        assert_ptr_equal(process_table_get(t, getpid(), start), p);
        assert_int_equal(statistics(t).maps_read, 2);
}

static void test_a_child_of_an_invalidated_parent_is_read(void **state) {
        ProcessTable *t = *state;

        make_parent(t);
        process_table_fork(t, OTHER, PARENT);
        process_table_invalidate(t);
        assert_return_code(process_table_fork(t, getpid(), OTHER), 0);
        assert_non_null(process_table_find(t, getpid())->mappings);
        assert_null(path_at(process_table_get(t, getpid(), start_of(getpid())), 1));

        /* One that cannot be read keeps what was known. */
        assert_string_equal(path_at(process_table_get(t, OTHER, 3), 1), "/usr/bin/parent");
        assert_true(process_table_find(t, OTHER)->dead);
}

static void test_an_end_that_was_not_reported_is_noticed(void **state) {
        ProcessTable *t = *state;
        int status;
        pid_t pid;

        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                pause();
                _exit(0);
        }
        assert_non_null(process_table_get(t, pid, 0)->mappings);
        process_table_collect(t, 1);
        assert_false(process_table_find(t, pid)->dead);

        assert_return_code(kill(pid, SIGKILL), errno);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        process_table_collect(t, 2);
        assert_true(process_table_find(t, pid)->dead);
        process_table_collect(t, 2 + PROCESS_LINGER_USEC);
        assert_null(process_table_find(t, pid));
}

static void test_a_collection_gets_round_to_everyone(void **state) {
        ProcessTable *t = *state;

        assert_non_null(process_table_get(t, getpid(), 0)->mappings);
        for (pid_t i = 0; i < 2 * PROCESS_CHECKS_MAX; i++)
                assert_return_code(process_table_fork(t, FIRST + i, getpid()), 0);
        for (size_t i = 0; i < 3; i++)
                process_table_collect(t, 1);
        assert_int_equal(statistics(t).n_dead, 2 * PROCESS_CHECKS_MAX);
        assert_false(process_table_find(t, getpid())->dead);
}

static void test_a_fork_storm_leaves_nothing_behind(void **state) {
        ProcessTable *t = *state;
        size_t n_references, n_files;

        assert_non_null(process_table_get(t, getpid(), 0)->mappings);
        n_references = file_table_n_references(process_table_get_files(t));
        n_files = statistics(t).n_files;
        for (pid_t i = 0; i < 100000; i++) {
                ProcessTableStatistics s;

                assert_return_code(process_table_fork(t, FIRST + i, getpid()), 0);
                if (i % 2) {
                        assert_return_code(process_table_exec(t, FIRST + i, "short"), 0);
                        add(t, FIRST + i, 2, &other_id, "/usr/bin/short");
                }
                process_table_exit(t, FIRST + i, 1000);
                s = statistics(t);
                assert_true(s.n_dead <= PROCESS_DEAD_MAX && s.n_processes == s.n_dead + 1 &&
                            s.n_files <= n_files + 1);
                assert_true(file_table_n_references(process_table_get_files(t)) <=
                            n_references + PROCESS_DEAD_MAX);
        }
        assert_int_equal(statistics(t).evicted, 100000 - PROCESS_DEAD_MAX);
        process_table_collect(t, 1000 + PROCESS_LINGER_USEC);
        assert_int_equal(statistics(t).n_processes, 1);
        assert_int_equal(statistics(t).n_files, n_files);
        assert_int_equal(file_table_n_references(process_table_get_files(t)), n_references);
}

static void test_a_full_table_forgets_the_dead_and_then_the_unused(void **state) {
        ProcessTable *t = *state;

        assert_non_null(process_table_get(t, getpid(), 0)->mappings);
        for (pid_t i = 0; i < PROCESS_TABLE_MAX - 1; i++)
                assert_return_code(process_table_fork(t, FIRST + i, getpid()), 0);
        assert_int_equal(statistics(t).n_processes, PROCESS_TABLE_MAX);
        process_table_exit(t, FIRST + 500, 1);
        assert_non_null(process_table_get(t, getpid(), 0));
        assert_non_null(process_table_get(t, FIRST, 7));

        assert_return_code(process_table_fork(t, PARENT, getpid()), 0);
        assert_null(process_table_find(t, FIRST + 500));
        assert_return_code(process_table_fork(t, CHILD, getpid()), 0);
        assert_null(process_table_find(t, FIRST + 1));
        assert_non_null(process_table_find(t, FIRST));
        assert_non_null(process_table_find(t, getpid()));
        assert_int_equal(statistics(t).n_processes, PROCESS_TABLE_MAX);
        assert_int_equal(statistics(t).evicted, 2);
}

static void test_mappings_beyond_the_limits_are_counted(void **state) {
        ProcessTable *t = *state;
        _cleanup_(file_unrefp) File *f = NULL;
        Process *p = make_parent(t);

        assert_return_code(process_table_mmap(t, PARENT, 9, 9, 0, &some_id, "/empty"), 0);
        assert_int_equal(statistics(t).mappings_refused, 1);
        for (uint64_t i = 1; i <= MAPPING_SET_MAX; i++)
                add(t, PARENT, 2 * i + 1, &other_id, "/many");
        assert_int_equal(mapping_set_size(p->mappings), MAPPING_SET_MAX);
        assert_int_equal(statistics(t).mappings_refused, 2);

        assert_return_code(file_table_get(process_table_get_files(t), &some_id, "/f", &f), 0);
        for (size_t i = 0; i < PROCESS_MAPPINGS_MAX; i++)
                file_ref(f);
        add(t, PARENT, 3, &some_id, "/instead");
        assert_string_equal(path_at(p, 3), "/many");
        assert_null(process_table_get(t, getpid(), 0)->mappings);
        assert_false(process_table_find(t, getpid())->dead);
        assert_int_equal(statistics(t).mappings_refused, 4);
        for (size_t i = 0; i < PROCESS_MAPPINGS_MAX; i++)
                file_unref(f);
}

#define TABLE_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TABLE_TEST(test_a_sampled_process_is_read_once),
                TABLE_TEST(test_processes_with_the_same_mappings_share_them),
                TABLE_TEST(test_a_start_asked_later_belongs_to_the_same_process),
                TABLE_TEST(test_a_reused_pid_does_not_lend_its_mappings),
                TABLE_TEST(test_what_is_gone_before_its_first_sample_has_no_mappings),
                TABLE_TEST(test_unknown_processes_are_ignored),
                TABLE_TEST(test_a_forked_child_shares_until_one_of_the_two_changes),
                TABLE_TEST(test_exec_forgets_the_image_and_learns_the_new_one),
                TABLE_TEST(test_the_owner_is_known_of_what_was_read),
                TABLE_TEST(test_records_build_the_mappings_of_a_process_that_was_never_read),
                TABLE_TEST(test_a_process_known_by_records_is_read_if_they_are_not_all),
                TABLE_TEST(test_the_dead_linger_and_then_go),
                TABLE_TEST(test_a_pid_used_again_is_a_new_process),
                TABLE_TEST(test_a_fork_reported_late_does_not_undo_what_was_read),
                TABLE_TEST(test_after_an_invalidation_maps_are_read_once_more),
                TABLE_TEST(test_a_child_of_an_invalidated_parent_is_read),
                TABLE_TEST(test_an_end_that_was_not_reported_is_noticed),
                TABLE_TEST(test_a_collection_gets_round_to_everyone),
                TABLE_TEST(test_a_fork_storm_leaves_nothing_behind),
                TABLE_TEST(test_a_full_table_forgets_the_dead_and_then_the_unused),
                TABLE_TEST(test_mappings_beyond_the_limits_are_counted),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
