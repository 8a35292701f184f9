/* SPDX-License-Identifier: Apache-2.0 */
/* Call Frame Sections: every form of entry is read, a damaged one loses itself */

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elf/eh-frame.h"

/* A section as it is put together. */
typedef struct Section {
        uint8_t bytes[1024];
        size_t n;
        bool is_debug, is_wide; /* .debug_frame; 64-bit DWARF */
} Section;

enum { ADDRESS = 0x8000 };

static void put(Section *s, uint64_t value, size_t size) {
        assert_true(s->n + size <= sizeof(s->bytes));
        for (size_t i = 0; i < size; i++)
                s->bytes[s->n++] = (uint8_t) (value >> (8 * i));
}

static size_t begin(Section *s) {
        if (s->is_wide)
                put(s, UINT32_MAX, 4);
        put(s, 0, s->is_wide ? 8 : 4);
        return s->n;
}

static void end(Section *s, size_t at) {
        size_t length = s->n - at, n = s->n;

        s->n = at - (s->is_wide ? 8 : 4);
        put(s, length, s->is_wide ? 8 : 4);
        s->n = n;
}

static size_t id_size(const Section *s) {
        return s->is_wide && s->is_debug ? 8 : 4;
}

/* def_cfa rsp, 8; offset rip, -8. Returns where it is. */
static size_t put_common(
        Section *s, uint8_t version, const char *letters, const char *data, size_t size) {
        size_t where = s->n, at = begin(s);

        put(s, s->is_debug ? UINT64_MAX : 0, id_size(s));
        put(s, version, 1);
        for (const char *l = letters; *l; l++)
                put(s, (uint8_t) *l, 1);
        put(s, 0, 1);
        if (version == 4)
                put(s, 8, 2); /* size of an address, of a segment */
        put(s, 1, 1);
        put(s, 0x78, 1);
        put(s, 16, 1);
        if (letters[0] == 'z')
                put(s, size, 1);
        for (size_t i = 0; i < size; i++)
                put(s, (uint8_t) data[i], 1);
        put(s, 0x0c, 1);
        put(s, 7, 1);
        put(s, 8, 1);
        put(s, 0x90, 1);
        put(s, 1, 1);
        end(s, at);
        return where;
}

/* pcrel 4 bytes or absolute 8 bytes; then the instructions "advance 1; def_cfa_offset 16". */
static void put_function(Section *s,
                         size_t common,
                         bool is_relative,
                         bool has_data,
                         uint64_t start,
                         uint64_t size,
                         uint8_t first) {
        size_t at = begin(s);

        put(s, s->is_debug ? common : s->n - common, id_size(s));
        put(s, is_relative ? start - ADDRESS - s->n : start, is_relative ? 4 : 8);
        put(s, size, is_relative ? 4 : 8);
        if (has_data)
                put(s, 0, 1);
        put(s, first, 1);
        put(s, 0x0e, 1);
        put(s, 16, 1);
        end(s, at);
}

static int count_rows(void *userdata, uint64_t start, uint64_t stop, const CfiState *state) {
        ++*(size_t *) userdata;
        return 0;
}

static EhFrame *open_section(const Section *s, uint32_t *losses) {
        EhFrame *e;

        memset(losses, 0, _INDEX_UNWIND_LOSSES * sizeof(*losses));
        assert_int_equal(eh_frame_new(&e,
                                      &(EhFrameInput){
                                              .bytes = s->bytes,
                                              .size = s->n,
                                              .address = ADDRESS,
                                              .machine = EM_X86_64,
                                              .is_debug_frame = s->is_debug,
                                      },
                                      losses),
                         0);
        return e;
}

/* One function at 0x1000 with two rows. */
static void assert_one_function(const Section *s, bool expected_signal) {
        uint32_t losses[_INDEX_UNWIND_LOSSES], none[_INDEX_UNWIND_LOSSES] = {};
        _cleanup_(eh_frame_freep) EhFrame *e = open_section(s, losses);
        const EhFunction *f;
        size_t n, rows = 0;
        bool is_signal;

        assert_memory_equal(losses, none, sizeof(none));
        f = eh_frame_get_functions(e, &n);
        assert_int_equal(n, 1);
        assert_int_equal(f->start, 0x1000);
        assert_int_equal(f->size, 0x20);
        assert_int_equal(eh_frame_run(e, f, count_rows, &rows, &is_signal), 0);
        assert_int_equal(rows, 2);
        assert_int_equal(is_signal, expected_signal);
        assert_memory_equal(losses, none, sizeof(none));
}

static void test_versions_widths_and_both_sections(void **state) {
        static const uint8_t versions[] = { 1, 3, 4 };

        for (size_t i = 0; i < 4 * ELEMENTSOF(versions); i++) {
                Section s = { .is_debug = i & 1, .is_wide = i & 2 };
                size_t common;

                common = put_common(&s, versions[i / 4], "", "", 0);
                put_function(&s, common, false, false, 0x1000, 0x20, 0x41);
                assert_one_function(&s, false);
        }
}

