/* SPDX-License-Identifier: Apache-2.0 */
/* Go Module Data */

#include <elf.h>

#include "elf/byte-reader.h"
#include "elf/go-module.h"

enum {
        WORD_SIZE = 8,
        WORD_NAMES = 1, /* a slice of the table: pointer, length, capacity */
        WORD_VALUES = 10,
        WORD_TEXT = 22,
        WORD_TREES_1_18 = 38,
        WORD_TREES_1_20 = 40,    /* behind counters of coverage */
        HEADER_TEXT_OFFSET = 24, /* of the start of text in the table's own header */
};

/* How the loader will move what is at an address, and what it will write there. */
static bool find_relocation(const ElfFile *f, uint64_t address, uint64_t addend, Elf64_Rela *ret) {
        uint32_t relative =
                elf_file_get_machine(f) == EM_AARCH64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE;

        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                const uint8_t *data;
                ElfSection s;
                size_t size;

                if (elf_file_get_section(f, i, &s) < 0 || s.type != SHT_RELA ||
                    !(s.flags & SHF_ALLOC) || elf_file_get_data(f, i, &data, &size) < 0)
                        continue;
                for (size_t at = 0; at + sizeof(*ret) <= size; at += sizeof(*ret)) {
                        memcpy(ret, data + at, sizeof(*ret));
                        if (ELF64_R_TYPE(ret->r_info) == relative &&
                            (address != 0 ? ret->r_offset == address
                                          : (uint64_t) ret->r_addend == addend))
                                return true;
                }
        }
        return false;
}

/* A pointer as it is in the file, or as the loader will make it. */
static uint64_t read_pointer(const ElfFile *f, uint64_t address) {
        const uint8_t *data;
        Elf64_Rela rela;
        uint64_t value;
        ByteReader r;
        size_t left;

        data = elf_file_get_memory(f, address, &left);
        if (!data || left < WORD_SIZE)
                return 0;
        r = byte_reader(data, WORD_SIZE);
        value = byte_reader_fixed(&r, WORD_SIZE);
        if (value == 0 && find_relocation(f, address, 0, &rela))
                value = (uint64_t) rela.r_addend;
        return value;
}

static bool is_module(const GoTable *t, uint64_t address) {
        return read_pointer(t->elf, address) == t->address &&
               read_pointer(t->elf, address + WORD_NAMES * WORD_SIZE) == t->address + t->names &&
               read_pointer(t->elf, address + WORD_VALUES * WORD_SIZE) == t->address + t->values;
}

/* 0: not found */
static uint64_t find_module(const GoTable *t) {
        Elf64_Rela rela;

        for (size_t i = 0; i < elf_file_n_segments(t->elf); i++) {
                const uint8_t *data;
                ElfSegment s;
                size_t size;

                if (elf_file_get_segment(t->elf, i, &s) < 0 || s.type != PT_LOAD ||
                    !(s.flags & PF_W) || s.address % WORD_SIZE != 0)
                        continue;
                data = elf_file_get_memory(t->elf, s.address, &size);
                for (size_t at = 0; data && at + WORD_SIZE <= size; at += WORD_SIZE)
                        if (memcmp(data + at, &t->address, WORD_SIZE) == 0 &&
                            is_module(t, s.address + at))
                                return s.address + at;
        }
        if (find_relocation(t->elf, 0, t->address, &rela) && is_module(t, rela.r_offset))
                return rela.r_offset;
        return 0;
}

void go_module_complete(GoTable *t) {
        uint64_t module = find_module(t);
        Elf64_Rela rela;

        if (t->version == GO_1_16)
                return;
        if (t->text == 0 && find_relocation(t->elf, t->address + HEADER_TEXT_OFFSET, 0, &rela))
                t->text = (uint64_t) rela.r_addend;
        if (module == 0)
                return;
        if (t->text == 0)
                t->text = read_pointer(t->elf, module + WORD_TEXT * WORD_SIZE);
        t->trees = read_pointer(
                t->elf,
                module + WORD_SIZE * (t->version == GO_1_18 ? WORD_TREES_1_18 : WORD_TREES_1_20));
}
