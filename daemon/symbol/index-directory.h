/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Index Directory
 *
 * The cache directory on disk. An index is "<build id>-<start of the content hash>.idx", without a
 * build id "<start of the content hash>.idx". That a file has this index is known by a symbolic
 * link in by-inode/, named after all that the kernel says of the file's identity; that of a file
 * with its separate debug file by a link that is named after both. Who has lost the directory has
 * lost time, nothing else.
 */

#include "index/index-file.h"

enum {
        INDEX_DIRECTORY_LINKS_MAX = 8192, /* files that are known by their identity */
};

/* Two descriptors with the same identity have the same contents. No padding: it is hashed. */
typedef struct FileIdentity {
        uint64_t device, inode, size, mtime_nsec, ctime_nsec;
} FileIdentity;

/*
 * -EINVAL: not a regular file. *ret_durable: the identity means something beyond the file's open
 * descriptors. Never waits for a server behind the file.
 */
int file_identity_read(int fd, FileIdentity *ret, bool *ret_durable);

typedef struct IndexDirectory IndexDirectory;

/* The directory is made if its parent exists. */
int index_directory_new(IndexDirectory **ret, const char *path);
IndexDirectory *index_directory_free(IndexDirectory *d);
DEFINE_CLEANUP(IndexDirectory *, index_directory_free);

/* Whether an index without source lines is too little; at first it is. */
void index_directory_set_lines(IndexDirectory *d, bool lines);

/* debug: the separate debug file, NULL: none. 1: found, 0: not known, -EBADMSG: known to be
 * unreadable, or the debug file to be another's. */
int index_directory_find(IndexDirectory *d,
                         const FileIdentity *identity,
                         const FileIdentity *debug,
                         IndexFile **ret);
/* The index of a content, whatever file it was made from. 1: found, 0: not known. */
int index_directory_find_content(IndexDirectory *d,
                                 const uint8_t hash[static INDEX_CONTENT_HASH_SIZE],
                                 IndexFile **ret);

/* A file for our own use: it has no name and never gets one. */
int index_directory_create_private(IndexDirectory *d);

/* A file for a new index, as open_tmpfile(). */
int index_directory_create(IndexDirectory *d, char **ret_tmp_name);
/*
 * Checks what was written into the file of index_directory_create() and gives it its name.
 * -EBADMSG, -ESTALE: it is no index of this content, see index_file_open(). The caller keeps fd and
 * removes what has a tmp_name if this fails.
 */
int index_directory_put(IndexDirectory *d,
                        int fd,
                        const char *tmp_name,
                        const uint8_t hash[static INDEX_CONTENT_HASH_SIZE],
                        IndexFile **ret);
void index_directory_discard(IndexDirectory *d, const char *tmp_name);

/* Remembers whose index it is; hash NULL: that the file is unreadable for this version of us. */
int index_directory_link(IndexDirectory *d,
                         const FileIdentity *identity,
                         const FileIdentity *debug,
                         const uint8_t *hash);

/*
 * Removes the least recently used indexes until they take at most max bytes, then the links that
 * lead nowhere, then the least recently used links above INDEX_DIRECTORY_LINKS_MAX.
 */
int index_directory_trim(IndexDirectory *d, uint64_t max);
