/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings */

#include "process/mapping-set.h"
#include "unit-test.h"

typedef struct Fixture {
        FileTable *files;
        File *a, *b;
        MappingSet *set;
} Fixture;

static int setup(void **state) {
        static Fixture f;
        const FileId one = { 8, 1, 100 }, two = { 8, 1, 200 };

        assert_return_code(file_table_new(&f.files), 0);
        assert_return_code(file_table_get(f.files, &one, "/a", &f.a), 0);
        assert_return_code(file_table_get(f.files, &two, "/b", &f.b), 0);
        assert_return_code(mapping_set_new(&f.set), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        mapping_set_unref(f->set);
        /* Every reference that the sets took they have given back. */
        assert_int_equal(file_table_n_references(f->files), 2);
        file_unref(f->a);
        file_unref(f->b);
        assert_int_equal(file_table_size(f->files), 0);
        file_table_free(f->files);
        return 0;
}

static int add(MappingSet **s, File *file, uint64_t start, uint64_t end, uint64_t offset) {
        return mapping_set_add(
                s, &(Mapping){ .start = start, .end = end, .offset = offset, .file = file });
}

static void assert_mapping(
        const Mapping *m, const File *file, uint64_t start, uint64_t end, uint64_t offset) {
        assert_non_null(m);
        assert_ptr_equal(m->file, file);
        assert_int_equal(m->start, start);
        assert_int_equal(m->end, end);
        assert_int_equal(m->offset, offset);
}

static void test_an_address_is_found_from_start_to_before_end(void **state) {
        Fixture *f = *state;

        assert_return_code(add(&f->set, f->b, 0x5000, 0x6000, 0x100), 0);
        assert_return_code(add(&f->set, f->a, 0x1000, 0x3000, 0), 0);
        assert_int_equal(mapping_set_size(f->set), 2);
        assert_null(mapping_set_find(f->set, 0));
        assert_null(mapping_set_find(f->set, 0xfff));
        assert_mapping(mapping_set_find(f->set, 0x1000), f->a, 0x1000, 0x3000, 0);
        assert_mapping(mapping_set_find(f->set, 0x2fff), f->a, 0x1000, 0x3000, 0);
        assert_null(mapping_set_find(f->set, 0x3000));
        assert_null(mapping_set_find(f->set, 0x4fff));
        assert_mapping(mapping_set_find(f->set, 0x5000), f->b, 0x5000, 0x6000, 0x100);
        assert_null(mapping_set_find(f->set, UINT64_MAX));
}

static void test_an_empty_range_is_refused(void **state) {
        Fixture *f = *state;

        assert_int_equal(add(&f->set, f->a, 0x1000, 0x1000, 0), -EINVAL);
        assert_int_equal(add(&f->set, f->a, 0x2000, 0x1000, 0), -EINVAL);
        assert_int_equal(mapping_set_size(f->set), 0);
}

static void test_a_mapping_in_the_middle_splits_the_old_one(void **state) {
        Fixture *f = *state;

        assert_return_code(add(&f->set, f->a, 0x1000, 0x9000, 0x10000), 0);
        assert_return_code(add(&f->set, f->b, 0x3000, 0x4000, 0), 0);
        assert_int_equal(mapping_set_size(f->set), 3);
        assert_mapping(mapping_set_get(f->set, 0), f->a, 0x1000, 0x3000, 0x10000);
        assert_mapping(mapping_set_get(f->set, 1), f->b, 0x3000, 0x4000, 0);
        assert_mapping(mapping_set_get(f->set, 2), f->a, 0x4000, 0x9000, 0x13000);
}

static void test_what_is_covered_is_cut_away_at_both_ends(void **state) {
        Fixture *f = *state;

        assert_return_code(add(&f->set, f->a, 0x1000, 0x3000, 0), 0);
        assert_return_code(add(&f->set, f->a, 0x4000, 0x5000, 0x90000), 0);
        assert_return_code(add(&f->set, f->a, 0x6000, 0x8000, 0x70000), 0);
        assert_return_code(add(&f->set, f->b, 0x2000, 0x7000, 0), 0);
        assert_int_equal(mapping_set_size(f->set), 3);
        assert_mapping(mapping_set_get(f->set, 0), f->a, 0x1000, 0x2000, 0);
        assert_mapping(mapping_set_get(f->set, 1), f->b, 0x2000, 0x7000, 0);
        assert_mapping(mapping_set_get(f->set, 2), f->a, 0x7000, 0x8000, 0x71000);
}

static void test_adjacent_pieces_of_a_file_become_one(void **state) {
        Fixture *f = *state;

        assert_return_code(add(&f->set, f->a, 0x1000, 0x2000, 0x1000), 0);
        assert_return_code(add(&f->set, f->a, 0x3000, 0x4000, 0x3000), 0);
        assert_return_code(add(&f->set, f->a, 0x2000, 0x3000, 0x2000), 0);
        assert_int_equal(mapping_set_size(f->set), 1);
        assert_mapping(mapping_set_get(f->set, 0), f->a, 0x1000, 0x4000, 0x1000);
}

static void test_adjacent_pieces_that_do_not_continue_stay_apart(void **state) {
        Fixture *f = *state;

        assert_return_code(add(&f->set, f->a, 0x1000, 0x2000, 0x1000), 0);
        assert_return_code(add(&f->set, f->b, 0x2000, 0x3000, 0x2000), 0);
        assert_return_code(add(&f->set, f->a, 0x3000, 0x4000, 0x9000), 0);
        assert_return_code(add(&f->set, f->a, 0x4000, 0x5000, 0x9000), 0);
        assert_int_equal(mapping_set_size(f->set), 4);
}

static void test_the_ends_of_the_address_space_are_addresses(void **state) {
        Fixture *f = *state;

        assert_return_code(add(&f->set, f->a, 0, 1, 0), 0);
        assert_return_code(add(&f->set, f->b, UINT64_MAX - 1, UINT64_MAX, UINT64_MAX), 0);
        assert_mapping(mapping_set_find(f->set, 0), f->a, 0, 1, 0);
        assert_non_null(mapping_set_find(f->set, UINT64_MAX - 1));
        assert_return_code(add(&f->set, f->b, 0, UINT64_MAX, 7), 0);
        assert_int_equal(mapping_set_size(f->set), 1);
        assert_mapping(mapping_set_get(f->set, 0), f->b, 0, UINT64_MAX, 7);
}

static void test_a_shared_set_is_copied_when_it_changes(void **state) {
        Fixture *f = *state;
        _cleanup_(mapping_set_unrefp) MappingSet *child = NULL;

        assert_return_code(add(&f->set, f->a, 0x1000, 0x2000, 0), 0);
        child = mapping_set_ref(f->set);
        assert_return_code(add(&child, f->b, 0x8000, 0x9000, 0), 0);
        assert_ptr_not_equal(child, f->set);
        assert_int_equal(mapping_set_size(child), 2);
        assert_int_equal(mapping_set_size(f->set), 1);
        assert_null(mapping_set_find(f->set, 0x8000));
}

static void test_what_is_known_already_does_not_copy_a_shared_set(void **state) {
        Fixture *f = *state;
        _cleanup_(mapping_set_unrefp) MappingSet *child = NULL;

        assert_return_code(add(&f->set, f->a, 0x1000, 0x4000, 0), 0);
        assert_return_code(add(&f->set, f->b, 0x4000, 0x5000, 0), 0);
        child = mapping_set_ref(f->set);
        assert_return_code(add(&child, f->a, 0x1000, 0x4000, 0), 0);
        assert_return_code(add(&child, f->a, 0x2000, 0x3000, 0x1000), 0);
        assert_return_code(add(&child, f->b, 0x4000, 0x5000, 0), 0);
        assert_ptr_equal(child, f->set);
}

static void test_a_full_set_refuses_and_stays_as_it_was(void **state) {
        Fixture *f = *state;
        _cleanup_(mapping_set_unrefp) MappingSet *child = NULL;

        for (uint64_t i = 0; i < MAPPING_SET_MAX; i++)
                assert_return_code(add(&f->set, f->a, i * 0x2000, i * 0x2000 + 0x1000, 0), 0);
        assert_int_equal(add(&f->set, f->b, UINT64_C(1) << 40, UINT64_C(2) << 40, 0), -E2BIG);
        assert_int_equal(add(&f->set, f->b, 0x100, 0x200, 0), -E2BIG);
        child = mapping_set_ref(f->set);
        assert_int_equal(add(&child, f->b, 0x100, 0x200, 0), -E2BIG);
        assert_ptr_equal(child, f->set);
        assert_int_equal(mapping_set_size(f->set), MAPPING_SET_MAX);
        assert_mapping(mapping_set_find(f->set, 0x100), f->a, 0, 0x1000, 0);

        /* One that replaces needs no room. */
        assert_return_code(add(&f->set, f->b, 0, 0x1000, 0), 0);
        assert_int_equal(mapping_set_size(f->set), MAPPING_SET_MAX);
}

/* Compared after each step with a model that knows every address by itself. */
static void test_any_sequence_ends_as_if_each_address_were_written(void **state) {
        enum { ADDRESSES = 48, STEPS = 20000 };
        Fixture *f = *state;
        struct {
                File *file;
                uint64_t offset;
        } model[ADDRESSES] = {};
        uint32_t random = 1;

        for (size_t step = 0; step < STEPS; step++) {
                uint64_t start, end, offset;
                const Mapping *before = NULL;
                File *file;

                random = random * 1664525 + 1013904223;
                start = (random >> 8) % ADDRESSES;
                end = start + 1 + (random >> 16) % MIN((uint64_t) 9, ADDRESSES - start);
                end = MIN(end, (uint64_t) ADDRESSES);
                file = random >> 31 ? f->a : f->b;
                offset = start + (random >> 29) % 2 * 100;
                if (step % 997 == 0) {
                        mapping_set_unref(f->set);
                        assert_return_code(mapping_set_new(&f->set), 0);
                        memset(model, 0, sizeof(model));
                }
                assert_return_code(add(&f->set, file, start, end, offset), 0);
                for (uint64_t i = start; i < end; i++) {
                        model[i].file = file;
                        model[i].offset = offset + i - start;
                }

                for (uint64_t i = 0; i < ADDRESSES; i++) {
                        const Mapping *m = mapping_set_find(f->set, i);

                        assert_ptr_equal(m ? m->file : NULL, model[i].file);
                        if (m)
                                assert_int_equal(m->offset + i - m->start, model[i].offset);
                }
                for (size_t i = 0; i < mapping_set_size(f->set); i++) {
                        const Mapping *m = mapping_set_get(f->set, i);

                        assert_true(m->start < m->end);
                        if (before) {
                                assert_true(before->end <= m->start);
                                assert_false(before->end == m->start && before->file == m->file &&
                                             before->offset - before->start ==
                                                     m->offset - m->start);
                        }
                        before = m;
                }
        }
}

#define MAPPING_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                MAPPING_TEST(test_an_address_is_found_from_start_to_before_end),
                MAPPING_TEST(test_an_empty_range_is_refused),
                MAPPING_TEST(test_a_mapping_in_the_middle_splits_the_old_one),
                MAPPING_TEST(test_what_is_covered_is_cut_away_at_both_ends),
                MAPPING_TEST(test_adjacent_pieces_of_a_file_become_one),
                MAPPING_TEST(test_adjacent_pieces_that_do_not_continue_stay_apart),
                MAPPING_TEST(test_the_ends_of_the_address_space_are_addresses),
                MAPPING_TEST(test_a_shared_set_is_copied_when_it_changes),
                MAPPING_TEST(test_what_is_known_already_does_not_copy_a_shared_set),
                MAPPING_TEST(test_a_full_set_refuses_and_stays_as_it_was),
                MAPPING_TEST(test_any_sequence_ends_as_if_each_address_were_written),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
