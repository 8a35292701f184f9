/* SPDX-License-Identifier: Apache-2.0 */
/* Index Directory */

#include <sys/mman.h>
#include <time.h>

#include "index-fixture.h"
#include "symbol/index-directory.h"
#include "unit-test.h"

#define NAME_WITH_ID    "abcd-01a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5.idx"
#define NAME_WITHOUT_ID "01a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5.idx"
#define OTHER_NAME      "02a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5.idx"

static const FileIdentity identity = { 1, 2, 3, 4, 5 };

static int setup(void **state) {
        *state = make_directory();
        return 0;
}

static int teardown(void **state) {
        remove_directory(*state);
        return 0;
}

static IndexDirectory *open_directory(const char *path) {
        IndexDirectory *d;

        assert_return_code(index_directory_new(&d, path), 0);
        return d;
}

static int put_index(IndexDirectory *d, uint8_t first, bool has_build_id) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        TestIndex contents = make_index(first, has_build_id);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];
        _cleanup_free_ char *tmp_name = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = index_directory_create(d, &tmp_name);
        assert_return_code(fd, 0);
        assert_return_code(write_all(fd, &contents, sizeof(contents)), 0);
        make_hash(first, hash);
        r = index_directory_put(d, fd, tmp_name, hash, &index);
        if (r >= 0)
                assert_int_equal(index_file_n_functions(index), 1);
        return r;
}

static int find(IndexDirectory *d, const FileIdentity *i) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;

        return index_directory_find(d, i, NULL, &index);
}

static int find_content(IndexDirectory *d, uint8_t first) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        make_hash(first, hash);
        return index_directory_find_content(d, hash, &index);
}

static void set_age(const char *directory, const char *name, time_t seconds) {
        struct timespec then = { .tv_sec = time(NULL) - seconds };
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
        assert_return_code(
                utimensat(AT_FDCWD, path, (struct timespec[]){ then, then }, AT_SYMLINK_NOFOLLOW),
                errno);
}

static time_t get_age(const char *directory, const char *name) {
        _cleanup_free_ char *path = NULL;
        struct stat st;

        assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
        assert_return_code(lstat(path, &st), errno);
        return time(NULL) - st.st_mtim.tv_sec;
}

static void test_the_identity_changes_with_the_contents(void **state) {
        FileIdentity before, after;
        _cleanup_close_ int fd = -EBADF;
        bool durable;

        put_text(*state, "file", "a");
        fd = open_in(*state, "file");
        assert_return_code(file_identity_read(fd, &before, &durable), 0);
        assert_true(durable);
        assert_int_equal(before.size, 1);

        put_text(*state, "file", "bb");
        safe_close(fd);
        fd = open_in(*state, "file");
        assert_return_code(file_identity_read(fd, &after, &durable), 0);
        assert_memory_not_equal(&before, &after, sizeof(before));
}

static void test_the_identity_of_a_nameless_file_does_not_last(void **state) {
        _cleanup_close_ int fd = -EBADF;
        FileIdentity i;
        bool durable;

        fd = memfd_create("file", MFD_CLOEXEC);
        assert_return_code(file_identity_read(fd, &i, &durable), 0);
        assert_false(durable);
}

static void test_only_regular_files_have_an_identity(void **state) {
        _cleanup_close_ int fd = open_in(*state, ".");
        FileIdentity i;
        bool durable;

        assert_int_equal(file_identity_read(fd, &i, &durable), -EINVAL);
        assert_int_equal(file_identity_read(-EBADF, &i, &durable), -EBADF);
}

static void test_the_directory_is_made_but_not_its_parent(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = NULL;
        _cleanup_free_ char *path = NULL, *deeper = NULL;

        assert_true(asprintf(&path, "%s/cache", (char *) *state) > 0);
        assert_true(asprintf(&deeper, "%s/a/b", (char *) *state) > 0);
        assert_return_code(index_directory_new(&d, path), 0);
        d = index_directory_free(d);
        assert_return_code(index_directory_new(&d, path), 0);
        d = index_directory_free(d);
        assert_int_equal(index_directory_new(&d, deeper), -ENOENT);
        assert_null(d);
}

