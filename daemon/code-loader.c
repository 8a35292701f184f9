/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code Loader
 *
 * A process may put anything at the path of its map: only a regular file of its own user is opened,
 * and not one that something is mounted on, whose server could let us wait. The directory is held
 * open, for some runtimes write the map as the last thing they do.
 */

#include <fcntl.h>
#include <sys/stat.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "code-loader.h"
#include "process/file-open.h"
#include "process/process-status.h"
#include "symbol/jitdump.h"
#include "symbol/perf-map.h"

enum {
        CODE_READ_MAX = JITDUMP_RECORD_MAX, /* bytes in one refresh; a whole record at least */
        CODE_FILE_MAX = 256 << 20,          /* bytes of one file that are read at all */
        CODE_TAIL_SIZE = 64,
};

/* A file that grows. */
typedef struct CodeFile {
        int fd;
        dev_t device;
        ino_t inode;
        off_t offset;              /* what lies before is read */
        char tail[CODE_TAIL_SIZE]; /* its last bytes: to know a file that was written anew */
} CodeFile;

typedef struct Source {
        CodeMap *code; /* the key */
        pid_t pid;
        uid_t uid;
        int directory_fd; /* its /tmp; -EBADF: not within reach */
        char name[sizeof("perf-.map") + 3 * sizeof(pid_t)];
        CodeFile map, dump;
        JitdumpReader reader;
        usec_t refreshed_usec;
        bool waits; /* for memory: there is more to read */
        UT_hash_handle hh;
} Source;

struct CodeLoader {
        Source *sources;
        size_t bytes_max;
        char *buffer; /* CODE_READ_MAX bytes */
        uint64_t refused;
};

int code_loader_new(size_t bytes_max, CodeLoader **ret) {
        CodeLoader *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->bytes_max = bytes_max;
        *ret = l;
        return 0;
}

static void source_free(Source *s) {
        code_map_unref(s->code);
        safe_close(s->directory_fd);
        safe_close(s->map.fd);
        safe_close(s->dump.fd);
        free(s);
}

static void remove_source(CodeLoader *l, Source *s) {
        l->refused += code_map_n_refused(s->code);
        HASH_DEL(l->sources, s);
        source_free(s);
}

CodeLoader *code_loader_free(CodeLoader *l) {
        Source *s, *next;

        if (!l)
                return NULL;
        HASH_ITER (hh, l->sources, s, next)
                remove_source(l, s);
        free(l->buffer);
        free(l);
        return NULL;
}

/* ---- reading ---- */

static void code_file_restart(CodeFile *f, const struct stat *st) {
        f->device = st->st_dev;
        f->inode = st->st_ino;
        f->offset = 0;
        memset(f->tail, 0, sizeof(f->tail));
}

static bool was_written_anew(const CodeFile *f, const struct stat *st) {
        char tail[CODE_TAIL_SIZE] = {};
        off_t n = MIN(f->offset, (off_t) sizeof(tail));

        if (st->st_dev != f->device || st->st_ino != f->inode || st->st_size < f->offset)
                return true;
        return pread(f->fd, tail, (size_t) n, f->offset - n) != n ||
               memcmp(tail, f->tail, sizeof(tail)) != 0;
}

/* One refresh adds what CODE_READ_MAX bytes can say: that far the limit is passed at most. */
static bool is_full(const CodeLoader *l) {
        size_t bytes = 0;

        for (const Source *s = l->sources; s; s = s->hh.next)
                bytes += code_map_bytes(s->code);
        return bytes >= l->bytes_max;
}

/* What follows the offset. 0: nothing new, or nothing that may be read; -E2BIG: no room for it. */
static ssize_t read_more(CodeLoader *l, Source *s, CodeFile *f) {
        struct stat st;
        ssize_t n;

        if (fstat(f->fd, &st) < 0)
                return -errno;
        if (was_written_anew(f, &st))
                code_file_restart(f, &st);
        if (f->offset >= CODE_FILE_MAX || f->offset >= st.st_size)
                return 0;
        if (is_full(l)) {
                l->refused += !s->waits; /* once, not with each attempt */
                s->waits = true;
                return -E2BIG;
        }
        s->waits = false;
        if (!l->buffer) {
                l->buffer = malloc(CODE_READ_MAX);
                if (!l->buffer)
                        return -ENOMEM;
        }
        n = pread(f->fd, l->buffer, CODE_READ_MAX, f->offset);
        return n < 0 ? -errno : n;
}

static void advance(CodeLoader *l, CodeFile *f, ssize_t used) {
        off_t n;

        f->offset += used;
        n = MIN(f->offset, (off_t) sizeof(f->tail));
        memset(f->tail, 0, sizeof(f->tail));
        if (pread(f->fd, f->tail, (size_t) n, f->offset - n) != n)
                f->offset = 0;
}

