/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Call Frame Sections
 *
 * Reads .eh_frame (Linux Standard Base) and .debug_frame (DWARF 2 to 5) of 64-bit programs: which
 * functions they describe, and each one's rows. What is damaged loses its function, not the file.
 */

#include "elf/cfi-program.h"
#include "index/index-format.h"

enum {
        EH_FRAME_FUNCTIONS_MAX = 8 << 20,
        EH_FRAME_COMMONS_MAX = 64, /* decoded CIEs that are kept; a power of two */
};

typedef struct EhFrame EhFrame;

typedef struct EhFrameInput {
        const uint8_t *bytes; /* has to outlive the object */
        size_t size;
        uint64_t address;    /* of the section */
        uint64_t text, data; /* what DW_EH_PE_textrel and _datarel are relative to */
        uint16_t machine;    /* EM_X86_64 or EM_AARCH64 */
        bool is_debug_frame;
} EhFrameInput;

/* The code of one function: [start, start + size). */
typedef struct EhFunction {
        uint64_t start;
        uint32_t size;
        uint32_t offset; /* of its description in the section */
} EhFunction;

/*
 * Reads all but the instructions. losses: counters by IndexUnwindLoss, which are added to, here and
 * later. -EOPNOTSUPP: of another machine; -E2BIG: a section beyond 4 GiB.
 */
int eh_frame_new(EhFrame **ret, const EhFrameInput *input, uint32_t *losses);
EhFrame *eh_frame_free(EhFrame *e);
DEFINE_CLEANUP(EhFrame *, eh_frame_free);

/* Sorted by start; of functions with the same start the one that stands last in the section comes
 * last. */
const EhFunction *eh_frame_get_functions(const EhFrame *e, size_t *ret_n);

/*
 * Tells the rows of a function from its start to its end. -EBADMSG: damaged (and counted); some
 * rows may have been told. Others come from on_row.
 */
int eh_frame_run(EhFrame *e,
                 const EhFunction *function,
                 CfiRowCallback on_row,
                 void *userdata,
                 bool *ret_is_signal);
