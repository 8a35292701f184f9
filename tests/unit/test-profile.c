/* SPDX-License-Identifier: Apache-2.0 */
/* Profile */

#include "basic/string-util.h"
#include "profile/profile-split.h"
#include "unit-test.h"

static const ProfileValueType types[] = { { "samples", "count" }, { "cpu", "nanoseconds" } };

static Profile *new_profile(void) {
        Profile *p;

        assert_return_code(profile_new(&p, types, ELEMENTSOF(types)), errno);
        return p;
}

static uint32_t add_mapping(Profile *p, uint64_t start, uint64_t limit, const char *build_id) {
        ProfileMapping m = {
                .start = start, .limit = limit, .filename = "/bin/x", .build_id = build_id
        };
        uint32_t index;

        assert_return_code(profile_add_mapping(p, &m, &index), errno);
        return index;
}

static uint32_t add_location(Profile *p, uint32_t mapping, uint64_t address, const char *name) {
        ProfileLocation l = { .mapping = mapping, .address = address };
        ProfileLine line = { .line = 3 };
        uint32_t index;

        if (name) {
                ProfileFunction f = { .name = name, .system_name = name };

                assert_return_code(profile_add_function(p, &f, &line.function), errno);
                l.lines = &line;
                l.n_lines = 1;
        }
        assert_return_code(profile_add_location(p, &l, &index), errno);
        return index;
}

static int add_sample(Profile *p,
                      const uint32_t *locations,
                      size_t n,
                      int64_t value,
                      const ProfileLabel *labels,
                      size_t n_labels) {
        const int64_t values[] = { 1, value };
        const ProfileSample s = {
                .locations = locations,
                .n_locations = n,
                .values = values,
                .labels = labels,
                .n_labels = n_labels,
        };

        return profile_add_sample(p, &s);
}

static int64_t get_total(Profile *p, size_t type) {
        int64_t total = 0;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                total += s.values[type];
        }
        return total;
}

static void test_equal_entries_exist_once(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();

        assert_int_equal(add_mapping(p, 0x1000, 0x2000, "ab"), 0);
        assert_int_equal(add_mapping(p, 0x1000, 0x2000, "cd"), 1);
        assert_int_equal(add_mapping(p, 0x1000, 0x2000, "ab"), 0);
        assert_int_equal(profile_n_mappings(p), 2);

        assert_int_equal(add_location(p, 0, 0x1500, "f"), 0);
        assert_int_equal(add_location(p, 0, 0x1500, "g"), 1);
        assert_int_equal(add_location(p, 1, 0x1500, "f"), 2);
        assert_int_equal(add_location(p, 0, 0x1500, NULL), 3);
        assert_int_equal(add_location(p, PROFILE_NONE, 0x1500, "f"), 4);
        assert_int_equal(add_location(p, 0, 0x1500, "f"), 0);
        assert_int_equal(profile_n_locations(p), 5);
        assert_int_equal(profile_n_functions(p), 2);
}

static void test_what_went_in_comes_out(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        ProfileFunction f = { "ns::f()", "_ZN2ns1fEv", "f.cc", 12 }, g;
        ProfileLine lines[2] = { { .line = 20 }, { .line = 30 } };
        ProfileMapping m = { .start = 0x400000,
                             .limit = 0x500000,
                             .offset = 0x1000,
                             .filename = "/usr/bin/x",
                             .build_id = "0123ab",
                             .has_functions = true,
                             .has_line_numbers = true },
                       n;
        ProfileLocation l = { .address = 0x400123, .lines = lines, .n_lines = 2, .folded = true },
                        k;
        uint32_t index;

        assert_return_code(profile_add_mapping(p, &m, &l.mapping), errno);
        assert_return_code(profile_add_function(p, &f, &lines[0].function), errno);
        assert_return_code(profile_add_function(p, &f, &lines[1].function), errno);
        assert_return_code(profile_add_location(p, &l, &index), errno);

        profile_get_mapping(p, l.mapping, &n);
        assert_int_equal(n.start, m.start);
        assert_int_equal(n.limit, m.limit);
        assert_int_equal(n.offset, m.offset);
        assert_string_equal(n.filename, m.filename);
        assert_string_equal(n.build_id, m.build_id);
        assert_true(n.has_functions && n.has_line_numbers);
        assert_false(n.has_filenames || n.has_inline_frames);

        profile_get_function(p, lines[0].function, &g);
        assert_string_equal(g.name, f.name);
        assert_string_equal(g.system_name, f.system_name);
        assert_string_equal(g.filename, f.filename);
        assert_int_equal(g.start_line, 12);

        profile_get_location(p, index, &k);
        assert_int_equal(k.address, l.address);
        assert_int_equal(k.n_lines, 2);
        assert_int_equal(k.lines[1].line, 30);
        assert_true(k.folded);
}

