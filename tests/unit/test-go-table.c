/* SPDX-License-Identifier: Apache-2.0 */
/* Go Table: made by hand in each of its layouts, and damaged in every place */

#include <elf.h>

#include "basic/array.h"
#include "elf/go-lines.h"
#include "go-fixture.h"

enum { TABLE = 0x2000, TABLE_SIZE = 0x200, TEXT = 0x1000 };

/* An ELF file with a segment of code, and one with the table. */
typedef struct Program {
        Elf64_Ehdr header;
        Elf64_Phdr segments[2];
        Elf64_Shdr sections[4];
        char names[32];
        uint8_t table[TABLE_SIZE];
} Program;

static void put(uint8_t *table, size_t at, uint64_t value, size_t size) {
        memcpy(table + at, &value, size); /* of this byte order, as everything that is read */
}

/* Functions "f" of 16 bytes and "g" of 32: lines 5 and 6 of the first, 9 of the second. */
static void make_program(Program *p, GoVersion version) {
        static const uint32_t magics[] = { 0xfffffffa, 0xfffffff0, 0xfffffff1 };
        bool wide = version == GO_1_16;
        size_t word = wide ? 8 : 4, at = 8, entries[2];
        uint8_t *t = p->table;
        uint64_t offsets[] = { 0x60, 0x70, 0x78, 0x80, 0xa0 };

        *p = (Program){
                .header = {
                        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                                     EV_CURRENT },
                        .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
                        .e_ehsize = sizeof(Elf64_Ehdr),
                        .e_phoff = offsetof(Program, segments), .e_phnum = 2,
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_shoff = offsetof(Program, sections), .e_shnum = 4, .e_shstrndx = 3,
                        .e_shentsize = sizeof(Elf64_Shdr),
                },
                .segments = {
                        { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = TEXT,
                          .p_memsz = 0x100, .p_filesz = 0x100 },
                        { .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = TABLE,
                          .p_offset = offsetof(Program, table), .p_memsz = TABLE_SIZE,
                          .p_filesz = TABLE_SIZE },
                },
                .sections = {
                        {},
                        { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_addr = TEXT, .sh_size = 0x100,
                          .sh_flags = SHF_ALLOC | SHF_EXECINSTR },
                        { .sh_name = 7, .sh_type = SHT_PROGBITS, .sh_addr = TABLE,
                          .sh_size = TABLE_SIZE, .sh_offset = offsetof(Program, table),
                          .sh_flags = SHF_ALLOC },
                        { .sh_name = 18, .sh_type = SHT_STRTAB, .sh_size = sizeof(p->names),
                          .sh_offset = offsetof(Program, names) },
                },
                .names = "\0.text\0.gopclntab\0.shstrtab",
        };

        put(t, 0, magics[version], 4);
        t[6] = 1;
        t[7] = 8;
        put(t, at, 2, 8);
        put(t, at + 8, 1, 8);
        at += 16;
        if (!wide) {
                put(t, at, TEXT, 8);
                at += 8;
        }
        for (size_t i = 0; i < ELEMENTSOF(offsets); i++, at += 8)
                put(t, at, offsets[i], 8);

        memcpy(t + 0x60, "\0f\0g\0", 5);
        put(t, 0x70, 0, 4); /* file 0 of the unit is at offset 0 of the paths */
        memcpy(t + 0x78, "a.go", 5);
        /* From -1 on: file 0 for 48 bytes; line 5 for 8, 6 for 8; line 9 for 32. */
        memcpy(t + 0x81, "\2\60", 3);
        memcpy(t + 0x85, "\14\10\2\10", 5);
        memcpy(t + 0x8b, "\24\40", 3);

        entries[0] = wide ? 0x40 : 0x20;
        entries[1] = entries[0] + 0x30;
        for (size_t i = 0; i < 2; i++) {
                size_t row = 0xa0 + i * 2 * word, entry = 0xa0 + entries[i];
                uint64_t start = i == 0 ? 0 : 16;

                put(t, row, start + (wide ? TEXT : 0), word);
                put(t, row + word, entries[i], word);
                put(t, entry, start + (wide ? TEXT : 0), word);
                entry += word;
                put(t, entry, i == 0 ? 1 : 3, 4);
                put(t, entry + 16, 1, 4);
                put(t, entry + 20, i == 0 ? 5 : 11, 4);
        }
        put(t, 0xa0 + 4 * word, 48 + (wide ? TEXT : 0), word);
}

static IndexFile *index_program(const Program *p) {
        static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int fd = -EBADF;
        IndexFile *f;

        assert_int_equal(elf_file_new_from_memory(&elf, p, sizeof(*p)), 0);
        fd = memfd_create("index", MFD_CLOEXEC);
        assert_return_code(fd, errno);
        if (elf_index_write(&(ElfIndexInput){ .file = elf, .lines = true, .hash = hash }, fd) < 0)
                return NULL;
        assert_int_equal(index_file_open(&f, fd, hash), 0);
        return f;
}

static void assert_place(const IndexFile *f, uint64_t address, const char *name, uint32_t line) {
        IndexFrame frames[INDEX_FRAMES_MAX];

        assert_int_equal(index_file_find_frames(f, address, frames), 1);
        assert_string_equal(frames[0].name, name);
        assert_string_equal(frames[0].file, "a.go");
        assert_int_equal(frames[0].line, line);
}

static void test_each_layout_is_read(void **state) {
        for (GoVersion version = GO_1_16; version <= GO_1_20; version++) {
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;
                Program p;

                make_program(&p, version);
                f = index_program(&p);
                assert_non_null(f);
                assert_int_equal(index_file_get_sources(f), INDEX_SOURCE_GO);
                assert_int_equal(index_file_n_functions(f), 2);
                assert_place(f, TEXT, "f", 5);
                assert_place(f, TEXT + 8, "f", 6);
                assert_place(f, TEXT + 16, "g", 9);
                assert_place(f, TEXT + 47, "g", 9);
        }
}

/* Whatever the bytes say, what comes out is an index. */
static void test_damage_in_every_place_is_survived(void **state) {
        static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

        for (GoVersion version = GO_1_16; version <= GO_1_20; version++)
                for (size_t at = 0; at < 0x160; at++)
                        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                                _cleanup_(index_file_unrefp) IndexFile *f = NULL;
                                Program p;

                                make_program(&p, version);
                                p.table[at] = values[i];
                                f = index_program(&p);
                        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_layout_is_read),
                cmocka_unit_test(test_damage_in_every_place_is_survived),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
