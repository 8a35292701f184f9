/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching Symbols */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/debuginfod.h"
#include "ctl/interrupt.h"
#include "ctl/symbols-advice.h"
#include "ctl/symbols-fetch.h"
#include "view/format.h"

/* Where administrators put debug files, and the daemon looks for them. */
#define DEBUG_DIRECTORY "/usr/local/lib/debug"

enum {
        COPY_BLOCK_SIZE = 1 << 20,
        BAR_COLUMNS = 24,
        BUILD_ID_MIN = 4, /* digits: a directory and a name */
        NAME_MAX_SIZE = 256,
};

typedef struct Fetch {
        const Ctl *c;
        Interrupt interrupt;
        bool is_tty; /* of stderr */
        const char *file;
        usec_t drawn_usec;
} Fetch;

static const char *get_directory(const Ctl *c) {
        return c->output ?: DEBUG_DIRECTORY;
}

/* ---- where to ---- */

static int open_directory(const Ctl *c, const char *build_id) {
        _cleanup_close_ int fd = -EBADF, ids_fd = -EBADF;
        const char *path = get_directory(c);
        char name[3];
        int r;

        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ids_fd = mkdir_open(fd, ".build-id", 0755);
        if (ids_fd < 0 || !build_id)
                return TAKE_FD(ids_fd);
        snprintf(name, sizeof(name), "%.2s", build_id);
        r = mkdir_open(ids_fd, name, 0755);
        return r;
}

int symbols_fetch_check(const Ctl *c) {
        _cleanup_close_ int fd = open_directory(c, NULL);

        if (fd >= 0 && faccessat(fd, ".", W_OK, AT_EACCESS) < 0)
                fd = safe_close(fd), errno = EACCES;
        else if (fd >= 0)
                return EXIT_CODE_OK;
        return ctl_error(EXIT_CODE_DENIED,
                         "profilerd believes only what the administrator put there.",
                         "Run it as root, or use -o DIRECTORY and move the files there yourself.",
                         "Debug files cannot be put into %s.", get_directory(c));
}

static int copy(int from, int to) {
        _cleanup_free_ char *block = malloc(COPY_BLOCK_SIZE);

        if (!block)
                return -ENOMEM;
        for (off_t at = 0;;) {
                ssize_t n = pread(from, block, COPY_BLOCK_SIZE, at);
                int r;

                if (n < 0)
                        return -errno;
                if (n == 0)
                        return fchmod(to, 0644) < 0 ? -errno : 0;
                r = write_all(to, block, (size_t) n);
                if (r < 0)
                        return r;
                at += n;
        }
}

static int put(int dir_fd, const char *name, int from) {
        _cleanup_free_ char *tmp_name = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = open_tmpfile(dir_fd, 0644, &tmp_name);
        if (fd < 0)
                return fd;
        r = copy(from, fd);
        if (r >= 0)
                r = link_tmpfile(fd, dir_fd, tmp_name, name);
        if (r < 0 && tmp_name)
                (void) unlinkat(dir_fd, tmp_name, 0);
        return r;
}

/* ---- what is seen ---- */

static void draw(Fetch *f, uint64_t done, uint64_t size) {
        const Terminal *t = &f->c->terminal;
        size_t full = size > 0 ? (size_t) (MIN(done, size) * BAR_COLUMNS / size) : 0;

        fprintf(stderr, "\r%s  ", f->file);
        for (size_t i = 0; i < BAR_COLUMNS; i++)
                fputs(i < full ? terminal_text(t, "█", "#") : terminal_text(t, "░", "."), stderr);
        if (size > 0)
                fprintf(stderr, "  %s/%s  ", FORMAT_BYTES(done), FORMAT_BYTES(size));
}

static bool on_progress(uint64_t done, uint64_t size, void *userdata) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        Fetch *f = userdata;

        if (f->is_tty && now >= f->drawn_usec + 100 * USEC_PER_MSEC) {
                f->drawn_usec = now;
                draw(f, done, size);
        }
        return interrupt_is_pending(&f->interrupt);
}

static void end_line(const Fetch *f, const char *what) {
        fprintf(stderr, "%s%s  %s%s\n", f->is_tty ? "\r" : "", f->file, what,
                f->is_tty ? "\033[K" : "");
}

