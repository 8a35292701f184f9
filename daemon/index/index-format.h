/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Binary Index Format
 *
 * What profilerd needs to know of one ELF file, flat and sorted, so that it can be mapped and
 * searched as it is. Written by profilerd-elf, read by index/index-file.c, which trusts none of it.
 * Host byte order: an index never leaves the machine that made it.
 *
 *   IndexHeader | sections, each 8-byte aligned, found by the table in the header
 *
 * Sections:
 *   SEGMENTS   IndexSegment[],  sorted by file_offset:  PT_LOAD, to turn file offsets into
 * addresses FUNCTIONS  IndexFunction[], sorted by address, not overlapping NAMES NUL-terminated
 * strings, UTF-8, each referred to by its offset UNWIND_*, LINES, INLINES: reserved kinds, absent
 * in this version
 */

#include "basic/util.h"

#define INDEX_MAGIC   UINT64_C(0x31584449464c4550) /* "PELFIDX1" */
#define INDEX_VERSION UINT32_C(1)

enum {
        INDEX_BUILD_ID_MAX = 64,      /* bytes of a build id */
        INDEX_CONTENT_HASH_SIZE = 32, /* SHA-256 of the whole ELF file */
        INDEX_NAME_MAX = 4096,        /* bytes of one name, without NUL */
        INDEX_SEGMENTS_MAX = 1024,
        INDEX_FUNCTIONS_MAX = 16 << 20,
};
#define INDEX_SIZE_MAX (UINT64_C(2) << 30)

typedef enum IndexSectionKind {
        INDEX_SECTION_SEGMENTS,
        INDEX_SECTION_FUNCTIONS,
        INDEX_SECTION_NAMES,
        INDEX_SECTION_UNWIND_PAGES,
        INDEX_SECTION_UNWIND_ROWS,
        INDEX_SECTION_UNWIND_RULES,
        INDEX_SECTION_LINES,
        INDEX_SECTION_INLINES,
        _INDEX_SECTION_MAX = 16,
} IndexSectionKind;

/* Where the names came from: bits of IndexHeader.sources. */
typedef enum IndexSource {
        INDEX_SOURCE_SYMTAB = 1 << 0,
        INDEX_SOURCE_DYNSYM = 1 << 1,
} IndexSource;

typedef struct IndexSection {
        uint64_t offset, size; /* bytes from the start of the index; size 0: absent */
} IndexSection;

typedef struct IndexHeader {
        uint64_t magic;
        uint32_t version;
        uint32_t header_size;
        uint64_t file_size; /* of the index, to know a truncated one */
        uint8_t content_hash[INDEX_CONTENT_HASH_SIZE];
        uint8_t build_id[INDEX_BUILD_ID_MAX];
        uint32_t build_id_size; /* 0: the file has none */
        uint16_t machine;       /* e_machine */
        uint16_t type;          /* e_type */
        uint32_t sources;       /* IndexSource bits */
        uint32_t reserved;
        IndexSection sections[_INDEX_SECTION_MAX];
} IndexHeader;
_Static_assert(sizeof(IndexHeader) == 392, "the header is part of the format");

typedef struct IndexSegment {
        uint64_t file_offset, address; /* p_offset, p_vaddr */
        uint64_t file_size, memory_size;
        uint32_t flags; /* p_flags */
        uint32_t reserved;
} IndexSegment;
_Static_assert(sizeof(IndexSegment) == 40, "segments are part of the format");

typedef struct IndexFunction {
        uint64_t address;
        uint32_t size;        /* bytes, never beyond the next function; never 0 */
        uint32_t name;        /* offset in NAMES: demangled */
        uint32_t system_name; /* offset in NAMES: as in the symbol table; may equal name */
        uint32_t reserved;
} IndexFunction;
_Static_assert(sizeof(IndexFunction) == 24, "functions are part of the format");
