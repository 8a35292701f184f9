/* SPDX-License-Identifier: Apache-2.0 */
/* What This Process Costs */

#include <fcntl.h>

#include "basic/self.h"
#include "unit-test.h"

static void test_an_open_descriptor_counts(void **state) {
        uint64_t before = self_descriptors();
        _cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(self_descriptors(), before + 1);
}

static void test_work_costs_cpu_time(void **state) {
        nsec_t before = self_cpu_nsec();
        volatile uint64_t x = 0;

        while (self_cpu_nsec() < before + NSEC_PER_SEC / 100)
                x++;
        assert_true(x > 0);
}

static void test_touched_memory_is_resident(void **state) {
        enum { BYTES = 32 << 20 };
        uint64_t before = self_resident_bytes();
        _cleanup_free_ char *p = malloc(BYTES);

        assert_non_null(p);
        memset(p, 1, BYTES);
        assert_true(p[BYTES / 2] == 1);
        assert_true(self_resident_bytes() >= before + BYTES / 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_open_descriptor_counts),
                cmocka_unit_test(test_work_costs_cpu_time),
                cmocka_unit_test(test_touched_memory_is_resident),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