static void test_a_private_file_has_no_name(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        _cleanup_close_ int fd = index_directory_create_private(d);
        struct stat st;

        assert_return_code(fd, 0);
        assert_return_code(write_all(fd, "abc", 3), 0);
        assert_return_code(fstat(fd, &st), errno);
        assert_int_equal(st.st_nlink, 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_an_index_is_found_by_its_contents_also_after_a_restart(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);

        assert_int_equal(find_content(d, 1), 0);
        assert_return_code(put_index(d, 1, true), 0);
        assert_int_equal(count_names(*state, NAME_WITH_ID), 1);
        assert_int_equal(find_content(d, 1), 1);
        assert_int_equal(find_content(d, 2), 0);

        index_directory_free(d);
        d = open_directory(*state);
        assert_int_equal(find_content(d, 1), 1);
        assert_int_equal(find_content(d, 2), 0);
}

static void test_without_a_build_id_the_hash_is_the_name(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);

        assert_return_code(put_index(d, 1, false), 0);
        assert_int_equal(count_names(*state, NAME_WITHOUT_ID), 1);
        assert_int_equal(count_names(*state, NAME_WITH_ID), 0);
        index_directory_free(d);
        d = open_directory(*state);
        assert_int_equal(find_content(d, 1), 1);
}

static void test_an_index_made_twice_is_kept_once(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);

        assert_return_code(put_index(d, 1, true), 0);
        assert_return_code(put_index(d, 1, true), 0);
        assert_int_equal(count_names(*state, ".idx"), 1);
}

static void test_what_is_not_the_index_of_the_contents_gets_no_name(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        _cleanup_free_ char *tmp_name = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];
        TestIndex contents = make_index(1, true);

        fd = index_directory_create(d, &tmp_name);
        make_hash(1, hash);
        assert_int_equal(index_directory_put(d, fd, tmp_name, hash, &index), -EBADMSG);
        assert_return_code(write_all(fd, &contents, sizeof(contents)), 0);
        hash[31] ^= 1;
        assert_int_equal(index_directory_put(d, fd, tmp_name, hash, &index), -EBADMSG);
        index_directory_discard(d, tmp_name);
        assert_int_equal(count_names(*state, ".idx"), 0);
}

static void test_a_link_leads_from_the_file_to_its_index(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        FileIdentity other = identity;
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        make_hash(1, hash);
        assert_int_equal(index_directory_link(d, &identity, NULL, hash), -ENOENT);
        assert_int_equal(find(d, &identity), 0);

        assert_return_code(put_index(d, 1, true), 0);
        assert_return_code(index_directory_link(d, &identity, NULL, hash), 0);
        assert_return_code(index_directory_link(d, &identity, NULL, hash), 0);
        assert_int_equal(count_links(*state), 1);

        index_directory_free(d);
        d = open_directory(*state);
        assert_int_equal(find(d, &identity), 1);
        for (size_t i = 0; i < sizeof(other) / sizeof(uint64_t); i++) {
                other = identity;
                ((uint64_t *) &other)[i]++;
                assert_int_equal(find(d, &other), 0);
        }
}

static void test_a_link_says_that_a_file_is_unreadable(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        assert_return_code(index_directory_link(d, &identity, NULL, NULL), 0);
        index_directory_free(d);
        d = open_directory(*state);
        assert_int_equal(find(d, &identity), -EBADMSG);
        assert_return_code(index_directory_trim(d, 0), 0);
        assert_int_equal(find(d, &identity), -EBADMSG);

        /* And is replaced when it turns out to be readable. */
        assert_return_code(put_index(d, 1, true), 0);
        make_hash(1, hash);
        assert_return_code(index_directory_link(d, &identity, NULL, hash), 0);
        assert_int_equal(find(d, &identity), 1);
}

