/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of the Kernel
 *
 * Its symbols, read when a window needs them. Reading all of them takes longer than everything else
 * about a profile: they are read anew only for what comes and goes, not too often, and in small
 * steps between other events.
 */

#include <systemd/sd-event.h>

#include "symbol/kallsyms.h"
#include "window.h"

#define KERNEL_NAMES_RELOAD_USEC (60 * USEC_PER_SEC)

typedef struct KernelNames KernelNames;

/* They have been read, or cannot be had. */
typedef void (*KernelNamesCallback)(void *userdata);

/* open_socket: of profilerd-open, NULL: there is none. */
int kernel_names_new(KernelNames **ret,
                     sd_event *event,
                     const char *open_socket,
                     KernelNamesCallback on_ready,
                     void *userdata);
KernelNames *kernel_names_free(KernelNames *k);
DEFINE_CLEANUP(KernelNames *, kernel_names_free);

/* Whether they are as fresh as the window needs them. If not they are being read, and on_ready is
 * called when they are. */
bool kernel_names_prepare(KernelNames *k, const Window *w);

/* Those that are there, read now if there are none; borrowed. NULL: they cannot be had. */
const Kallsyms *kernel_names_get(KernelNames *k);