static int open_map(Source *s) {
        struct statx sx;
        int fd;

        if (s->directory_fd < 0)
                return -ENOENT;
        fd = openat(s->directory_fd, s->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &sx) < 0 ||
            !S_ISREG(sx.stx_mode) || (sx.stx_uid != s->uid && sx.stx_uid != 0) ||
            (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
                safe_close(fd);
                return -EPERM;
        }
        safe_close(s->map.fd);
        s->map.fd = reopen_for_reading(fd);
        safe_close(fd);
        return s->map.fd;
}

static void read_map(CodeLoader *l, Source *s, nsec_t now_nsec) {
        ssize_t n, used;

        /* Anew each time: it may have been replaced. */
        if (open_map(s) < 0 && s->map.fd < 0)
                return;
        n = read_more(l, s, &s->map);
        if (n <= 0)
                return;
        used = perf_map_parse(s->code, l->buffer, (size_t) n, now_nsec);
        if (used == 0 && n == CODE_READ_MAX) /* a line without an end */
                used = n;
        if (used > 0)
                advance(l, &s->map, used);
}

static bool is_jitdump(const char *path) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

        return startswith(name, "jit-") && endswith(name, ".dump");
}

static int open_dump(Source *s, const Process *process) {
        for (size_t i = 0; process->mappings && i < mapping_set_size(process->mappings); i++) {
                const Mapping *m = mapping_set_get(process->mappings, i);
                struct stat st;
                int fd;

                if (!is_jitdump(file_get_path(m->file)))
                        continue;
                fd = file_open(m->file, s->pid, m->start, m->end);
                if (fd < 0)
                        continue;
                if (fstat(fd, &st) >= 0 && (st.st_uid == s->uid || st.st_uid == 0)) {
                        s->dump.fd = fd;
                        code_file_restart(&s->dump, &st);
                        return 0;
                }
                safe_close(fd);
        }
        return -ENOENT;
}

static void read_dump(CodeLoader *l, Source *s, nsec_t now_nsec) {
        ssize_t n, used;

        n = s->reader.closed ? 0 : read_more(l, s, &s->dump);
        if (n <= 0)
                return;
        if (s->dump.offset == 0)
                s->reader = (JitdumpReader){};
        used = jitdump_parse(&s->reader, s->code, (const uint8_t *) l->buffer, (size_t) n,
                             now_nsec);
        if (used < 0)
                s->reader.closed = true;
        else if (used > 0)
                advance(l, &s->dump, used);
}

/* process NULL: it may be gone. */
static void refresh(CodeLoader *l, Source *s, const Process *process, usec_t now) {
        nsec_t now_nsec = now * NSEC_PER_USEC;

        s->refreshed_usec = now;
        if (s->dump.fd < 0 && process)
                (void) open_dump(s, process);
        if (s->dump.fd >= 0)
                read_dump(l, s, now_nsec);
        /* A runtime that writes both says less here. */
        if (s->dump.fd < 0)
                read_map(l, s, now_nsec);
        (void) code_map_commit(s->code);
}

/* ---- processes ---- */

int code_loader_follow(CodeLoader *l, ProcessTable *processes, const Process *process) {
        _cleanup_(code_map_unrefp) CodeMap *code = NULL;
        ProcessStatus status;
        pid_t pid = process->pid;
        Source *s;
        int r;

        if (process->code || process->dead)
                return 0;
        r = process_status_read(pid, &status);
        if (r < 0)
                return r;
        if (HASH_COUNT(l->sources) >= CODE_LOADER_SOURCES_MAX) {
                l->refused++;
                return -E2BIG;
        }
        r = code_map_new(&code);
        if (r < 0)
                return r;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (Source){ .code = code_map_ref(code), .pid = pid, .uid = status.uid };
        s->map.fd = s->dump.fd = -EBADF;
        s->directory_fd = process_open_directory(pid, "tmp");
        snprintf(s->name, sizeof(s->name), "perf-%d.map", (int) status.inner_pid);
        HASH_ADD_PTR(l->sources, code, s);
        if (!s->hh.tbl) {
                source_free(s);
                return -ENOMEM;
        }
        process_table_set_code(processes, pid, code);
        return 0;
}

void code_loader_refresh(CodeLoader *l, const Process *process, usec_t now) {
        Source *s;

        if (!process->code)
                return;
        HASH_FIND_PTR(l->sources, &process->code, s);
        if (s && (s->refreshed_usec == 0 || now >= s->refreshed_usec + CODE_LOADER_REFRESH_USEC))
                refresh(l, s, process, now);
}

void code_loader_refresh_all(CodeLoader *l, usec_t now) {
        Source *s, *next;

        HASH_ITER (hh, l->sources, s, next)
                if (code_map_is_shared(s->code))
                        refresh(l, s, NULL, now);
                else
                        remove_source(l, s);
}

void code_loader_get_statistics(const CodeLoader *l, CodeLoaderStatistics *ret) {
        *ret = (CodeLoaderStatistics){ .refused = l->refused };
        for (const Source *s = l->sources; s; s = s->hh.next) {
                ret->n_processes++;
                ret->n_names += code_map_size(s->code);
                ret->refused += code_map_n_refused(s->code);
        }
}
