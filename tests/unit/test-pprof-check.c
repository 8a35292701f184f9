/* SPDX-License-Identifier: Apache-2.0 */
/* The Rules of pprof's Readers: one right file, and one break of each rule. */

#include "pprof-draft.h"
#include "profile/pprof-check.h"
#include "unit-test.h"

enum { NO_STRING = 23 };

typedef struct Findings {
        const char *expected;
        bool found;
        unsigned n;
} Findings;

static void on_violation(const char *sentence, void *userdata) {
        Findings *f = userdata;

        f->n++;
        if (f->expected && streq(sentence, f->expected))
                f->found = true;
        else if (!f->expected)
                print_message("# unexpected: %s\n", sentence);
}

static void assert_violation(const void *data, size_t size, const char *expected) {
        Findings f = { .expected = expected };
        int n;

        n = pprof_check(data, size, on_violation, &f);
        assert_int_equal(n, f.n);
        if (!expected)
                assert_int_equal(f.n, 0);
        else if (!f.found)
                fail_msg("not found: %s", expected);
}

static void assert_draft_violation(const Draft *d, const char *expected) {
        _cleanup_(protobuf_writer_done) ProtobufWriter w;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;

        draft_write(d, &w);
        assert_return_code(gzip_compress(w.data, w.size, &data, &size), errno);
        assert_violation(data, size, expected);
}

static void test_a_right_file_breaks_no_rule(void **state) {
        assert_draft_violation(&draft_of_a_right_file, NULL);
}

typedef struct Break {
        size_t offset; /* of an int64_t in Draft */
        int64_t value;
        const char *sentence;
} Break;

static void check_breaks(const Break *breaks, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Draft d = draft_of_a_right_file;

                memcpy((uint8_t *) &d + breaks[i].offset, &breaks[i].value, sizeof(int64_t));
                assert_draft_violation(&d, breaks[i].sentence);
        }
}

#define BREAK(field, value, sentence) \
        { offsetof(Draft, field), (value), (sentence) }

static void test_rules_of_the_header(void **state) {
        const Break breaks[] = {
                BREAK(type[0], 0, "The sample type 1 has no type."),
                BREAK(unit[1], 0, "The sample type 2 has no unit."),
                BREAK(type[0], 3, "Sample types 1 and 2 are the same."),
                BREAK(type[0], -1, "The sample type 1 is a string that does not exist."),
                BREAK(type[0], NO_STRING, "The sample type 1 is a string that does not exist."),
                BREAK(default_type, 2, "The default sample type is none of the sample types."),
                BREAK(has_period_type, 0, "There is no period type."),
                BREAK(period_type, 0, "The period type 1 has no type."),
                BREAK(period, 0, "The period is not positive."),
                BREAK(time, 0, "The start time is not set."),
                BREAK(duration, 0, "The duration is not set."),
                BREAK(comment, NO_STRING, "The comment 1 is a string that does not exist."),
                BREAK(url, 17, "The documentation address is not an http or https URL."),
                BREAK(join, 1, "Several profiles are joined in it."),
        };

        check_breaks(breaks, ELEMENTSOF(breaks));
}

static void test_rules_of_samples(void **state) {
        const Break breaks[] = {
                BREAK(n_samples, 0, "There is no sample."),
                BREAK(n_values, 1, "Sample 1 has 1 values for 2 sample types."),
                BREAK(value[1], -20, "Sample 1 has a negative value."),
                BREAK(location_id[1], 3, "Sample 1 has a location that does not exist."),
                BREAK(location_id[1], 0, "Sample 1 has a location that does not exist."),
                BREAK(location_id[1], 1, "Location 2 is not used by any sample."),
        };
        Draft d = draft_of_a_right_file;

        check_breaks(breaks, ELEMENTSOF(breaks));
        d.value[0] = d.value[1] = 0;
        assert_draft_violation(&d, "All values of sample 1 are 0.");
}

