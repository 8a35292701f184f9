/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Profile Quality */

#include "report-fixture.h"

#include "profile/profile-quality.h"

static void test_frames_count_as_often_as_they_were_sampled(void **state) {
        ProfileFrames frames;
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        report_fixture_add(&f, 3, NULL, 0, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(&f, 2, NULL, 0, FRAME_NONAME, FRAME_MAIN, -1);

        profile_count_frames(f.profile, &frames);
        assert_int_equal(frames.frames, 10);
        assert_int_equal(frames.named, 8);
        assert_int_equal(profile_total(f.profile, 1), 50);
        profile_free(f.profile);
}

static void test_the_worst_mapping_has_the_most_frames_without_a_name(void **state) {
        ProfileFrames frames;
        ProfileMapping m;
        ReportFixture f;
        uint32_t worst;

        (void) state;
        report_fixture_init(&f, 0, 0);
        report_fixture_add(&f, 3, NULL, 0, FRAME_WORK, FRAME_MAIN, -1);
        assert_int_equal(profile_worst_mapping(f.profile, &worst, &frames), -ENOENT);

        report_fixture_add(&f, 2, NULL, 0, FRAME_NONAME, FRAME_MAIN, -1);
        assert_return_code(profile_worst_mapping(f.profile, &worst, &frames), 0);
        profile_get_mapping(f.profile, worst, &m);
        assert_string_equal(m.filename, "/usr/lib/libz.so.1");
        assert_int_equal(frames.frames, 2);
        assert_int_equal(frames.named, 0);
        profile_free(f.profile);
}

static void test_notes_add_up_over_profiles(void **state) {
        ProfileNotes notes = {};
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        profile_notes_add(&notes, f.profile);
        assert_false(notes.found);

        assert_return_code(profile_add_comment(f.profile, "unit: worker.service"), 0);
        assert_return_code(profile_add_comment(f.profile, "lost-samples: 7"), 0);
        assert_return_code(profile_add_comment(f.profile, "stacks-complete: 90"), 0);
        profile_notes_add(&notes, f.profile);
        profile_notes_add(&notes, f.profile);
        assert_true(notes.found);
        assert_int_equal(notes.lost_samples, 14);
        assert_int_equal(notes.stacks_complete, 180);
        assert_string_equal(profile_get_note(f.profile, "unit"), "worker.service");
        assert_null(profile_get_note(f.profile, "host"));
        profile_free(f.profile);
}

static void test_reasons_add_up_and_the_most_frequent_comes_first(void **state) {
        static const char *const comments[] = {
                "stacks-complete: 90",
                "stacks-broken: 9",
                "stacks-guessed: 4",
                "stacks-no-table: 2",
                "stacks-no-rule: 5",
                "stacks-not-loaded: x",
                "stacks-",
                "stacks-none: 1",
                "stacks-not-code: 0",
        };
        static const char before[] = "stacks-a-reason-that-is-longer-than-any: 7";
        ProfileNotes notes = {};
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        for (size_t i = 0; i < ELEMENTSOF(comments); i++)
                assert_return_code(profile_add_comment(f.profile, comments[i]), 0);
        assert_return_code(profile_add_comment(f.profile, before), 0);
        profile_notes_add(&notes, f.profile);
        profile_notes_add(&notes, f.profile);
        assert_int_equal(notes.broken.n, 2);
        assert_string_equal(notes.broken.items[0].name, "no-rule");
        assert_int_equal(notes.broken.items[0].stacks, 10);
        assert_string_equal(notes.broken.items[1].name, "no-table");
        assert_int_equal(notes.broken.items[1].stacks, 4);

        for (int i = 0; i < 2 * PROFILE_REASONS_MAX; i++) {
                char name[16];

                snprintf(name, sizeof(name), "reason-%d", i);
                profile_reasons_add(&notes.broken, name, 100);
        }
        assert_int_equal(notes.broken.n, PROFILE_REASONS_MAX);
        profile_free(f.profile);
}

static void test_notes_of_strangers_are_no_numbers(void **state) {
        ProfileNotes notes = {};
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        assert_return_code(profile_add_comment(f.profile, "lost-samples: -7"), 0);
        assert_return_code(profile_add_comment(f.profile, "stacks-broken: 12 or so"), 0);
        assert_return_code(profile_add_comment(f.profile, "stacks-none: 99999999999999999999999"),
                           0);
        assert_return_code(profile_add_comment(f.profile, "samples:3"), 0);
        profile_notes_add(&notes, f.profile);
        assert_false(notes.found);
        assert_int_equal(notes.lost_samples + notes.stacks_broken + notes.stacks_none, 0);
        profile_free(f.profile);
}

static void test_mappings_have_names_for_people(void **state) {
        static const struct {
                const char *filename, *name;
        } cases[] = {
                { "/usr/lib/postgresql/15/bin/postgres", "postgres" },
                { "[kernel.kallsyms]", "kernel" },
                { "[kernel.kallsyms]_stext", "kernel" },
                { "[vdso]", "[vdso]" },
                { "//anon", "anon" },
                { "/dir/", "/dir/" },
                { "", "" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_string_equal(profile_mapping_display_name(
                                            &(ProfileMapping){ .filename = cases[i].filename }),
                                    cases[i].name);
}

static void test_sums_saturate(void **state) {
        (void) state;
        assert_int_equal(profile_add_values(2, 3), 5);
        assert_true(profile_add_values(INT64_MAX, 1) == INT64_MAX);
        assert_true(profile_add_values(INT64_MIN, -1) == INT64_MIN);
}

static void test_the_default_value_type_is_what_the_profile_says_else_the_last(void **state) {
        static const ProfileValueType types[] = { { "alloc", "bytes" }, { "inuse", "bytes" } };
        ReportFixture f;
        Profile *p;

        (void) state;
        report_fixture_init(&f, 0, 0);
        assert_int_equal(profile_default_value_type(f.profile), 1);
        profile_free(f.profile);

        assert_return_code(profile_new(&p, types, ELEMENTSOF(types)), 0);
        assert_int_equal(profile_default_value_type(p), 1);
        assert_return_code(
                profile_set_header(p, &(ProfileHeader){ .default_sample_type = "alloc" }), 0);
        assert_int_equal(profile_default_value_type(p), 0);
        profile_free(p);
}

static void test_code_without_a_name_is_called_by_its_file_and_page(void **state) {
        static const struct {
                const char *file;
                uint64_t address;
                const char *expected;
        } cases[] = {
                { "/usr/bin/postgres", 0x1f123, "[postgres+0x1f000]" },
                { "/usr/bin/postgres", 0, "[postgres]" },
                { "//anon", 0x7f123456, "[anon]" },
                { "[vdso]", 0x123, "[vdso]" },
                { "[kernel.kallsyms]", UINT64_C(0xffffffff81000003), "[kernel]" },
                { "/memfd:doublemapper", 0x7f123456, "[memfd:doublemapper]" },
                { "", 0x1234, PROFILE_UNKNOWN_NAME },
        };
        char buffer[PROFILE_UNKNOWN_MAX], name[4096];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const ProfileMapping m = { .filename = cases[i].file };

                assert_string_equal(profile_unknown_name(&m, cases[i].address, buffer),
                                    cases[i].expected);
        }
        memset(name, 'a', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        assert_string_equal(profile_unknown_name(&(ProfileMapping){ .filename = name }, 1, buffer),
                            PROFILE_UNKNOWN_NAME);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_code_without_a_name_is_called_by_its_file_and_page),
                cmocka_unit_test(test_frames_count_as_often_as_they_were_sampled),
                cmocka_unit_test(test_the_worst_mapping_has_the_most_frames_without_a_name),
                cmocka_unit_test(test_notes_add_up_over_profiles),
                cmocka_unit_test(test_reasons_add_up_and_the_most_frequent_comes_first),
                cmocka_unit_test(test_notes_of_strangers_are_no_numbers),
                cmocka_unit_test(test_mappings_have_names_for_people),
                cmocka_unit_test(test_sums_saturate),
                cmocka_unit_test(
                        test_the_default_value_type_is_what_the_profile_says_else_the_last),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
