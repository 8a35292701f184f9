/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index Directory
 *
 * Which contents have an index is read once and then kept in memory, with the names. The names
 * carry only half of the hash: the whole one stands in the index, and is compared.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Out of memory is an error of the caller's call, not the end of the daemon. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "basic/array.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "symbol/index-directory.h"

enum {
        INDEX_NAME_HASH_SIZE = 16,                /* bytes of the hash that a name carries */
        INDEX_DIRECTORY_TOUCH_SEC = 24 * 60 * 60, /* a use is noted at most this often */
        INDEX_DIRECTORY_STRAY_SEC = 60 * 60,      /* age at which a temporary file is a leftover */
        INDEX_LINK_NAME_SIZE = 10 * 17 + 1,       /* twice five numbers in hex */
};

#define INDEX_SUFFIX ".idx"
#define TMP_PREFIX   ".#"
/* A new version of profilerd-elf may read what this one cannot. */
#define UNREADABLE_FORMAT "../unreadable-%u"

typedef struct KnownIndex {
        uint8_t hash[INDEX_NAME_HASH_SIZE];
        char *name;
        UT_hash_handle hh;
} KnownIndex;

struct IndexDirectory {
        int fd, links_fd;
        KnownIndex *known;
        bool names_only;
};

/* A file or a link that may have to go. */
typedef struct Entry {
        char *name;
        uint64_t weight;
        nsec_t used_nsec;
} Entry;

typedef struct EntryList {
        Entry *entries;
        size_t n, capacity;
        uint64_t weight;
} EntryList;

/* identities */

static nsec_t timestamp_to_nsec(const struct statx_timestamp *t) {
        return (nsec_t) t->tv_sec * NSEC_PER_SEC + t->tv_nsec;
}

int file_identity_read(int fd, FileIdentity *ret, bool *ret_durable) {
        struct statx sx;

        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &sx) < 0)
                return -errno;
        if (!S_ISREG(sx.stx_mode))
                return -EINVAL;

        *ret = (FileIdentity){
                .device = makedev(sx.stx_dev_major, sx.stx_dev_minor),
                .inode = sx.stx_ino,
                .size = sx.stx_size,
                .mtime_nsec = timestamp_to_nsec(&sx.stx_mtime),
                .ctime_nsec = timestamp_to_nsec(&sx.stx_ctime),
        };
        /* A deleted file, or memory: with its last user its inode number is free for another. */
        *ret_durable = sx.stx_nlink > 0;
        return 0;
}

static size_t format_identity(const FileIdentity *i, char *ret, size_t size) {
        return (size_t) snprintf(ret, size, "%llx-%llx-%llx-%llx-%llx",
                                 (unsigned long long) i->device, (unsigned long long) i->inode,
                                 (unsigned long long) i->size, (unsigned long long) i->mtime_nsec,
                                 (unsigned long long) i->ctime_nsec);
}

static void format_link_name(const FileIdentity *i,
                             const FileIdentity *debug,
                             char ret[static INDEX_LINK_NAME_SIZE]) {
        size_t n = format_identity(i, ret, INDEX_LINK_NAME_SIZE);

        if (!debug)
                return;
        ret[n++] = '+';
        (void) format_identity(debug, ret + n, INDEX_LINK_NAME_SIZE - n);
}

/* names */

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

static bool parse_name(const char *name, uint8_t ret_hash[static INDEX_NAME_HASH_SIZE]) {
        size_t n = strlen(name), n_build_id;
        const char *hash;

        if (n < 2 * INDEX_NAME_HASH_SIZE + strlen(INDEX_SUFFIX) || !endswith(name, INDEX_SUFFIX))
                return false;
        n_build_id = n - 2 * INDEX_NAME_HASH_SIZE - strlen(INDEX_SUFFIX);
        hash = name + n_build_id;

        if (n_build_id > 0) {
                if (n_build_id < 2 || n_build_id > 2 * INDEX_BUILD_ID_MAX + 1 || hash[-1] != '-')
                        return false;
                for (size_t i = 0; i < n_build_id - 1; i++)
                        if (hex_digit(name[i]) < 0)
                                return false;
        }
        for (size_t i = 0; i < INDEX_NAME_HASH_SIZE; i++) {
                int high = hex_digit(hash[2 * i]), low = hex_digit(hash[2 * i + 1]);

                if (high < 0 || low < 0)
                        return false;
                ret_hash[i] = (uint8_t) (high << 4 | low);
        }
        return true;
}

