/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF File */

#include <gelf.h>
#include <libelf.h>
#include <malloc.h>

#include "basic/string-util.h"
#include "elf/attempt.h"
#include "elf/byte-reader.h"
#include "elf/dwarf-file.h"
#include "elf/unpack.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2 /* glibc 2.37 */
#endif

enum {
        SECTIONS_MAX = 32,
        SECTION_NAME_MAX = 64,
        /* libdw keeps all that it has read of a unit: forget it from time to time. */
        FORGET_BYTES = 64 << 20,
};

typedef struct Section {
        char name[SECTION_NAME_MAX];
        const uint8_t *data;
        size_t size;
} Section;

/* The header of an ELF file without sections: they are added in memory. */
typedef union Image {
        struct {
                Elf64_Ehdr header;
                Elf64_Shdr null;
        } elf64;
        struct {
                Elf32_Ehdr header;
                Elf32_Shdr null;
        } elf32;
} Image;

struct DwarfFile {
        Section sections[SECTIONS_MAX];
        uint8_t *unpacked[SECTIONS_MAX];
        size_t n_sections;
        uint64_t n_unpacked; /* bytes */
        char names[(SECTIONS_MAX + 1) * SECTION_NAME_MAX];
        Image image;
        Elf *elf;
        Dwarf *dwarf;
        size_t heap_bytes; /* in use before libdw read anything */
};

DwarfFile *dwarf_file_free(DwarfFile *d) {
        if (!d)
                return NULL;
        if (d->dwarf)
                dwarf_end(d->dwarf);
        if (d->elf)
                elf_end(d->elf);
        for (size_t i = 0; i < d->n_sections; i++)
                free(d->unpacked[i]);
        free(d);
        return NULL;
}

/* ---- sections ---- */

typedef int (*Unpack)(const uint8_t *data, size_t size, uint8_t *out, size_t size_out);

static int unpack(DwarfFile *d,
                  Unpack method,
                  const uint8_t *data,
                  size_t size,
                  uint64_t size_out,
                  Section *ret) {
        uint8_t *out;
        int r;

        if (size_out == 0)
                return -EBADMSG;
        if (size_out > DWARF_UNPACKED_MAX - d->n_unpacked)
                return -E2BIG;
        out = malloc(size_out);
        if (!out)
                return -ENOMEM;
        d->unpacked[d->n_sections] = out;
        d->n_unpacked += size_out;
        r = method(data, size, out, size_out);
        if (r < 0) {
                d->unpacked[d->n_sections] = NULL;
                free(out);
                return r;
        }
        ret->data = out;
        ret->size = size_out;
        return 0;
}

/* SHF_COMPRESSED: a header of the file's class, and what it says. */
static int unpack_section(DwarfFile *d, const ElfFile *f, size_t i, Section *ret) {
        ByteReader reader;
        const uint8_t *data;
        uint64_t size_out;
        uint32_t type;
        size_t size;
        int r;

        r = elf_file_get_packed_data(f, i, &data, &size);
        if (r < 0)
                return r;
        reader = byte_reader(data, size);
        type = (uint32_t) byte_reader_fixed(&reader, 4);
        if (elf_file_is_64(f))
                byte_reader_take(&reader, 4);
        size_out = byte_reader_fixed(&reader, elf_file_is_64(f) ? 8 : 4);
        byte_reader_take(&reader, elf_file_is_64(f) ? 8 : 4);
        if (reader.failed)
                return -EBADMSG;
        if (type != ELFCOMPRESS_ZLIB && type != ELFCOMPRESS_ZSTD)
                return -EBADMSG;
        return unpack(d, type == ELFCOMPRESS_ZLIB ? unpack_zlib : unpack_zstd, reader.at,
                      byte_reader_left(&reader), size_out, ret);
}

/* .zdebug_…, as it was before there was SHF_COMPRESSED: "ZLIB" and the size, big-endian. */
static int unpack_old_section(DwarfFile *d, const uint8_t *data, size_t size, Section *ret) {
        uint64_t size_out = 0;

        if (size < 12 || memcmp(data, "ZLIB", 4) != 0)
                return -EBADMSG;
        for (size_t i = 4; i < 12; i++)
                size_out = size_out << 8 | data[i];
        return unpack(d, unpack_zlib, data + 12, size - 12, size_out, ret);
}

/* 1: one more section; 0: not one of those that are wanted. */
static int read_section(DwarfFile *d, const ElfFile *f, size_t i) {
        Section *ret = &d->sections[d->n_sections];
        const uint8_t *data;
        ElfSection s;
        size_t size;
        bool is_old;
        int r;

        if (elf_file_get_section(f, i, &s) < 0)
                return 0;
        is_old = startswith(s.name, ".zdebug_");
        if ((!is_old && !startswith(s.name, ".debug_")) || endswith(s.name, ".dwo") ||
            strlen(s.name) >= SECTION_NAME_MAX || d->n_sections >= SECTIONS_MAX)
                return 0;

        r = elf_file_get_data(f, i, &data, &size);
        if (r == -EOPNOTSUPP)
                r = unpack_section(d, f, i, ret);
        else if (r >= 0 && is_old)
                r = unpack_old_section(d, data, size, ret);
        else if (r >= 0)
                *ret = (Section){ .data = data, .size = size };
        if (r < 0)
                return r == -ENODATA ? 0 : r;
        snprintf(ret->name, sizeof(ret->name), ".%s", s.name + (is_old ? 2 : 1));
        d->n_sections++;
        return 1;
}