static void test_another_version_tries_unreadable_files_again(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/by-inode/1-2-3-4-5", (char *) *state) > 0);
        assert_return_code(symlink("../unreadable-0", path), errno);
        assert_int_equal(find(d, &identity), 0);
        assert_return_code(index_directory_trim(d, 0), 0);
        assert_int_equal(count_links(*state), 0);
}

static void test_links_that_lead_elsewhere_are_not_followed(void **state) {
        static const char *const targets[] = {
                "/etc/passwd",
                "../../" NAME_WITH_ID,
                NAME_WITH_ID,
                "../x/" NAME_WITH_ID,
                "../" OTHER_NAME,
                "../1" NAME_WITHOUT_ID,
                "../-" NAME_WITHOUT_ID,
                "../ABCD-" NAME_WITHOUT_ID,
                "../.idx",
                "..",
        };
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        _cleanup_free_ char *path = NULL;

        assert_return_code(put_index(d, 1, true), 0);
        assert_true(asprintf(&path, "%s/by-inode/1-2-3-4-5", (char *) *state) > 0);
        for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
                assert_return_code(symlink(targets[i], path), errno);
                assert_int_equal(find(d, &identity), 0);
                assert_return_code(unlink(path), errno);
        }
        assert_return_code(symlink("../" NAME_WITH_ID, path), errno);
        assert_int_equal(find(d, &identity), 1);
}

/* Both ways of looking refuse it, and remove it, so that it is made anew. */
static void test_a_damaged_index_is_removed(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = NULL;
        TestIndex contents[] = { make_index(1, true), make_index(1, true), make_index(1, true) };
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        contents[0].header.file_size++;                 /* truncated */
        contents[1].header.content_hash[0] = 2;         /* under the name of another */
        contents[2].header.version = INDEX_VERSION + 1; /* made by another version */
        make_hash(1, hash);

        for (size_t i = 0; i < ELEMENTSOF(contents); i++)
                for (int by_content = 0; by_content < 2; by_content++) {
                        put_file(*state, NAME_WITH_ID, &contents[i], sizeof(TestIndex));
                        d = open_directory(*state);
                        assert_return_code(index_directory_link(d, &identity, NULL, hash), 0);
                        assert_int_equal(by_content ? find_content(d, 1) : find(d, &identity), 0);
                        assert_int_equal(count_names(*state, ".idx"), 0);
                        assert_return_code(put_index(d, 1, true), 0);
                        assert_int_equal(find(d, &identity), 1);
                        d = index_directory_free(d);
                }
}

static void test_an_index_that_somebody_removed_is_forgotten(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        _cleanup_free_ char *path = NULL;

        assert_return_code(put_index(d, 1, true), 0);
        assert_true(asprintf(&path, "%s/" NAME_WITH_ID, (char *) *state) > 0);
        assert_return_code(unlink(path), errno);
        assert_int_equal(find_content(d, 1), 0);
        assert_return_code(put_index(d, 1, true), 0);
        assert_int_equal(find_content(d, 1), 1);
}

static void test_a_use_is_noted_once_a_day(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];
        _cleanup_free_ char *links = NULL;

        assert_true(asprintf(&links, "%s/by-inode", (char *) *state) > 0);
        make_hash(1, hash);
        assert_return_code(put_index(d, 1, true), 0);
        assert_return_code(index_directory_link(d, &identity, NULL, hash), 0);

        set_age(*state, NAME_WITH_ID, 3600);
        set_age(links, "1-2-3-4-5", 3600);
        assert_int_equal(find(d, &identity), 1);
        assert_true(get_age(*state, NAME_WITH_ID) >= 3600);
        assert_true(get_age(links, "1-2-3-4-5") >= 3600);

        set_age(*state, NAME_WITH_ID, 2 * 86400);
        set_age(links, "1-2-3-4-5", 2 * 86400);
        assert_int_equal(find(d, &identity), 1);
        assert_true(get_age(*state, NAME_WITH_ID) < 3600);
        assert_true(get_age(links, "1-2-3-4-5") < 3600);

        /* The clock was set back since. */
        set_age(*state, NAME_WITH_ID, -3600);
        assert_int_equal(find(d, &identity), 1);
        assert_true(get_age(*state, NAME_WITH_ID) >= 0);
}