static char *format_name(const char *build_id, const uint8_t *hash) {
        char hex[2 * INDEX_NAME_HASH_SIZE + 1];
        char *name;

        for (size_t i = 0; i < INDEX_NAME_HASH_SIZE; i++)
                snprintf(hex + 2 * i, 3, "%02x", hash[i]);
        if (asprintf(&name, "%s%s%s" INDEX_SUFFIX, build_id, *build_id ? "-" : "", hex) < 0)
                return NULL;
        return name;
}

static KnownIndex *find_known(IndexDirectory *d, const uint8_t *hash) {
        KnownIndex *k;

        HASH_FIND(hh, d->known, hash, INDEX_NAME_HASH_SIZE, k);
        return k;
}

static void forget(IndexDirectory *d, KnownIndex *k) {
        HASH_DEL(d->known, k);
        free(k->name);
        free(k);
}

/* Of several names for one content the first will do. */
static int remember(IndexDirectory *d, const uint8_t *hash, const char *name) {
        KnownIndex *k;

        if (find_known(d, hash))
                return 0;

        k = calloc(1, sizeof(KnownIndex));
        if (!k)
                return -ENOMEM;
        memcpy(k->hash, hash, sizeof(k->hash));
        k->name = strdup(name);
        if (k->name)
                HASH_ADD(hh, d->known, hash, sizeof(k->hash), k);
        if (!k->name || !k->hh.tbl) {
                free(k->name);
                free(k);
                return -ENOMEM;
        }
        return 0;
}

/* walking a directory */

typedef int (*NameCallback)(IndexDirectory *d, const char *name, void *userdata);

static int for_each_name(IndexDirectory *d, int dir_fd, NameCallback callback, void *userdata) {
        DIR *dir;
        int fd, r = 0;

        fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                safe_close(fd);
                return negative_errno();
        }

        while (r >= 0) {
                struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry) {
                        r = -errno;
                        break;
                }
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        r = callback(d, entry->d_name, userdata);
        }
        closedir(dir);
        return r;
}

static int on_known_name(IndexDirectory *d, const char *name, void *userdata) {
        uint8_t hash[INDEX_NAME_HASH_SIZE];

        return parse_name(name, hash) ? remember(d, hash, name) : 0;
}

/* the object */

int index_directory_new(IndexDirectory **ret, const char *path) {
        _cleanup_(index_directory_freep) IndexDirectory *d = NULL;
        int r;

        d = calloc(1, sizeof(IndexDirectory));
        if (!d)
                return -ENOMEM;
        d->fd = d->links_fd = -EBADF;

        /* The administrator may have made it a link to a larger disk. */
        if (mkdir(path, 0750) < 0 && errno != EEXIST)
                return -errno;
        d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (d->fd < 0)
                return -errno;
        r = d->links_fd = mkdir_open(d->fd, "by-inode", 0750);
        if (r < 0)
                return r;

        r = for_each_name(d, d->fd, on_known_name, NULL);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(d);
        return 0;
}

IndexDirectory *index_directory_free(IndexDirectory *d) {
        if (!d)
                return NULL;

        for (KnownIndex *k = d->known, *next; k; k = next) {
                next = k->hh.next;
                forget(d, k);
        }
        safe_close(d->links_fd);
        safe_close(d->fd);
        free(d);
        return NULL;
}

/* finding */

static bool is_due_for_touch(const struct stat *st) {
        int64_t age = (int64_t) (now_usec(CLOCK_REALTIME) / USEC_PER_SEC) - st->st_mtim.tv_sec;

        /* Also after the clock was set back. */
        return age < 0 || age > INDEX_DIRECTORY_TOUCH_SEC;
}

static void touch_index(int fd) {
        struct stat st;

        if (fstat(fd, &st) == 0 && is_due_for_touch(&st))
                (void) futimens(fd, NULL);
}

