/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel Build Id */

#include "symbol/kernel-build-id.h"
#include "unit-test.h"

/* A note of another owner, then the build id 0a0b0c. */
static const uint8_t notes[] = {
        6, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'L', 'i', 'n', 'u', 'x', 0, 0,    0,    7,    0,
        0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0,   0,   'G', 'N', 'U', 0, 0x0a, 0x0b, 0x0c, 0,
};

static void test_the_build_id_is_found_behind_other_notes(void **state) {
        char id[2 * KERNEL_BUILD_ID_MAX + 1];

        assert_int_equal(kernel_build_id_parse(notes, sizeof(notes), id), 0);
        assert_string_equal(id, "0a0b0c");
}

static void test_notes_cut_short_anywhere_are_refused(void **state) {
        char id[2 * KERNEL_BUILD_ID_MAX + 1];

        for (size_t n = 0; n < sizeof(notes); n++)
                assert_true(kernel_build_id_parse(notes, n, id) < 0);
}

static void test_a_build_id_of_odd_length_is_refused(void **state) {
        uint8_t long_note[16 + 80] = { 4, 0, 0, 0, 80, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0 };
        char id[2 * KERNEL_BUILD_ID_MAX + 1];

        assert_int_equal(kernel_build_id_parse(long_note, sizeof(long_note), id), -EBADMSG);
        long_note[4] = 0;
        assert_int_equal(kernel_build_id_parse(long_note, sizeof(long_note), id), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_build_id_is_found_behind_other_notes),
                cmocka_unit_test(test_notes_cut_short_anywhere_are_refused),
                cmocka_unit_test(test_a_build_id_of_odd_length_is_refused),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
