/* SPDX-License-Identifier: Apache-2.0 */
/* Advice about Symbols */

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/symbols-advice.h"

enum { DPKG_OUTPUT_MAX = 64 << 10 };

static uint64_t count_frames(const SymbolsRow *rows, size_t n) {
        uint64_t frames = 0;

        for (size_t i = 0; i < n; i++)
                frames += rows[i].frames;
        return frames;
}

bool symbols_row_is_poor(const SymbolsRow *row, const SymbolsRow *rows, size_t n) {
        double frames = (double) row->frames, all = (double) count_frames(rows, n);

        return frames * 1000 >= all * SYMBOLS_SHARE_PERMILLE &&
               (double) row->named * 100 < frames * SYMBOLS_NAMED_PERCENT;
}

/* "python3.11-minimal" and "libpython3.11-stdlib" have one of their own kind. */
static const char *find_python(const char *package) {
        const char *version = strstr(package, "python3.");

        if (version == package || (version == package + 3 && startswith(package, "lib")))
                return version;
        return NULL;
}

char *symbols_debug_package(const char *package) {
        const char *python = find_python(package);
        char *name;
        int r;

        if (streq(package, "libc6") || streq(package, "libc-bin"))
                return strdup("libc6-dbg");
        if (python)
                r = asprintf(&name, "%.*s-dbg", (int) strcspn(python, "-"), python);
        else
                r = asprintf(&name, "%s-dbgsym", package);
        return r < 0 ? NULL : name;
}

/* The option that makes the runtime which the rows show tell its names. */
static const char *find_runtime_advice(const SymbolsRow *rows, size_t n) {
        static const struct {
                const char *file, *advice;
        } runtimes[] = {
                { "/node", "start node with --perf-basic-prof, or set it in NODE_OPTIONS" },
                { "/nodejs", "start node with --perf-basic-prof, or set it in NODE_OPTIONS" },
                { "/libjvm.so", "start java with -XX:+PreserveFramePointer, and run 'jcmd PID "
                                "Compiler.perfmap' whenever names are wanted" },
                { "/libcoreclr.so", "set DOTNET_PerfMapEnabled=1 in its environment" },
                { "/beam.smp", "start erl with +JPperf map +JPfp true" },
        };

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < ELEMENTSOF(runtimes); k++)
                        if (endswith(rows[i].file, runtimes[k].file))
                                return runtimes[k].advice;
        return "make its runtime write a perf map or a jitdump";
}

static int advise_file(const SymbolsRow *row, const char *package, const char *unit, char **ret) {
        _cleanup_free_ char *debug_package = NULL;

        if (package) {
                debug_package = symbols_debug_package(package);
                if (!debug_package)
                        return -1;
                return isempty(row->build_id)
                               ? asprintf(ret, "apt install %s", debug_package)
                               : asprintf(ret, "apt install %s, or profilerctl symbols fetch %s",
                                          debug_package, unit);
        }
        if (strlen(row->build_id) <= 2)
                return asprintf(ret,
                                "install it with its symbols: it was stripped and has no build "
                                "id to find them by");
        return asprintf(ret,
                        "put its debug file at /usr/lib/debug/.build-id/%.2s/%s.debug, install it "
                        "unstripped, or profilerctl symbols fetch %s",
                        row->build_id, row->build_id + 2, unit);
}

char *symbols_advise(const SymbolsRow *row,
                     const SymbolsRow *rows,
                     size_t n,
                     const char *package,
                     const char *unit) {
        char *text;
        int r;

        if (row->kernel)
                r = asprintf(&text, "'profilerctl doctor' says why the kernel hides its names");
        else if (symbols_row_is_memory(row))
                r = asprintf(&text, "%s", find_runtime_advice(rows, n));
        else if (!symbols_row_is_file(row))
                r = asprintf(&text, "'profilerctl doctor' says why stacks end in the void");
        else
                r = advise_file(row, package, unit, &text);
        return r < 0 ? NULL : text;
}

/* The standard output of dpkg-query, which is silent where it knows nothing. */
static int ask_dpkg(const char *path, char **ret) {
        const char *const argv[] = { "dpkg-query", "--search", path, NULL };
        _cleanup_close_ int read_fd = -EBADF, write_fd = -EBADF;
        posix_spawn_file_actions_t actions;
        int fds[2], r, status;
        size_t size;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        read_fd = fds[0];
        write_fd = fds[1];
        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        r = posix_spawn_file_actions_adddup2(&actions, write_fd, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY,
                                                     0);
        if (r == 0)
                r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *) argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;

        write_fd = safe_close(write_fd);
        r = read_full_fd(read_fd, DPKG_OUTPUT_MAX, ret, &size);
        read_fd = safe_close(read_fd);
        (void) waitpid(pid, &status, 0);
        return r;
}

/* "libc6:amd64: /lib/…", "a, b: /usr/…", "diversion by …": the first word is enough. */
static char *take_package(const char *text) {
        size_t n = strcspn(text, ":, \n");

        return n > 0 && text[n] != '\0' && !startswith(text, "diversion ") ? strndup(text, n)
                                                                           : NULL;
}

int symbols_find_package(const char *path, char **ret) {
        static const char *const prefixes[] = { "", "/usr" };

        /* dpkg knows a file as its package names it, which may be from before /lib was a link. */
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                _cleanup_free_ char *text = NULL;
                char *package;

                if (!startswith(path, prefixes[i]) ||
                    ask_dpkg(path + strlen(prefixes[i]), &text) < 0)
                        continue;
                package = take_package(text);
                if (package) {
                        *ret = package;
                        return 1;
                }
        }
        return 0;
}
