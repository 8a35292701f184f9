/* SPDX-License-Identifier: Apache-2.0 */
/* Binary Index: what is right is found, what is wrong is refused */

#include <elf.h>
#include <sys/mman.h>

#include "basic/file-util.h"
#include "index/index-file.h"
#include "unit-test.h"

/* An index as its writer would lay it out, by hand: each test spoils one field of it. */
typedef struct Image {
        IndexHeader header;
        IndexSegment segments[3];
        IndexFunction functions[3];
        char names[48];
} Image;

#define NAMES "\0f\0g()\0_Z1gv\0h\303\244lt"

static Image image_new(void) {
        Image i = {
                .header = {
                        .magic = INDEX_MAGIC,
                        .version = INDEX_VERSION,
                        .header_size = sizeof(IndexHeader),
                        .file_size = sizeof(Image),
                        .build_id = { 0x01, 0xab },
                        .build_id_size = 2,
                        .sources = INDEX_SOURCE_DYNSYM,
                        .sections = {
                                [INDEX_SECTION_SEGMENTS] = { offsetof(Image, segments), sizeof(i.segments) },
                                [INDEX_SECTION_FUNCTIONS] = { offsetof(Image, functions), sizeof(i.functions) },
                                [INDEX_SECTION_NAMES] = { offsetof(Image, names), sizeof(i.names) },
                        },
                },
                .segments = {
                        { .file_offset = 0, .address = 0x400000, .file_size = 0x1000, .memory_size = 0x1000, .flags = PF_R },
                        { .file_offset = 0x1000, .address = 0x402000, .file_size = 0x1000, .memory_size = 0x1000, .flags = PF_R | PF_X },
                        { .file_offset = 0x2000, .address = 0x406000, .file_size = 0x100, .memory_size = 0x800, .flags = PF_R | PF_W },
                },
                .functions = {
                        { .address = 0x402000, .size = 0x10, .name = 1, .system_name = 1 },
                        { .address = 0x402010, .size = 0x20, .name = 3, .system_name = 7 },
                        { .address = 0x402100, .size = 1, .name = 13, .system_name = 13 },
                },
        };

        memset(i.header.content_hash, 7, sizeof(i.header.content_hash));
        memcpy(i.names, NAMES, sizeof(NAMES));
        return i;
}

static void assert_refused(const Image *i, int expected) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;

        assert_int_equal(index_file_new_from_memory(&f, i, sizeof(*i)), expected);
        assert_null(f);
}

static IndexFile *image_open(const Image *i) {
        IndexFile *f;

        assert_int_equal(index_file_new_from_memory(&f, i, sizeof(*i)), 0);
        return f;
}

static void test_header_is_shown(void **state) {
        Image i = image_new();
        _cleanup_(index_file_unrefp) IndexFile *f = image_open(&i);

        assert_string_equal(index_file_get_build_id(f), "01ab");
        assert_int_equal(index_file_get_sources(f), INDEX_SOURCE_DYNSYM);
        assert_int_equal(index_file_n_functions(f), 3);
        assert_int_equal(index_file_get_size(f), sizeof(i));
}

static void test_an_address_finds_its_function(void **state) {
        Image i = image_new();
        _cleanup_(index_file_unrefp) IndexFile *f = image_open(&i);
        IndexName n;

        assert_true(index_file_find_name(f, 0x402000, &n));
        assert_string_equal(n.name, "f");
        assert_true(index_file_find_name(f, 0x40202f, &n));
        assert_string_equal(n.name, "g()");
        assert_string_equal(n.system_name, "_Z1gv");
        assert_int_equal(n.start, 0x402010);
        assert_int_equal(n.size, 0x20);
        assert_true(index_file_find_name(f, 0x402100, &n));
        assert_string_equal(n.name, "h\303\244lt");
}

static void test_gaps_have_no_name(void **state) {
        static const uint64_t outside[] = { 0, 0x401fff, 0x402030, 0x4020ff, 0x402101, UINT64_MAX };
        Image i = image_new();
        _cleanup_(index_file_unrefp) IndexFile *f = image_open(&i);
        IndexName n;

        for (size_t k = 0; k < ELEMENTSOF(outside); k++)
                assert_false(index_file_find_name(f, outside[k], &n));
}

static void test_each_of_many_functions_is_found(void **state) {
        Image i = image_new();

        for (size_t n = 0; n <= ELEMENTSOF(i.functions); n++) {
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;
                IndexName name;

                i.header.sections[INDEX_SECTION_FUNCTIONS].size = n * sizeof(IndexFunction);
                f = image_open(&i);
                for (size_t k = 0; k < ELEMENTSOF(i.functions); k++)
                        assert_int_equal(index_file_find_name(f, i.functions[k].address, &name),
                                         k < n);
        }
}

