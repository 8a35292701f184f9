/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From Window to Profile
 *
 * Names every place of a window with what the indexes and the kernel's symbols know, and puts its
 * samples into the terms of pprof. Addresses end up in the ELF file's own address space where the
 * file could be read, as offsets in the file where not.
 */

#include <systemd/sd-id128.h>

#include "config.h"
#include "profile/profile.h"
#include "symbol/kallsyms.h"
#include "window.h"

typedef struct WindowProfileContext {
        const char *unit;
        const char *slice; /* NULL: not known */
        sd_id128_t invocation_id;
        sd_id128_t boot_id;
        const char *host;
        const ConfigLabel *labels;
        size_t n_labels;
        char *const *comments; /* further ones, NULL-terminated; NULL: none */
        unsigned frequency_hz;
        usec_t duration_usec;
        const char *main_exe; /* path of the unit's main executable, NULL: unknown */
        const Mapping
                *main_mapping; /* of its code, for a window without a sample in it; NULL: unknown */
        const Kallsyms *kernel;      /* NULL: no kernel symbols */
        const char *kernel_build_id; /* "": unknown */
        bool lines;                  /* files, lines and inlined functions, too */
} WindowProfileContext;

typedef struct WindowNames {
        uint64_t frames, named; /* over all samples */
} WindowNames;

int window_make_profile(const Window *w,
                        const WindowProfileContext *context,
                        Profile **ret,
                        WindowNames *ret_names);