static int read_sections(DwarfFile *d, const ElfFile *f) {
        bool has_units = false;
        int r;

        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                r = read_section(d, f, i);
                if (r < 0)
                        return r;
                if (r > 0)
                        has_units |= streq(d->sections[d->n_sections - 1].name, ".debug_info");
        }
        return has_units ? 0 : -ENODATA;
}

/* ---- libdw ---- */

static void make_image(DwarfFile *d, const ElfFile *f) {
        Image *image = &d->image;
        bool is_64 = elf_file_is_64(f);
        uint8_t *ident = image->elf64.header.e_ident;

        memcpy(ident, ELFMAG, SELFMAG);
        ident[EI_CLASS] = is_64 ? ELFCLASS64 : ELFCLASS32;
        ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
        ident[EI_VERSION] = EV_CURRENT;
        /* libelf adds sections only to a file that has one. */
        if (is_64) {
                Elf64_Ehdr *h = &image->elf64.header;

                h->e_type = elf_file_get_type(f);
                h->e_machine = elf_file_get_machine(f);
                h->e_version = EV_CURRENT;
                h->e_ehsize = sizeof(*h);
                h->e_shoff = sizeof(*h);
                h->e_shentsize = sizeof(Elf64_Shdr);
                h->e_shnum = 1;
        } else {
                Elf32_Ehdr *h = &image->elf32.header;

                h->e_type = elf_file_get_type(f);
                h->e_machine = elf_file_get_machine(f);
                h->e_version = EV_CURRENT;
                h->e_ehsize = sizeof(*h);
                h->e_shoff = sizeof(*h);
                h->e_shentsize = sizeof(Elf32_Shdr);
                h->e_shnum = 1;
        }
}

/* The number of the section. 0: no memory. */
static size_t add_section(
        DwarfFile *d, uint32_t type, size_t name, const void *bytes, size_t size) {
        GElf_Shdr header = {
                .sh_name = (GElf_Word) name,
                .sh_type = type,
                .sh_size = size,
                .sh_addralign = 1,
        };
        Elf_Scn *section;
        Elf_Data *data;

        section = elf_newscn(d->elf);
        data = section ? elf_newdata(section) : NULL;
        if (!data || !gelf_update_shdr(section, &header))
                return 0;
        /* libdw only reads. */
        data->d_buf = (void *) bytes;
        data->d_size = size;
        data->d_type = ELF_T_BYTE;
        data->d_version = EV_CURRENT;
        data->d_align = 1;
        return elf_ndxscn(section);
}

static int make_elf(DwarfFile *d, const ElfFile *f) {
        static const char own_name[] = ".shstrtab";
        size_t at = 1, index;
        GElf_Ehdr header;

        make_image(d, f);
        d->elf = elf_memory((char *) &d->image, sizeof(d->image));
        if (!d->elf)
                return -EBADMSG;
        for (size_t i = 0; i < d->n_sections; i++) {
                const Section *s = &d->sections[i];

                strcpy(d->names + at, s->name);
                if (add_section(d, SHT_PROGBITS, at, s->data, s->size) == 0)
                        return -ENOMEM;
                at += strlen(s->name) + 1;
        }
        strcpy(d->names + at, own_name);
        index = add_section(d, SHT_STRTAB, at, d->names, at + sizeof(own_name));
        if (index == 0 || !gelf_getehdr(d->elf, &header))
                return -ENOMEM;
        header.e_shstrndx = (GElf_Half) index;
        return gelf_update_ehdr(d->elf, &header) ? 0 : -ENOMEM;
}

static _Noreturn void on_no_memory(void) {
        attempt_abort(-ENOMEM);
}

static int begin(DwarfFile *d) {
        d->dwarf = dwarf_begin_elf(d->elf, DWARF_C_READ, NULL);
        if (!d->dwarf)
                return -EBADMSG;
        (void) dwarf_new_oom_handler(d->dwarf, on_no_memory);
        return 0;
}

static size_t heap_bytes(void) {
        struct mallinfo2 m = mallinfo2();

        return m.uordblks + m.hblkhd;
}

int dwarf_file_new(DwarfFile **ret, const ElfFile *f) {
        _cleanup_(dwarf_file_freep) DwarfFile *d = NULL;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        r = read_sections(d, f);
        if (r < 0)
                return r;
        r = make_elf(d, f);
        if (r < 0)
                return r;
        r = begin(d);
        if (r < 0)
                return r;
        d->heap_bytes = heap_bytes();
        *ret = TAKE_PTR(d);
        return 0;
}

Dwarf *dwarf_file_get(const DwarfFile *d) {
        return d->dwarf;
}

int dwarf_file_forget(DwarfFile *d) {
        int r;

        if (heap_bytes() < d->heap_bytes + FORGET_BYTES)
                return 0;
        dwarf_end(d->dwarf);
        d->dwarf = NULL;
        r = begin(d);
        if (r < 0)
                return r;
        d->heap_bytes = heap_bytes();
        return 1;
}
