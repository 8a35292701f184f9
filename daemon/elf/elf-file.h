/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ELF File
 *
 * Headers and section bytes of one ELF file of this machine's byte order, 32 or 64 bit. The only
 * file that knows libelf. Everything handed out lies inside the file; what it means is for others
 * to find out. Memory is the mapped file: nothing is copied, whatever its size.
 */

#include "basic/util.h"

enum {
        ELF_SECTIONS_MAX = 1 << 20,
        ELF_SEGMENTS_MAX = 1 << 16,
        ELF_NOTES_MAX = 1 << 20, /* bytes of notes looked at, of each segment or section */
};

typedef struct ElfFile ElfFile;

typedef struct ElfSection {
        const char *name; /* borrowed; "" where it has none */
        uint32_t type, link;
        uint64_t flags, address, size;
} ElfSection;

typedef struct ElfSegment {
        uint32_t type, flags;
        uint64_t file_offset, address, file_size, memory_size;
} ElfSegment;

/*
 * Maps the file behind fd (which the caller keeps; it may close it). -ENOEXEC: not an ELF file;
 * -EOPNOTSUPP: of the other byte order; -EBADMSG: damaged or hostile.
 */
int elf_file_open(ElfFile **ret, int fd);
/* The same over memory that outlives the object. */
int elf_file_new_from_memory(ElfFile **ret, const void *data, size_t size);
ElfFile *elf_file_free(ElfFile *f);
DEFINE_CLEANUP(ElfFile *, elf_file_free);

bool elf_file_is_64(const ElfFile *f);
uint16_t elf_file_get_machine(const ElfFile *f); /* e_machine */
uint16_t elf_file_get_type(const ElfFile *f);    /* e_type */

size_t elf_file_n_segments(const ElfFile *f);
int elf_file_get_segment(const ElfFile *f, size_t i, ElfSegment *ret);

/* Section 0 is the null section. -EBADMSG: unreadable. */
size_t elf_file_n_sections(const ElfFile *f);
int elf_file_get_section(const ElfFile *f, size_t i, ElfSection *ret);

/* The first section of a name. -ENOENT. */
int elf_file_find_section(const ElfFile *f, const char *name, size_t *ret);

/* The bytes of a section, borrowed. -ENODATA: it has none in the file; -EOPNOTSUPP: compressed;
 * -EBADMSG: they are not all in the file. */
int elf_file_get_data(const ElfFile *f, size_t i, const uint8_t **ret, size_t *ret_size);
/* The same of a compressed section: as it is in the file, from its header on. */
int elf_file_get_packed_data(const ElfFile *f, size_t i, const uint8_t **ret, size_t *ret_size);

/* What of a PT_LOAD segment's bytes in the file is at an address, and how many follow, borrowed.
 * NULL: nothing. */
const uint8_t *elf_file_get_memory(const ElfFile *f, uint64_t address, size_t *ret_left);

/* The GNU build id into at most max bytes; returns its size. 0: none, or longer than max. */
size_t elf_file_get_build_id(const ElfFile *f, uint8_t *ret, size_t max);