static void test_equal_samples_add_up(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        const uint32_t stack[] = { add_location(p, PROFILE_NONE, 1, "leaf"),
                                   add_location(p, PROFILE_NONE, 2, "main") };
        const uint32_t reversed[] = { stack[1], stack[0] };
        ProfileSample s;

        assert_int_equal(add_sample(p, stack, 2, 10, NULL, 0), 1);
        assert_int_equal(add_sample(p, stack, 2, 5, NULL, 0), 0);
        assert_int_equal(add_sample(p, stack, 1, 5, NULL, 0), 1);
        assert_int_equal(add_sample(p, reversed, 2, 5, NULL, 0), 1);
        assert_int_equal(profile_n_samples(p), 3);

        profile_get_sample(p, 0, &s);
        assert_int_equal(s.values[0], 2);
        assert_int_equal(s.values[1], 15);
        assert_int_equal(s.n_locations, 2);
        assert_int_equal(s.locations[0], stack[0]);
}

static void test_labels_tell_samples_apart_in_any_order(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        const ProfileLabel labels[] = { { .key = "tid", .number = 7, .unit = "id" },
                                        { .key = "thread", .string = "worker" },
                                        { .key = "cpu", .number = -1 } };
        const ProfileLabel shuffled[] = { labels[2], labels[1], labels[0] };
        ProfileSample s;

        assert_int_equal(add_sample(p, NULL, 0, 1, labels, 3), 1);
        assert_int_equal(add_sample(p, NULL, 0, 1, shuffled, 3), 0);
        assert_int_equal(add_sample(p, NULL, 0, 1, labels, 2), 1);

        profile_get_sample(p, 0, &s);
        assert_int_equal(s.n_labels, 3);
        assert_string_equal(s.labels[0].key, "thread"); /* strings stand before numbers */
        assert_string_equal(s.labels[0].string, "worker");
        assert_string_equal(s.labels[1].key, "cpu");
        assert_int_equal(s.labels[1].number, -1);
        assert_string_equal(s.labels[2].unit, "id");
}

static void test_a_number_without_a_unit_has_its_key_as_unit(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        const ProfileLabel plain = { .key = "cpu" }, full = { .key = "cpu", .unit = "cpu" };
        ProfileSample s;

        assert_int_equal(add_sample(p, NULL, 0, 1, &plain, 1), 1);
        assert_int_equal(add_sample(p, NULL, 0, 1, &full, 1), 0);
        profile_get_sample(p, 0, &s);
        assert_null(s.labels[0].string);
        assert_string_equal(s.labels[0].unit, "cpu");
}

static void test_an_empty_label_says_nothing(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        const ProfileLabel empty = { .key = "thread", .string = "" };

        assert_int_equal(add_sample(p, NULL, 0, 1, &empty, 1), 1);
        assert_int_equal(add_sample(p, NULL, 0, 1, NULL, 0), 0);
}

static void test_two_values_for_one_label_are_refused(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        const ProfileLabel labels[] = { { .key = "a", .string = "x" },
                                        { .key = "a", .number = 1 } };
        const ProfileLabel nameless = { .key = "", .string = "x" };

        assert_int_equal(add_sample(p, NULL, 0, 1, labels, 2), -EINVAL);
        assert_int_equal(add_sample(p, NULL, 0, 1, &nameless, 1), -EINVAL);
        assert_int_equal(profile_n_samples(p), 0);
}

