/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Profile Writer
 *
 * Takes closed windows, waits for the names that they need (but not for ever), and writes them one
 * at a time, between other events, into the store.
 */

#include <systemd/sd-event.h>

#include "store/store.h"
#include "window-profile.h"

/* How long a window waits for names; then it goes without those that are missing. */
#define PROFILE_WRITER_PATIENCE_USEC (15 * USEC_PER_SEC)
enum { PROFILE_WRITER_QUEUE_MAX = 4096 };

typedef struct ProfileWriter ProfileWriter;

/* A window and all that its profile says beside it. */
typedef struct ClosedWindow {
        Window *window;
        char *unit;
        char *slice; /* NULL: unknown */
        sd_id128_t invocation_id;
        ConfigLabel *labels;
        size_t n_labels;
        char **comments; /* further lines for the profile; NULL: none */
        unsigned frequency_hz;
        usec_t duration_usec;
        char *main_exe;       /* NULL: unknown */
        Mapping main_mapping; /* of its code, with a reference to its file; file NULL: unknown */
} ClosedWindow;

void closed_window_done(ClosedWindow *c);

typedef struct WrittenProfile {
        const ClosedWindow *closed;
        int error;        /* 0, or why there is no file */
        const char *path; /* absolute */
        size_t size_bytes;
        WindowTotals totals;
        WindowNames names;
} WrittenProfile;

typedef struct ProfileWriterCallbacks {
        /* Whether the kernel's symbols are as fresh as the window needs them; if not, the writer is
         * poked when they are. */
        bool (*is_ready)(const Window *window, void *userdata);
        /* Those that are there; NULL: none. */
        const Kallsyms *(*get_kernel)(void *userdata);
        void (*on_written)(const WrittenProfile *written, void *userdata);
} ProfileWriterCallbacks;

/* patience_usec: PROFILE_WRITER_PATIENCE_USEC, or less in a test. */
int profile_writer_new(ProfileWriter **ret,
                       sd_event *event,
                       Store *store,
                       usec_t patience_usec,
                       const ProfileWriterCallbacks *callbacks,
                       void *userdata);
/* Drops what was not written. */
ProfileWriter *profile_writer_free(ProfileWriter *w);
DEFINE_CLEANUP(ProfileWriter *, profile_writer_free);

/* Whether profiles have files, lines and inlined functions; they have at first. */
void profile_writer_set_lines(ProfileWriter *w, bool lines);

/* Takes *closed, in every case, and leaves it empty. *ret_sequence numbers the windows from 1.
 * -EBUSY: PROFILE_WRITER_QUEUE_MAX. */
int profile_writer_add(ProfileWriter *w, ClosedWindow *closed, uint64_t *ret_sequence);

/* What would be written now, with the names that are known. *ret is a heap block. */
int profile_writer_encode(ProfileWriter *w,
                          const ClosedWindow *closed,
                          uint8_t **ret,
                          size_t *ret_size);
/* The profile of a window that is not in the queue, with the names that are known. */
int profile_writer_make_profile(ProfileWriter *w,
                                const ClosedWindow *closed,
                                Profile **ret,
                                WindowNames *ret_names);

/* Something that a window may wait for has come, or will not come. */
void profile_writer_poke(ProfileWriter *w);
/* Writes everything now, with the names that are known. */
void profile_writer_finish(ProfileWriter *w);

/* All windows up to this number are written or given up. */
bool profile_writer_is_done(const ProfileWriter *w, uint64_t sequence);
size_t profile_writer_n_queued(const ProfileWriter *w);
