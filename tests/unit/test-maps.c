/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/maps */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "process/maps.h"
#include "unit-test.h"

typedef struct Seen {
        size_t n, n_executable;
        MapsEntry last;
        char path[MAPS_PATH_MAX];
        int answer;
} Seen;

static int on_entry(const MapsEntry *entry, void *userdata) {
        Seen *seen = userdata;

        seen->n++;
        seen->n_executable += entry->executable;
        seen->last = *entry;
        snprintf(seen->path, sizeof(seen->path), "%s", entry->path);
        return seen->answer;
}

static Seen parse(const char *text, size_t *ret_skipped) {
        Seen seen = {};

        assert_return_code(maps_parse(text, strlen(text), on_entry, &seen, ret_skipped), 0);
        return seen;
}

static void test_a_line_is_read_in_full(void **state) {
        size_t skipped = 99;
        Seen s = parse("7f32d01b7000-7f32d030d000 r-xp 00026000 fe:0a 332835                     "
                       "/usr/lib/x86_64-linux-gnu/libc.so.6\n",
                       &skipped);

        assert_int_equal(skipped, 0);
        assert_int_equal(s.n, 1);
        assert_int_equal(s.last.start, 0x7f32d01b7000);
        assert_int_equal(s.last.end, 0x7f32d030d000);
        assert_int_equal(s.last.offset, 0x26000);
        assert_int_equal(s.last.id.major, 0xfe);
        assert_int_equal(s.last.id.minor, 0x0a);
        assert_int_equal(s.last.id.inode, 332835);
        assert_true(s.last.executable);
        assert_string_equal(s.path, "/usr/lib/x86_64-linux-gnu/libc.so.6");
}

static void test_memory_without_a_name_has_an_empty_path(void **state) {
        assert_string_equal(parse("1000-2000 rwxp 00000000 00:00 0 \n", NULL).path, "");
        assert_string_equal(parse("1000-2000 rwxp 00000000 00:00 0\n", NULL).path, "");
        assert_int_equal(parse("1000-2000 rwxp 00000000 00:00 0", NULL).n, 1);
}

static void test_only_x_is_executable(void **state) {
        Seen s = parse("1000-2000 rw-p 00000000 00:00 0 \n"
                       "2000-3000 r--s 00000000 00:00 0 \n"
                       "3000-4000 --xp 00000000 00:00 0 [vsyscall]\n",
                       NULL);

        assert_int_equal(s.n, 3);
        assert_int_equal(s.n_executable, 1);
}

static void test_a_path_keeps_its_blanks_and_backslashes(void **state) {
        const char *line = "1000-2000 r-xp 00000000 08:01 7    ";
        const struct {
                const char *text, *path;
        } cases[] = {
                { "/a b  c", "/a b  c" },
                { "/a (deleted)", "/a (deleted)" },
                { "/two\\012lines", "/two\nlines" },
                { "/ends\\012", "/ends\n" },
                { "/ends\\01", "/ends\\01" },
                { "/a\\040b\\134", "/a\\040b\\134" },
                { "/tab\tand \xff bytes", "/tab\tand \xff bytes" },
                { "[anon:some thing]", "[anon:some thing]" },
                { "/memfd:jit (deleted)", "/memfd:jit (deleted)" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[256];

                snprintf(text, sizeof(text), "%s%s\n", line, cases[i].text);
                assert_string_equal(parse(text, NULL).path, cases[i].path);
        }
}

static void test_odd_lines_are_skipped_and_counted(void **state) {
        static const char *const odd[] = {
                "",
                "x",
                "1000",
                "1000-",
                "1000-2000",
                "1000-2000 ",
                "1000-2000 r-x",
                "1000-2000 r-xp",
                "1000-2000 rxwp 0 0:0 0 /a",
                "1000-2000 r-xq 0 0:0 0 /a",
                "2000-1000 r-xp 0 0:0 0 /a",
                "1000-1000 r-xp 0 0:0 0 /a",
                "-2000 r-xp 0 0:0 0 /a",
                "1000-2000  r-xp 0 0:0 0 /a",
                " 1000-2000 r-xp 0 0:0 0 /a",
                "0x1000-0x2000 r-xp 0 0:0 0 /a",
                "1000-2000 r-xp 0 0:0 -1 /a",
                "1000-2000 r-xp 0 0:0 1f /a",
                "1000-2000 r-xp 0 0:0 /a",
                "1000-2000 r-xp 0 00 0 /a",
                "1000-2000 r-xp 0 100000000:0 0 /a",
                "1000-2000 r-xp 0 0:100000000 0 /a",
                "1000-10000000000000000 r-xp 0 0:0 0 /a",
                "1000-2000 r-xp 10000000000000000 0:0 0 /a",
                "1000-2000 r-xp 0 0:0 18446744073709551616 /a",
        };
        size_t skipped;

        for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
                char text[256];

                snprintf(text, sizeof(text), "%s\n3000-4000 r-xp 0 0:0 0 /good\n", odd[i]);
                assert_int_equal(parse(text, &skipped).n, 1);
                assert_int_equal(skipped, 1);
        }
}

