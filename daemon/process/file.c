/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapped File
 *
 * The table knows a file as long as somebody holds it: the last reference takes it out. A window
 * may hold files longer than the table lives.
 */

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "basic/string-util.h"
#include "process/file.h"

#define DELETED   " (deleted)"
#define ANONYMOUS "//anon"

struct FileTable {
        File *files;
        size_t n_references;
};

struct File {
        UT_hash_handle hh;
        FileTable *table; /* NULL: it is gone */
        size_t n_ref;
        FileState state;
        bool vdso, improving;
        uint64_t looked_usec;
        int error;
        IndexFile *index;
        FileId id; /* the key of the table is the id and the path behind it */
        char path[];
};
_Static_assert(offsetof(File, path) == offsetof(File, id) + sizeof(FileId), "the key has no gap");

int file_table_new(FileTable **ret) {
        FileTable *t = calloc(1, sizeof(FileTable));

        if (!t)
                return -ENOMEM;
        *ret = t;
        return 0;
}

FileTable *file_table_free(FileTable *t) {
        File *f, *next;

        if (!t)
                return NULL;
        HASH_ITER (hh, t->files, f, next) {
                HASH_DEL(t->files, f);
                f->table = NULL;
        }
        free(t);
        return NULL;
}

size_t file_table_size(const FileTable *t) {
        return HASH_COUNT(t->files);
}

size_t file_table_n_references(const FileTable *t) {
        return t->n_references;
}

/* "/SYSV0123abcd", a segment of System V shared memory; its inode is the segment's number. */
static bool is_sysv_segment(const char *path) {
        return startswith(path, "/SYSV") && strlen(path) == strlen("/SYSV") + 8 &&
               strspn(path + strlen("/SYSV"), "0123456789abcdef") == 8;
}

/* Some memory that is no file has numbers as if it were one, other ones for each mapping. */
static bool names_memory(const FileId *id, const char *path, bool deleted) {
        if (id->inode == 0)
                return true;
        if (deleted)
                return streq(path, "/dev/zero") || is_sysv_segment(path);
        return startswith(path, "anon_inode:");
}

typedef struct FileKey {
        FileId id;
        char path[FILE_PATH_MAX];
} FileKey;

static size_t make_key(FileKey *key, const FileId *id, const char *path) {
        size_t n = strlen(path);
        bool deleted;

        deleted = endswith(path, DELETED);
        if (deleted)
                n -= strlen(DELETED);
        if (n >= FILE_PATH_MAX) {
                path = FILE_PATH_TOO_LONG;
                n = strlen(path);
        } else if (n == 0) {
                path = ANONYMOUS;
                n = strlen(path);
        }
        memcpy(key->path, path, n);
        key->path[n] = '\0';
        key->id = names_memory(id, key->path, deleted) ? (FileId){} : *id;
        return sizeof(FileId) + n;
}

int file_table_get(FileTable *t, const FileId *id, const char *path, File **ret) {
        size_t key_size, path_size;
        FileKey key;
        File *f;

        key_size = make_key(&key, id, path);
        HASH_FIND(hh, t->files, &key, key_size, f);
        if (f) {
                *ret = file_ref(f);
                return 0;
        }
        if (HASH_COUNT(t->files) >= FILE_TABLE_MAX)
                return -E2BIG;

        path_size = key_size - sizeof(FileId) + 1;
        f = calloc(1, sizeof(File) + path_size);
        if (!f)
                return -ENOMEM;
        f->id = key.id;
        memcpy(f->path, key.path, path_size);
        f->vdso = key.id.inode == 0 && streq(f->path, "[vdso]");
        if (file_is_anonymous(f))
                file_set_lost(f, -ENODATA);

        HASH_ADD(hh, t->files, id, key_size, f);
        if (!f->hh.tbl) {
                free(f);
                return -ENOMEM;
        }
        f->table = t;
        *ret = file_ref(f);
        return 0;
}

File *file_ref(File *f) {
        f->n_ref++;
        if (f->table)
                f->table->n_references++;
        return f;
}

File *file_unref(File *f) {
        if (!f)
                return NULL;
        if (f->table)
                f->table->n_references--;
        if (--f->n_ref > 0)
                return NULL;

        if (f->table)
                HASH_DEL(f->table->files, f);
        index_file_unref(f->index);
        free(f);
        return NULL;
}

const FileId *file_get_id(const File *f) {
        return &f->id;
}

const char *file_get_path(const File *f) {
        return f->path;
}

bool file_is_vdso(const File *f) {
        return f->vdso;
}

bool file_is_anonymous(const File *f) {
        return f->id.inode == 0 && !f->vdso;
}

bool file_is_memory(const File *f) {
        return file_is_anonymous(f) || (f->state == FILE_REFUSED && startswith(f->path, "/memfd:"));
}

FileState file_get_state(const File *f) {
        return f->state;
}

int file_get_error(const File *f) {
        return f->error;
}

IndexFile *file_get_index(const File *f) {
        return f->index;
}

static void set_state(File *f, FileState state, IndexFile *index, int error) {
        IndexFile *old = f->index;

        f->state = state;
        f->improving = false;
        f->error = error;
        f->index = index ? index_file_ref(index) : NULL;
        index_file_unref(old);
}

bool file_is_waiting(const File *f) {
        return f->state == FILE_PENDING || f->improving;
}

void file_set_improving(File *f) {
        f->improving = true;
}

void file_set_looked(File *f, uint64_t usec) {
        f->looked_usec = usec;
}

uint64_t file_get_looked(const File *f) {
        return f->looked_usec;
}

void file_set_pending(File *f) {
        set_state(f, FILE_PENDING, NULL, 0);
}

void file_set_index(File *f, IndexFile *index) {
        set_state(f, FILE_INDEXED, index, 0);
}

void file_set_lost(File *f, int error) {
        set_state(f, FILE_LOST, NULL, error);
}

void file_set_refused(File *f, int error) {
        set_state(f, FILE_REFUSED, NULL, error);
}
