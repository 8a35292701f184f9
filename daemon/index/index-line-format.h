/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Binary Index Format: Lines
 *
 * The sections of an index that tell source files, lines and inlined functions.
 */

#include "index/index-format.h"

enum {
        INDEX_FILES_MAX = 1 << 20,
        INDEX_LINES_MAX = 48 << 20,
        INDEX_INLINES_MAX = 16 << 20,
        INDEX_INLINE_RANGES_MAX = 24 << 20,
        INDEX_FRAMES_MAX = 128, /* of one address: inlined into each other */
};

/* How much is known of files, lines and inlined functions, and why not all. */
typedef enum IndexLinesState {
        INDEX_LINES_NONE,    /* the file says nothing of them */
        INDEX_LINES_WHOLE,   /* all that the file says */
        INDEX_LINES_OFF,     /* nobody wanted them */
        INDEX_LINES_TIME,    /* of what could be read in the time that there is for it */
        INDEX_LINES_MEMORY,  /* of what could be read in the memory that there is for it */
        INDEX_LINES_LIMIT,   /* of what an index can hold */
        INDEX_LINES_DAMAGED, /* of what could be read: the rest is broken */
        _INDEX_LINES_STATE_MAX,
} IndexLinesState;

typedef enum IndexLinesSource {
        INDEX_LINES_DWARF = 1 << 0,
        INDEX_LINES_DEBUG_FILE = 1 << 1, /* DWARF of the separate debug file */
        INDEX_LINES_GO = 1 << 2,         /* Go's own tables */
} IndexLinesSource;

typedef struct IndexLineInfo {
        uint64_t start;   /* address that the offsets below count from */
        uint32_t state;   /* IndexLinesState */
        uint32_t sources; /* IndexLinesSource bits */
        uint32_t n_units; /* parts of the program that were read */
        uint32_t n_bad;   /* of them, those that are damaged */
} IndexLineInfo;
_Static_assert(sizeof(IndexLineInfo) == 24, "line tables are part of the format");

/* The line of the code from this offset on, up to the next element. File 0: it has none. */
typedef struct IndexLine {
        uint32_t offset;
        uint32_t file; /* index in FILES */
        uint32_t line; /* 0: unknown */
} IndexLine;
_Static_assert(sizeof(IndexLine) == 12, "lines are part of the format");

/* A function in the place of a call to it. */
typedef struct IndexInline {
        uint32_t parent;      /* the instance that called; below its own index, 0: the function */
        uint32_t name;        /* offset in NAMES; 0: unknown, the frame is left out */
        uint32_t system_name; /* offset in NAMES */
        uint32_t file, line;  /* of the call */
} IndexInline;
_Static_assert(sizeof(IndexInline) == 20, "inlines are part of the format");

/* The innermost instance whose code is from this offset on, up to the next element. */
typedef struct IndexInlineRange {
        uint32_t offset;
        uint32_t instance; /* index in INLINES, 0: none */
} IndexInlineRange;
_Static_assert(sizeof(IndexInlineRange) == 8, "inlines are part of the format");
