/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded Pointers: every form is read, what needs a running process is refused */

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elf/eh-pointer.h"

static const uint8_t bytes[] = { 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x01 };
static const EhBases bases = {
        .address = 0x1000,
        .bytes = bytes,
        .text = 0x20000,
        .data = 0x30000,
        .function = 0x40000,
};

static uint64_t read_at(size_t at, uint8_t encoding, size_t *ret_used) {
        ByteReader r = byte_reader(bytes + at, sizeof(bytes) - at);
        uint64_t value;

        assert_int_equal(eh_pointer_read(&r, encoding, &bases, &value), 0);
        assert_false(r.failed);
        *ret_used = (size_t) (r.at - bytes) - at;
        return value;
}

static void test_every_format_has_its_size_and_sign(void **state) {
        static const struct {
                uint8_t encoding;
                size_t at, size;
                uint64_t value;
        } cases[] = {
                { EH_PE_ABSPTR, 0, 8, UINT64_C(0xfffffffffffffff0) },
                { EH_PE_UDATA2, 0, 2, 0xfff0 },
                { EH_PE_SDATA2, 0, 2, (uint64_t) -16 },
                { EH_PE_UDATA4, 0, 4, 0xfffffff0 },
                { EH_PE_SDATA4, 0, 4, (uint64_t) -16 },
                { EH_PE_UDATA8, 0, 8, (uint64_t) -16 },
                { EH_PE_SDATA8, 0, 8, (uint64_t) -16 },
                { EH_PE_ULEB128, 8, 2, 129 },
                { EH_PE_SLEB128, 8, 2, 129 },
                { EH_PE_PCREL | EH_PE_SDATA4, 4, 4, 0x1003 },
                { EH_PE_TEXTREL | EH_PE_SDATA4, 0, 4, 0x1fff0 },
                { EH_PE_DATAREL | EH_PE_SDATA2, 0, 2, 0x2fff0 },
                { EH_PE_FUNCREL | EH_PE_SDATA8, 0, 8, 0x3fff0 },
                { EH_PE_ALIGNED, 0, 8, (uint64_t) -16 },
        };
        size_t used;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(read_at(cases[i].at, cases[i].encoding, &used), cases[i].value);
                assert_int_equal(used, cases[i].size);
        }
}

static void test_what_cannot_be_known_is_refused(void **state) {
        static const uint8_t bad[] = { EH_PE_OMIT, EH_PE_INDIRECT | EH_PE_PCREL | EH_PE_SDATA4,
                                       0x05, 0x0d, 0x60 | EH_PE_SDATA4 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                ByteReader r = byte_reader(bytes, sizeof(bytes));
                uint64_t value;

                assert_int_equal(eh_pointer_read(&r, bad[i], &bases, &value), -EBADMSG);
        }
}

static void test_overlong_and_truncated_numbers_fail(void **state) {
        static const uint8_t overlong[] = { 0x80, 0x80, 0x80, 0x80, 0x80,
                                            0x80, 0x80, 0x80, 0x80, 0x02 };
        static const uint8_t minus_one[] = { 0x7f };
        ByteReader r = byte_reader(overlong, sizeof(overlong));

        (void) byte_reader_uleb(&r);
        assert_true(r.failed);
        r = byte_reader(overlong, sizeof(overlong));
        (void) byte_reader_sleb(&r);
        assert_true(r.failed);
        r = byte_reader(overlong, 3);
        (void) byte_reader_uleb(&r);
        assert_true(r.failed);
        r = byte_reader(overlong, 3);
        assert_int_equal(byte_reader_fixed(&r, 4), 0);
        assert_true(r.failed);
        r = byte_reader(minus_one, 1);
        assert_int_equal(byte_reader_sleb(&r), -1);
        assert_false(r.failed);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_format_has_its_size_and_sign),
                cmocka_unit_test(test_what_cannot_be_known_is_refused),
                cmocka_unit_test(test_overlong_and_truncated_numbers_fail),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
