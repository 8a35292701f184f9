/* SPDX-License-Identifier: Apache-2.0 */
/* ELF File */

#include <endian.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "elf/elf-file.h"

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define ELFDATA_HOST ELFDATA2LSB
#else
#define ELFDATA_HOST ELFDATA2MSB
#endif

struct ElfFile {
        Elf *elf;
        void *map; /* NULL: the memory is the caller's */
        const uint8_t *data;
        size_t size;
        GElf_Ehdr header;
        size_t n_sections, n_segments, names; /* names: section of the section names */
};

ElfFile *elf_file_free(ElfFile *f) {
        if (!f)
                return NULL;

        if (f->elf)
                elf_end(f->elf);
        if (f->map)
                (void) munmap(f->map, f->size);
        free(f);
        return NULL;
}

static int elf_file_read_header(ElfFile *f) {
        if (f->size < EI_NIDENT || memcmp(f->data, ELFMAG, SELFMAG) != 0)
                return -ENOEXEC;
        if (f->data[EI_DATA] != ELFDATA_HOST)
                return -EOPNOTSUPP;
        if (elf_version(EV_CURRENT) == EV_NONE)
                return -EOPNOTSUPP;

        /* libelf only reads what it is given here: the mapping is read-only. */
        f->elf = elf_memory((char *) f->data, f->size);
        if (!f->elf || elf_kind(f->elf) != ELF_K_ELF || !gelf_getehdr(f->elf, &f->header))
                return -EBADMSG;

        if (elf_getshdrnum(f->elf, &f->n_sections) < 0 || f->n_sections > ELF_SECTIONS_MAX)
                return -EBADMSG;
        if (elf_getphdrnum(f->elf, &f->n_segments) < 0 || f->n_segments > ELF_SEGMENTS_MAX)
                return -EBADMSG;
        if (elf_getshdrstrndx(f->elf, &f->names) < 0)
                f->names = SHN_UNDEF;
        return 0;
}

/* Takes map (NULL: data belongs to the caller) in every case. */
static int elf_file_new(ElfFile **ret, void *map, const void *data, size_t size) {
        _cleanup_(elf_file_freep) ElfFile *f = NULL;
        int r;

        f = calloc(1, sizeof(ElfFile));
        if (!f) {
                if (map)
                        (void) munmap(map, size);
                return -ENOMEM;
        }
        f->map = map;
        f->data = data;
        f->size = size;

        r = elf_file_read_header(f);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(f);
        return 0;
}

int elf_file_open(ElfFile **ret, int fd) {
        struct stat st;
        void *map;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t) st.st_size > SIZE_MAX)
                return -ENOEXEC;

        map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        return elf_file_new(ret, map, map, (size_t) st.st_size);
}

int elf_file_new_from_memory(ElfFile **ret, const void *data, size_t size) {
        return elf_file_new(ret, NULL, data, size);
}

bool elf_file_is_64(const ElfFile *f) {
        return f->header.e_ident[EI_CLASS] == ELFCLASS64;
}

uint16_t elf_file_get_machine(const ElfFile *f) {
        return f->header.e_machine;
}

uint16_t elf_file_get_type(const ElfFile *f) {
        return f->header.e_type;
}

size_t elf_file_n_segments(const ElfFile *f) {
        return f->n_segments;
}

int elf_file_get_segment(const ElfFile *f, size_t i, ElfSegment *ret) {
        GElf_Phdr p;

        if (i >= f->n_segments || !gelf_getphdr(f->elf, (int) i, &p))
                return -EBADMSG;

        *ret = (ElfSegment){
                .type = p.p_type,
                .flags = p.p_flags,
                .file_offset = p.p_offset,
                .address = p.p_vaddr,
                .file_size = p.p_filesz,
                .memory_size = p.p_memsz,
        };
        return 0;
}

size_t elf_file_n_sections(const ElfFile *f) {
        return f->n_sections;
}

static int elf_file_get_header(const ElfFile *f, size_t i, GElf_Shdr *ret) {
        Elf_Scn *scn;

        scn = i < f->n_sections ? elf_getscn(f->elf, i) : NULL;
        return scn && gelf_getshdr(scn, ret) ? 0 : -EBADMSG;
}

int elf_file_get_section(const ElfFile *f, size_t i, ElfSection *ret) {
        const char *name;
        GElf_Shdr h;
        int r;

        r = elf_file_get_header(f, i, &h);
        if (r < 0)
                return r;

        name = f->names != SHN_UNDEF ? elf_strptr(f->elf, f->names, h.sh_name) : NULL;
        *ret = (ElfSection){
                .name = name ?: "",
                .type = h.sh_type,
                .link = h.sh_link,
                .flags = h.sh_flags,
                .address = h.sh_addr,
                .size = h.sh_size,
        };
        return 0;
}

