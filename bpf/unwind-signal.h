/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Signal Frames: the part of bpf/unwind-step.h that knows what the kernel leaves on the stack. */

#include "bpf/unwind-state.h"

#ifndef UNWIND_READ
#error "UNWIND_READ(context, buffer, size, address) is not defined"
#endif

/* All registers of the frame that a signal interrupted. */
UNWIND_INLINE int unwind_leave_signal(struct unwind_state *s,
                                      enum unwind_machine machine,
                                      __u64 address,
                                      void *context) {
        (void) context;
        if (UNWIND_READ(context, s->window, UNWIND_SIGNAL_WORDS * sizeof(__u64), address) != 0)
                return UNWIND_NO_MEMORY;

        if (machine == UNWIND_X86_64) {
                for (int i = 0; i < 8; i++)
                        s->registers[8 + i] = s->window[i];
                s->registers[5] = s->window[8];
                s->registers[4] = s->window[9];
                s->registers[UNWIND_X86_64_RBP] = s->window[10];
                s->registers[UNWIND_X86_64_RBX] = s->window[11];
                s->registers[1] = s->window[12];
                s->registers[0] = s->window[13];
                s->registers[2] = s->window[14];
                s->registers[UNWIND_X86_64_RSP] = s->window[15];
        } else {
                for (int i = 0; i < UNWIND_REGISTERS; i++)
                        s->registers[i] = s->window[i];
        }
        s->ip = s->window[UNWIND_SIGNAL_WORDS - 1];
        s->known = (1U << UNWIND_REGISTERS) - 1;
        s->is_return = 0;
        return UNWIND_STEPPED;
}
