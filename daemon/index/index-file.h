/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Binary Index
 *
 * A checked, read-only view of one index. Opening checks what is searched, bounds and order, and
 * does not read the rest: lines and names are many, seldom asked, and checked when they are.
 * Reference-counted: files and windows share it.
 */

#include "index/index-line-format.h"

typedef struct IndexFile IndexFile;

typedef struct IndexName {
        const char *name, *system_name; /* borrowed from the index */
        uint64_t start;                 /* address of the function */
        uint64_t size;
} IndexName;

/* One function of an address: names and file are borrowed from the index. */
typedef struct IndexFrame {
        const char *name, *system_name;
        const char *file; /* "": unknown */
        uint32_t line;    /* 0: unknown */
} IndexFrame;

/*
 * Maps the index behind fd (which the caller keeps). -EBADMSG: not an index, damaged or hostile;
 * -ESTALE: another version, to be made anew. content_hash: what the index must have been made from
 * (INDEX_CONTENT_HASH_SIZE bytes), NULL: anything.
 */
int index_file_open(IndexFile **ret, int fd, const uint8_t *content_hash);
IndexFile *index_file_ref(IndexFile *f);
IndexFile *index_file_unref(IndexFile *f);
DEFINE_CLEANUP(IndexFile *, index_file_unref);

/* The same over a block of memory that outlives the object: for tests and fuzzers. */
int index_file_new_from_memory(IndexFile **ret, const void *data, size_t size);

/* Lower-case hex, "" if the file has none. Borrowed. */
const char *index_file_get_build_id(const IndexFile *f);
uint32_t index_file_get_sources(const IndexFile *f);
/* Name of the separate debug file that the file asks for, "": it asks for none. Borrowed. */
const char *index_file_get_debug_link(const IndexFile *f);
size_t index_file_n_functions(const IndexFile *f);
size_t index_file_get_size(const IndexFile *f);

/*
 * The segment that holds a byte of the file, and that byte's ELF address; memory past the file's
 * bytes of a segment counts as its own. false: no segment has it.
 */
bool index_file_find_address(const IndexFile *f,
                             uint64_t file_offset,
                             const IndexSegment **ret_segment,
                             uint64_t *ret_address);

/*
 * The segment behind an executable mapping of that part of the file. Mappings are of whole pages,
 * so their first bytes may be of the segment before. false: none is.
 */
bool index_file_find_code(const IndexFile *f,
                          uint64_t file_offset,
                          uint64_t size,
                          const IndexSegment **ret_segment);

/* The whole unwind table, borrowed. Its info is never NULL; of a file without one all is 0. */
const IndexUnwindTable *index_file_get_unwind(const IndexFile *f);

/*
 * The rule of an ELF address: for a return address, that of the byte in front of it. NULL: nothing
 * covers it. Borrowed.
 */
const struct unwind_rule *index_file_find_rule(const IndexFile *f, uint64_t address);

/* The function that contains an ELF address. false: none does, or its name is damaged. */
bool index_file_find_name(const IndexFile *f, uint64_t address, IndexName *ret);

/* What is known of lines; all 0 where nothing is. */
const IndexLineInfo *index_file_get_line_info(const IndexFile *f);

/*
 * The functions at an ELF address, innermost first: those that were inlined there, and last the one
 * that contains it. Returns how many, at most INDEX_FRAMES_MAX; 0: the address has no name.
 */
size_t index_file_find_frames(const IndexFile *f, uint64_t address, IndexFrame *ret);
