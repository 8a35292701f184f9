/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Protobuf Scan */

#include "unit-test.h"
#include "upload/protobuf-scan.h"

#define SCAN(text) (&(ProtobufScan){ (const uint8_t *) (text), sizeof(text) - 1 })

static void test_the_last_field_of_a_number_counts(void **state) {
        ProtobufScan found;
        uint64_t n;

        assert_int_equal(protobuf_scan_find(SCAN("\x0a\x01"
                                                 "a\x12\x01x\x0a\x02"
                                                 "bc"),
                                            1, &found),
                         1);
        assert_int_equal(found.size, 2);
        assert_memory_equal(found.data, "bc", 2);
        assert_int_equal(protobuf_scan_find_number(SCAN("\x08\x01\x08\xac\x02"), 1, &n), 1);
        assert_int_equal(n, 300);
}

static void test_other_fields_are_passed_by(void **state) {
        uint64_t n;

        assert_int_equal(protobuf_scan_find_number(SCAN("\x11"
                                                        "12345678"
                                                        "\x1d"
                                                        "1234"
                                                        "\x22\x00\x28\x07"),
                                                   5, &n),
                         1);
        assert_int_equal(n, 7);
        assert_int_equal(protobuf_scan_find_number(SCAN("\x0a\x00"), 1, &n), 0);
        assert_int_equal(protobuf_scan_find_number(SCAN(""), 1, &n), 0);
}

static void test_what_is_cut_or_odd_is_refused(void **state) {
        ProtobufScan found;
        uint64_t n;

        assert_int_equal(protobuf_scan_find(SCAN("\x0a\x05"
                                                 "ab"),
                                            1, &found),
                         -EBADMSG);
        assert_int_equal(protobuf_scan_find(SCAN("\x0a"), 1, &found), -EBADMSG);
        assert_int_equal(protobuf_scan_find_number(SCAN("\x08\x80"), 1, &n), -EBADMSG);
        assert_int_equal(protobuf_scan_find_number(SCAN("\x0b"), 1, &n), -EBADMSG);
        assert_int_equal(protobuf_scan_find_number(SCAN("\x09"
                                                        "1234567"),
                                                   1, &n),
                         -EBADMSG);
        assert_int_equal(protobuf_scan_find_number(
                                 SCAN("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, &n),
                         -EBADMSG);
}

static void test_text_is_fit_for_a_log(void **state) {
        char text[8];

        assert_int_equal(protobuf_scan_find_text(SCAN("\x12\x05"
                                                      "a\x1b\xff"
                                                      "bc"),
                                                 2, text, sizeof(text)),
                         1);
        assert_string_equal(text, "a??bc");
        assert_int_equal(protobuf_scan_find_text(SCAN("\x12\x0c"
                                                      "abcdefghijkl"),
                                                 2, text, sizeof(text)),
                         1);
        assert_string_equal(text, "abcdefg");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_last_field_of_a_number_counts),
                cmocka_unit_test(test_other_fields_are_passed_by),
                cmocka_unit_test(test_what_is_cut_or_odd_is_refused),
                cmocka_unit_test(test_text_is_fit_for_a_log),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