static void test_indices_that_do_not_exist_are_refused(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        const ProfileLine line = { .function = 0 };
        const ProfileLocation no_mapping = { .mapping = 0, .address = 1 };
        const ProfileLocation no_function = { .mapping = PROFILE_NONE,
                                              .lines = &line,
                                              .n_lines = 1 };
        const ProfileMapping reversed = { .start = 2, .limit = 1 };
        const uint32_t stack[] = { 0 };
        uint32_t index;

        assert_int_equal(profile_add_location(p, &no_mapping, &index), -EINVAL);
        assert_int_equal(profile_add_location(p, &no_function, &index), -EINVAL);
        assert_int_equal(profile_add_mapping(p, &reversed, &index), -EINVAL);
        assert_int_equal(add_sample(p, stack, 1, 1, NULL, 0), -EINVAL);
}

static void test_limits_are_kept(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        static uint32_t stack[PROFILE_STACK_MAX + 1];
        static ProfileLabel labels[PROFILE_LABELS_MAX + 1];
        static ProfileLine lines[PROFILE_LINES_MAX + 1];
        ProfileLocation l = { .mapping = PROFILE_NONE, .lines = lines };
        ProfileValueType many[PROFILE_VALUE_TYPES_MAX + 1] = {};
        Profile *none = NULL;
        uint32_t index;

        assert_int_equal(add_location(p, PROFILE_NONE, 1, "f"), 0);
        assert_int_equal(add_sample(p, stack, PROFILE_STACK_MAX + 1, 1, NULL, 0), -E2BIG);
        assert_int_equal(add_sample(p, stack, PROFILE_STACK_MAX, 1, NULL, 0), 1);
        assert_int_equal(add_sample(p, stack, 1, 1, labels, PROFILE_LABELS_MAX + 1), -E2BIG);

        l.n_lines = PROFILE_LINES_MAX + 1;
        assert_int_equal(profile_add_location(p, &l, &index), -E2BIG);
        l.n_lines = PROFILE_LINES_MAX;
        assert_int_equal(profile_add_location(p, &l, &index), 0);

        assert_int_equal(profile_new(&none, many, ELEMENTSOF(many)), -E2BIG);
        assert_int_equal(profile_new(&none, many, 0), -EINVAL);
        assert_null(none);
}

static void test_values_stop_at_the_end_of_the_range(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        ProfileSample s;

        assert_int_equal(add_sample(p, NULL, 0, INT64_MAX - 1, NULL, 0), 1);
        assert_int_equal(add_sample(p, NULL, 0, 5, NULL, 0), 0);
        profile_get_sample(p, 0, &s);
        assert_true(s.values[1] == INT64_MAX);
}

static void test_strings_are_made_valid_utf8(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        const ProfileFunction f = { .name = "a\xff"
                                            "b\n",
                                    .system_name = "sch\xc3\xb6n" };
        static char longest[PROFILE_STRING_MAX + 100];
        ProfileFunction g;
        uint32_t index;

        assert_return_code(profile_add_function(p, &f, &index), errno);
        profile_get_function(p, index, &g);
        assert_string_equal(g.name, "a?b?");
        assert_string_equal(g.system_name, "sch\xc3\xb6n");
        assert_string_equal(g.filename, ""); /* NULL is "" */

        memset(longest, 'x', sizeof(longest) - 1);
        assert_return_code(profile_add_comment(p, longest), errno);
        assert_int_equal(strlen(profile_get_comment(p, 0)), PROFILE_STRING_MAX);
}

static void test_header_and_comments_are_kept(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        const ProfileHeader h = { .time_nsec = 5,
                                  .duration_nsec = 6,
                                  .period_type = { "cpu", "nanoseconds" },
                                  .period = 7,
                                  .default_sample_type = "cpu",
                                  .doc_url = "https://example.org/" };
        ProfileHeader g;

        assert_return_code(profile_set_header(p, &h), errno);
        profile_get_header(p, &g);
        assert_int_equal(g.time_nsec, 5);
        assert_int_equal(g.duration_nsec, 6);
        assert_int_equal(g.period, 7);
        assert_string_equal(g.period_type.unit, "nanoseconds");
        assert_string_equal(g.default_sample_type, "cpu");
        assert_string_equal(g.drop_frames, "");

        assert_return_code(profile_add_comment(p, "one"), errno);
        assert_return_code(profile_add_comment(p, "two"), errno);
        assert_return_code(profile_add_comment(p, "one"), errno);
        assert_int_equal(profile_n_comments(p), 2);
        assert_string_equal(profile_get_comment(p, 1), "two");

        assert_int_equal(profile_find_value_type(p, "cpu"), 1);
        assert_int_equal(profile_find_value_type(p, "wall"), -ENOENT);
}

