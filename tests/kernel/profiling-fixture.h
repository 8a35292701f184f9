/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Profiling for Tests
 *
 * A manager with a store, a cache and a configuration of its own, and no bus: the test says what
 * systemd would say of units. All functions fail the test that calls them, or end the benchmark.
 */

#include <ftw.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "manager.h"
#include "tests/kernel/cgroup-fixture.h"

typedef struct Profiling {
        char directory[64], root[80], store[80], cache[80];
        sd_event *event;
        Manager *manager;

        bool flushed;
        int flush_error;
        uint64_t n_flushed; /* profiles of the last flush */
        uint64_t n_written; /* as the manager called back */
} Profiling;

/* ---- its directory ---- */

static inline int profiling_remove(const char *path,
                                   const struct stat *st,
                                   int flag,
                                   struct FTW *f) {
        return remove(path);
}

static inline void profiling_remove_all(const char *path) {
        nftw(path, profiling_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file of /etc/profilerd, replacing what is there. */
static inline void profiling_configure(const Profiling *p, const char *name, const char *text) {
        _cleanup_close_ int fd = -EBADF;
        char path[256];

        snprintf(path, sizeof(path), "%s/etc/profilerd/%s", p->root, name);
        for (char *slash = path + strlen(p->root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_return_code(fd, errno);
        assert_return_code(write_all(fd, text, strlen(text)), 0);
}

/* ---- its life ---- */

/* As the daemon does: sd-event learns by this signal that a worker has ended. */
static inline void block_sigchld(void) {
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigprocmask(SIG_BLOCK, &mask, NULL);
}

static inline Profiling *profiling_new(void) {
        Profiling *p = calloc(1, sizeof(*p));

        assert_non_null(p);
        snprintf(p->directory, sizeof(p->directory), "/tmp/profilerd-test-XXXXXX");
        assert_non_null(mkdtemp(p->directory));
        snprintf(p->root, sizeof(p->root), "%s/root", p->directory);
        snprintf(p->store, sizeof(p->store), "%s/store", p->directory);
        snprintf(p->cache, sizeof(p->cache), "%s/cache", p->directory);
        assert_return_code(mkdir(p->root, 0755), errno);
        assert_return_code(sd_event_new(&p->event), 0);
        return p;
}

static inline void profiling_on_written(Manager *m,
                                        Unit *u,
                                        const char *path,
                                        usec_t start_usec,
                                        usec_t duration_usec,
                                        uint64_t samples,
                                        void *userdata) {
        Profiling *p = userdata;

        p->n_written++;
}

static inline void profiling_start(Profiling *p) {
        const ManagerCallbacks callbacks = { .on_profile_written = profiling_on_written };
        const ManagerPaths paths = {
                .store = p->store,
                .cache = p->cache,
                .worker = getenv("PROFILERD_ELF"),
                .open_socket = "/nonexistent",
                .root = p->root,
        };

        assert_return_code(manager_new(&p->manager, p->event, &paths), 0);
        manager_set_callbacks(p->manager, &callbacks, p);
        assert_return_code(manager_start(p->manager), 0);
}

/* With the configuration text as profilerd.conf. */
static inline Profiling *profiling_started(const char *text) {
        Profiling *p = profiling_new();

        profiling_configure(p, "profilerd.conf", text);
        profiling_start(p);
        return p;
}

static inline void profiling_stop(Profiling *p) {
        manager_stop(p->manager);
        p->manager = manager_free(p->manager);
}

static inline Profiling *profiling_free(Profiling *p) {
        manager_free(p->manager);
        sd_event_unref(p->event);
        profiling_remove_all(p->directory);
        free(p);
        return NULL;
}
DEFINE_CLEANUP(Profiling *, profiling_free);

/* ---- what happens ---- */

static inline void profiling_run(Profiling *p, usec_t duration_usec) {
        usec_t now, end = now_usec(CLOCK_MONOTONIC) + duration_usec;

        while ((now = now_usec(CLOCK_MONOTONIC)) < end)
                assert_true(sd_event_run(p->event, end - now) >= 0);
}

/* What systemd says of an active unit. invocation: told from others by this number, 0: unknown. */
static inline void profiling_report(
        Profiling *p, const char *name, const char *cgroup, uint8_t invocation, pid_t main_pid) {
        const UnitInfo info = {
                .name = name,
                .load_state = "loaded",
                .active_state = cgroup[0] ? "active" : "inactive",
                .control_group = cgroup,
                .invocation_id.bytes[0] = invocation,
                .main_pid = main_pid,
        };

        assert_int_equal(manager_unit_changed(p->manager, &info), 0);
}

static inline void profiling_on_flushed(Manager *m, int error, uint64_t n, void *userdata) {
        Profiling *p = userdata;

        p->flushed = true;
        p->flush_error = error;
        p->n_flushed = n;
}

static inline void profiling_flush(Profiling *p, const char *pattern) {
        p->flushed = false;
        assert_return_code(manager_flush(p->manager, pattern, profiling_on_flushed, p), 0);
        while (!p->flushed)
                assert_true(sd_event_run(p->event, UINT64_MAX) >= 0);
}

/* ---- programs in cgroups ---- */

/* TEST_PROGRAMS is where the programs of tests/programs are built. */
static inline const char *program_path(const char *name, char path[static 512]) {
        snprintf(path, 512, "%s/%s", getenv("TEST_PROGRAMS") ?: ".", name);
        return path;
}

/* A child in the cgroup that is the program, with at most three arguments. */
static inline pid_t cgroup_exec(
        const char *cgroup, const char *program, const char *a, const char *b, const char *c) {
        pid_t pid;

        pid = cgroup_enter_child(cgroup);
        if (pid == 0) {
                execl(program, program, a, b, c, NULL);
                _exit(127);
        }
        return pid;
}
