/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of OpenTelemetry Profiles
 *
 * That another decoder understands the whole is a system test; here are the rules of the
 * dictionary.
 */

#include "export-fixture.h"

#include "profile/otlp.h"

enum { TABLES = 8 };

typedef struct Reader {
        const uint8_t *data;
        size_t size;
} Reader;

static uint64_t read_varint(Reader *r) {
        uint64_t value = 0;

        for (unsigned shift = 0;; shift += 7) {
                uint8_t byte;

                assert_true(r->size > 0 && shift < 64);
                byte = *r->data++;
                r->size--;
                value |= (uint64_t) (byte & 0x7f) << shift;
                if (byte < 0x80)
                        return value;
        }
}

/* The next field; its content if it has a length. */
static unsigned read_field(Reader *r, Reader *ret_content) {
        uint64_t tag = read_varint(r), n;

        *ret_content = (Reader){};
        switch (tag & 7) {
        case 0:
                (void) read_varint(r);
                break;
        case 1:
        case 2:
                n = (tag & 7) == 1 ? 8 : read_varint(r);
                assert_true(n <= r->size);
                *ret_content = (Reader){ r->data, n };
                r->data += n;
                r->size -= n;
                break;
        default:
                fail_msg("wire type %u", (unsigned) (tag & 7));
        }
        return (unsigned) (tag >> 3);
}

static Reader find_field(Reader r, unsigned number) {
        Reader content;

        while (r.size > 0)
                if (read_field(&r, &content) == number)
                        return content;
        fail_msg("no field %u", number);
        return r;
}

/* Entry 0 of each table is empty, no entry is equal to another; counts them. */
static void check_dictionary(Reader dictionary, size_t ret_n[static TABLES]) {
        Reader entries[TABLES][64];

        memset(ret_n, 0, TABLES * sizeof(*ret_n));
        while (dictionary.size > 0) {
                Reader content;
                unsigned table = read_field(&dictionary, &content);
                size_t *n;

                assert_in_range(table, 1, TABLES - 1);
                n = &ret_n[table];
                assert_true(*n < ELEMENTSOF(entries[0]));
                assert_true(*n > 0 || content.size == 0);
                for (size_t i = 0; i < *n; i++)
                        assert_false(entries[table][i].size == content.size &&
                                     memcmp(entries[table][i].data ?: (uint8_t *) "", content.data,
                                            content.size) == 0);
                entries[table][(*n)++] = content;
        }
        for (size_t i = 1; i < TABLES; i++)
                assert_true(ret_n[i] > 0);
}

static void encode(ReportFixture *f, uint8_t **ret, Reader *ret_reader) {
        size_t size;

        assert_return_code(otlp_encode(f->profile, ret, &size), 0);
        profile_free(f->profile);
        *ret_reader = (Reader){ *ret, size };
}

static void test_entry_0_of_each_table_is_empty_and_no_entry_is_there_twice(void **state) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t n[TABLES];
        ReportFixture f;
        Reader r;

        (void) state;
        export_fixture_init(&f);
        encode(&f, &data, &r);
        check_dictionary(find_field(r, 2), n);
        assert_int_equal(n[1], 1 + 3); /* mappings */
        assert_int_equal(n[2], 1 + 4); /* locations */
        assert_int_equal(n[3], 1 + 3); /* functions */
        assert_int_equal(n[7], 1 + 3); /* stacks: two samples share one */
}

static void test_each_type_of_value_is_a_profile(void **state) {
        _cleanup_free_ uint8_t *data = NULL;
        Reader r, scope, content;
        size_t n = 0;
        ReportFixture f;

        (void) state;
        export_fixture_init(&f);
        encode(&f, &data, &r);
        scope = find_field(find_field(r, 1), 2);
        while (scope.size > 0)
                n += read_field(&scope, &content) == 2;
        assert_int_equal(n, 2);
}

static void test_an_empty_stack_is_the_empty_one(void **state) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t n[TABLES];
        ReportFixture f;
        Reader r;

        (void) state;
        hostile_fixture_init(&f);
        encode(&f, &data, &r);
        check_dictionary(find_field(r, 2), n);
        assert_int_equal(n[7], 1 + 1);
}

static void test_the_same_profile_gives_the_same_bytes(void **state) {
        _cleanup_free_ uint8_t *a = NULL, *b = NULL;
        ReportFixture f;
        Reader x, y;

        (void) state;
        export_fixture_init(&f);
        encode(&f, &a, &x);
        export_fixture_init(&f);
        encode(&f, &b, &y);
        assert_int_equal(x.size, y.size);
        assert_memory_equal(a, b, x.size);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_entry_0_of_each_table_is_empty_and_no_entry_is_there_twice),
                cmocka_unit_test(test_each_type_of_value_is_a_profile),
                cmocka_unit_test(test_an_empty_stack_is_the_empty_one),
                cmocka_unit_test(test_the_same_profile_gives_the_same_bytes),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