static void test_file_offsets_become_addresses(void **state) {
        static const struct {
                uint64_t offset, address;
                size_t segment;
        } cases[] = {
                { 0, 0x400000, 0 },
                { 0xfff, 0x400fff, 0 },
                { 0x1000, 0x402000, 1 },
                { 0x1fff, 0x402fff, 1 },
                { 0x20ff, 0x4060ff, 2 },
                { 0x2400, 0x406400, 2 }, /* zeroed memory behind the file's bytes */
        };
        Image i = image_new();
        _cleanup_(index_file_unrefp) IndexFile *f = image_open(&i);
        const IndexSegment *s;
        uint64_t address;

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                assert_true(index_file_find_address(f, cases[k].offset, &s, &address));
                assert_int_equal(address, cases[k].address);
                assert_ptr_equal(s, &i.segments[cases[k].segment]);
        }
        assert_false(index_file_find_address(f, 0x2800, &s, &address));
        assert_false(index_file_find_address(f, UINT64_MAX, &s, &address));
}

/* Zeroed memory is not in the file: who has the byte there has the better claim. */
static void test_bytes_of_the_file_win_over_zeroed_memory(void **state) {
        Image i = image_new();
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const IndexSegment *s;
        uint64_t address;

        i.segments[0].memory_size = 0x10000;
        f = image_open(&i);
        assert_true(index_file_find_address(f, 0x1800, &s, &address));
        assert_int_equal(address, 0x402800);
        assert_true(index_file_find_address(f, 0x2050, &s, &address));
        assert_int_equal(address, 0x406050);
        assert_true(index_file_find_address(f, 0x3000, &s, &address));
        assert_int_equal(address, 0x403000);
}

/* Linkers that save space begin the code in the middle of a page of the file, which is then mapped
 * twice. */
static void test_a_mapping_of_whole_pages_is_of_its_code(void **state) {
        Image i = image_new();
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const IndexSegment *s;

        i.segments[1].file_offset = 0x1210;
        i.segments[1].address = 0x402210;
        i.segments[1].file_size = i.segments[1].memory_size = 0xdf0;
        i.segments[0].file_size = i.segments[0].memory_size = 0x1210;
        f = image_open(&i);
        assert_true(index_file_find_code(f, 0x1000, 0x1000, &s));
        assert_ptr_equal(s, &i.segments[1]);
        assert_false(index_file_find_code(f, 0, 0x1000, &s));
        assert_false(index_file_find_code(f, 0x2000, 0x1000, &s));
        assert_false(index_file_find_code(f, UINT64_MAX - 1, 0x1000, &s));
}

/* The same with an unwind table: two pages, of which the second is empty. */
typedef struct UnwindImage {
        Image image;
        IndexUnwind info;
        IndexUnwindPage pages[3];
        struct unwind_rule rules[3];
        IndexUnwindRow rows[4];
} UnwindImage;

static UnwindImage unwind_image_new(void) {
        UnwindImage i = {
                .image = image_new(),
                .info = { .start = 0x402000 },
                .pages = { { .first_row = 0, .n_rows = 3 }, { .first_row = 3 },
                           { .first_row = 3, .n_rows = 1 } },
                .rules = {
                        { .kind = UNWIND_NOT_COVERED },
                        { .kind = UNWIND_CFA_REGISTER, .base = 7, .offset = 8, .n_block = 1, .block = -1, .block_base = UNWIND_BLOCK_AT_CFA },
                        { .kind = UNWIND_CFA_LOADED, .base = 6, .n_block = 2, .slots = UINT64_C(2) << 24, .ra_kind = UNWIND_RETURN_AT_CFA, .ra = -1 },
                },
                .rows = { { 0, 1 }, { 0x10, 2 }, { 0x20, 0 }, { 0, 1 } },
        };
        IndexSection *s = i.image.header.sections;

        s[INDEX_SECTION_UNWIND] = (IndexSection){ offsetof(UnwindImage, info), sizeof(i.info) };
        s[INDEX_SECTION_UNWIND_PAGES] =
                (IndexSection){ offsetof(UnwindImage, pages), sizeof(i.pages) };
        s[INDEX_SECTION_UNWIND_RULES] =
                (IndexSection){ offsetof(UnwindImage, rules), sizeof(i.rules) };
        s[INDEX_SECTION_UNWIND_ROWS] =
                (IndexSection){ offsetof(UnwindImage, rows), sizeof(i.rows) };
        i.image.header.file_size = sizeof(i);
        return i;
}

