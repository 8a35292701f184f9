/* SPDX-License-Identifier: Apache-2.0 */
/* Process Image */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "process/process-image.h"
#include "unit-test.h"

#define FIELDS " S 1 2 3 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 "

static void test_the_start_is_field_22(void **state) {
        ProcessImage image = {};

        assert_return_code(process_image_parse_stat("42 (cat)" FIELDS "117 3 4\n", &image), 0);
        assert_int_equal(image.start_tick, 117);
        assert_string_equal(image.comm, "cat");
}

static void test_a_name_may_hold_blanks_and_brackets(void **state) {
        ProcessImage image = {};

        assert_return_code(process_image_parse_stat("42 (a) R (b c)" FIELDS "117 3\n", &image), 0);
        assert_int_equal(image.start_tick, 117);
        assert_string_equal(image.comm, "a) R (b c");
}

static void test_a_name_too_long_is_cut(void **state) {
        ProcessImage image = {};

        assert_return_code(
                process_image_parse_stat("42 (kworker/u8:0-events_unbound)" FIELDS "9 3\n", &image),
                0);
        assert_string_equal(image.comm, "kworker/u8:0-ev");
}

static void test_a_zombie_is_gone(void **state) {
        ProcessImage image = {};

        assert_int_equal(process_image_parse_stat("42 (cat) Z 1 2 3 0", &image), -ESRCH);
        assert_int_equal(process_image_parse_stat("42 (cat) X 1 2 3 0", &image), -ESRCH);
}

static void test_what_is_no_stat_is_refused(void **state) {
        static const char *const texts[] = {
                "",
                "42",
                "42 (",
                "42 )(",
                "42 (cat",
                "42 (cat)",
                "42 (cat)S",
                "42 (cat) S 1 2 3",
                "42 (cat)" FIELDS,
                "42 (cat)" FIELDS "x 1",
                "42 (cat)" FIELDS "-5 1",
                "42 (cat)" FIELDS "117",
                "42 (cat)" FIELDS "99999999999999999999999 1",
        };
        ProcessImage image = {};

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(process_image_parse_stat(texts[i], &image), -EBADMSG);
}

static void test_a_living_process_is_read(void **state) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        uint64_t now = process_image_tick(now_nsec(CLOCK_BOOTTIME));
        ProcessImage image;
        char exe[256] = "", comm[PROCESS_COMM_SIZE] = "";

        assert_return_code(file_table_new(&files), 0);
        assert_return_code(process_image_read(getpid(), NULL, files, &image), 0);
        assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
        assert_return_code(prctl(PR_GET_NAME, comm), errno);
        assert_string_equal(image.exe, exe);
        assert_string_equal(image.comm, comm);
        assert_non_null(mapping_set_find(image.mappings, (uintptr_t) getpid));
        assert_true(image.start_tick <= now + 1);
        process_image_done(&image);
        assert_int_equal(file_table_size(files), 0);
}

static void test_the_start_decides_whether_it_is_the_same_process(void **state) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        ProcessImage image;
        uint64_t start;

        assert_return_code(file_table_new(&files), 0);
        assert_return_code(process_image_read(getpid(), NULL, files, &image), 0);
        start = image.start_tick;
        process_image_done(&image);

        for (int difference = -2; difference <= 2; difference++) {
                uint64_t asked = start + (uint64_t) difference;
                int r = process_image_read(getpid(), &asked, files, &image);

                assert_int_equal(r, difference == -2 || difference == 2 ? -ESRCH : 0);
                if (r == 0)
                        process_image_done(&image);
        }
}

static uid_t owner_of(FileTable *files, pid_t pid) {
        ProcessImage image;
        uid_t owner;

        assert_return_code(process_image_read(pid, NULL, files, &image), 0);
        owner = image.owner;
        process_image_done(&image);
        return owner;
}

/* As one that is set-uid, set-gid or not to be read. */
static void test_who_gained_privileges_belongs_to_root(void **state) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        uid_t uid = getuid() ?: 65534, before, after;
        int stop[2];
        char byte;
        pid_t pid;

        assert_return_code(file_table_new(&files), 0);
        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, stop), errno);
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                if (setresuid(uid, uid, uid) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
                        _exit(1);
                (void) write(stop[1], "", 1);
                (void) read(stop[1], &byte, 1);
                (void) prctl(PR_SET_DUMPABLE, 0);
                (void) write(stop[1], "", 1);
                for (;;)
                        pause();
        }
        assert_int_equal(read(stop[0], &byte, 1), 1);
        before = owner_of(files, pid);
        assert_int_equal(write(stop[0], "", 1), 1);
        assert_int_equal(read(stop[0], &byte, 1), 1);
        after = geteuid() == 0 ? owner_of(files, pid) : 0; /* others may not look any more */
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(stop[0]);
        close(stop[1]);
        assert_int_equal(before, uid);
        assert_int_equal(after, 0);
}

static void test_a_process_that_ended_is_gone(void **state) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        ProcessImage image;
        siginfo_t info;
        pid_t pid;

        assert_return_code(file_table_new(&files), 0);
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0)
                _exit(0);
        assert_return_code(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), errno);
        assert_int_equal(process_image_read(pid, NULL, files, &image), -ESRCH);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(process_image_read(pid, NULL, files, &image), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_start_is_field_22),
                cmocka_unit_test(test_a_name_may_hold_blanks_and_brackets),
                cmocka_unit_test(test_a_name_too_long_is_cut),
                cmocka_unit_test(test_a_zombie_is_gone),
                cmocka_unit_test(test_what_is_no_stat_is_refused),
                cmocka_unit_test(test_a_living_process_is_read),
                cmocka_unit_test(test_the_start_decides_whether_it_is_the_same_process),
                cmocka_unit_test(test_who_gained_privileges_belongs_to_root),
                cmocka_unit_test(test_a_process_that_ended_is_gone),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