static void test_a_zero_byte_spoils_its_line_only(void **state) {
        const char text[] = "1000-2000 r-xp 0 0:0 0 /a\0b\n2000-3000 r-xp 0 0:0 0 /c\n";
        size_t skipped;
        Seen s = {};

        assert_return_code(maps_parse(text, sizeof(text) - 1, on_entry, &s, &skipped), 0);
        assert_int_equal(s.n, 1);
        assert_int_equal(skipped, 1);
        assert_string_equal(s.path, "/c");
}

static void test_the_largest_numbers_are_read(void **state) {
        Seen s = parse("0-ffffffffffffffff r-xp ffffffffffffffff ffffffff:ffffffff "
                       "18446744073709551615 /a\n",
                       NULL);

        assert_int_equal(s.n, 1);
        assert_true(s.last.end == UINT64_MAX && s.last.offset == UINT64_MAX);
        assert_true(s.last.id.major == UINT32_MAX && s.last.id.inode == UINT64_MAX);
}

static void test_a_path_too_long_is_called_so(void **state) {
        static char text[2 * MAPS_PATH_MAX];
        const size_t n = strlen("1000-2000 r-xp 0 8:1 7 ");

        strcpy(text, "1000-2000 r-xp 0 8:1 7 ");
        memset(text + n, 'a', MAPS_PATH_MAX - 1);
        assert_int_equal(strlen(parse(text, NULL).path), MAPS_PATH_MAX - 1);
        memset(text + n, 'a', MAPS_PATH_MAX);
        assert_string_equal(parse(text, NULL).path, FILE_PATH_TOO_LONG);
}

static void test_the_callback_can_stop(void **state) {
        const char *text = "1000-2000 r-xp 0 0:0 0 /a\n2000-3000 r-xp 0 0:0 0 /b\n";
        Seen s = { .answer = -EIO };

        assert_int_equal(maps_parse(text, strlen(text), on_entry, &s, NULL), -EIO);
        assert_int_equal(s.n, 1);
}

static MappingSet *read_maps(const char *process, FileTable *files) {
        _cleanup_close_ int fd = -EBADF;
        MappingSet *mappings;
        size_t refused;

        fd = open(process, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_return_code(fd, errno);
        assert_return_code(maps_read(fd, files, &mappings, &refused), 0);
        assert_int_equal(refused, 0);
        return mappings;
}

static void test_what_lies_in_the_kernels_half_is_not_the_processs(void **state) {
        const MapsEntry vsyscall = {
                .start = UINT64_C(0xffffffffff600000),
                .end = UINT64_C(0xffffffffff601000),
                .executable = true,
                .path = "[vsyscall]",
        };
        _cleanup_(file_table_freep) FileTable *files = NULL;
        _cleanup_(mapping_set_unrefp) MappingSet *mappings = NULL;

        assert_return_code(file_table_new(&files), 0);
        assert_return_code(mapping_set_new(&mappings), 0);
        assert_return_code(maps_add_entry(&vsyscall, files, &mappings), 0);
        assert_int_equal(mapping_set_size(mappings), 0);
}

static void test_our_own_code_is_found_in_our_own_maps(void **state) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        _cleanup_(mapping_set_unrefp) MappingSet *mappings = NULL;
        uint64_t here = (uintptr_t) test_our_own_code_is_found_in_our_own_maps;
        char exe[MAPS_PATH_MAX] = "";
        const Mapping *m;
        int local;

        assert_return_code(file_table_new(&files), 0);
        mappings = read_maps("/proc/self", files);
        assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
        m = mapping_set_find(mappings, here);
        assert_non_null(m);
        assert_string_equal(file_get_path(m->file), exe);
        assert_true(file_get_id(m->file)->inode != 0);
        assert_non_null(mapping_set_find(mappings, (uintptr_t) strstr));
        assert_null(mapping_set_find(mappings, (uintptr_t) &local));
}