static void test_an_address_finds_its_rule(void **state) {
        static const struct {
                uint64_t address;
                int kind; /* UNWIND_NOT_COVERED: none */
        } cases[] = {
                { 0x402000, UNWIND_CFA_REGISTER }, { 0x40200f, UNWIND_CFA_REGISTER },
                { 0x402010, UNWIND_CFA_LOADED },   { 0x40201f, UNWIND_CFA_LOADED },
                { 0x402020, UNWIND_NOT_COVERED },  { 0x402fff, UNWIND_NOT_COVERED },
                { 0x403000, UNWIND_NOT_COVERED },  { 0x404000, UNWIND_CFA_REGISTER },
                { 0x404fff, UNWIND_CFA_REGISTER }, { 0x405000, UNWIND_NOT_COVERED },
                { 0x401fff, UNWIND_NOT_COVERED },  { UINT64_MAX, UNWIND_NOT_COVERED },
                { 0, UNWIND_NOT_COVERED },
        };
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        UnwindImage i = unwind_image_new();

        assert_int_equal(index_file_new_from_memory(&f, &i, sizeof(i)), 0);
        assert_int_equal(index_file_get_unwind(f)->n_pages, 3);
        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                const struct unwind_rule *rule = index_file_find_rule(f, cases[k].address);

                assert_int_equal(rule ? rule->kind : UNWIND_NOT_COVERED, cases[k].kind);
        }
}

static void test_a_file_without_unwind_table_covers_nothing(void **state) {
        Image i = image_new();
        _cleanup_(index_file_unrefp) IndexFile *f = image_open(&i);

        assert_non_null(index_file_get_unwind(f)->info);
        assert_null(index_file_find_rule(f, 0));
        assert_null(index_file_find_rule(f, 0x402000));
}

static void test_damaged_unwind_tables_are_refused(void **state) {
#define UNWIND_REFUSED_WITH(change)                                                        \
        ({                                                                                 \
                UnwindImage i = unwind_image_new();                                        \
                IndexFile *f = NULL;                                                       \
                                                                                           \
                i.change;                                                                  \
                assert_int_equal(index_file_new_from_memory(&f, &i, sizeof(i)), -EBADMSG); \
        })

        UNWIND_REFUSED_WITH(info.start++);
        UNWIND_REFUSED_WITH(info.start = UINT64_MAX - 4095);
        UNWIND_REFUSED_WITH(pages[0].n_rows = 2);
        UNWIND_REFUSED_WITH(pages[1].n_rows = 1);
        UNWIND_REFUSED_WITH(pages[2].n_rows = 2);
        UNWIND_REFUSED_WITH(pages[2].first_row = 2);
        UNWIND_REFUSED_WITH(pages[2].n_rows = 0);
        UNWIND_REFUSED_WITH(rows[0].offset = 1);
        UNWIND_REFUSED_WITH(rows[1].offset = 0);
        UNWIND_REFUSED_WITH(rows[2].offset = 0x10);
        UNWIND_REFUSED_WITH(rows[2].offset = 4096);
        UNWIND_REFUSED_WITH(rows[1].rule = 3);
        UNWIND_REFUSED_WITH(rules[0].kind = UNWIND_END);
        UNWIND_REFUSED_WITH(rules[1].kind = _UNWIND_KIND_MAX);
        UNWIND_REFUSED_WITH(rules[1].base = UNWIND_REGISTERS);
        UNWIND_REFUSED_WITH(rules[1].aux = UNWIND_REGISTERS);
        UNWIND_REFUSED_WITH(rules[1].ra_kind = _UNWIND_RETURN_MAX);
        UNWIND_REFUSED_WITH(rules[1].ra = 1);
        UNWIND_REFUSED_WITH(rules[1].ra = -1);
        UNWIND_REFUSED_WITH(rules[1].n_block = UNWIND_BLOCK_WORDS + 1);
        UNWIND_REFUSED_WITH(rules[1].block_base = UNWIND_BLOCK_AT_CFA + 1);
        UNWIND_REFUSED_WITH(rules[2].slots = UINT64_C(3) << 24);
        UNWIND_REFUSED_WITH(image.header.sections[INDEX_SECTION_UNWIND_ROWS].size -= 1);
        UNWIND_REFUSED_WITH(image.header.sections[INDEX_SECTION_UNWIND].size -= 8);
}

static void test_another_version_is_stale(void **state) {
        Image i = image_new();

        i.header.version++;
        assert_refused(&i, -ESTALE);
}