/* The same binary at another address, as address space randomisation leaves it. */
static void test_merging_finds_the_same_code_at_another_address(void **state) {
        _cleanup_(profile_freep) Profile *a = new_profile(), *b = new_profile();
        uint32_t stack[2];
        ProfileLocation l;
        ProfileMapping m;

        add_mapping(a, 0x10000, 0x20000, "ab");
        stack[0] = add_location(a, 0, 0x10100, "f");
        stack[1] = add_location(a, 0, 0x10200, "main");
        assert_int_equal(add_sample(a, stack, 2, 10, NULL, 0), 1);

        add_mapping(b, 0x7000000, 0x7001000, "cd");
        add_mapping(b, 0x5550000, 0x555fff0, "ab"); /* a few bytes less: the same pages */
        stack[0] = add_location(b, 1, 0x5550100, "f");
        stack[1] = add_location(b, 1, 0x5550200, "main");
        assert_int_equal(add_sample(b, stack, 2, 3, NULL, 0), 1);
        stack[0] = add_location(b, 0, 0x7000100, NULL);
        assert_int_equal(add_sample(b, stack, 2, 4, NULL, 0), 1);

        assert_return_code(profile_merge(a, b), errno);
        assert_int_equal(profile_n_mappings(a), 2);
        assert_int_equal(profile_n_locations(a), 3);
        assert_int_equal(profile_n_samples(a), 2);
        assert_int_equal(get_total(a, 0), 3);
        assert_int_equal(get_total(a, 1), 17);
        profile_get_mapping(a, 0, &m);
        assert_string_equal(m.build_id, "ab");
        profile_get_location(a, 2, &l);
        assert_int_equal(l.address, 0x7000100);
        assert_int_equal(l.mapping, 1);
}

static void test_a_merged_mapping_grows_to_hold_its_addresses(void **state) {
        _cleanup_(profile_freep) Profile *a = new_profile(), *b = new_profile();
        uint32_t location;
        ProfileMapping m;

        add_mapping(a, 0x1000, 0x1f00, "ab");
        add_mapping(b, 0x5000, 0x5ff0, "ab");
        location = add_location(b, 0, 0x5fe0, "f");
        assert_int_equal(add_sample(b, &location, 1, 3, NULL, 0), 1);

        assert_return_code(profile_merge(a, b), errno);
        assert_int_equal(profile_n_mappings(a), 1);
        profile_get_mapping(a, 0, &m);
        assert_int_equal(m.limit, 0x1ff0);
        assert_int_equal(add_mapping(a, 0x1000, 0x1ff0, "ab"), 0); /* still found */
}

static void test_without_a_build_id_the_file_name_decides(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        ProfileMapping m = { .start = 0x1000, .limit = 0x2000, .filename = "/bin/x" };
        uint32_t a, b;

        assert_return_code(profile_merge_mapping(p, &m, &a), errno);
        m.start = 0x8000;
        m.limit = 0x9000;
        assert_return_code(profile_merge_mapping(p, &m, &b), errno);
        assert_int_equal(a, b);
        m.filename = "/bin/y";
        assert_return_code(profile_merge_mapping(p, &m, &b), errno);
        assert_int_not_equal(a, b);
        m.build_id = "/bin/y"; /* a build id is no file name */
        assert_return_code(profile_merge_mapping(p, &m, &a), errno);
        assert_int_not_equal(a, b);
        m.offset = 0x1000;
        assert_return_code(profile_merge_mapping(p, &m, &b), errno);
        assert_int_not_equal(a, b);
}

