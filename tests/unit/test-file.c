/* SPDX-License-Identifier: Apache-2.0 */
/* Mapped File */

#include "process/file.h"
#include "unit-test.h"

static const FileId some_id = { 8, 1, 100 }, no_id = {};

static File *get(FileTable *t, const FileId *id, const char *path) {
        File *f;

        assert_return_code(file_table_get(t, id, path, &f), 0);
        return f;
}

static void test_id_and_path_make_the_file(void **state) {
        _cleanup_(file_table_freep) FileTable *t = NULL;
        _cleanup_(file_unrefp) File *a = NULL, *again = NULL, *path = NULL, *id = NULL;
        const FileId other_id = { 8, 1, 101 };

        assert_return_code(file_table_new(&t), 0);
        a = get(t, &some_id, "/a");
        again = get(t, &some_id, "/a");
        path = get(t, &some_id, "/b");
        id = get(t, &other_id, "/a");
        assert_ptr_equal(a, again);
        assert_ptr_not_equal(a, path);
        assert_ptr_not_equal(a, id);
        assert_int_equal(file_table_size(t), 3);
        assert_int_equal(file_table_n_references(t), 4);
        assert_string_equal(file_get_path(a), "/a");
        assert_int_equal(file_get_id(a)->inode, 100);
        assert_int_equal(file_get_state(a), FILE_NEW);
}

static void test_the_last_reference_takes_a_file_out_of_the_table(void **state) {
        _cleanup_(file_table_freep) FileTable *t = NULL;
        File *a, *b;

        assert_return_code(file_table_new(&t), 0);
        a = get(t, &some_id, "/a");
        b = file_ref(a);
        assert_null(file_unref(a));
        assert_int_equal(file_table_size(t), 1);
        assert_null(file_unref(b));
        assert_int_equal(file_table_size(t), 0);
        assert_int_equal(file_table_n_references(t), 0);
        assert_null(file_unref(NULL));
}

static void test_a_file_outlives_the_table(void **state) {
        _cleanup_(file_unrefp) File *a = NULL, *b = NULL;
        FileTable *t;

        assert_return_code(file_table_new(&t), 0);
        a = get(t, &some_id, "/a");
        b = get(t, &some_id, "/b");
        assert_null(file_table_free(t));
        assert_string_equal(file_get_path(file_ref(a)), "/a");
        file_unref(a);
}

static void test_deleting_a_file_does_not_make_it_another(void **state) {
        _cleanup_(file_table_freep) FileTable *t = NULL;
        _cleanup_(file_unrefp) File *a = NULL, *deleted = NULL, *memfd = NULL;

        assert_return_code(file_table_new(&t), 0);
        a = get(t, &some_id, "/a");
        deleted = get(t, &some_id, "/a (deleted)");
        memfd = get(t, &some_id, "/memfd:jit (deleted)");
        assert_ptr_equal(a, deleted);
        assert_string_equal(file_get_path(memfd), "/memfd:jit");
        assert_int_equal(file_get_state(memfd), FILE_NEW);
}

static void test_memory_without_a_file_is_lost_at_once(void **state) {
        const FileId zero = { 0, 1, 77 };
        const struct {
                const FileId *id;
                const char *path, *expected;
        } cases[] = {
                { &no_id, "", "//anon" },
                { &no_id, "//anon", "//anon" },
                { &no_id, " (deleted)", "//anon" },
                { &no_id, "[heap]", "[heap]" },
                { &no_id, "[vsyscall]", "[vsyscall]" },
                { &no_id, "[uprobes]", "[uprobes]" },
                { &no_id, "[anon:code]", "[anon:code]" },
                { &zero, "/dev/zero (deleted)", "/dev/zero" },
                { &zero, "/SYSV0123abcd (deleted)", "/SYSV0123abcd" },
                { &zero, "anon_inode:[io_uring]", "anon_inode:[io_uring]" },
        };
        _cleanup_(file_table_freep) FileTable *t = NULL;

        assert_return_code(file_table_new(&t), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(file_unrefp) File *f = get(t, cases[i].id, cases[i].path);

                assert_string_equal(file_get_path(f), cases[i].expected);
                assert_true(file_is_anonymous(f));
                assert_false(file_is_vdso(f));
                assert_int_equal(file_get_id(f)->inode, 0);
                assert_int_equal(file_get_state(f), FILE_LOST);
                assert_int_equal(file_get_error(f), -ENODATA);
        }
}

static void test_a_file_may_be_named_like_memory(void **state) {
        static const char *const names[] = {
                "/dev/zero", "/SYSV0123abcd", "/SYSV0123 (deleted)", "[vdso]", "/anon_inode:",
        };
        _cleanup_(file_table_freep) FileTable *t = NULL;

        assert_return_code(file_table_new(&t), 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(file_unrefp) File *f = get(t, &some_id, names[i]);

                assert_false(file_is_anonymous(f));
                assert_false(file_is_vdso(f));
                assert_int_equal(file_get_state(f), FILE_NEW);
        }
}

