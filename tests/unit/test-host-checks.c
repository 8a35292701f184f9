/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Checks of the Host */

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "ctl/host-checks.h"
#include "remove-tree.h"
#include "unit-test.h"

static int setup(void **state) {
        static char root[] = "/tmp/test-host-checks-XXXXXX";

        strcpy(root + sizeof(root) - sizeof("XXXXXX"), "XXXXXX");
        *state = mkdtemp(root);
        return *state ? 0 : -1;
}

static int teardown(void **state) {
        return remove_tree(*state);
}

/* A file below root, with the directories to it. */
static void put(const char *root, const char *path, const char *text) {
        char full[PATH_MAX];
        FILE *f;

        snprintf(full, sizeof(full), "%s%s", root, path);
        for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
                *p = '\0';
                (void) mkdir(full, 0700);
                *p = '/';
        }
        f = fopen(full, "we");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static void assert_levels(Findings *f, size_t ok, size_t warn, size_t fail) {
        assert_int_equal(f->n_of_level[FINDING_OK], ok);
        assert_int_equal(f->n_of_level[FINDING_WARN], warn);
        assert_int_equal(f->n_of_level[FINDING_FAIL], fail);
        findings_done(f);
}

static void test_old_kernels_and_those_without_btf_fail(void **state) {
        Findings f = {};

        host_check_kernel(&f, *state, "5.9.16");
        assert_levels(&f, 0, 0, 2);

        put(*state, "/sys/kernel/btf/vmlinux", "");
        host_check_kernel(&f, *state, "5.10.0-30-amd64");
        assert_levels(&f, 2, 0, 0);
        host_check_kernel(&f, *state, "6.1.0");
        assert_levels(&f, 2, 0, 0);
        host_check_kernel(&f, *state, "plan9");
        assert_levels(&f, 1, 1, 0);
}

static void test_both_forms_of_cgroup_v2_do(void **state) {
        Findings f = {};

        host_check_cgroups(&f, *state);
        assert_levels(&f, 0, 0, 1);
        put(*state, "/sys/fs/cgroup/unified/cgroup.procs", "");
        host_check_cgroups(&f, *state);
        assert_levels(&f, 1, 0, 0);
        put(*state, "/sys/fs/cgroup/cgroup.controllers", "");
        host_check_cgroups(&f, *state);
        assert_levels(&f, 1, 0, 0);
}

static void test_hidden_kernel_names_are_a_warning_with_a_fix(void **state) {
        Findings f = {};

        host_check_kernel_names(&f, *state);
        assert_levels(&f, 0, 1, 0);
        put(*state, "/proc/sys/kernel/kptr_restrict", "1\n");
        host_check_kernel_names(&f, *state);
        assert_levels(&f, 1, 0, 0);
        put(*state, "/proc/sys/kernel/kptr_restrict", "2\n");
        host_check_kernel_names(&f, *state);
        assert_non_null(f.list[0].fix);
        assert_levels(&f, 0, 1, 0);
}

static void test_paranoid_is_a_number_that_may_be_negative(void **state) {
        int level;

        assert_int_equal(host_read_paranoid(*state, &level), -ENOENT);
        put(*state, "/proc/sys/kernel/perf_event_paranoid", "-1\n");
        assert_return_code(host_read_paranoid(*state, &level), 0);
        assert_int_equal(level, -1);
        put(*state, "/proc/sys/kernel/perf_event_paranoid", "many\n");
        assert_int_equal(host_read_paranoid(*state, &level), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_old_kernels_and_those_without_btf_fail, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_both_forms_of_cgroup_v2_do, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hidden_kernel_names_are_a_warning_with_a_fix,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(test_paranoid_is_a_number_that_may_be_negative,
                                                setup, teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
