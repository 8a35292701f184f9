/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * File Loader
 *
 * Opens the files that samples fall into, while some process still has them, and gets their
 * indexes.
 */

#include <systemd/sd-event.h>

#include "process/file.h"
#include "symbol/index-cache.h"

enum {
        /* A file that could not be opened may be within reach of the next process that has it. */
        FILE_LOADER_RETRIES = 8, /* between two calls of file_loader_refill() */
};

typedef struct FileLoader FileLoader;

/* The file has its index now, or will not get it. */
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

IndexCache *file_loader_get_cache(FileLoader *l); /* borrowed */
