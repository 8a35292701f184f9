/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * File Loader
 *
 * Opens the files that samples fall into, while some process still has them, and gets their
 * indexes: first of the file alone, which is soon there, and then, where a separate debug file is
 * found, of both together. Debug files may be installed at any time, so those that have none are
 * looked after now and then, as long as samples fall into the file.
 */

#include <systemd/sd-event.h>

#include "process/file.h"
#include "symbol/index-cache.h"

enum {
        /* A file that could not be opened may be within reach of the next process that has it. */
        FILE_LOADER_RETRIES = 8, /* between two calls of file_loader_refill() */
};
#define FILE_LOADER_LOOK_USEC (5 * USEC_PER_MINUTE) /* between two looks for a debug file */

typedef struct FileLoader FileLoader;

/* The file has its index now, or a better one, or will not get it. */
typedef void (*FileLoaderCallback)(File *file, void *userdata);

int file_loader_new(FileLoader **ret,
                    sd_event *event,
                    const char *cache_directory,
                    const char *worker,
                    FileLoaderCallback on_loaded,
                    void *userdata);
FileLoader *file_loader_free(FileLoader *l);
DEFINE_CLEANUP(FileLoader *, file_loader_free);

/* Process pid has the file at [start, end). Settles the file's state, at once or later. */
void file_loader_load(FileLoader *l, File *file, pid_t pid, uint64_t start, uint64_t end);
void file_loader_refill(FileLoader *l);
/* Look for debug files at once. */
void file_loader_look_again(FileLoader *l);

/* Whether indexes are to have source lines; they are at first. */
void file_loader_set_lines(FileLoader *l, bool lines);

/* Files that were not opened, as a user serves them (see file_open()). */
uint64_t file_loader_get_n_served(const FileLoader *l);
IndexCache *file_loader_get_cache(FileLoader *l); /* borrowed */
