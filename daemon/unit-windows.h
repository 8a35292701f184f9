/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Windows
 *
 * The open windows of all units. They are aligned to multiples of their unit's interval, so that
 * those of different units and hosts can be laid side by side. A window opens with its first
 * sample: an idle unit costs nothing, not even a timer.
 */

#include "profile-writer.h"
#include "unit.h"

typedef struct UnitWindows UnitWindows;

typedef struct UnitWindowsCallbacks {
        WindowFileCallback on_file;
        /* A window is about to be closed, as it is due: what belongs to it has to be in it. */
        void (*on_due)(void *userdata);
} UnitWindowsCallbacks;

/* processes and writer outlive it. */
int unit_windows_new(UnitWindows **ret,
                     sd_event *event,
                     ProcessTable *processes,
                     ProfileWriter *writer,
                     const UnitWindowsCallbacks *callbacks,
                     void *userdata);
/* The windows themselves go with their units. */
UnitWindows *unit_windows_free(UnitWindows *t);
DEFINE_CLEANUP(UnitWindows *, unit_windows_free);

/* The unit's window of this type, opened if need be; borrowed. */
int unit_windows_open(UnitWindows *t, Unit *u, WindowType type, Window **ret);
/* Hands the unit's open windows, if any, to the writer. */
void unit_windows_close(UnitWindows *t, Unit *u);
/* See profiler_encode_open(). */
int unit_windows_encode(UnitWindows *t, Unit *u, uint8_t **ret, size_t *ret_size);

/* The number that the writer gave the window that was closed last; 0: none was. */
uint64_t unit_windows_get_last_sequence(const UnitWindows *t);
/* Samples of windows that could not be closed. */
uint64_t unit_windows_get_lost(const UnitWindows *t);