static void test_augmentations(void **state) {
        static const struct {
                const char *letters, *data;
                size_t size;
                bool is_relative, is_signal;
        } cases[] = {
                { "zR", "\x1b", 1, true, false },
                { "zPLR", "\x9b\1\2\3\4\x1b\x1b", 7, true, false },
                { "zRS", "\x1b", 1, true, true },
                { "zRBG", "\x1b", 1, true, false },
                { "z", "", 0, false, false },
                { "zR", "\x1b\0\0", 3, true, false }, /* more data than letters */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Section s = {};
                size_t common;

                common = put_common(&s, 1, cases[i].letters, cases[i].data, cases[i].size);
                put_function(&s, common, cases[i].is_relative, true, 0x1000, 0x20, 0x41);
                assert_one_function(&s, cases[i].is_signal);
        }
}

static void test_unknown_common_parts_lose_their_functions(void **state) {
        static const struct {
                uint8_t version;
                const char *letters, *data;
                size_t size;
        } cases[] = {
                { 2, "", "", 0 },   { 1, "eh", "", 0 },       { 1, "zX", "", 0 },
                { 1, "zR", "", 0 }, { 1, "zP", "\x1b\0", 2 }, { 1, "zP", "\x0f\0", 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint32_t losses[_INDEX_UNWIND_LOSSES];
                _cleanup_(eh_frame_freep) EhFrame *e = NULL;
                size_t common, good, n;
                Section s = {};

                common = put_common(&s, cases[i].version, cases[i].letters, cases[i].data,
                                    cases[i].size);
                put_function(&s, common, false, false, 0x3000, 0x20, 0x41);
                good = put_common(&s, 1, "", "", 0);
                put_function(&s, good, false, false, 0x1000, 0x20, 0x41);
                e = open_section(&s, losses);
                (void) eh_frame_get_functions(e, &n);
                assert_int_equal(n, 1);
                assert_int_equal(losses[INDEX_UNWIND_BAD_CIE], 1);
        }
}

static void test_a_damaged_function_loses_itself(void **state) {
        uint32_t losses[_INDEX_UNWIND_LOSSES];
        _cleanup_(eh_frame_freep) EhFrame *e = NULL;
        const EhFunction *f;
        size_t common, indirect, n, rows = 0;
        Section s = {};
        bool is_signal;

        common = put_common(&s, 1, "", "", 0);
        indirect = put_common(&s, 1, "zR", "\x9b", 1);
        put_function(&s, common, false, false, 0x1000, 0x20, 0x3f); /* no such instruction */
        put_function(&s, indirect, true, true, 0x2000, 0x20, 0x41); /* pointer to a pointer */
        put_function(&s, common, false, false, UINT64_MAX - 1, 0x20, 0x41); /* wraps around */
        put_function(&s, common + 1, false, false, 0x3000, 0x20, 0x41);     /* not a common part */
        put_function(&s, common, false, false, 0x4000, 0, 0x41); /* removed by the linker */
        put(&s, 0, 4);                                           /* terminator in between */
        put_function(&s, common, false, false, 0x0800, 0x20, 0x41);
        put(&s, 1000, 4); /* beyond the end */
        e = open_section(&s, losses);

        f = eh_frame_get_functions(e, &n);
        assert_int_equal(n, 2);
        assert_int_equal(f[0].start, 0x0800); /* sorted */
        assert_int_equal(f[1].start, 0x1000);
        assert_int_equal(losses[INDEX_UNWIND_BAD_FDE], 2);
        assert_int_equal(losses[INDEX_UNWIND_BAD_CIE], 1);
        assert_int_equal(losses[INDEX_UNWIND_BAD_SECTION], 1);
        assert_int_equal(eh_frame_run(e, &f[0], count_rows, &rows, &is_signal), 0);
        assert_int_equal(rows, 2);
        assert_int_equal(eh_frame_run(e, &f[1], count_rows, &rows, &is_signal), -EBADMSG);
        assert_int_equal(losses[INDEX_UNWIND_BAD_PROGRAM], 1);
}

static void test_many_functions_are_sorted_by_address(void **state) {
        uint32_t losses[_INDEX_UNWIND_LOSSES];
        _cleanup_(eh_frame_freep) EhFrame *e = NULL;
        const EhFunction *f;
        Section s = {};
        size_t common, n;

        common = put_common(&s, 1, "", "", 0);
        for (uint64_t i = 0; i < 20; i++)
                put_function(&s, common, false, false, (i * 7 % 20) << (2 * i), 1, 0x41);
        e = open_section(&s, losses);
        f = eh_frame_get_functions(e, &n);
        assert_int_equal(n, 20);
        for (size_t i = 1; i < n; i++)
                assert_true(f[i - 1].start < f[i].start ||
                            (f[i - 1].start == f[i].start && f[i - 1].offset < f[i].offset));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_versions_widths_and_both_sections),
                cmocka_unit_test(test_augmentations),
                cmocka_unit_test(test_unknown_common_parts_lose_their_functions),
                cmocka_unit_test(test_a_damaged_function_loses_itself),
                cmocka_unit_test(test_many_functions_are_sorted_by_address),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
