/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Window
 *
 * One unit's samples of one stretch of time, as they come in: stacks of places in files, not yet of
 * names. A stack that was seen before costs one look-up; a new one has its addresses turned into
 * places at once, while the process still lives.
 */

#include "basic/time-util.h"
#include "bpf/sample.h"
#include "process/process-table.h"
#include "window-type.h"

enum {
        WINDOW_STACKS_MAX = 1 << 17, /* different stacks; further samples are counted as lost */
        WINDOW_PLACES_MAX = 1 << 18, /* different places */
        WINDOW_STACK_PLACES_MAX = 8 << 20, /* sum of the lengths of all stacks */
};

typedef struct Window Window;

typedef enum PlaceKind {
        PLACE_KERNEL,   /* address: in the kernel */
        PLACE_FILE,     /* address: offset in the file */
        PLACE_MEMORY,   /* address: in the process; executable memory without a file behind it */
        PLACE_UNMAPPED, /* address: in the process; nothing executable is known there */
} PlaceKind;

/* Where a frame is. Return addresses are one less, so that they lie in the call. */
typedef struct Place {
        uint64_t kind; /* PlaceKind */
        File *file;    /* of PLACE_FILE and PLACE_MEMORY; borrowed from the window */
        uint64_t address;
        CodeMap *code; /* of PLACE_MEMORY: where its name may be; borrowed; NULL: nowhere */
        nsec_t epoch;  /* for code_map_find() */
} Place;

/* One stack of one thread. */
typedef struct WindowStack {
        uint32_t first, n_places; /* range of window_get_stack_place(), leaf first */
        pid_t pid, tid;
        char comm[SAMPLE_COMM_MAX];
        char state; /* of a thread that waits, as ps(1) has it: 'S', 'D'; 0: it was running */
        uint8_t stack_end; /* enum sample_stack_end */
        uint64_t count;
        nsec_t weight_nsec;
} WindowStack;

typedef struct WindowTotals {
        uint64_t samples, lost;
        nsec_t weight_nsec;
        uint64_t stack_ends[_STACK_END_MAX]; /* samples by enum sample_stack_end */
        uint64_t guessed;                    /* samples with SAMPLE_GUESSED */
} WindowTotals;

/* A file is needed for a new stack: process pid has it at [start, end). */
typedef void (*WindowFileCallback)(
        File *file, pid_t pid, uint64_t start, uint64_t end, void *userdata);

int window_new(Window **ret,
               WindowType type,
               usec_t start_usec,
               WindowFileCallback on_file,
               void *userdata);
Window *window_free(Window *w);
DEFINE_CLEANUP(Window *, window_free);

/* An estimate of what stacks and places take; new ones beyond are refused. Not set: only the limits
 * above. */
void window_set_bytes_max(Window *w, size_t bytes);

/* It takes waits beside CPU time; each has a value of its own in the profile. */
void window_set_mixed(Window *w);
bool window_is_mixed(const Window *w);

/* process: NULL if not known. -E2BIG: a limit; -ENOMEM. Either is counted as lost. */
int window_add(Window *w,
               const Process *process,
               const struct sample_record *record,
               const uint64_t *frames,
               nsec_t weight_nsec);

WindowType window_get_type(const Window *w);
usec_t window_get_start(const Window *w); /* CLOCK_REALTIME */
void window_get_totals(const Window *w, WindowTotals *ret);

/* All stacks, in the order of their first sample; NULL: the end. */
const WindowStack *window_next_stack(const Window *w, const WindowStack *previous);
/* Index of the place of frame i of a stack. */
uint32_t window_get_stack_place(const Window *w, const WindowStack *s, uint32_t i);

size_t window_n_places(const Window *w);
const Place *window_get_place(const Window *w, uint32_t index);

/* The executable of the process with the most CPU time, "": unknown. Borrowed. */
const char *window_get_heaviest_exe(const Window *w);
/* The file with this path among those of the window; NULL: none. */
File *window_find_file(const Window *w, const char *path);

/* Some file of it still waits for its index. */
bool window_is_pending(const Window *w);