int elf_file_find_section(const ElfFile *f, const char *name, size_t *ret) {
        for (size_t i = 1; i < f->n_sections; i++) {
                ElfSection s;

                if (elf_file_get_section(f, i, &s) >= 0 && streq(s.name, name)) {
                        *ret = i;
                        return 0;
                }
        }
        return -ENOENT;
}

/* size bytes of the file from offset on, NULL: they are not all there. */
static const uint8_t *elf_file_get_bytes(const ElfFile *f, uint64_t offset, uint64_t size) {
        return offset <= f->size && size <= f->size - offset ? f->data + offset : NULL;
}

static int elf_file_get_section_data(
        const ElfFile *f, size_t i, bool packed, const uint8_t **ret, size_t *ret_size) {
        const uint8_t *data;
        GElf_Shdr h;
        int r;

        r = elf_file_get_header(f, i, &h);
        if (r < 0)
                return r;
        if (h.sh_type == SHT_NOBITS || h.sh_type == SHT_NULL || h.sh_size == 0)
                return -ENODATA;
        if (!!(h.sh_flags & SHF_COMPRESSED) != packed)
                return -EOPNOTSUPP;
        data = elf_file_get_bytes(f, h.sh_offset, h.sh_size);
        if (!data)
                return -EBADMSG;

        *ret = data;
        *ret_size = (size_t) h.sh_size;
        return 0;
}

const uint8_t *elf_file_get_memory(const ElfFile *f, uint64_t address, size_t *ret_left) {
        for (size_t i = 0; i < f->n_segments; i++) {
                const uint8_t *data;
                GElf_Phdr p;
                uint64_t delta;

                if (!gelf_getphdr(f->elf, (int) i, &p) || p.p_type != PT_LOAD ||
                    address < p.p_vaddr || address - p.p_vaddr >= p.p_filesz)
                        continue;
                delta = address - p.p_vaddr;
                data = elf_file_get_bytes(f, p.p_offset, p.p_filesz);
                if (!data)
                        continue;
                *ret_left = (size_t) (p.p_filesz - delta);
                return data + delta;
        }
        return NULL;
}

int elf_file_get_data(const ElfFile *f, size_t i, const uint8_t **ret, size_t *ret_size) {
        return elf_file_get_section_data(f, i, false, ret, ret_size);
}

int elf_file_get_packed_data(const ElfFile *f, size_t i, const uint8_t **ret, size_t *ret_size) {
        return elf_file_get_section_data(f, i, true, ret, ret_size);
}

/* The build id among the notes in a part of the file; 0: not there. */
static size_t elf_file_find_build_id(const ElfFile *f,
                                     uint64_t offset,
                                     uint64_t size,
                                     uint64_t alignment,
                                     uint8_t *ret,
                                     size_t max) {
        size_t next, name_at, id_at;
        const char *bytes;
        Elf_Data *data;
        GElf_Nhdr note;

        if (size > ELF_NOTES_MAX || offset > INT64_MAX || !elf_file_get_bytes(f, offset, size))
                return 0;
        data = elf_getdata_rawchunk(f->elf, (int64_t) offset, (size_t) size,
                                    alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
        if (!data)
                return 0;

        bytes = data->d_buf;
        for (size_t at = 0; (next = gelf_getnote(data, at, &note, &name_at, &id_at)) > 0; at = next)
                if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
                    memcmp(bytes + name_at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 &&
                    note.n_descsz > 0 && note.n_descsz <= max) {
                        memcpy(ret, bytes + id_at, note.n_descsz);
                        return note.n_descsz;
                }
        return 0;
}

size_t elf_file_get_build_id(const ElfFile *f, uint8_t *ret, size_t max) {
        size_t n = 0;
        GElf_Phdr p;
        GElf_Shdr h;

        for (size_t i = 0; n == 0 && i < f->n_segments; i++)
                if (gelf_getphdr(f->elf, (int) i, &p) && p.p_type == PT_NOTE)
                        n = elf_file_find_build_id(f, p.p_offset, p.p_filesz, p.p_align, ret, max);

        /* A separate debug file has segments, but their contents stayed in the other file. */
        for (size_t i = 0; n == 0 && i < f->n_sections; i++)
                if (elf_file_get_header(f, i, &h) >= 0 && h.sh_type == SHT_NOTE)
                        n = elf_file_find_build_id(f, h.sh_offset, h.sh_size, h.sh_addralign, ret,
                                                   max);
        return n;
}