static void test_trimming_removes_the_least_recently_used_first(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];
        FileIdentity i = identity;

        for (uint8_t k = 1; k <= 4; k++) {
                char name[64];

                assert_return_code(put_index(d, k, false), 0);
                make_hash(k, hash);
                i.inode = k;
                assert_return_code(index_directory_link(d, &i, NULL, hash), 0);
                /* 3 is the oldest, then 4, 1, 2. */
                snprintf(name, sizeof(name), "%02x%s", k, &NAME_WITHOUT_ID[2]);
                set_age(*state, name, 1000 - (k + 1) % 4 * 100);
        }

        assert_return_code(index_directory_trim(d, 4 * sizeof(TestIndex)), 0);
        assert_int_equal(count_names(*state, ".idx"), 4);
        assert_int_equal(count_links(*state), 4);

        assert_return_code(index_directory_trim(d, 3 * sizeof(TestIndex) - 1), 0);
        assert_int_equal(count_names(*state, ".idx"), 2);
        assert_int_equal(count_links(*state), 2);
        for (uint8_t k = 1; k <= 4; k++) {
                i.inode = k;
                assert_int_equal(find(d, &i), k <= 2);
                assert_int_equal(find_content(d, k), k <= 2);
        }

        assert_return_code(index_directory_trim(d, 0), 0);
        assert_int_equal(count_names(*state, ".idx"), 0);
        assert_int_equal(count_links(*state), 0);
}

static void test_trimming_leaves_the_files_of_others_alone(void **state) {
        _cleanup_(index_directory_freep) IndexDirectory *d = open_directory(*state);

        put_text(*state, "notes.txt", "x");
        put_text(*state, "0123.idx", "x");
        put_text(*state, ".#fresh", "x");
        put_text(*state, ".#leftover", "x");
        set_age(*state, ".#leftover", 2 * 3600);
        assert_return_code(index_directory_trim(d, 0), 0);
        assert_int_equal(count_names(*state, "notes.txt"), 1);
        assert_int_equal(count_names(*state, "0123.idx"), 1);
        safe_close(open_in(*state, ".#fresh"));

        {
                _cleanup_free_ char *path = NULL;

                assert_true(asprintf(&path, "%s/.#leftover", (char *) *state) > 0);
                assert_int_equal(access(path, F_OK), -1);
        }
}

#define directory_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                directory_test(test_the_identity_changes_with_the_contents),
                directory_test(test_the_identity_of_a_nameless_file_does_not_last),
                directory_test(test_only_regular_files_have_an_identity),
                directory_test(test_the_directory_is_made_but_not_its_parent),
                directory_test(test_a_private_file_has_no_name),
                directory_test(test_an_index_is_found_by_its_contents_also_after_a_restart),
                directory_test(test_without_a_build_id_the_hash_is_the_name),
                directory_test(test_an_index_made_twice_is_kept_once),
                directory_test(test_what_is_not_the_index_of_the_contents_gets_no_name),
                directory_test(test_a_link_leads_from_the_file_to_its_index),
                directory_test(test_a_link_says_that_a_file_is_unreadable),
                directory_test(test_another_version_tries_unreadable_files_again),
                directory_test(test_links_that_lead_elsewhere_are_not_followed),
                directory_test(test_a_damaged_index_is_removed),
                directory_test(test_an_index_that_somebody_removed_is_forgotten),
                directory_test(test_a_use_is_noted_once_a_day),
                directory_test(test_trimming_removes_the_least_recently_used_first),
                directory_test(test_trimming_leaves_the_files_of_others_alone),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
