/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Attributes of Perf Events */

#include <time.h>

#include "open/perf-attr.h"
#include "unit-test.h"

static OpenRequest request_of(OpenKind kind) {
        return (OpenRequest){
                .magic = OPEN_MAGIC,
                .kind = kind,
                .cpu = 3,
                .frequency_hz = 99,
        };
}

static void assert_excludes_at_most_idle(const struct perf_event_attr *attr) {
        assert_int_equal(attr->size, sizeof(*attr));
        assert_int_equal(attr->inherit, 0);
        assert_int_equal(attr->disabled, 0);
        assert_int_equal(attr->exclude_user, 0);
        assert_int_equal(attr->exclude_kernel, 0);
        assert_int_equal(attr->exclude_hv, 0);
        assert_int_equal(attr->exclude_host, 0);
        assert_int_equal(attr->exclude_guest, 0);
        assert_int_equal(attr->use_clockid, 1);
        assert_int_equal(attr->clockid, CLOCK_MONOTONIC);
}

static void assert_excludes_nobody(const struct perf_event_attr *attr) {
        assert_excludes_at_most_idle(attr);
        assert_int_equal(attr->exclude_idle, 0);
}

static void test_sampling_events_run_at_a_frequency_and_wake_nobody(void **state) {
        static const struct {
                OpenKind kind;
                uint32_t type;
                uint64_t config;
        } cases[] = {
                { OPEN_CPU_CLOCK, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
                { OPEN_CYCLES, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                OpenRequest request = request_of(cases[i].kind);
                struct perf_event_attr attr;

                memset(&attr, 0xff, sizeof(attr));
                perf_attr_fill(&request, &attr);
                assert_excludes_nobody(&attr);
                assert_int_equal(attr.type, cases[i].type);
                assert_int_equal(attr.config, cases[i].config);
                assert_int_equal(attr.freq, 1);
                assert_int_equal(attr.sample_freq, 99);
                assert_int_equal(attr.sample_type, 0);
                assert_int_equal(attr.watermark, 0);
                assert_int_equal(attr.wakeup_events, UINT32_MAX);
                assert_int_equal(attr.mmap | attr.mmap2 | attr.comm | attr.task, 0);
        }
}

static void test_events_of_sessions_have_a_fixed_period_that_tells_the_frequency(void **state) {
        OpenRequest request = request_of(OPEN_SESSION);
        struct perf_event_attr attr;
        uint64_t last = UINT64_MAX;

        for (uint32_t hz = 1; hz <= OPEN_FREQUENCY_MAX_HZ; hz++) {
                request.frequency_hz = hz;
                memset(&attr, 0xff, sizeof(attr));
                perf_attr_fill(&request, &attr);
                assert_excludes_at_most_idle(&attr);
                assert_int_equal(attr.exclude_idle, 1);
                assert_int_equal(attr.type, PERF_TYPE_SOFTWARE);
                assert_int_equal(attr.config, PERF_COUNT_SW_CPU_CLOCK);
                assert_int_equal(attr.freq, 0);
                assert_int_equal(attr.sample_period, perf_session_period(hz));
                assert_true(attr.sample_period < last);
                assert_int_equal(attr.sample_type, 0);
                assert_int_equal(attr.wakeup_events, UINT32_MAX);
                assert_int_equal(attr.mmap | attr.mmap2 | attr.comm | attr.task, 0);
                last = attr.sample_period;
        }
}

static void test_the_record_event_tells_of_processes_and_code_only(void **state) {
        OpenRequest request = request_of(OPEN_RECORDS);
        struct perf_event_attr attr;

        memset(&attr, 0xff, sizeof(attr));
        perf_attr_fill(&request, &attr);
        assert_excludes_nobody(&attr);
        assert_int_equal(attr.type, PERF_TYPE_SOFTWARE);
        assert_int_equal(attr.config, PERF_COUNT_SW_DUMMY);
        assert_int_equal(attr.freq, 0);
        assert_int_equal(attr.sample_freq, 0);
        assert_int_equal(attr.mmap, 1);
        assert_int_equal(attr.mmap2, 1);
        assert_int_equal(attr.mmap_data, 0);
        assert_int_equal(attr.comm, 1);
        assert_int_equal(attr.comm_exec, 1);
        assert_int_equal(attr.task, 1);
        assert_int_equal(attr.sample_id_all, 1);
        assert_int_equal(attr.sample_type, PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU);
        assert_int_equal(attr.watermark, 1);
        assert_int_equal(attr.wakeup_watermark, 65536);
}

static void test_requests_beyond_the_limits_are_refused(void **state) {
        static const struct {
                OpenRequest request;
                int result;
        } cases[] = {
                { { OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 1 }, 0 },
                { { OPEN_MAGIC, OPEN_CYCLES, 4095, 1000 }, 0 },
                { { OPEN_MAGIC, OPEN_RECORDS, 1, 0 }, 0 },
                { { OPEN_MAGIC, OPEN_KALLSYMS, 0, 0 }, 0 },
                { { OPEN_MAGIC + 1, OPEN_CPU_CLOCK, 0, 99 }, -EBADMSG },
                { { 0, 0, 0, 0 }, -EBADMSG },
                { { OPEN_MAGIC, _OPEN_KIND_MAX, 0, 99 }, -EINVAL },
                { { OPEN_MAGIC, UINT32_MAX, 0, 99 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_CPU_CLOCK, 4096, 99 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_KALLSYMS, UINT32_MAX, 0 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 0 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_CYCLES, 0, 0 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_CYCLES, 0, 1001 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_RECORDS, 0, 1001 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_SESSION, 0, 1000 }, 0 },
                { { OPEN_MAGIC, OPEN_SESSION, 0, 0 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_SESSION, 0, 1001 }, -EINVAL },
                { { OPEN_MAGIC, OPEN_SESSION, 4096, 99 }, -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(open_request_check(&cases[i].request), cases[i].result);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sampling_events_run_at_a_frequency_and_wake_nobody),
                cmocka_unit_test(
                        test_events_of_sessions_have_a_fixed_period_that_tells_the_frequency),
                cmocka_unit_test(test_the_record_event_tells_of_processes_and_code_only),
                cmocka_unit_test(test_requests_beyond_the_limits_are_refused),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