static void touch_link(const IndexDirectory *d, const char *name) {
        struct stat st;

        if (fstatat(d->links_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_due_for_touch(&st))
                (void) utimensat(d->links_fd, name, NULL, AT_SYMLINK_NOFOLLOW);
}

static int read_content_hash(int fd, uint8_t ret[static INDEX_CONTENT_HASH_SIZE]) {
        IndexHeader header;
        ssize_t n;

        n = pread(fd, &header, sizeof(header), 0);
        if (n < 0)
                return -errno;
        if (n < (ssize_t) sizeof(header))
                return -EBADMSG;
        memcpy(ret, header.content_hash, INDEX_CONTENT_HASH_SIZE);
        return 0;
}

/* content_hash NULL: that of the index, which then must at least agree with the name. */
static int open_index(const IndexDirectory *d,
                      const KnownIndex *k,
                      const uint8_t *content_hash,
                      IndexFile **ret) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        uint8_t own_hash[INDEX_CONTENT_HASH_SIZE];
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = openat(d->fd, k->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;

        if (!content_hash) {
                r = read_content_hash(fd, own_hash);
                if (r < 0)
                        return r;
                if (memcmp(own_hash, k->hash, sizeof(k->hash)) != 0)
                        return -EBADMSG;
                content_hash = own_hash;
        }

        r = index_file_open(&index, fd, content_hash);
        if (r < 0)
                return r;
        if (!d->names_only && index_file_get_line_info(index)->state == INDEX_LINES_OFF)
                return -ESTALE;
        touch_index(fd);
        *ret = TAKE_PTR(index);
        return 0;
}

/* What is damaged or of another version is removed, so that it is made anew. */
static int open_known(IndexDirectory *d, KnownIndex *k, const uint8_t *hash, IndexFile **ret) {
        int r;

        r = open_index(d, k, hash, ret);
        if (r >= 0)
                return 1;

        if (r == -EBADMSG || r == -ESTALE)
                (void) unlinkat(d->fd, k->name, 0);
        if (r == -EBADMSG || r == -ESTALE || r == -ENOENT)
                forget(d, k);
        return 0;
}

/* > 0: *ret_hash is where the link leads, 0: there is none, or it leads nowhere sensible, -EBADMSG:
 * it says that the file is unreadable. */
static int read_link(const IndexDirectory *d,
                     const char *name,
                     uint8_t ret_hash[static INDEX_NAME_HASH_SIZE]) {
        char target[NAME_MAX + 1], unreadable[64];
        ssize_t n;

        n = readlinkat(d->links_fd, name, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';

        snprintf(unreadable, sizeof(unreadable), UNREADABLE_FORMAT, INDEX_VERSION);
        if (streq(target, unreadable))
                return -EBADMSG;
        return startswith(target, "../") && parse_name(target + 3, ret_hash);
}

int index_directory_find(IndexDirectory *d,
                         const FileIdentity *identity,
                         const FileIdentity *debug,
                         IndexFile **ret) {
        uint8_t hash[INDEX_NAME_HASH_SIZE];
        char name[INDEX_LINK_NAME_SIZE];
        KnownIndex *k;
        int r;

        format_link_name(identity, debug, name);
        r = read_link(d, name, hash);
        if (r != 0)
                touch_link(d, name);
        if (r <= 0)
                return r;

        k = find_known(d, hash);
        return k ? open_known(d, k, NULL, ret) : 0;
}

int index_directory_find_content(IndexDirectory *d,
                                 const uint8_t hash[static INDEX_CONTENT_HASH_SIZE],
                                 IndexFile **ret) {
        KnownIndex *k = find_known(d, hash);

        return k ? open_known(d, k, hash, ret) : 0;
}

/* adding */

int index_directory_create_private(IndexDirectory *d) {
        _cleanup_free_ char *tmp_name = NULL;
        int fd;

        fd = open_tmpfile(d->fd, 0600, &tmp_name);
        if (fd >= 0)
                index_directory_discard(d, tmp_name);
        return fd;
}

void index_directory_set_lines(IndexDirectory *d, bool lines) {
        d->names_only = !lines;
}

int index_directory_create(IndexDirectory *d, char **ret_tmp_name) {
        return open_tmpfile(d->fd, 0640, ret_tmp_name);
}

void index_directory_discard(IndexDirectory *d, const char *tmp_name) {
        if (tmp_name)
                (void) unlinkat(d->fd, tmp_name, 0);
}

int index_directory_put(IndexDirectory *d,
                        int fd,
                        const char *tmp_name,
                        const uint8_t hash[static INDEX_CONTENT_HASH_SIZE],
                        IndexFile **ret) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        _cleanup_free_ char *name = NULL;
        int r;

        r = index_file_open(&index, fd, hash);
        if (r < 0)
                return r;
        name = format_name(index_file_get_build_id(index), hash);
        if (!name)
                return -ENOMEM;

        r = link_tmpfile(fd, d->fd, tmp_name, name);
        if (r == -EEXIST)
                /* Made twice at the same time, from two files with the same contents. */
                index_directory_discard(d, tmp_name);
        else if (r < 0)
                return r;

        /* Without memory for it, it is found again after the next start. */
        (void) remember(d, hash, name);
        *ret = TAKE_PTR(index);
        return 0;
}

int index_directory_link(IndexDirectory *d,
                         const FileIdentity *identity,
                         const FileIdentity *debug,
                         const uint8_t *hash) {
        char name[INDEX_LINK_NAME_SIZE], tmp_name[sizeof(TMP_PREFIX) + 3 * sizeof(pid_t)];
        _cleanup_free_ char *target = NULL;

        if (hash) {
                const KnownIndex *k = find_known(d, hash);

                if (!k)
                        return -ENOENT;
                if (asprintf(&target, "../%s", k->name) < 0)
                        return -ENOMEM;
        } else if (asprintf(&target, UNREADABLE_FORMAT, INDEX_VERSION) < 0)
                return -ENOMEM;

        format_link_name(identity, debug, name);
        if (symlinkat(target, d->links_fd, name) >= 0)
                return 0;
        if (errno != EEXIST)
                return -errno;

        snprintf(tmp_name, sizeof(tmp_name), TMP_PREFIX "%d", getpid());
        (void) unlinkat(d->links_fd, tmp_name, 0);
        if (symlinkat(target, d->links_fd, tmp_name) < 0)
                return -errno;
        return renameat(d->links_fd, tmp_name, d->links_fd, name) < 0 ? -errno : 0;
}

/* trimming */

static void entry_list_done(EntryList *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->entries[i].name);
        free(l->entries);
}

