/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arena
 *
 * Many small blocks that live exactly as long as their owner: allocated by moving a pointer, freed
 * all at once. Blocks never move, so tables may point into them.
 */

#include "basic/util.h"

typedef struct ArenaChunk ArenaChunk;

typedef struct Arena {
        ArenaChunk *chunks; /* the newest first */
        uint8_t *next;
        size_t available; /* bytes at next */
        size_t size;      /* bytes of all chunks */
        size_t limit;     /* for size; 0: none */
        bool limited;     /* an allocation failed because of the limit */
        bool failed;      /* an allocation failed because there is no memory */
} Arena;

/* limit: bytes that the arena may take in all; 0: any number. */
void arena_init(Arena *a, size_t limit);
void arena_done(Arena *a);

/* size bytes of undefined content, aligned for every member of our structs. NULL: out of memory, or
 * the limit is reached; a remembers which. */
void *arena_alloc(Arena *a, size_t size);
