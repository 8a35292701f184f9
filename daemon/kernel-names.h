/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of the Kernel
 *
 * Its symbols, read when a window needs them. Reading all of them takes longer than everything else
 * about a profile: they are read anew only for what comes and goes, and not too often.
 */

#include "symbol/kallsyms.h"
#include "window.h"

#define KERNEL_NAMES_RELOAD_USEC (60 * USEC_PER_SEC)

typedef struct KernelNames KernelNames;

/* open_socket: of profilerd-open, NULL: there is none. */
int kernel_names_new(KernelNames **ret, const char *open_socket);
KernelNames *kernel_names_free(KernelNames *k);
DEFINE_CLEANUP(KernelNames *, kernel_names_free);

/* As fresh as the window needs them; borrowed. NULL: they cannot be had. */
const Kallsyms *kernel_names_get(KernelNames *k, const Window *w);