static void test_rules_of_labels(void **state) {
        const Break breaks[] = {
                BREAK(key[0], 0,
                      "The key of label 1 of sample 1 has other characters than letters, digits "
                      "and "
                      "'_', or none."),
                BREAK(key[0], 9,
                      "The key of label 1 of sample 1 has other characters than letters, digits "
                      "and "
                      "'_', or none."),
                BREAK(key[1], 5, "Labels 1 and 2 of sample 1 have the same key."),
                BREAK(num_unit[1], 0, "Label 2 of sample 1 has neither a value nor a unit."),
                BREAK(str[0], 0, "Label 1 of sample 1 has neither a value nor a unit."),
                BREAK(num[0], 3, "Label 1 of sample 1 is a string and a number."),
                BREAK(str[0], NO_STRING,
                      "The value of a label of sample 1 is a string that does not exist."),
        };
        Draft d = draft_of_a_right_file;

        check_breaks(breaks, ELEMENTSOF(breaks));
        d.num[1] = 4;
        d.num_unit[1] = 0;
        assert_draft_violation(&d, "Label 2 of sample 1 is a number without unit.");
}

static void test_rules_of_mappings(void **state) {
        const Break breaks[] = {
                BREAK(mapping_id[1], 3,
                      "Mapping 2 has the id 3; ids count from 1 in the order of the table."),
                BREAK(mapping_id[0], 0,
                      "Mapping 1 has the id 0; ids count from 1 in the order of the table."),
                BREAK(mapping_id[1], 1, "Two mappings have the same id."),
                BREAK(limit[0], 0x1000, "Mapping 1 is empty or ends before it starts."),
                BREAK(limit[0], 0xfff, "Mapping 1 is empty or ends before it starts."),
                BREAK(build_id[0], 9, "The build id of mapping 1 is not lower-case hex."),
                BREAK(filename[0], -5,
                      "The file name of mapping 1 is a string that does not exist."),
                BREAK(l_mapping[1], 1, "Mapping 2 is not used by any location."),
                BREAK(l_function[0], 0,
                      "Mapping 1 claims to have functions, but has a location without."),
                BREAK(has_filenames[1], 1,
                      "Mapping 2 claims to have file names, but has a location without."),
                BREAK(has_line_numbers[1], 1,
                      "Mapping 2 claims to have line numbers, but has a location without."),
        };
        Draft d = draft_of_a_right_file;

        check_breaks(breaks, ELEMENTSOF(breaks));
        d.has_functions[1] = 0;
        assert_draft_violation(&d, NULL);
        d.has_inline_frames[1] = 1;
        assert_draft_violation(&d, "Mapping 2 claims to have inlined frames, but no functions.");
}

static void test_rules_of_locations_and_functions(void **state) {
        const Break breaks[] = {
                BREAK(l_id[1], 7,
                      "Location 2 has the id 7; ids count from 1 in the order of the table."),
                BREAK(l_id[1], 1, "Two locations have the same id."),
                BREAK(l_mapping[0], 9, "Location 1 has a mapping that does not exist."),
                BREAK(address[0], 0x2000, "The address of location 1 is outside its mapping."),
                BREAK(address[0], 0xfff, "The address of location 1 is outside its mapping."),
                BREAK(l_function[0], 9, "Line 1 of location 1 has a function that does not exist."),
                BREAK(line[0], -1, "Line 1 of location 1 is negative."),
                BREAK(f_id[0], 2,
                      "Function 1 has the id 2; ids count from 1 in the order of the table."),
                BREAK(f_id[0], 2, "Two functions have the same id."),
                BREAK(l_function[0], 2, "Function 1 is not used by any location."),
                BREAK(name[0], 0, "Function 1 has no name."),
                BREAK(system_name[1], 0, "Function 2 has no system name."),
                BREAK(f_filename[0], 99,
                      "The file name of function 1 is a string that does not exist."),
        };
        Draft d = draft_of_a_right_file;

        check_breaks(breaks, ELEMENTSOF(breaks));
        d.l_function[0] = d.address[0] = 0;
        assert_draft_violation(&d, "Location 1 has neither lines nor an address.");
}

