/* SPDX-License-Identifier: Apache-2.0 */
/* Host Check */

#include "host-check.h"
#include "unit-test.h"

/* The steps that sampler_new() and profiler_new() name. */
static const char *const steps[] = { "opening the cache of indexes", "loading the BPF program",
                                     "opening perf events", "adding event sources" };

static void assert_sentence(const char *s) {
        assert_non_null(s);
        assert_true(strlen(s) > 20);
        assert_int_equal(s[strlen(s) - 1], '.');
        assert_null(strchr(s, '\n'));
        assert_null(strstr(s, "  "));
}

static void test_every_failure_has_a_remedy(void **state) {
        const int errors[] = { -EPERM, -EACCES, -EINVAL, -ENOENT, -EOPNOTSUPP, -EIO, -ENOMEM };

        for (size_t i = 0; i < ELEMENTSOF(steps); i++)
                for (size_t k = 0; k < ELEMENTSOF(errors); k++)
                        assert_sentence(host_explain(steps[i], errors[k]));
}

static void test_what_was_refused_is_named(void **state) {
        assert_non_null(strstr(host_explain("loading the BPF program", -EPERM), "CAP_BPF"));
        assert_non_null(strstr(host_explain("opening perf events", -EACCES), "perf_event"));
        assert_non_null(strstr(host_explain("loading the BPF program", -EINVAL), "BTF"));
}

static void test_a_missing_part_of_the_host_is_a_sentence(void **state) {
        const char *missing = host_check();

        if (missing)
                assert_sentence(missing);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_failure_has_a_remedy),
                cmocka_unit_test(test_what_was_refused_is_named),
                cmocka_unit_test(test_a_missing_part_of_the_host_is_a_sentence),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