static void test_anonymous_code_is_at_its_own_address(void **state) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        _cleanup_(mapping_set_unrefp) MappingSet *mappings = NULL;
        const size_t size = 4 * (size_t) sysconf(_SC_PAGESIZE);
        const Mapping *m;
        uint64_t address;
        void *p;

        p = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(p != MAP_FAILED);
        address = (uintptr_t) p;

        assert_return_code(file_table_new(&files), 0);
        mappings = read_maps("/proc/self", files);
        m = mapping_set_find(mappings, address);
        assert_non_null(m);
        assert_true(file_is_anonymous(m->file));
        assert_int_equal(m->offset, m->start);
        munmap(p, size);
}

static void test_the_vdso_of_a_32_bit_process_is_another_one(void **state) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        _cleanup_(mapping_set_unrefp) MappingSet *mappings = NULL;
        MapsEntry low = { .start = 0xf7f00000, .end = 0xf7f02000, .path = "[vdso]" };
        MapsEntry high = { .start = 0x7ffff7fc1000, .end = 0x7ffff7fc3000, .path = "[vdso]" };

        assert_return_code(file_table_new(&files), 0);
        assert_return_code(mapping_set_new(&mappings), 0);
        assert_return_code(maps_add_entry(&low, files, &mappings), 0);
        assert_return_code(maps_add_entry(&high, files, &mappings), 0);
        assert_false(file_is_vdso(mapping_set_get(mappings, 0)->file));
        assert_true(file_is_vdso(mapping_set_get(mappings, 1)->file));
        assert_int_equal(mapping_set_get(mappings, 1)->offset, 0);
}

static void test_a_zombie_has_no_mappings(void **state) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        _cleanup_close_ int fd = -EBADF;
        MappingSet *mappings = NULL;
        char path[64];
        size_t refused;
        siginfo_t info;
        pid_t pid;
        int r;

        assert_return_code(file_table_new(&files), 0);
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0)
                _exit(0);
        assert_return_code(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), errno);
        snprintf(path, sizeof(path), "/proc/%d", (int) pid);
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_return_code(fd, errno);
        assert_int_equal(maps_read(fd, files, &mappings, &refused), -ESRCH);

        assert_int_equal(waitpid(pid, NULL, 0), pid);
        r = maps_read(fd, files, &mappings, &refused);
        assert_true(r == -ESRCH || r == -ENOENT);
        assert_null(mappings);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_line_is_read_in_full),
                cmocka_unit_test(test_memory_without_a_name_has_an_empty_path),
                cmocka_unit_test(test_only_x_is_executable),
                cmocka_unit_test(test_a_path_keeps_its_blanks_and_backslashes),
                cmocka_unit_test(test_odd_lines_are_skipped_and_counted),
                cmocka_unit_test(test_a_zero_byte_spoils_its_line_only),
                cmocka_unit_test(test_the_largest_numbers_are_read),
                cmocka_unit_test(test_a_path_too_long_is_called_so),
                cmocka_unit_test(test_the_callback_can_stop),
                cmocka_unit_test(test_what_lies_in_the_kernels_half_is_not_the_processs),
                cmocka_unit_test(test_our_own_code_is_found_in_our_own_maps),
                cmocka_unit_test(test_anonymous_code_is_at_its_own_address),
                cmocka_unit_test(test_the_vdso_of_a_32_bit_process_is_another_one),
                cmocka_unit_test(test_a_zombie_has_no_mappings),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