static void test_damaged_headers_are_refused(void **state) {
        Image good = image_new(), i;

#define REFUSED(change)                       \
        do {                                  \
                i = good;                     \
                i.header.change;              \
                assert_refused(&i, -EBADMSG); \
        } while (false)

        REFUSED(magic ^= 1);
        REFUSED(header_size++);
        REFUSED(file_size--);
        REFUSED(file_size++);
        REFUSED(build_id_size = INDEX_BUILD_ID_MAX + 1);
        REFUSED(sections[INDEX_SECTION_NAMES].offset += 1);
        REFUSED(sections[INDEX_SECTION_NAMES].offset = 0);
        REFUSED(sections[INDEX_SECTION_NAMES].offset = UINT64_MAX - 7);
        REFUSED(sections[INDEX_SECTION_NAMES].size++);
        REFUSED(sections[INDEX_SECTION_NAMES].size = UINT64_MAX);
        REFUSED(sections[INDEX_SECTION_FUNCTIONS].size--);
        REFUSED(sections[INDEX_SECTION_SEGMENTS].size -= 8);
        REFUSED(sections[_INDEX_SECTION_MAX - 1].size = UINT64_MAX);
#undef REFUSED
}

static void test_damaged_tables_are_refused(void **state) {
        Image good = image_new(), i;

#define REFUSED(change)                       \
        do {                                  \
                i = good;                     \
                i.change;                     \
                assert_refused(&i, -EBADMSG); \
        } while (false)

        REFUSED(functions[1].address = 0x401000); /* unsorted */
        REFUSED(functions[0].size++);             /* overlapping */
        REFUSED(functions[1].size = 0);
        REFUSED(functions[2].address = UINT64_MAX); /* wraps around */
        REFUSED(segments[1].file_offset = 0x2001);  /* unsorted */
        REFUSED(segments[1].file_size++);
        REFUSED(segments[2].address = UINT64_MAX - 1);
        REFUSED(segments[2].file_offset = UINT64_MAX - 1);
#undef REFUSED
}

/* The place has no name then; the others keep theirs. */
static void assert_unnamed(const void *data, size_t size) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        IndexFrame frames[INDEX_FRAMES_MAX];
        IndexName n;

        assert_return_code(index_file_new_from_memory(&f, data, size), errno);
        assert_false(index_file_find_name(f, 0x402100, &n));
        assert_int_equal(index_file_find_frames(f, 0x402100, frames), 0);
        assert_true(index_file_find_name(f, 0x402000, &n));
        assert_string_equal(n.name, "f");
}

static void test_damaged_names_are_not_shown(void **state) {
        static const char *const bad[] = {
                "a\nb",       "\x7f",        "\377",         "\303",          "\033[31m",
                "12345678\t", "1234567\x7f", "12345678\303", "1234567\033xy", "123456789\nbcdef",
        };
        Image i;

        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                i = image_new();
                i.functions[2].name = 24;
                strcpy(i.names + 24, bad[k]);
                assert_unnamed(&i, sizeof(i));
                i.functions[2].name = 1;
                i.functions[2].system_name = 24;
                assert_unnamed(&i, sizeof(i));
        }

        i = image_new();
        i.functions[2].name = 24;
        memset(i.names + 24, 'x', sizeof(i.names) - 24);
        assert_unnamed(&i, sizeof(i)); /* no NUL at the end */
}

static void test_offsets_that_are_no_names_are_not_shown(void **state) {
        Image good = image_new(), i;

#define UNNAMED(change)                        \
        do {                                   \
                i = good;                      \
                i.change;                      \
                assert_unnamed(&i, sizeof(i)); \
        } while (false)

        UNNAMED(functions[2].name = sizeof(i.names)); /* out of range */
        UNNAMED(functions[2].system_name = UINT32_MAX);
        UNNAMED(functions[2].name++); /* in the middle of a name */
        UNNAMED(header.sections[INDEX_SECTION_NAMES].size = 13);
#undef UNNAMED
}

static void test_without_names_nothing_is_found(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        Image i = image_new();
        IndexName n;

        i.header.sections[INDEX_SECTION_NAMES].size = 0;
        assert_return_code(index_file_new_from_memory(&f, &i, sizeof(i)), errno);
        assert_false(index_file_find_name(f, 0x402000, &n));
}

