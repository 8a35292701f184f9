/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks of Stacks, fuzzed
 *
 * The input is registers, the size of an index, that index, and a copy of a stack, which ends at
 * the input's end. Whatever they say, the walk ends, and each caller it tells of lies in code.
 */

#include "unwind/unwinder.h"

#define STACK_START UINT64_C(0x7ffc00000000)

enum { FRAMES_MAX = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The mapping is placed as the index has its code, but for where it starts. */
typedef struct Input {
        uint64_t registers[UNWIND_REGISTERS];
        uint64_t ip;
        uint64_t start, offset, length; /* of the mapping */
        uint32_t known;
        uint16_t index_size;
        uint8_t machine, is_return;
} Input;

typedef struct Stack {
        const uint8_t *data;
        size_t size;
} Stack;

static void check(bool ok) {
        if (!ok)
                abort();
}

static int read_stack(void *userdata, uint64_t address, void *buffer, size_t size) {
        const Stack *s = userdata;

        if (address < STACK_START || address - STACK_START > s->size ||
            size > s->size - (address - STACK_START))
                return -EFAULT;
        memcpy(buffer, s->data + (address - STACK_START), size);
        return 0;
}

static void walk(const Input *in, const IndexFile *index, Stack *stack) {
        const UnwindMapping mappings[] = {
                { .start = in->start,
                  .end = in->start + in->length,
                  .offset = in->offset,
                  .index = index },
        };
        const Unwinder u = {
                .machine = in->machine & 1 ? UNWIND_AARCH64 : UNWIND_X86_64,
                .mappings = mappings,
                .n_mappings = ELEMENTSOF(mappings),
                .read = read_stack,
                .userdata = stack,
        };
        struct unwind_state s = {
                .ip = in->ip,
                .known = in->known,
                .is_return = in->is_return & 1,
        };
        uint64_t frames[FRAMES_MAX];
        UnwindEnd end;

        memcpy(s.registers, in->registers, sizeof(s.registers));
        end = unwinder_walk(&u, &s, frames, FRAMES_MAX);
        check(end.n_frames > 0 && end.n_frames <= FRAMES_MAX && end.n_guessed < end.n_frames);
        check(end.result < _UNWIND_RESULT_MAX);
        check(end.result != UNWIND_STEPPED || end.n_frames == FRAMES_MAX);
        /* Behind a call, or where a signal came. */
        for (size_t i = 1; i < end.n_frames; i++)
                check(frames[i] - in->start <= in->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        _cleanup_free_ uint64_t *aligned = NULL;
        Stack stack;
        Input in;

        if (size < sizeof(in))
                return 0;
        memcpy(&in, data, sizeof(in));
        data += sizeof(in);
        size -= sizeof(in);
        if (in.length == 0 || in.start + in.length < in.start)
                return 0;

        in.index_size = (uint16_t) MIN((size_t) in.index_size, size);
        aligned = malloc(MAX((size_t) in.index_size, sizeof(uint64_t)));
        check(aligned);
        memcpy(aligned, data, in.index_size);
        (void) index_file_new_from_memory(&index, aligned, in.index_size);

        stack = (Stack){ .data = data + in.index_size, .size = size - in.index_size };
        walk(&in, index, &stack);
        return 0;
}