static void test_a_flag_stays_only_where_both_have_it(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile();
        ProfileMapping m = { .start = 0x1000, .limit = 0x2000, .filename = "/bin/x" }, n;
        uint32_t i;

        /* not used by any location: claims nothing */
        assert_return_code(profile_merge_mapping(p, &m, &i), errno);
        m.has_functions = m.has_filenames = true;
        assert_return_code(profile_merge_mapping(p, &m, &i), errno);
        profile_get_mapping(p, i, &n);
        assert_true(n.has_functions && n.has_filenames);

        add_location(p, i, 0x1000, "f");
        m.has_filenames = false;
        assert_return_code(profile_merge_mapping(p, &m, &i), errno);
        profile_get_mapping(p, i, &n);
        assert_true(n.has_functions);
        assert_false(n.has_filenames);
}

static void test_merging_joins_headers_as_pprof_does(void **state) {
        _cleanup_(profile_freep) Profile *a = new_profile(), *b = new_profile(),
                                         *sum = new_profile();
        ProfileHeader h = { .time_nsec = 200,
                            .duration_nsec = 10,
                            .period_type = { "cpu", "nanoseconds" },
                            .period = 100 };

        assert_return_code(profile_set_header(a, &h), errno);
        h.time_nsec = 100;
        h.duration_nsec = 5;
        h.period = 50;
        h.default_sample_type = "cpu";
        assert_return_code(profile_set_header(b, &h), errno);
        assert_return_code(profile_add_comment(a, "x"), errno);
        assert_return_code(profile_add_comment(b, "x"), errno);
        assert_return_code(profile_add_comment(b, "y"), errno);

        assert_return_code(profile_merge(sum, a), errno);
        assert_return_code(profile_merge(sum, b), errno);
        profile_get_header(sum, &h);
        assert_int_equal(h.time_nsec, 100);
        assert_int_equal(h.duration_nsec, 15);
        assert_int_equal(h.period, 100);
        assert_string_equal(h.default_sample_type, "cpu");
        assert_int_equal(profile_n_comments(sum), 2);

        h.period_type.type = "wall";
        assert_return_code(profile_set_header(b, &h), errno);
        assert_int_equal(profile_merge(sum, b), -EPROTOTYPE);
}

static void test_merging_drops_zeros_and_what_only_they_use(void **state) {
        _cleanup_(profile_freep) Profile *a = new_profile(), *b = new_profile();
        const int64_t zeros[] = { 0, 0 };
        uint32_t location;

        add_mapping(b, 0x1000, 0x2000, "ab");
        add_mapping(b, 0x3000, 0x4000, "cd");
        location = add_location(b, 1, 0x3000, "f");
        assert_int_equal(profile_add_sample(b, &(ProfileSample){ .locations = &location,
                                                                 .n_locations = 1,
                                                                 .values = zeros }),
                         1);

        assert_return_code(profile_merge(a, b), errno);
        assert_int_equal(profile_n_samples(a), 0);
        assert_int_equal(profile_n_locations(a), 0);
        assert_int_equal(profile_n_functions(a), 0);
        assert_int_equal(profile_n_mappings(a), 1); /* the main binary */
}

static void test_merging_keeps_labels(void **state) {
        _cleanup_(profile_freep) Profile *a = new_profile(), *b = new_profile();
        const ProfileLabel labels[] = { { .key = "thread", .string = "worker" },
                                        { .key = "pid", .number = 12, .unit = "id" } };
        ProfileSample s;

        assert_int_equal(add_sample(a, NULL, 0, 1, NULL, 0), 1);
        assert_int_equal(add_sample(b, NULL, 0, 2, labels, 2), 1);
        assert_return_code(profile_merge(a, b), errno);
        assert_return_code(profile_merge(a, b), errno);
        assert_int_equal(profile_n_samples(a), 2);
        profile_get_sample(a, 1, &s);
        assert_int_equal(s.n_labels, 2);
        assert_string_equal(s.labels[0].string, "worker");
        assert_int_equal(s.labels[1].number, 12);
        assert_int_equal(s.values[1], 4);
}

