/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Spill
 *
 * A long row of elements of one size that is kept in a file, behind everything that will stay
 * there, because it would be too large for the heap. Elements come in runs, each sorted by the
 * offset that they begin with; the runs come in any order, and are sorted when all is there.
 */

#include "basic/util.h"

enum {
        SPILL_ELEMENT_MAX = 32,   /* bytes */
        SPILL_RUNS_MAX = 4 << 20, /* 16 bytes each, on the heap */
};

typedef struct Spill Spill;

/* Elements go to the file from byte at on, max of them. fd stays the caller's. */
int spill_new(Spill **ret, int fd, uint64_t at, size_t element_size, size_t max);
Spill *spill_free(Spill *s);
DEFINE_CLEANUP(Spill *, spill_free);

/* Appends an element that belongs to no run. -E2BIG: max reached. */
int spill_append(Spill *s, const void *element);

/*
 * An element of the run that is open, or of a new one. Of elements at one offset the last counts;
 * one that is equal to the one in front of it but for its offset says nothing new, and one in front
 * of the last offset nothing at all. -E2BIG as above.
 */
int spill_add(Spill *s, const void *element);
/* The open run ends in front of this offset. */
int spill_end(Spill *s, uint32_t offset);
/* Forgets the open run, if there is one. */
void spill_drop(Spill *s);

size_t spill_size(const Spill *s);      /* elements */
size_t spill_bytes_max(const Spill *s); /* that a write below can be */

/*
 * Writes the elements where the file is at; *ret: how many bytes. In order: runs sorted, without
 * overlaps (the run that begins first has the common part), and with an element of zeros but for
 * its offset where nothing follows. The elements can be read from the file until it is cut.
 */
int spill_write(Spill *s, uint64_t *ret);
int spill_write_in_order(Spill *s, uint64_t *ret);