static void test_shared_memory_of_one_name_is_one_file(void **state) {
        _cleanup_(file_table_freep) FileTable *t = NULL;
        _cleanup_(file_unrefp) File *a = NULL, *b = NULL;
        const FileId one = { 0, 1, 77 }, two = { 0, 1, 78 };

        assert_return_code(file_table_new(&t), 0);
        a = get(t, &one, "/dev/zero (deleted)");
        b = get(t, &two, "/dev/zero (deleted)");
        assert_ptr_equal(a, b);
}

static void test_the_vdso_can_have_an_index(void **state) {
        _cleanup_(file_table_freep) FileTable *t = NULL;
        _cleanup_(file_unrefp) File *f = NULL;

        assert_return_code(file_table_new(&t), 0);
        f = get(t, &no_id, "[vdso]");
        assert_true(file_is_vdso(f));
        assert_false(file_is_anonymous(f));
        assert_int_equal(file_get_state(f), FILE_NEW);
}

static void test_a_path_too_long_is_called_so(void **state) {
        _cleanup_(file_table_freep) FileTable *t = NULL;
        _cleanup_(file_unrefp) File *fits = NULL, *does_not = NULL;
        char path[FILE_PATH_MAX + 1];

        assert_return_code(file_table_new(&t), 0);
        memset(path, 'a', sizeof(path));
        path[FILE_PATH_MAX] = '\0';
        does_not = get(t, &some_id, path);
        assert_string_equal(file_get_path(does_not), FILE_PATH_TOO_LONG);
        path[FILE_PATH_MAX - 1] = '\0';
        fits = get(t, &some_id, path);
        assert_string_equal(file_get_path(fits), path);
}

static void test_a_full_table_refuses_the_new_and_knows_the_old(void **state) {
        _cleanup_(file_table_freep) FileTable *t = NULL;
        _cleanup_free_ File **files = NULL;
        _cleanup_(file_unrefp) File *old = NULL;
        FileId id = { 8, 1, 0 };
        File *f = NULL;

        assert_return_code(file_table_new(&t), 0);
        files = calloc(FILE_TABLE_MAX, sizeof(File *));
        assert_non_null(files);
        for (id.inode = 1; id.inode <= FILE_TABLE_MAX; id.inode++)
                files[id.inode - 1] = get(t, &id, "/a");
        assert_int_equal(file_table_get(t, &id, "/a", &f), -E2BIG);
        assert_null(f);
        id.inode = 1;
        old = get(t, &id, "/a");
        assert_ptr_equal(old, files[0]);

        for (size_t i = 0; i < FILE_TABLE_MAX; i++)
                file_unref(files[i]);
        assert_int_equal(file_table_size(t), 1);
}

static void test_states_follow_each_other(void **state) {
        _cleanup_(file_table_freep) FileTable *t = NULL;
        _cleanup_(file_unrefp) File *f = NULL;
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        const IndexHeader header = {
                .magic = INDEX_MAGIC,
                .version = INDEX_VERSION,
                .header_size = sizeof(IndexHeader),
                .file_size = sizeof(IndexHeader),
        };

        assert_return_code(index_file_new_from_memory(&index, &header, sizeof(header)), 0);
        assert_return_code(file_table_new(&t), 0);
        f = get(t, &some_id, "/a");
        file_set_pending(f);
        assert_int_equal(file_get_state(f), FILE_PENDING);
        file_set_refused(f, -EBADMSG);
        assert_int_equal(file_get_state(f), FILE_REFUSED);
        assert_int_equal(file_get_error(f), -EBADMSG);
        assert_null(file_get_index(f));

        file_set_index(f, index);
        file_set_index(f, index);
        assert_int_equal(file_get_state(f), FILE_INDEXED);
        assert_int_equal(file_get_error(f), 0);
        assert_ptr_equal(file_get_index(f), index);

        file_set_lost(f, -ESTALE);
        assert_int_equal(file_get_state(f), FILE_LOST);
        assert_int_equal(file_get_error(f), -ESTALE);
        assert_null(file_get_index(f));
        file_set_index(f, index);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_id_and_path_make_the_file),
                cmocka_unit_test(test_the_last_reference_takes_a_file_out_of_the_table),
                cmocka_unit_test(test_a_file_outlives_the_table),
                cmocka_unit_test(test_deleting_a_file_does_not_make_it_another),
                cmocka_unit_test(test_memory_without_a_file_is_lost_at_once),
                cmocka_unit_test(test_a_file_may_be_named_like_memory),
                cmocka_unit_test(test_shared_memory_of_one_name_is_one_file),
                cmocka_unit_test(test_the_vdso_can_have_an_index),
                cmocka_unit_test(test_a_path_too_long_is_called_so),
                cmocka_unit_test(test_a_full_table_refuses_the_new_and_knows_the_old),
                cmocka_unit_test(test_states_follow_each_other),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
