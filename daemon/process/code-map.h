/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Code Map
 *
 * The names of code that a process made at run time, as its runtime tells them (symbol/perf-map,
 * symbol/jitdump). Code is replaced: an address had different names at different times, and a name
 * is valid from its birth until other code is born on top of it. Reference-counted: windows need it
 * longer than the process lives.
 */

#include "basic/time-util.h"

enum {
        CODE_MAP_ENTRIES_MAX = 1 << 18, /* pieces of code; more are refused */
        CODE_MAP_NAME_MAX = 1024,       /* bytes of one name; a longer one is cut */
        CODE_MAP_NAMES_MAX = 32 << 20,  /* bytes of all names */
        CODE_MAP_EPOCHS_MAX = 1 << 12,  /* beyond, the newest one is as good as the one before */
        CODE_MAP_FIND_MAX = 256,        /* pieces that a search looks at, from the address down */
};

typedef struct CodeMap CodeMap;

typedef struct CodeEntry {
        uint64_t start, size;
        nsec_t born_nsec; /* CLOCK_MONOTONIC */
        const char *name; /* valid UTF-8 without control characters; borrowed from the map */
} CodeEntry;

int code_map_new(CodeMap **ret);
CodeMap *code_map_ref(CodeMap *m);
CodeMap *code_map_unref(CodeMap *m);
DEFINE_CLEANUP(CodeMap *, code_map_unref);

/* Copies the name (n bytes), made valid. Seen after the next commit. 0; -E2BIG: full; -EINVAL: no
 * piece of code; -ENOMEM. */
int code_map_add(
        CodeMap *m, uint64_t start, uint64_t size, nsec_t born_nsec, const char *name, size_t n);

/* What was added takes its place among the rest. */
int code_map_commit(CodeMap *m);

/* When, at that time, code had been replaced last; 0: never. Equal epochs, equal names. */
nsec_t code_map_get_epoch(const CodeMap *m, nsec_t time_nsec);

/*
 * The code at an address in an epoch: the youngest that was there by then, or else the oldest that
 * came later, for runtimes tell names with delay. false: none among the CODE_MAP_FIND_MAX pieces
 * that begin at the address or next before it.
 */
bool code_map_find(const CodeMap *m, uint64_t address, nsec_t epoch, CodeEntry *ret);

/* The name of what was added last at exactly this address, committed or not; NULL: nothing, or too
 * long ago. Borrowed until the next code_map_add(). */
const char *code_map_find_last(const CodeMap *m, uint64_t start);

/* Somebody beside the caller has a reference. */
bool code_map_is_shared(const CodeMap *m);
size_t code_map_size(const CodeMap *m);
/* What it holds in memory. */
size_t code_map_bytes(const CodeMap *m);
uint64_t code_map_n_refused(const CodeMap *m);