static void test_rules_of_strings(void **state) {
        const struct {
                size_t index;
                const char *string, *sentence;
        } breaks[] = {
                { 0, "x", "String 0 is not empty." },
                { 6, "w\xff", "String 6 is not valid UTF-8." },
                { 1, "sam-ples", "The sample type 1 has a '-' in its type." },
                { 2, "count:x",
                  "The sample type 1 has a unit with other characters than letters, digits and "
                  "'_'." },
                { 5, "__name__", "The key of label 1 of sample 1 is reserved." },
                { 10, "AB12", "The build id of mapping 1 is not lower-case hex." },
                { 16, "0xffffffff81000000", "Function 2 is an address and no name." },
                { 19, "nobody's", "String 19 is not used." },
        };

        for (size_t i = 0; i < ELEMENTSOF(breaks); i++) {
                Draft d = draft_of_a_right_file;

                d.strings[breaks[i].index] = breaks[i].string;
                assert_draft_violation(&d, breaks[i].sentence);
        }
}

static void test_rules_of_the_gzip_wrap(void **state) {
        _cleanup_(protobuf_writer_done) ProtobufWriter w;
        _cleanup_free_ uint8_t *data = NULL, *twice = NULL;
        size_t size;

        draft_write(&draft_of_a_right_file, &w);
        assert_violation(w.data, w.size, "The file is not compressed with gzip.");
        assert_return_code(gzip_compress(w.data, w.size, &data, &size), errno);

        twice = malloc(size * 2);
        assert_non_null(twice);
        memcpy(twice, data, size);
        memcpy(twice + size, data, size);
        assert_violation(twice, size, NULL);
        assert_violation(twice, size * 2, "A second gzip member follows the first.");
        twice[size] = 'x';
        assert_violation(twice, size + 1, "There are bytes behind the end of the gzip data.");
        assert_violation(twice, size - 1, "The gzip data ends too early.");

        twice[GZIP_MTIME_OFFSET] = 1;
        assert_violation(twice, size, "The gzip header has a time stamp.");
        twice[GZIP_MTIME_OFFSET] = 0;
        twice[size - 1] ^= 1; /* the length stands at the end */
        assert_violation(twice, size, "The gzip data is damaged.");
        assert_violation("", 0, "It is empty.");
        assert_violation("\x1f\x8b", 2, "The gzip data ends too early.");
        assert_violation("hello", 5, "It is not a pprof profile.");
}

/* An optional name in the header: gzip -N, by hand. */
static void test_a_gzip_header_with_a_name_is_a_violation(void **state) {
        _cleanup_(protobuf_writer_done) ProtobufWriter w;
        _cleanup_free_ uint8_t *data = NULL, *named = NULL;
        size_t size;

        draft_write(&draft_of_a_right_file, &w);
        assert_return_code(gzip_compress(w.data, w.size, &data, &size), errno);
        named = malloc(size + 2);
        assert_non_null(named);
        memcpy(named, data, GZIP_HEADER_SIZE);
        named[GZIP_FLAGS_OFFSET] = 8;
        memcpy(named + GZIP_HEADER_SIZE, "x", 2);
        memcpy(named + GZIP_HEADER_SIZE + 2, data + GZIP_HEADER_SIZE, size - GZIP_HEADER_SIZE);
        assert_violation(named, size + 2,
                         "The gzip header has a name, a comment or other optional fields.");
}

static void test_a_hostile_file_is_reported_to_a_limit(void **state) {
        Draft d = draft_of_a_right_file;
        _cleanup_(protobuf_writer_done) ProtobufWriter w;

        d.value[0] = -1;
        d.n_samples = 3 * PPROF_VIOLATIONS_MAX;
        draft_write(&d, &w);
        assert_int_equal(pprof_check(w.data, w.size, NULL, NULL), PPROF_VIOLATIONS_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_right_file_breaks_no_rule),
                cmocka_unit_test(test_rules_of_the_header),
                cmocka_unit_test(test_rules_of_samples),
                cmocka_unit_test(test_rules_of_labels),
                cmocka_unit_test(test_rules_of_mappings),
                cmocka_unit_test(test_rules_of_locations_and_functions),
                cmocka_unit_test(test_rules_of_strings),
                cmocka_unit_test(test_rules_of_the_gzip_wrap),
                cmocka_unit_test(test_a_gzip_header_with_a_name_is_a_violation),
                cmocka_unit_test(test_a_hostile_file_is_reported_to_a_limit),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
