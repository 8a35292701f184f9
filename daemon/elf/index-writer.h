/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Index Writer
 *
 * Builds one index in a file. Names go to the file as they come and are kept there once each; in
 * memory are only the fixed-size tables, so that it does not grow with the length of names. The
 * header is written last: a file without it is no index. Equal input makes equal bytes.
 */

#include "index/index-format.h"

enum { INDEX_PARTS_MAX = 8 };

typedef struct IndexWriter IndexWriter;

/* What the header says of the ELF file. */
typedef struct IndexIdentity {
        uint8_t content_hash[INDEX_CONTENT_HASH_SIZE];
        uint8_t build_id[INDEX_BUILD_ID_MAX];
        size_t build_id_size;
        uint16_t machine, type;
        uint32_t sources; /* IndexSource bits */
} IndexIdentity;

/* fd: an empty file, open for reading and writing, which the caller keeps. */
int index_writer_new(IndexWriter **ret, int fd);
IndexWriter *index_writer_free(IndexWriter *w);
DEFINE_CLEANUP(IndexWriter *, index_writer_free);

/* In any order; finish sorts them. -E2BIG: INDEX_SEGMENTS_MAX; -EINVAL: wraps around. */
int index_writer_add_segment(IndexWriter *w, const IndexSegment *segment);

/*
 * Functions come sorted by address and do not overlap. Names are made valid and cut to
 * INDEX_NAME_MAX. -E2BIG: too many functions, or names beyond INDEX_SIZE_MAX.
 */
int index_writer_add_function(
        IndexWriter *w, uint64_t address, uint64_t size, const char *name, const char *system_name);

/* A name as it is kept, and as names of functions are: what stands there once is found again. */
int index_writer_add_name(IndexWriter *w, const char *name, uint32_t *ret_offset);

/* Writes a section to fd, where the file is at; *ret: how many bytes. */
typedef int (*IndexPart)(int fd, void *userdata, uint64_t *ret);

/* A section that finish shall have written so, in the order of these calls. */
void index_writer_add_part(IndexWriter *w, IndexSectionKind kind, IndexPart write, void *userdata);

/* Bytes that the index will have at least. */
uint64_t index_writer_size(const IndexWriter *w);

/* What it points to has to live until finish has written it. */
void index_writer_set_unwind(IndexWriter *w, const IndexUnwindTable *unwind);

/* What the file says in .gnu_debuglink. Is copied. */
void index_writer_set_debug_link(IndexWriter *w, const IndexDebugLink *link);

/* Completes the file; the writer can only be freed after it. */
int index_writer_finish(IndexWriter *w, const IndexIdentity *identity);
