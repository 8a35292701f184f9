/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Unwind Guess
 *
 * Leaves a frame without a rule: by the frame pointer, or, in the leaf, by what its code is about
 * to do with it. A wrong frame is worse than a missing one, so what comes out has to be an address
 * that a call left behind. The includer defines UNWIND_READ(), as for unwind-step.h.
 */

#include "bpf/unwind-step.h"

/*
 * True: the 8 bytes in front of a return address, the last of them in the highest bits, end in a
 * call (Intel SDM volume 2, CALL: E8 with 4 bytes, or FF /2 with 1 to 6 bytes behind it).
 */
static inline __attribute__((__always_inline__)) int unwind_is_after_call(__u64 bytes) {
        if (((bytes >> 24) & 0xff) == 0xe8)
                return 1;
        return ((bytes >> 48) & 0x38ff) == 0x10ff || ((bytes >> 40) & 0x38ff) == 0x10ff ||
               ((bytes >> 32) & 0x38ff) == 0x10ff || ((bytes >> 16) & 0x38ff) == 0x10ff ||
               ((bytes >> 8) & 0x38ff) == 0x10ff;
}

/*
 * In the first instructions of a function, and at its return, the frame pointer is still, or again,
 * the caller's. UNWIND_UNKNOWN_CODE: it is neither.
 */
static inline __attribute__((__always_inline__)) int unwind_guess_edge(struct unwind_state *s,
                                                                       void *context) {
        __u64 code = 0, sp = s->registers[UNWIND_X86_64_RSP];

        (void) context;
        /* The byte in front of the instruction, and 7 bytes of it. */
        if (UNWIND_READ(context, &code, sizeof(code), s->ip - 1) != 0)
                return UNWIND_UNKNOWN_CODE;
        if ((code & 0xffffffff) == 0xe5894855) {
                /* "push %rbp" is done, "mov %rsp,%rbp" is next. */
                if (UNWIND_READ(context, s->window, 2 * sizeof(__u64), sp) != 0)
                        return UNWIND_NO_MEMORY;
                s->registers[UNWIND_X86_64_RBP] = s->window[0];
                s->window[0] = s->window[1];
                sp += sizeof(__u64);
        } else if (((code >> 8) & 0xff) == 0xc3 || ((code >> 8) & 0xffffffff) == 0xe5894855 ||
                   ((code >> 8) & 0xffffffff) == 0xfa1e0ff3) {
                /* "ret", or at "push %rbp; mov %rsp,%rbp" or "endbr64": the return address is on
                 * top. */
                if (UNWIND_READ(context, s->window, sizeof(__u64), sp) != 0)
                        return UNWIND_NO_MEMORY;
        } else {
                return UNWIND_UNKNOWN_CODE;
        }
        s->registers[UNWIND_X86_64_RSP] = sp + sizeof(__u64);
        s->ip = s->window[0];
        s->is_return = 1;
        return UNWIND_STEPPED;
}

/* Assembly that saves nothing has its return address on top. */
static inline __attribute__((__always_inline__)) int unwind_guess_leaf(struct unwind_state *s,
                                                                       void *context) {
        __u64 code = 0, sp = s->registers[UNWIND_X86_64_RSP];

        (void) context;
        if (UNWIND_READ(context, s->window, sizeof(__u64), sp) != 0)
                return UNWIND_NO_MEMORY;
        if (UNWIND_READ(context, &code, sizeof(code), s->window[0] - sizeof(code)) != 0 ||
            !unwind_is_after_call(code))
                return UNWIND_UNKNOWN_CODE;
        s->registers[UNWIND_X86_64_RSP] = sp + sizeof(__u64);
        s->ip = s->window[0];
        s->is_return = 1;
        return UNWIND_STEPPED;
}

/*
 * enum unwind_result; anything but UNWIND_STEPPED and UNWIND_COMPLETE: it cannot be guessed.
 * in_chain: the frame that is left was guessed, too. A chain of frame pointers that has begun is
 * believed. in_file: of a file whose table does not speak of this code: assembly, then.
 */
static inline __attribute__((__always_inline__)) int unwind_guess(struct unwind_state *s,
                                                                  enum unwind_machine machine,
                                                                  int in_chain,
                                                                  int in_file,
                                                                  void *context) {
        int r = UNWIND_UNKNOWN_CODE;
        __u64 code = 0;

        if (machine == UNWIND_X86_64 && !s->is_return) {
                if (in_file && unwind_guess_leaf(s, context) == UNWIND_STEPPED)
                        return UNWIND_STEPPED;
                r = unwind_guess_edge(s, context);
        }
        if (r == UNWIND_UNKNOWN_CODE)
                r = unwind_step_by_frame_pointer(s, machine, context);
        if (r != UNWIND_STEPPED || machine != UNWIND_X86_64 || in_chain)
                return r;

        if (UNWIND_READ(context, &code, sizeof(code), s->ip - sizeof(code)) != 0 ||
            !unwind_is_after_call(code))
                return UNWIND_UNKNOWN_CODE;
        return UNWIND_STEPPED;
}
