/* SPDX-License-Identifier: Apache-2.0 */
/* ELF File: on small files made by hand, right and wrong */

#include <elf.h>
#include <endian.h>
#include <sys/mman.h>

#include "basic/file-util.h"
#include "elf/elf-file.h"
#include "unit-test.h"

typedef struct Note {
        Elf64_Nhdr header;
        char name[4];
        uint8_t id[20];
} Note;

enum { SECTION_NOTE = 1, SECTION_NAMES, SECTION_ZEROS, SECTION_PACKED, N_SECTIONS };

/* The smallest file that has all that is asked for. */
typedef struct Image {
        Elf64_Ehdr header;
        Elf64_Phdr segments[2];
        Note other_note, note;
        char names[32];
        Elf64_Shdr sections[N_SECTIONS];
} Image;

static Image image_new(void) {
        Image i = {
                .header = {
                        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                                     __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB, EV_CURRENT },
                        .e_type = ET_DYN,
                        .e_machine = EM_AARCH64,
                        .e_version = EV_CURRENT,
                        .e_phoff = offsetof(Image, segments),
                        .e_shoff = offsetof(Image, sections),
                        .e_ehsize = sizeof(Elf64_Ehdr),
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = 2,
                        .e_shentsize = sizeof(Elf64_Shdr),
                        .e_shnum = N_SECTIONS,
                        .e_shstrndx = SECTION_NAMES,
                },
                .segments = {
                        { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 64, .p_vaddr = 0x1040,
                          .p_filesz = 128, .p_memsz = 256 },
                        { .p_type = PT_NOTE, .p_offset = offsetof(Image, other_note),
                          .p_filesz = 2 * sizeof(Note), .p_align = 4 },
                },
                .other_note = { { 4, 20, NT_GNU_ABI_TAG }, ELF_NOTE_GNU, { 9 } },
                .note = { { 4, 20, NT_GNU_BUILD_ID }, ELF_NOTE_GNU, { 1, 2, 3 } },
                .names = "\0.note\0.names\0.zeros\0.packed",
                .sections = {
                        [SECTION_NOTE] = { .sh_name = 1, .sh_type = SHT_NOTE, .sh_addr = 0x2000,
                                           .sh_offset = offsetof(Image, other_note),
                                           .sh_size = 2 * sizeof(Note), .sh_addralign = 4,
                                           .sh_flags = SHF_ALLOC, .sh_link = 7 },
                        [SECTION_NAMES] = { .sh_name = 7, .sh_type = SHT_STRTAB,
                                            .sh_offset = offsetof(Image, names),
                                            .sh_size = sizeof(i.names), .sh_addralign = 1 },
                        [SECTION_ZEROS] = { .sh_name = 14, .sh_type = SHT_NOBITS, .sh_size = 100 },
                        [SECTION_PACKED] = { .sh_name = 21, .sh_type = SHT_PROGBITS,
                                             .sh_flags = SHF_COMPRESSED, .sh_size = 30 },
                },
        };

        return i;
}

static ElfFile *image_open(const Image *i) {
        ElfFile *f;

        assert_int_equal(elf_file_new_from_memory(&f, i, sizeof(*i)), 0);
        return f;
}

/* Asks everything once: whatever the answers, nothing outside of the file is touched. */
static void ask_everything(const ElfFile *f) {
        uint8_t id[64];
        uint64_t sum = 0;

        (void) elf_file_get_build_id(f, id, sizeof(id));
        for (size_t k = 0; k < elf_file_n_segments(f); k++) {
                ElfSegment segment;

                (void) elf_file_get_segment(f, k, &segment);
        }
        for (size_t k = 0; k < elf_file_n_sections(f); k++) {
                const uint8_t *data;
                ElfSection section;
                size_t size;

                if (elf_file_get_section(f, k, &section) >= 0)
                        sum += strlen(section.name);
                if (elf_file_get_data(f, k, &data, &size) >= 0)
                        sum += (uint64_t) data[0] + data[size - 1];
        }
        assert_true(sum < UINT64_MAX);
}

