/* SPDX-License-Identifier: Apache-2.0 */
/* Sample Clock */

#include "capture/sample-clock.h"
#include "unit-test.h"

static void test_the_period_of_cpu_clock_is_its_weight(void **state) {
        _cleanup_(sample_clock_freep) SampleClock *c = NULL;

        assert_int_equal(sample_clock_new(&c, false, 2), 0);
        assert_int_equal(sample_clock_weigh(c, 0, 10101010, 99999999), 10101010);
        assert_int_equal(sample_clock_weigh(c, 7, 10101010, 0), 10101010);
}

/* A CPU of 2 GHz that is idle half of the time: idle time stretches the time between events. */
static void test_cycles_weigh_what_a_busy_cpu_takes_for_them(void **state) {
        _cleanup_(sample_clock_freep) SampleClock *c = NULL;
        nsec_t busy = 0;

        assert_int_equal(sample_clock_new(&c, true, 1), 0);
        (void) sample_clock_weigh(c, 0, 20000000, 10000000);
        for (int i = 0; i < 10; i++)
                busy += sample_clock_weigh(c, 0, 20000000, i % 2 ? 10000000 : 30000000);
        assert_int_equal(busy, 100000000);
}

static void test_a_change_of_speed_is_followed(void **state) {
        _cleanup_(sample_clock_freep) SampleClock *c = NULL;
        nsec_t weight = 0;

        assert_int_equal(sample_clock_new(&c, true, 1), 0);
        for (int i = 0; i < 100; i++)
                (void) sample_clock_weigh(c, 0, 40000000, 10000000);
        for (int i = 0; i < SAMPLE_CLOCK_HISTORY; i++)
                weight = sample_clock_weigh(c, 0, 10000000, 10000000);
        assert_int_equal(weight, 10000000);
}

static void test_cpus_have_speeds_of_their_own(void **state) {
        _cleanup_(sample_clock_freep) SampleClock *c = NULL;

        assert_int_equal(sample_clock_new(&c, true, 2), 0);
        assert_int_equal(sample_clock_weigh(c, 0, 1000, 1000), 1000);
        assert_int_equal(sample_clock_weigh(c, 1, 1000, 2000), 2000);
        assert_int_equal(sample_clock_weigh(c, 0, 1000, 5000), 1000);
}

static void test_a_weight_is_never_zero(void **state) {
        _cleanup_(sample_clock_freep) SampleClock *c = NULL;

        assert_int_equal(sample_clock_new(&c, true, 1), 0);
        assert_int_equal(sample_clock_weigh(c, 0, 0, 0), 1);
        assert_int_equal(sample_clock_weigh(c, 9, 5, 0), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_period_of_cpu_clock_is_its_weight),
                cmocka_unit_test(test_cycles_weigh_what_a_busy_cpu_takes_for_them),
                cmocka_unit_test(test_a_change_of_speed_is_followed),
                cmocka_unit_test(test_cpus_have_speeds_of_their_own),
                cmocka_unit_test(test_a_weight_is_never_zero),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
