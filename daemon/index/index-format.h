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
 *   - SEGMENTS: IndexSegment[], sorted by file_offset: PT_LOAD, to turn file offsets into addresses
 *   - FUNCTIONS: IndexFunction[], sorted by address, not overlapping
 *   - NAMES: NUL-terminated strings, UTF-8, each referred to by its offset
 *   - UNWIND: IndexUnwind, one: where the pages begin, and what is not in them
 *   - UNWIND_PAGES: IndexUnwindPage[], one for each 4 KiB of addresses from IndexUnwind.start on
 *   - UNWIND_ROWS: IndexUnwindRow[], page by page; the first of a page is at offset 0, with the
 * rule that is in force there, so that a page needs no other
 *   - UNWIND_RULES: struct unwind_rule[], no two alike; the first is UNWIND_NOT_COVERED
 *   - LINE_INFO: IndexLineInfo, one: how much is known of lines
 *   - FILES: uint32_t[], offsets in NAMES of the paths of source files; the first is ""
 *   - LINES: IndexLine[], sorted by offset
 *   - INLINES: IndexInline[], instances of inlined functions, each behind the one that it is in;
 * the first one stands for none
 *   - INLINE_RANGES: IndexInlineRange[], sorted by offset
 *   - DEBUG_LINK: IndexDebugLink, one: the separate debug file that the file asks for by name
 *
 * Of NAMES, FILES, LINES, INLINES and INLINE_RANGES there are many, seldom asked: their elements
 * are checked when they are looked at.
 */

#include "basic/util.h"
#include "bpf/unwind-rule.h"

#define INDEX_MAGIC   UINT64_C(0x31584449464c4550) /* "PELFIDX1" */
#define INDEX_VERSION UINT32_C(6)

enum {
        INDEX_BUILD_ID_MAX = 64,      /* bytes of a build id */
        INDEX_CONTENT_HASH_SIZE = 32, /* SHA-256 of the whole ELF file, see elf/elf-copy.h */
        INDEX_DEBUG_LINK_MAX = 252,   /* bytes of a name in .gnu_debuglink, with its NUL */
        INDEX_NAME_MAX = 16 << 10,    /* bytes of one name, without NUL */
        INDEX_READABLE_MAX = 4096,    /* of a demangled one: the whole is in the system name */
        INDEX_SEGMENTS_MAX = 1024,
        INDEX_FUNCTIONS_MAX = 16 << 20,

        INDEX_UNWIND_PAGE_SIZE = 4096,    /* bytes of text */
        INDEX_UNWIND_PAGES_MAX = 1 << 18, /* 1 GiB of text */
        INDEX_UNWIND_ROWS_MAX = 32 << 20,
        INDEX_UNWIND_RULES_MAX = 1 << 16, /* a row has 16 bits for its rule */
};
#define INDEX_SIZE_MAX  (UINT64_C(2) << 30)
#define INDEX_NAMES_MAX (UINT64_C(1) << 30) /* bytes of all names */

typedef enum IndexSectionKind {
        INDEX_SECTION_SEGMENTS,
        INDEX_SECTION_FUNCTIONS,
        INDEX_SECTION_NAMES,
        INDEX_SECTION_UNWIND_PAGES,
        INDEX_SECTION_UNWIND_ROWS,
        INDEX_SECTION_UNWIND_RULES,
        INDEX_SECTION_LINES,
        INDEX_SECTION_INLINES,
        INDEX_SECTION_UNWIND,
        INDEX_SECTION_DEBUG_LINK,
        INDEX_SECTION_LINE_INFO,
        INDEX_SECTION_FILES,
        INDEX_SECTION_INLINE_RANGES,
        _INDEX_SECTION_MAX = 16,
} IndexSectionKind;

/* Where the names came from: bits of IndexHeader.sources. */
typedef enum IndexSource {
        INDEX_SOURCE_SYMTAB = 1 << 0,
        INDEX_SOURCE_DYNSYM = 1 << 1,
        INDEX_SOURCE_MINI_DEBUG = 1 << 2, /* .gnu_debugdata */
        INDEX_SOURCE_DEBUG_FILE = 1 << 3, /* a separate debug file was read, too */
        INDEX_SOURCE_PLT = 1 << 4,        /* stubs, named by their relocations */
        INDEX_SOURCE_GO = 1 << 5,         /* Go's own table of functions */
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

/* .gnu_debuglink: a file with this name in one of the known places, whose contents have this CRC.
 */
typedef struct IndexDebugLink {
        char name[INDEX_DEBUG_LINK_MAX]; /* NUL-terminated, not empty, without a slash */
        uint32_t crc;
} IndexDebugLink;
_Static_assert(sizeof(IndexDebugLink) == 256, "debug links are part of the format");

/* Why code has no rule although call frame information was there. */
typedef enum IndexUnwindLoss {
        INDEX_UNWIND_BAD_SECTION,  /* sections that cannot be read, or only up to a bad length */
        INDEX_UNWIND_BAD_CIE,      /* functions whose common information is damaged or unknown */
        INDEX_UNWIND_BAD_FDE,      /* functions whose description is damaged */
        INDEX_UNWIND_BAD_PROGRAM,  /* functions whose instructions are damaged or unknown */
        INDEX_UNWIND_NOT_CODE,     /* functions outside of executable sections */
        INDEX_UNWIND_FUNCTION_MAX, /* functions beyond a limit of the index */
        INDEX_UNWIND_ROW_CFA,      /* rows whose frame no rule can express */
        INDEX_UNWIND_ROW_RETURN,   /* rows whose return address no rule can express */
        INDEX_UNWIND_ROW_SAVED,    /* rows whose saved registers no rule can express */
        INDEX_UNWIND_ROW_OFFSET,   /* rows with an offset that does not fit */
        INDEX_UNWIND_ROW_RULES,    /* rows beyond INDEX_UNWIND_RULES_MAX */
        _INDEX_UNWIND_LOSS_MAX,
        _INDEX_UNWIND_LOSSES = 16,
} IndexUnwindLoss;

typedef struct IndexUnwind {
        uint64_t start;         /* address of the first page */
        uint64_t code_bytes;    /* in executable sections */
        uint64_t covered_bytes; /* of them, those with a rule */
        uint32_t n_functions;   /* that have a table */
        uint32_t reserved;
        uint32_t losses[_INDEX_UNWIND_LOSSES]; /* by IndexUnwindLoss */
} IndexUnwind;
_Static_assert(sizeof(IndexUnwind) == 96, "unwind tables are part of the format");

typedef struct IndexUnwindPage {
        uint32_t first_row;
        uint16_t n_rows; /* 0: nothing in this page is covered */
        uint16_t reserved;
} IndexUnwindPage;
_Static_assert(sizeof(IndexUnwindPage) == 8, "unwind pages are part of the format");

/* From this offset in the page on, up to the next row or the end of the page, rule is in force. */
typedef struct IndexUnwindRow {
        uint16_t offset;
        uint16_t rule;
} IndexUnwindRow;
_Static_assert(sizeof(IndexUnwindRow) == 4, "unwind rows are part of the format");

/* The parts of a file's unwind table together, as writer and reader hand them out. */
typedef struct IndexUnwindTable {
        const IndexUnwind *info;
        const IndexUnwindPage *pages;
        const IndexUnwindRow *rows;
        const struct unwind_rule *rules;
        size_t n_pages, n_rows, n_rules;
} IndexUnwindTable;