static void test_headers_are_read(void **state) {
        Image i = image_new();
        _cleanup_(elf_file_freep) ElfFile *f = image_open(&i);
        ElfSection section;
        ElfSegment segment;

        assert_true(elf_file_is_64(f));
        assert_int_equal(elf_file_get_machine(f), EM_AARCH64);
        assert_int_equal(elf_file_get_type(f), ET_DYN);

        assert_int_equal(elf_file_n_segments(f), 2);
        assert_int_equal(elf_file_get_segment(f, 0, &segment), 0);
        assert_int_equal(segment.type, PT_LOAD);
        assert_int_equal(segment.flags, PF_R | PF_X);
        assert_int_equal(segment.file_offset, 64);
        assert_int_equal(segment.address, 0x1040);
        assert_int_equal(segment.file_size, 128);
        assert_int_equal(segment.memory_size, 256);
        assert_int_equal(elf_file_get_segment(f, 2, &segment), -EBADMSG);

        assert_int_equal(elf_file_n_sections(f), N_SECTIONS);
        assert_int_equal(elf_file_get_section(f, SECTION_NOTE, &section), 0);
        assert_string_equal(section.name, ".note");
        assert_int_equal(section.type, SHT_NOTE);
        assert_int_equal(section.flags, SHF_ALLOC);
        assert_int_equal(section.address, 0x2000);
        assert_int_equal(section.size, 2 * sizeof(Note));
        assert_int_equal(section.link, 7);
        assert_int_equal(elf_file_get_section(f, N_SECTIONS, &section), -EBADMSG);
}

static void test_section_bytes_are_the_files_own(void **state) {
        Image i = image_new();
        _cleanup_(elf_file_freep) ElfFile *f = image_open(&i);
        const uint8_t *data;
        size_t size;

        assert_int_equal(elf_file_get_data(f, SECTION_NAMES, &data, &size), 0);
        assert_ptr_equal(data, i.names);
        assert_int_equal(size, sizeof(i.names));
        assert_int_equal(elf_file_get_data(f, 0, &data, &size), -ENODATA);
        assert_int_equal(elf_file_get_data(f, SECTION_ZEROS, &data, &size), -ENODATA);
        assert_int_equal(elf_file_get_data(f, SECTION_PACKED, &data, &size), -EOPNOTSUPP);
        assert_int_equal(elf_file_get_data(f, UINT32_MAX, &data, &size), -EBADMSG);
}

static void test_sections_outside_of_the_file_have_no_bytes(void **state) {
        static const struct {
                uint64_t offset, size;
        } cases[] = {
                { sizeof(Image), 1 }, { 0, sizeof(Image) + 1 }, { UINT64_MAX, 2 },
                { 8, UINT64_MAX },    { 8, UINT64_C(4) << 30 },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                Image i = image_new();
                _cleanup_(elf_file_freep) ElfFile *f = NULL;
                const uint8_t *data;
                size_t size;

                i.sections[SECTION_NOTE].sh_offset = cases[k].offset;
                i.sections[SECTION_NOTE].sh_size = cases[k].size;
                f = image_open(&i);
                assert_int_equal(elf_file_get_data(f, SECTION_NOTE, &data, &size), -EBADMSG);
                ask_everything(f);
        }
}

static void test_build_id_is_found_among_notes(void **state) {
        Image i = image_new();
        uint8_t id[20], expected[20] = { 1, 2, 3 };

        for (size_t where = 0; where < 2; where++) {
                _cleanup_(elf_file_freep) ElfFile *f = NULL;

                if (where == 1)
                        i.segments[1].p_type = PT_NULL; /* as in a separate debug file */
                f = image_open(&i);
                assert_int_equal(elf_file_get_build_id(f, id, sizeof(id)), 20);
                assert_memory_equal(id, expected, 20);
                assert_int_equal(elf_file_get_build_id(f, id, 19), 0);
        }
}

static void test_foreign_and_broken_notes_are_no_build_id(void **state) {
        Image good = image_new();
        uint8_t id[64];

#define NO_ID(change)                                                          \
        do {                                                                   \
                Image i = good;                                                \
                _cleanup_(elf_file_freep) ElfFile *f = NULL;                   \
                i.change;                                                      \
                f = image_open(&i);                                            \
                assert_int_equal(elf_file_get_build_id(f, id, sizeof(id)), 0); \
        } while (false)

        NO_ID(note.name[0] = 'X');
        NO_ID(note.header.n_type = NT_GNU_HWCAP);
        NO_ID(note.header.n_namesz = UINT32_MAX);
        NO_ID(note.header.n_descsz = UINT32_MAX);
        NO_ID(note.header.n_descsz = 0);
        NO_ID(other_note.header.n_descsz = UINT32_MAX - 3);
#undef NO_ID
}

