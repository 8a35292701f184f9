/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Kernel Symbols
 *
 * The functions of the kernel and its modules from /proc/kallsyms, kept sorted and compact. Modules
 * come and go: the table is read again when an address lies outside what it knows.
 */

#include "basic/util.h"

typedef struct Kallsyms Kallsyms;

typedef struct KernelSymbol {
        const char *name;   /* borrowed until the next load */
        const char *module; /* "ext4", "bpf", … without brackets; NULL: the kernel itself */
        uint64_t address;
} KernelSymbol;

int kallsyms_new(Kallsyms **ret);
Kallsyms *kallsyms_free(Kallsyms *k);
DEFINE_CLEANUP(Kallsyms *, kallsyms_free);

/*
 * Replaces the table by the contents of fd (its offset is reset; the caller keeps it). -EPERM: all
 * addresses are hidden (kptr_restrict, no CAP_SYSLOG); -ENODATA: no function in it.
 */
int kallsyms_load(Kallsyms *k, int fd);

/* The same in steps of a few milliseconds, for who has other things to do between them. fd is
 * borrowed until the load is freed. */
typedef struct KallsymsLoad KallsymsLoad;

int kallsyms_load_begin(KallsymsLoad **ret, int fd);
KallsymsLoad *kallsyms_load_free(KallsymsLoad *l);
DEFINE_CLEANUP(KallsymsLoad *, kallsyms_load_free);

/* 1: there is more to read; 0: the table has been replaced. */
int kallsyms_load_step(KallsymsLoad *l, Kallsyms *k);

/* From memory: for tests and fuzzers. */
int kallsyms_parse(Kallsyms *k, const char *text, size_t size);

/* false: outside of all functions. The kernel tells no sizes: a function is as long as the way to
 * the next symbol, at most 1 MiB. */
bool kallsyms_find(const Kallsyms *k, uint64_t address, KernelSymbol *ret);
size_t kallsyms_size(const Kallsyms *k);
/* Address of _text of the kernel itself, and of _end or, where the kernel does not tell it, of the
 * end of its text. 0: unknown. */
uint64_t kallsyms_get_text(const Kallsyms *k);
uint64_t kallsyms_get_text_end(const Kallsyms *k);