/* ---- one file ---- */

/* > 0: fetched; 0: it was there; < 0: it could not be had. */
static int fetch_row(Fetch *f, Debuginfod *d, const SymbolsRow *row) {
        _cleanup_close_ int dir_fd = -EBADF, fd = -EBADF;
        char name[NAME_MAX_SIZE];
        struct stat st;
        int r;

        snprintf(name, sizeof(name), "%s.debug", row->build_id + 2);
        dir_fd = open_directory(f->c, row->build_id);
        if (dir_fd < 0)
                return dir_fd;
        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0)
                return 0;
        if (f->is_tty)
                draw(f, 0, 0);
        fd = debuginfod_fetch(d, row->build_id);
        if (fd < 0)
                return fd;
        r = put(dir_fd, name, fd);
        if (r < 0)
                return r;
        return fstat(fd, &st) >= 0 && st.st_size > 0 ? 1 : -ENODATA;
}

static bool is_wanted(const SymbolsRow *row, const SymbolsRow *rows, size_t n) {
        size_t size = strlen(row->build_id);

        return symbols_row_is_file(row) && symbols_row_is_poor(row, rows, n) &&
               size >= BUILD_ID_MIN && size < NAME_MAX_SIZE - sizeof(".debug") &&
               strspn(row->build_id, "0123456789abcdef") == size;
}

static int fetch_rows(Fetch *f, Debuginfod *d, const SymbolsRow *rows, size_t n) {
        size_t n_tried = 0, n_fetched = 0, n_there = 0;

        for (size_t i = 0; i < n && (f->c->all || n_tried < SYMBOLS_FETCH_MAX); i++) {
                const char *slash;
                int r;

                if (!is_wanted(&rows[i], rows, n))
                        continue;
                n_tried++;
                slash = strrchr(rows[i].file, '/');
                f->file = slash ? slash + 1 : rows[i].file;
                r = fetch_row(f, d, &rows[i]);
                if (interrupt_is_pending(&f->interrupt)) {
                        end_line(f, "stopped");
                        return EXIT_CODE_INTERRUPTED;
                }
                end_line(f, r > 0           ? "fetched"
                            : r == 0        ? "is there already"
                            : r == -ENOENT  ? "no server has it"
                            : r == -ENODATA ? "no server could be asked"
                                            : strerror(-r));
                n_fetched += r > 0;
                n_there += r == 0;
        }
        if (n_tried == 0)
                fprintf(stderr, "Nothing to fetch: what takes time has names, or no build id.\n");
        if (n_fetched > 0)
                ctl_hint(f->c,
                         "profilerd uses them within 5 minutes, or at once after 'profilerctl "
                         "reload'.");
        return n_fetched + n_there < n_tried ? EXIT_CODE_GAPS : EXIT_CODE_OK;
}

int symbols_fetch(const Ctl *c, ReportData *data) {
        _cleanup_(debuginfod_freep) Debuginfod *d = NULL;
        Fetch f = { .c = c, .is_tty = isatty(STDERR_FILENO) };
        SymbolsRow *rows;
        size_t n;
        int r;

        r = debuginfod_new(&d, on_progress, &f);
        if (r == -ENOPKG)
                return ctl_error(EXIT_CODE_FAILURE, "libdebuginfod is not installed.",
                                 "apt install libdebuginfod1", "No server can be asked.");
        if (r == -ENODATA)
                return ctl_error(EXIT_CODE_FAILURE,
                                 "$DEBUGINFOD_URLS is not set, and /etc/debuginfod names none.",
                                 "export DEBUGINFOD_URLS=https://debuginfod.debian.net",
                                 "No debuginfod server is configured.");
        if (r < 0)
                return ctl_error_errno(r, NULL, "The client of debuginfod cannot be started.");
        r = profile_symbols(data->profile, data->value_type, &rows, &n);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The files cannot be listed.");
        r = interrupt_init(&f.interrupt);
        if (r >= 0) {
                r = fetch_rows(&f, d, rows, n);
                interrupt_done(&f.interrupt);
        } else
                r = ctl_error_errno(r, NULL, "Ctrl-C cannot be caught.");
        symbols_rows_free(rows, n);
        return r;
}
