/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Frame Table
 *
 * The functions of one or more profiles, each once: what stacks are made of once addresses no
 * longer matter. Equal frames of different profiles have the same index, so that they can be
 * compared.
 */

#include "profile/profile.h"

/* Borrowed from the table. */
typedef struct Frame {
        const char *name;   /* that of profile_unknown_name() if it has none */
        const char *binary; /* base name, "": unknown */
        const char *file;   /* of source code, "": unknown */
        bool kernel, named;
} Frame;

typedef struct FrameTable FrameTable;

/* The frames of a profile's locations: those of i are frames[first[i]] up to frames[first[i + 1]],
 * innermost first. */
typedef struct FrameMap {
        uint32_t *frames;
        size_t n_frames, capacity;
        size_t *first;
} FrameMap;

/* The frames of one stack, the root first. */
typedef struct FrameStack {
        uint32_t *frames;
        bool *inlined; /* is the frame a part of its caller's code? */
        size_t n, capacity, capacity_inlined;
} FrameStack;

int frame_table_new(FrameTable **ret);
FrameTable *frame_table_free(FrameTable *t);
DEFINE_CLEANUP(FrameTable *, frame_table_free);

/* To be released by frame_map_done(), also after a failure. -E2BIG: too many different names. */
int frame_table_add_profile(FrameTable *t, const Profile *p, FrameMap *ret);
size_t frame_table_size(const FrameTable *t);
void frame_table_get(const FrameTable *t, uint32_t index, Frame *ret);

void frame_map_done(FrameMap *m);
int frame_map_get_stack(const FrameMap *m, const ProfileSample *s, FrameStack *stack);
void frame_stack_done(FrameStack *s);