static void test_what_is_no_elf_file_is_refused(void **state) {
        Image good = image_new(), i;
        ElfFile *f;

        assert_int_equal(elf_file_new_from_memory(&f, "#!/bin/sh\nexit 0\n", 17), -ENOEXEC);
        assert_int_equal(elf_file_new_from_memory(&f, "!<arch>\n        ", 16), -ENOEXEC);
        assert_int_equal(elf_file_new_from_memory(&f, "\177ELF", 4), -ENOEXEC);

        i = good;
        i.header.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
        assert_int_equal(elf_file_new_from_memory(&f, &i, sizeof(i)), -EOPNOTSUPP);
        i = good;
        i.header.e_ident[EI_CLASS] = 9;
        assert_int_equal(elf_file_new_from_memory(&f, &i, sizeof(i)), -EBADMSG);
}

static void test_huge_counts_are_refused(void **state) {
        Image i = image_new();
        _cleanup_(elf_file_freep) ElfFile *f = NULL;

        /* The count of sections moves to section 0 when it is too big for its field. */
        i.header.e_shnum = 0;
        i.sections[0].sh_size = UINT64_MAX / sizeof(Elf64_Shdr);
        if (elf_file_new_from_memory(&f, &i, sizeof(i)) >= 0)
                ask_everything(f);
        f = elf_file_free(f);

        i = image_new();
        i.header.e_phnum = PN_XNUM;
        i.sections[0].sh_info = UINT32_MAX;
        if (elf_file_new_from_memory(&f, &i, sizeof(i)) >= 0)
                ask_everything(f);
}

static void test_truncated_anywhere_is_survived(void **state) {
        Image i = image_new();

        for (size_t size = 0; size < sizeof(i); size++) {
                _cleanup_(elf_file_freep) ElfFile *f = NULL;
                _cleanup_free_ void *part = malloc(MAX(size, 1U));

                assert_non_null(part);
                memcpy(part, &i, size);
                if (elf_file_new_from_memory(&f, part, size) >= 0)
                        ask_everything(f);
        }
}

static void test_any_spoilt_byte_is_survived(void **state) {
        Image good = image_new();

        for (size_t at = 0; at < sizeof(good); at++) {
                static const uint8_t masks[] = { 0x01, 0x80, 0xff };

                for (size_t k = 0; k < ELEMENTSOF(masks); k++) {
                        _cleanup_(elf_file_freep) ElfFile *f = NULL;
                        Image i = good;

                        ((uint8_t *) &i)[at] ^= masks[k];
                        if (elf_file_new_from_memory(&f, &i, sizeof(i)) >= 0)
                                ask_everything(f);
                }
        }
}

static void test_a_descriptor_may_be_closed_after_opening(void **state) {
        _cleanup_(elf_file_freep) ElfFile *f = NULL;
        Image i = image_new();
        ElfFile *none;
        int fd;

        fd = memfd_create("elf", MFD_CLOEXEC);
        assert_int_equal(elf_file_open(&none, fd), -ENOEXEC); /* empty */
        assert_int_equal(write_all(fd, &i, sizeof(i)), 0);
        assert_int_equal(elf_file_open(&f, fd), 0);
        close(fd);
        ask_everything(f);
        assert_int_equal(elf_file_n_sections(f), N_SECTIONS);
        assert_int_equal(elf_file_open(&none, -1), -EBADF);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_headers_are_read),
                cmocka_unit_test(test_section_bytes_are_the_files_own),
                cmocka_unit_test(test_sections_outside_of_the_file_have_no_bytes),
                cmocka_unit_test(test_build_id_is_found_among_notes),
                cmocka_unit_test(test_foreign_and_broken_notes_are_no_build_id),
                cmocka_unit_test(test_what_is_no_elf_file_is_refused),
                cmocka_unit_test(test_huge_counts_are_refused),
                cmocka_unit_test(test_truncated_anywhere_is_survived),
                cmocka_unit_test(test_any_spoilt_byte_is_survived),
                cmocka_unit_test(test_a_descriptor_may_be_closed_after_opening),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
