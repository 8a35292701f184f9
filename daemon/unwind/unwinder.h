/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unwinder
 *
 * Walks a user stack in user space, by the same steps as the BPF program (bpf/unwind-step.h): over
 * a stopped thread, or over registers and a copy of the stack.
 */

#include "basic/util.h"
#include "bpf/unwind-state.h"
#include "index/index-file.h"

/* Executable memory. */
typedef struct UnwindMapping {
        uint64_t start, end;
        uint64_t offset;        /* of start, in the file */
        const IndexFile *index; /* borrowed; NULL: code without tables */
} UnwindMapping;

/* 0: all size bytes at address are in buffer; < 0: they cannot be read. */
typedef int (*UnwindReadCallback)(void *userdata, uint64_t address, void *buffer, size_t size);

typedef struct Unwinder {
        enum unwind_machine machine;
        const UnwindMapping *mappings; /* sorted by start, not overlapping; borrowed */
        size_t n_mappings;
        UnwindReadCallback read;
        void *userdata;
} Unwinder;

/* How the walk went. */
typedef struct UnwindEnd {
        enum unwind_result result; /* UNWIND_STEPPED: there are more frames than asked for */
        size_t n_frames;
        size_t n_guessed; /* of them, those found by a frame pointer */
} UnwindEnd;

/*
 * Addresses of the frames, leaf first. s: registers, ip and known ones of the leaf; it is changed.
 * Code without a rule is left by its frame pointer; a step that does not lead to code is not
 * believed.
 */
UnwindEnd unwinder_walk(const Unwinder *u, struct unwind_state *s, uint64_t *frames, size_t max);
