/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Debuginfod
 *
 * Asks servers for debug files, by libdebuginfod if that is installed. Only ever when somebody
 * wants it: which build ids a host has is nobody else's business.
 */

#include "basic/util.h"

typedef struct Debuginfod Debuginfod;

/* size 0: not known. Return true to stop. */
typedef bool (*DebuginfodProgress)(uint64_t done, uint64_t size, void *userdata);

/* -ENOPKG: libdebuginfod is not installed; -ENODATA: no server is configured. */
int debuginfod_new(Debuginfod **ret, DebuginfodProgress progress, void *userdata);
Debuginfod *debuginfod_free(Debuginfod *d);
DEFINE_CLEANUP(Debuginfod *, debuginfod_free);

/* Returns a descriptor. -ENOENT: no server has it. */
int debuginfod_fetch(Debuginfod *d, const char *build_id);

/* The servers of $DEBUGINFOD_URLS, else of the files DIRECTORY/NAME.urls, with a blank between
 * them. -ENODATA: there are none. */
int debuginfod_find_servers(const char *directory, char **ret);