static int entry_list_add(EntryList *l, const char *name, const struct stat *st, uint64_t weight) {
        char *copy;
        int r;

        r = ARRAY_RESERVE(l->entries, l->capacity, l->n + 1);
        if (r < 0)
                return r;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        l->entries[l->n++] = (Entry){
                .name = copy,
                .weight = weight,
                .used_nsec = (nsec_t) st->st_mtim.tv_sec * NSEC_PER_SEC + st->st_mtim.tv_nsec,
        };
        l->weight += weight;
        return 0;
}

static int entry_compare(const void *x, const void *y) {
        const Entry *a = x, *b = y;

        if (a->used_nsec != b->used_nsec)
                return a->used_nsec < b->used_nsec ? -1 : 1;
        return strcmp(a->name, b->name);
}

static void entry_list_remove_oldest(EntryList *l, IndexDirectory *d, int dir_fd, uint64_t max) {
        if (l->weight <= max)
                return;
        qsort(l->entries, l->n, sizeof(Entry), entry_compare);

        for (size_t i = 0; i < l->n && l->weight > max; i++) {
                uint8_t hash[INDEX_NAME_HASH_SIZE];
                KnownIndex *k;

                if (unlinkat(dir_fd, l->entries[i].name, 0) < 0 && errno != ENOENT)
                        continue;
                l->weight -= l->entries[i].weight;

                k = parse_name(l->entries[i].name, hash) ? find_known(d, hash) : NULL;
                if (k && streq(k->name, l->entries[i].name))
                        forget(d, k);
        }
}

static int on_index_to_trim(IndexDirectory *d, const char *name, void *userdata) {
        uint8_t hash[INDEX_NAME_HASH_SIZE];
        EntryList *l = userdata;
        struct stat st;

        if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return 0;
        if (parse_name(name, hash))
                return entry_list_add(l, name, &st, (uint64_t) st.st_size);

        if (startswith(name, TMP_PREFIX) &&
            st.st_mtim.tv_sec + INDEX_DIRECTORY_STRAY_SEC <
                    (int64_t) (now_usec(CLOCK_REALTIME) / USEC_PER_SEC))
                (void) unlinkat(d->fd, name, 0);
        return 0;
}

static int on_link_to_trim(IndexDirectory *d, const char *name, void *userdata) {
        uint8_t hash[INDEX_NAME_HASH_SIZE];
        EntryList *l = userdata;
        struct stat st;
        int r;

        r = read_link(d, name, hash);
        if (r == 0 || (r > 0 && !find_known(d, hash))) {
                (void) unlinkat(d->links_fd, name, 0);
                return 0;
        }
        if (fstatat(d->links_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return entry_list_add(l, name, &st, 1);
}

int index_directory_trim(IndexDirectory *d, uint64_t max) {
        _cleanup_(entry_list_done) EntryList indexes = {}, links = {};
        int r;

        r = for_each_name(d, d->fd, on_index_to_trim, &indexes);
        if (r < 0)
                return r;
        entry_list_remove_oldest(&indexes, d, d->fd, max);

        r = for_each_name(d, d->links_fd, on_link_to_trim, &links);
        if (r < 0)
                return r;
        entry_list_remove_oldest(&links, d, d->links_fd, INDEX_DIRECTORY_LINKS_MAX);
        return 0;
}
