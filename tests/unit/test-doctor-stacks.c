/* SPDX-License-Identifier: Apache-2.0 */
/* Findings on Stacks: the file, the reason and the remedy */

#include "report-fixture.h"

#include "ctl/doctor-stacks.h"
#include "profile/pprof.h"

static void add(ReportFixture *f, int64_t count, const char *reason, uint32_t outermost) {
        const ProfileLabel label = { .key = PROFILE_STACK_END_LABEL, .string = reason };
        const uint32_t stack[] = { f->frames[FRAME_WORK], outermost };
        const int64_t values[] = { count, count * 10 };

        assert_return_code(profile_add_sample(f->profile, &(ProfileSample){ .locations = stack,
                                                                            .n_locations = 2,
                                                                            .values = values,
                                                                            .labels = &label,
                                                                            .n_labels = !!reason }),
                           0);
}

/* Code that a runtime made. */
static uint32_t add_memory(ReportFixture *f) {
        uint32_t mapping;

        assert_return_code(
                profile_add_mapping(f->profile,
                                    &(ProfileMapping){ .limit = 1 << 20, .filename = "//anon" },
                                    &mapping),
                0);
        return fixture_location(f->profile, mapping, 0x77, NULL, NULL);
}

/* Takes the profile. What the last profile of a unit would make doctor say. */
static bool check(ReportFixture *f, Findings *findings) {
        char path[] = "/tmp/profilerd-doctor-XXXXXX";
        const UnitStatus u = { .name = (char *) "a.service", .last_profile_path = path };
        _cleanup_close_ int fd = mkstemp(path);
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        bool told;

        assert_return_code(pprof_encode(f->profile, &data, &size), 0);
        assert_int_equal(write(fd, data, size), size);
        profile_free(f->profile);
        told = doctor_check_stacks(findings, &u);
        unlink(path);
        return told;
}

static void test_the_file_the_reason_and_the_remedy_are_named(void **state) {
        _cleanup_(findings_done) Findings findings = {};
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        add(&f, 80, NULL, f.frames[FRAME_MAIN]);
        add(&f, 15, "no-table", f.frames[FRAME_NONAME]);
        add(&f, 5, "no-budget", f.frames[FRAME_MAIN]);
        assert_true(check(&f, &findings));

        assert_int_equal(findings.n, 2);
        assert_non_null(strstr(findings.list[0].text, "15% of the stacks end in "
                                                      "/usr/lib/libz.so.1: it has no call frame"));
        assert_non_null(strstr(findings.list[0].fix, "-fno-omit-frame-pointer"));
        assert_non_null(strstr(findings.list[1].text, "/usr/bin/worker"));
        assert_non_null(strstr(findings.list[1].fix, "UnwindMemoryMax="));
}

static void test_code_made_at_run_time_has_a_remedy_of_its_own(void **state) {
        _cleanup_(findings_done) Findings findings = {};
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        add(&f, 100, "no-table", add_memory(&f));
        assert_true(check(&f, &findings));
        assert_non_null(strstr(findings.list[0].text, "made at run time (//anon)"));
        assert_non_null(strstr(findings.list[0].fix, "PreserveFramePointer"));
}

static void test_single_stacks_are_not_worth_a_word(void **state) {
        _cleanup_(findings_done) Findings findings = {};
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        add(&f, 999, NULL, f.frames[FRAME_MAIN]);
        add(&f, 1, "no-rule", f.frames[FRAME_MAIN]);
        assert_false(check(&f, &findings));
        assert_int_equal(findings.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_file_the_reason_and_the_remedy_are_named),
                cmocka_unit_test(test_code_made_at_run_time_has_a_remedy_of_its_own),
                cmocka_unit_test(test_single_stacks_are_not_worth_a_word),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
