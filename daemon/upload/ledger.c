/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger */

#include <fcntl.h>
#include <sys/stat.h>
#include <uthash.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "profile/text-writer.h"
#include "upload/ledger.h"
#include "upload/protocol.h"

enum { LEDGER_MODE = 0640 };

#define SUFFIX ".ledger"

typedef struct Known {
        UT_hash_handle hh;
        LedgerEntry entry;
        char path[];
} Known;

struct Ledger {
        int state_fd, store_fd; /* borrowed */
        int fd;
        char *name;
        Known *known;
        uint64_t size, compacted_size; /* of the file: now, and when it was compacted last */
        TextWriter behind;             /* lines that the disk did not take */
};

/* ---- lines ---- */

bool ledger_path_is_valid(const char *path) {
        size_t n = strlen(path);

        if (n == 0 || n > LEDGER_PATH_MAX)
                return false;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) path[i] < ' ' || path[i] == 0x7f)
                        return false;
        return true;
}

int ledger_parse_line(const char *line, LedgerEntry *ret, const char **ret_path) {
        LedgerEntry e = {};
        const char *path;
        int n = 0;

        if (startswith(line, "sent ")) {
                e.state = LEDGER_SENT;
                path = line + strlen("sent ");
        } else if (startswith(line, "rejected ")) {
                e.state = LEDGER_REJECTED;
                path = line + strlen("rejected ");
        } else if (sscanf(line, "part %3u/%3u %n", &e.n_sent, &e.n_parts, &n) == 2 && n > 0) {
                e.state = LEDGER_PART;
                path = line + n;
                if (e.n_sent == 0 || e.n_sent >= e.n_parts || e.n_parts > UPLOAD_PARTS_MAX)
                        return -EINVAL;
        } else
                return -EINVAL;
        if (!ledger_path_is_valid(path))
                return -EINVAL;
        *ret = e;
        *ret_path = path;
        return 0;
}

static void add_line(TextWriter *w, const char *path, const LedgerEntry *e) {
        switch (e->state) {
        case LEDGER_SENT:
                text_addf(w, "sent %s\n", path);
                break;
        case LEDGER_REJECTED:
                text_addf(w, "rejected %s\n", path);
                break;
        case LEDGER_PART:
                text_addf(w, "part %u/%u %s\n", e->n_sent, e->n_parts, path);
                break;
        case LEDGER_UNKNOWN:
                break;
        }
}

/* ---- what is known ---- */

void ledger_forget(Ledger *l) {
        Known *k, *next;

        HASH_ITER (hh, l->known, k, next) {
                HASH_DEL(l->known, k);
                free(k);
        }
}

static int remember(Ledger *l, const char *path, const LedgerEntry *e) {
        Known *k;

        HASH_FIND_STR(l->known, path, k);
        if (!k) {
                k = calloc(1, sizeof(Known) + strlen(path) + 1);
                if (!k)
                        return -ENOMEM;
                strcpy(k->path, path);
                HASH_ADD_STR(l->known, path, k);
        }
        k->entry = *e;
        return 0;
}

void ledger_find(const Ledger *l, const char *path, LedgerEntry *ret) {
        Known *k;

        HASH_FIND_STR(l->known, path, k);
        *ret = k ? k->entry : (LedgerEntry){};
}

/* A line that a crash has cut is none: what it was about is sent again. */
static int read_lines(Ledger *l) {
        _cleanup_fclose_ FILE *f = NULL;
        _cleanup_free_ char *line = NULL;
        size_t capacity = 0;
        ssize_t n;
        int fd, r;

        fd = openat(l->state_fd, l->name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        f = fdopen(fd, "r");
        if (!f) {
                safe_close(fd);
                return -ENOMEM;
        }
        while ((n = getline(&line, &capacity, f)) > 0) {
                const char *path;
                LedgerEntry e;

                if (line[n - 1] != '\n')
                        break;
                line[n - 1] = '\0';
                if (ledger_parse_line(line, &e, &path) < 0)
                        continue;
                r = remember(l, path, &e);
                if (r < 0)
                        return r;
        }
        return ferror(f) ? -EIO : 0;
}

/* ---- writing ---- */

static int open_for_append(Ledger *l) {
        struct stat st;
        int fd;

        fd = openat(l->state_fd, l->name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, LEDGER_MODE);
        if (fd < 0 || fstat(fd, &st) < 0) {
                int r = negative_errno();

                safe_close(fd);
                return r;
        }
        safe_close(l->fd);
        l->fd = fd;
        l->size = l->compacted_size = (uint64_t) st.st_size;
        return 0;
}

/* From what is known to a file that holds no more than that. */
static int compact(Ledger *l) {
        _cleanup_(text_writer_done) TextWriter w = {};
        Known *k, *next;
        int r;

        HASH_ITER (hh, l->known, k, next) {
                if (faccessat(l->store_fd, k->path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0 ||
                    errno != ENOENT) {
                        add_line(&w, k->path, &k->entry);
                        continue;
                }
                HASH_DEL(l->known, k);
                free(k);
        }
        if (w.error < 0)
                return w.error;
        r = replace_file(l->state_fd, l->name, w.text, w.size, LEDGER_MODE);
        return r < 0 ? r : open_for_append(l);
}

static int write_behind(Ledger *l) {
        int r;

        r = write_all(l->fd, l->behind.text, l->behind.size);
        if (r < 0) {
                /* Half a line would spoil the next one. */
                (void) ftruncate(l->fd, (off_t) l->size);
                return r;
        }
        l->size += l->behind.size;
        text_writer_done(&l->behind);
        l->behind = (TextWriter){};
        return 0;
}

int ledger_put(Ledger *l, const char *path, const LedgerEntry *entry) {
        int r;

        if (l->behind.size < LEDGER_BEHIND_MAX)
                add_line(&l->behind, path, entry);
        if (l->behind.error < 0)
                return l->behind.error;
        r = write_behind(l);
        if (r < 0)
                return r;

        if (l->size - l->compacted_size < MAX(l->compacted_size, (uint64_t) LEDGER_COMPACT_BYTES))
                return 0;
        ledger_forget(l);
        r = read_lines(l);
        if (r >= 0)
                r = compact(l);
        ledger_forget(l);
        return r;
}

/* ---- object ---- */

int ledger_open(Ledger **ret, int state_fd, const char *name, int store_fd) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        l = calloc(1, sizeof(Ledger));
        if (!l)
                return -ENOMEM;
        l->fd = -EBADF;
        l->state_fd = state_fd;
        l->store_fd = store_fd;
        if (asprintf(&l->name, "%s" SUFFIX, name) < 0) {
                l->name = NULL;
                return -ENOMEM;
        }

        r = read_lines(l);
        if (r < 0)
                return r;
        r = compact(l);
        if (r == -ENOSPC || r == -EDQUOT)
                /* The old one does, too. */
                r = open_for_append(l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

Ledger *ledger_free(Ledger *l) {
        if (!l)
                return NULL;

        if (l->fd >= 0 && l->behind.size > 0)
                (void) write_behind(l);
        ledger_forget(l);
        safe_close(l->fd);
        text_writer_done(&l->behind);
        free(l->name);
        free(l);
        return NULL;
}