static void test_other_value_types_do_not_merge(void **state) {
        const ProfileValueType off_cpu[] = { { "samples", "count" }, { "off_cpu", "nanoseconds" } };
        _cleanup_(profile_freep) Profile *a = new_profile(), *b = NULL, *c = NULL;

        assert_return_code(profile_new(&b, off_cpu, 2), errno);
        assert_return_code(profile_new(&c, off_cpu, 1), errno);
        assert_int_equal(profile_merge(a, b), -EPROTOTYPE);
        assert_int_equal(profile_merge(a, c), -EPROTOTYPE);
}

static void test_parts_add_up_to_the_whole(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile(), *sum = new_profile();
        uint32_t m = add_mapping(p, 0x1000, 0x9000, "ab");
        const size_t n_parts = 3;

        for (uint64_t i = 0; i < 10; i++) {
                uint32_t l = add_location(p, m, 0x1000 + i, "f");

                assert_int_equal(add_sample(p, &l, 1, 1 + (int64_t) i, NULL, 0), 1);
        }
        assert_return_code(profile_add_comment(p, "unit: x"), 0);
        for (size_t i = 0; i < n_parts; i++) {
                _cleanup_(profile_freep) Profile *part = NULL;

                assert_return_code(profile_split(p, i, n_parts, &part), 0);
                assert_int_equal(profile_n_samples(part), i == 0 ? 4 : 3);
                assert_int_equal(profile_n_locations(part), i == 0 ? 4 : 3);
                assert_string_equal(profile_get_comment(part, 0), "unit: x");
                assert_return_code(profile_merge(sum, part), 0);
        }
        assert_int_equal(profile_n_samples(sum), 10);
        assert_int_equal(get_total(sum, 1), get_total(p, 1));
}

static void test_without_text_labels_what_is_equal_is_one_sample(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile(), *without = NULL;
        ProfileSample s;

        for (int i = 0; i < 4; i++) {
                const ProfileLabel labels[] = {
                        { .key = "thread", .string = i < 2 ? "a" : "b" },
                        { .key = "pid", .number = 7 + i % 2, .unit = "id" },
                };

                assert_int_equal(add_sample(p, NULL, 0, 5, labels, 2), 1);
        }
        assert_return_code(profile_drop_text_labels(p, &without), 0);
        assert_int_equal(profile_n_samples(without), 2);
        profile_get_sample(without, 0, &s);
        assert_int_equal(s.n_labels, 1);
        assert_string_equal(s.labels[0].key, "pid");
        assert_int_equal(s.values[1], 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_equal_entries_exist_once),
                cmocka_unit_test(test_what_went_in_comes_out),
                cmocka_unit_test(test_equal_samples_add_up),
                cmocka_unit_test(test_labels_tell_samples_apart_in_any_order),
                cmocka_unit_test(test_a_number_without_a_unit_has_its_key_as_unit),
                cmocka_unit_test(test_an_empty_label_says_nothing),
                cmocka_unit_test(test_two_values_for_one_label_are_refused),
                cmocka_unit_test(test_indices_that_do_not_exist_are_refused),
                cmocka_unit_test(test_limits_are_kept),
                cmocka_unit_test(test_values_stop_at_the_end_of_the_range),
                cmocka_unit_test(test_strings_are_made_valid_utf8),
                cmocka_unit_test(test_header_and_comments_are_kept),
                cmocka_unit_test(test_merging_finds_the_same_code_at_another_address),
                cmocka_unit_test(test_a_merged_mapping_grows_to_hold_its_addresses),
                cmocka_unit_test(test_without_a_build_id_the_file_name_decides),
                cmocka_unit_test(test_a_flag_stays_only_where_both_have_it),
                cmocka_unit_test(test_merging_joins_headers_as_pprof_does),
                cmocka_unit_test(test_merging_drops_zeros_and_what_only_they_use),
                cmocka_unit_test(test_merging_keeps_labels),
                cmocka_unit_test(test_other_value_types_do_not_merge),
                cmocka_unit_test(test_parts_add_up_to_the_whole),
                cmocka_unit_test(test_without_text_labels_what_is_equal_is_one_sample),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
