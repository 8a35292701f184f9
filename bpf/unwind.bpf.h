/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Unwind Tables
 *
 * From an address of the current process to the rule that leaves its function. All searches are
 * free of branches but for the end of the loop: so the verifier walks each once, and the processor
 * guesses nothing.
 */

#include "bpf/kernel.bpf.h"
#include "bpf/unwind-memory.h"

struct unwind_segment {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, UNWIND_SEGMENT_CHUNKS);
        __uint(map_flags, BPF_F_MMAPABLE);
        __uint(key_size, sizeof(__u32));
        __uint(value_size, UNWIND_CHUNK_BYTES); /* struct unwind_chunk */
};

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
        __uint(max_entries, UNWIND_SEGMENTS_MAX);
        __type(key, __u32);
        __array(values, struct unwind_segment);
} unwind_segments SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, UNWIND_PROCESSES_MAX);
        __type(key, __u32);
        __type(value, struct unwind_process);
} unwind_processes SEC(".maps");

static __always_inline struct unwind_chunk *get_chunk(__u32 number) {
        __u32 segment = number / UNWIND_SEGMENT_CHUNKS, index = number % UNWIND_SEGMENT_CHUNKS;
        void *map = bpf_map_lookup_elem(&unwind_segments, &segment);

        return map ? bpf_map_lookup_elem(map, &index) : NULL;
}

/* All ones if a <= b, else 0; both below 2^63. */
static __always_inline __u64 mask_if_not_above(__u64 a, __u64 b) {
        return ((b - a) >> 63) - 1;
}

/* Element i of an array that starts at a chunk. NULL: no such chunk. */
static __always_inline struct unwind_mapping *get_mapping(__u32 first, __u32 i) {
        struct unwind_chunk *c = get_chunk(first + i / UNWIND_MAPPINGS_PER_CHUNK);

        return c ? (struct unwind_mapping *) c + i % UNWIND_MAPPINGS_PER_CHUNK : NULL;
}

/* The last of n mappings, sorted by start, that does not start above the address. */
static __always_inline struct unwind_mapping *find_mapping(const struct unwind_process *p,
                                                           __u64 address) {
        __u32 base = 0, n = p->n_mappings;
        struct unwind_mapping *m;

        for (int i = 0; i < UNWIND_MAPPINGS_BITS && n > 1; i++) {
                __u32 half = n / 2;

                m = get_mapping(p->mappings, base + half);
                if (!m)
                        return NULL;
                base += half & (__u32) mask_if_not_above(m->start, address);
                n -= half;
        }
        m = get_mapping(p->mappings, base);
        return m && address >= m->start && address < m->end ? m : NULL;
}

/* Of the chunks with the rows [first, end) the one with the row in force: the last that does not
 * begin above the offset. There is one chunk as a rule, and hardly ever are there more than two. */
static __always_inline struct unwind_chunk *find_rows(
        __u32 rows, __u32 first, __u32 end, __u64 offset, __u32 *ret_start) {
        __u32 low = first / UNWIND_ROWS_PER_CHUNK, n = (end - 1) / UNWIND_ROWS_PER_CHUNK - low + 1;
        struct unwind_row *row;

        for (int i = 0; i < UNWIND_ROW_CHUNKS_BITS && n > 1; i++) {
                __u32 half = n / 2;

                row = (struct unwind_row *) get_chunk(rows + low + half);
                if (!row)
                        return NULL;
                low += half & (__u32) mask_if_not_above(row->offset, offset);
                n -= half;
        }
        *ret_start = low * UNWIND_ROWS_PER_CHUNK;
        return get_chunk(rows + low);
}

/* The row of a page, [first, end), that is in force at the offset. */
static __always_inline struct unwind_row *find_row(__u32 rows,
                                                   __u32 first,
                                                   __u32 end,
                                                   __u64 offset) {
        struct unwind_row *row;
        __u32 start, n;

        row = (struct unwind_row *) find_rows(rows, first, end, offset, &start);
        if (!row)
                return NULL;
        if (first < start)
                first = start;
        if (end > start + UNWIND_ROWS_PER_CHUNK)
                end = start + UNWIND_ROWS_PER_CHUNK;
        first -= start;
        n = end - start - first;
        for (int i = 0; i < UNWIND_CHUNK_ROWS_BITS && n > 1; i++) {
                __u32 half = n / 2, at = (first + half) & (UNWIND_ROWS_PER_CHUNK - 1);

                first += half & (__u32) mask_if_not_above(row[at].offset, offset);
                n -= half;
        }
        return row + (first & (UNWIND_ROWS_PER_CHUNK - 1));
}

/* The rule in force at an ELF address. NULL: the file's table does not speak of it. */
static __always_inline struct unwind_rule *find_rule(__u32 file, __u64 address) {
        struct unwind_file *f = (struct unwind_file *) get_chunk(file);
        struct unwind_chunk *c;
        struct unwind_page *p;
        struct unwind_row *row;
        __u32 rows, first, n;
        __u64 page, offset = address & 4095;

        if (!f || address < f->start)
                return NULL;
        page = (address - f->start) >> 12;
        if (page >= f->n_pages)
                return NULL;
        rows = f->rows;
        c = get_chunk(f->pages + (__u32) page / UNWIND_PAGES_PER_CHUNK);
        if (!c)
                return NULL;
        p = (struct unwind_page *) c + page % UNWIND_PAGES_PER_CHUNK;
        first = p->first_row;
        n = p->n_rows;
        if (n == 0)
                return NULL;

        row = find_row(rows, first, first + n, offset);
        if (!row || row->rule >= f->n_rules)
                return NULL;
        c = get_chunk(f->rules + row->rule / UNWIND_RULES_PER_CHUNK);
        return c ? (struct unwind_rule *) c + row->rule % UNWIND_RULES_PER_CHUNK : NULL;
}