static void test_endless_names_are_not_shown(void **state) {
        struct {
                Image image;
                char more[2 * INDEX_NAME_MAX];
        } big = { .image = image_new() };
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        IndexName n;

        big.image.header.file_size = sizeof(big);
        big.image.header.sections[INDEX_SECTION_NAMES].size =
                sizeof(big.image.names) + sizeof(big.more);
        big.image.functions[2].name = sizeof(big.image.names);
        memset(big.more, 'x', INDEX_NAME_MAX);
        assert_int_equal(index_file_new_from_memory(&f, &big, sizeof(big)), 0);
        assert_true(index_file_find_name(f, 0x402100, &n));
        assert_int_equal(strlen(n.name), INDEX_NAME_MAX);
        big.more[INDEX_NAME_MAX] = 'x';
        assert_unnamed(&big, sizeof(big));
}

static void test_truncated_anywhere_is_refused(void **state) {
        Image i = image_new();

        for (size_t size = 0; size < sizeof(i); size++) {
                /* A block of this very size, so that reading behind it does not go unnoticed. */
                _cleanup_free_ void *part = malloc(MAX(size, 1U));
                IndexFile *f;
                int r;

                assert_non_null(part);
                memcpy(part, &i, size);
                r = index_file_new_from_memory(&f, part, size);
                assert_true(r == -EBADMSG || r == -ESTALE);
        }
}

static void test_any_spoilt_byte_is_survived(void **state) {
        Image good = image_new();

        for (size_t at = 0; at < sizeof(good); at++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
                        Image i = good;
                        IndexName n;

                        ((uint8_t *) &i)[at] ^= (uint8_t) (1U << bit);
                        if (index_file_new_from_memory(&f, &i, sizeof(i)) < 0)
                                continue;
                        for (size_t k = 0; k < index_file_n_functions(f); k++)
                                if (index_file_find_name(f, i.functions[k].address, &n))
                                        assert_true(strlen(n.name) < sizeof(i.names));
                }
}

static void test_a_file_is_checked_against_its_hash(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_close_ int fd = memfd_create("index", MFD_CLOEXEC);
        Image i = image_new();
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        assert_int_equal(write_all(fd, &i, sizeof(i)), 0);
        memset(hash, 7, sizeof(hash));
        assert_int_equal(index_file_open(&f, fd, hash), 0);
        f = index_file_unref(f);
        hash[31] = 8;
        assert_int_equal(index_file_open(&f, fd, hash), -EBADMSG);
        assert_int_equal(index_file_open(&f, fd, NULL), 0);
}

static void test_what_is_no_file_is_refused(void **state) {
        _cleanup_close_ int empty = memfd_create("empty", MFD_CLOEXEC);
        IndexFile *f;
        int fds[2];

        assert_int_equal(index_file_open(&f, empty, NULL), -EBADMSG);
        assert_return_code(pipe(fds), errno);
        assert_int_equal(index_file_open(&f, fds[0], NULL), -EBADMSG);
        close(fds[0]);
        close(fds[1]);
        assert_int_equal(index_file_open(&f, -1, NULL), -EBADF);
}

static void test_references_keep_it(void **state) {
        Image i = image_new();
        IndexFile *f = image_open(&i);
        IndexName n;

        assert_ptr_equal(index_file_ref(f), f);
        assert_null(index_file_unref(f));
        assert_true(index_file_find_name(f, 0x402000, &n));
        assert_null(index_file_unref(f));
        assert_null(index_file_unref(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_header_is_shown),
                cmocka_unit_test(test_an_address_finds_its_function),
                cmocka_unit_test(test_gaps_have_no_name),
                cmocka_unit_test(test_each_of_many_functions_is_found),
                cmocka_unit_test(test_file_offsets_become_addresses),
                cmocka_unit_test(test_bytes_of_the_file_win_over_zeroed_memory),
                cmocka_unit_test(test_a_mapping_of_whole_pages_is_of_its_code),
                cmocka_unit_test(test_an_address_finds_its_rule),
                cmocka_unit_test(test_a_file_without_unwind_table_covers_nothing),
                cmocka_unit_test(test_damaged_unwind_tables_are_refused),
                cmocka_unit_test(test_another_version_is_stale),
                cmocka_unit_test(test_damaged_headers_are_refused),
                cmocka_unit_test(test_damaged_tables_are_refused),
                cmocka_unit_test(test_damaged_names_are_not_shown),
                cmocka_unit_test(test_offsets_that_are_no_names_are_not_shown),
                cmocka_unit_test(test_without_names_nothing_is_found),
                cmocka_unit_test(test_endless_names_are_not_shown),
                cmocka_unit_test(test_truncated_anywhere_is_refused),
                cmocka_unit_test(test_any_spoilt_byte_is_survived),
                cmocka_unit_test(test_a_file_is_checked_against_its_hash),
                cmocka_unit_test(test_what_is_no_file_is_refused),
                cmocka_unit_test(test_references_keep_it),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
