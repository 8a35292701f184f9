/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Unwind Memory
 *
 * How unwind tables lie in BPF maps. All of it is one row of chunks of equal size, numbered
 * through; chunks come in segments, each an array map of its own that user space also has in its
 * memory, so the maps grow with what is loaded. User space allocates runs of consecutive chunks:
 *
 *   - of a file: one chunk with struct unwind_file, then its pages, rows and rules;
 *   - of an address space: its mappings, sorted.
 *
 * A run is complete before anything refers to it, and is used for something else only after a grace
 * period: a program that runs meanwhile never sees half of one.
 */

#include "bpf/unwind-rule.h"

enum {
        UNWIND_CHUNK_BYTES = 512,
        UNWIND_SEGMENT_CHUNKS = 2048, /* 1 MiB */
        UNWIND_SEGMENTS_MAX = 1024,
        UNWIND_PROCESSES_MAX = 8192,

        UNWIND_MAPPINGS_PER_CHUNK = 16,
        UNWIND_PAGES_PER_CHUNK = 64,
        UNWIND_ROWS_PER_CHUNK = 128,
        UNWIND_RULES_PER_CHUNK = 16, /* a power of two, as the verifier can follow a mask only */

        UNWIND_MAPPINGS_BITS = 14, /* 2^14 mappings of one address space */
        UNWIND_CHUNK_ROWS_BITS = 7,
        UNWIND_ROW_CHUNKS_BITS = 6, /* for more rows than a page of text has bytes */
};

struct unwind_chunk {
        __u64 words[UNWIND_CHUNK_BYTES / sizeof(__u64)];
};

/* Why a mapping's file has no table loaded. */
enum unwind_absence {
        UNWIND_WITHOUT_TABLE, /* it has none */
        UNWIND_AWAITED,       /* it is not known yet */
        UNWIND_REFUSED_TABLE, /* it did not fit into the memory */
};

/* Executable mapping: 32 bytes. Between them nothing is executable. */
struct unwind_mapping {
        __u64 start, end;
        __u64 bias;    /* address in the process less address in the file */
        __u32 file;    /* chunk of its struct unwind_file, 0: see absence */
        __u32 absence; /* enum unwind_absence */
};

/* In a chunk of its own. Chunk numbers are absolute; 0 is never used. */
struct unwind_file {
        __u64 start; /* ELF address of the first page */
        __u32 n_pages;
        __u32 pages, rows, rules; /* first chunk of each */
        __u32 n_rules;
        __u32 reserved;
};

/* As IndexUnwindPage and IndexUnwindRow of the index. */
struct unwind_page {
        __u32 first_row;
        __u16 n_rows;
        __u16 reserved;
};

struct unwind_row {
        __u16 offset, rule;
};

/* Value of the map "unwind_processes", by pid. Read as one word. */
struct unwind_process {
        __u32 mappings; /* first chunk */
        __u32 n_mappings;
};

_Static_assert(sizeof(struct unwind_mapping) * UNWIND_MAPPINGS_PER_CHUNK == UNWIND_CHUNK_BYTES, "");
_Static_assert(sizeof(struct unwind_page) * UNWIND_PAGES_PER_CHUNK == UNWIND_CHUNK_BYTES, "");
_Static_assert(sizeof(struct unwind_row) * UNWIND_ROWS_PER_CHUNK == UNWIND_CHUNK_BYTES, "");
_Static_assert(sizeof(struct unwind_rule) * UNWIND_RULES_PER_CHUNK <= UNWIND_CHUNK_BYTES, "");
