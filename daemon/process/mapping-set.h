/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mappings
 *
 * The executable mappings of an address space, sorted. Reference-counted and shared: a forked child
 * has its parent's set until one of the two changes its own (copy on write).
 */

#include "process/file.h"

enum {
        MAPPING_SET_MAX = 1 << 14, /* executable mappings of one process; more are refused */
};

typedef struct Mapping {
        uint64_t start, end; /* [start, end) in the process */
        uint64_t offset;     /* of start, in the file; anonymous memory: start itself */
        File *file;
} Mapping;

typedef struct MappingSet MappingSet;

int mapping_set_new(MappingSet **ret);
MappingSet *mapping_set_ref(MappingSet *s);
MappingSet *mapping_set_unref(MappingSet *s);
DEFINE_CLEANUP(MappingSet *, mapping_set_unref);

/*
 * Adds a mapping (its own reference to m->file is taken), cutting away what it covers. Pieces of a
 * file that touch in memory and in the file become one. *s may be replaced when it is shared.
 * -E2BIG: MAPPING_SET_MAX; -EINVAL: end <= start.
 */
int mapping_set_add(MappingSet **s, const Mapping *m);

/* Borrowed; NULL: nothing executable is mapped there. */
const Mapping *mapping_set_find(const MappingSet *s, uint64_t address);
size_t mapping_set_size(const MappingSet *s);
/* What it takes of the heap. */
size_t mapping_set_get_bytes(const MappingSet *s);
bool mapping_set_equal(const MappingSet *a, const MappingSet *b);
const Mapping *mapping_set_get(const MappingSet *s, size_t i);
