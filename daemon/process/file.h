/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mapped File
 *
 * One file that some process has mapped executable: what the kernel calls it (device and inode),
 * where the process saw it, and the index of its contents once there is one. Reference-counted:
 * mappings and windows hold it. The table only knows the living.
 */

#include "basic/util.h"
#include "index/index-file.h"

enum {
        FILE_TABLE_MAX = 1 << 15, /* files known at once */
        FILE_PATH_MAX = 4096,     /* of a path, with its NUL */
};

/* What perf says instead of a path of FILE_PATH_MAX bytes and more. */
#define FILE_PATH_TOO_LONG "//toolong"

/* As in /proc/PID/maps and PERF_RECORD_MMAP2. Anonymous memory has no id (inode 0). */
typedef struct FileId {
        uint32_t major, minor;
        uint64_t inode;
} FileId;

typedef enum FileState {
        FILE_NEW,     /* never sampled */
        FILE_PENDING, /* its index is being looked up or made */
        FILE_INDEXED, /* file_get_index() is not NULL */
        FILE_LOST,    /* could not be opened as the same file: see file_get_error() */
        FILE_REFUSED, /* profilerd-elf could not read it */
} FileState;

typedef struct File File;
typedef struct FileTable FileTable;

int file_table_new(FileTable **ret);
FileTable *file_table_free(FileTable *t);
DEFINE_CLEANUP(FileTable *, file_table_free);
size_t file_table_size(const FileTable *t);
size_t file_table_n_references(const FileTable *t); /* to all its files together */

/*
 * The file with this id and path, made on first sight; a reference goes to the caller. " (deleted)"
 * at the end of the path is cut off. Anonymous executable memory ("[vdso]", "[anon:…]", shared
 * memory; "" becomes "//anon" as the kernel's records call it) also has a file with inode 0, one
 * for each path, whose state is FILE_LOST (-ENODATA) at once, "[vdso]" excepted. -E2BIG:
 * FILE_TABLE_MAX.
 */
int file_table_get(FileTable *t, const FileId *id, const char *path, File **ret);

File *file_ref(File *f);
File *file_unref(File *f);
DEFINE_CLEANUP(File *, file_unref);

const FileId *file_get_id(const File *f);
const char *file_get_path(const File *f); /* never NULL */
bool file_is_vdso(const File *f);
bool file_is_anonymous(const File *f); /* memory without a file, the vDSO excepted */
/* Where a process may have put code that it made: memory without a file, or a file in memory that
 * is no ELF file, as of runtimes that never map a page both writable and executable. */
bool file_is_memory(const File *f);
FileState file_get_state(const File *f);
int file_get_error(const File *f);        /* negative errno of FILE_LOST and FILE_REFUSED */
IndexFile *file_get_index(const File *f); /* borrowed; NULL: none */
/* Its index is on the way, or a better one. */
bool file_is_waiting(const File *f);

void file_set_pending(File *f);
void file_set_index(File *f, IndexFile *index); /* takes its own reference */
/* Of an indexed file: a better index is on the way, and whatever it ends in is set. */
void file_set_improving(File *f);
/* When a better index was looked for, of whatever clock; 0: never. */
void file_set_looked(File *f, uint64_t usec);
uint64_t file_get_looked(const File *f);
void file_set_lost(File *f, int error);
void file_set_refused(File *f, int error);
