/* SPDX-License-Identifier: Apache-2.0 */
/* Arena */

#include "profile/arena.h"

enum {
        ARENA_ALIGNMENT = 8,
        ARENA_CHUNK_MIN = 16 << 10, /* the first; later ones grow with the arena */
        ARENA_CHUNK_MAX = 1 << 20,  /* unless one block is larger */
};

struct ArenaChunk {
        ArenaChunk *older;
        uint64_t data[]; /* aligned */
};

void arena_init(Arena *a, size_t limit) {
        *a = (Arena){ .limit = limit };
}

void arena_done(Arena *a) {
        while (a->chunks) {
                ArenaChunk *older = a->chunks->older;

                free(a->chunks);
                a->chunks = older;
        }
        arena_init(a, a->limit);
}

/* What is left of the chunk before is given up: at most a block of the size that did not fit. */
static bool arena_grow(Arena *a, size_t size) {
        size_t n = MAX(size, MIN(MAX(a->size, (size_t) ARENA_CHUNK_MIN), (size_t) ARENA_CHUNK_MAX));
        ArenaChunk *c;

        if (a->limit > 0 && (a->size >= a->limit || n > a->limit - a->size)) {
                a->limited = true;
                return false;
        }

        c = malloc(sizeof(ArenaChunk) + n);
        if (!c) {
                a->failed = true;
                return false;
        }

        c->older = a->chunks;
        a->chunks = c;
        a->next = (uint8_t *) c->data;
        a->available = n;
        a->size += n;
        return true;
}

void *arena_alloc(Arena *a, size_t size) {
        void *p;

        if (size > SIZE_MAX / 2) {
                a->failed = true;
                return NULL;
        }
        /* A block without bytes has an address of its own, too. */
        size = ROUND_UP(MAX(size, (size_t) 1), ARENA_ALIGNMENT);
        if (size > a->available && !arena_grow(a, size))
                return NULL;

        p = a->next;
        a->next += size;
        a->available -= size;
        return p;
}
