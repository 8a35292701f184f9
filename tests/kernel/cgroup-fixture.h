/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cgroups for Tests
 *
 * A subtree of the cgroup2 hierarchy with processes in it that do what a test wants. All functions
 * fail the test that calls them.
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "basic/cgroup-util.h"
#include "basic/util.h"
#include "tests/unit/unit-test.h"

/* Kernel tests that cannot run say what they lack and skip; meson knows this status. */
enum { EXIT_SKIPPED = 77 };

static inline const char *missing_for_kernel_tests(void) {
        const char *mount;

        if (geteuid() != 0)
                return "root";
        if (cgroup_mount_path(&mount) < 0)
                return "a cgroup v2 hierarchy";
        if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
                return "BTF";
        return NULL;
}

/* Makes the cgroup /profilerd-test-PID/NAME; its path below the mount goes to ret. */
static inline void cgroup_make(const char *name, char ret[static 256]) {
        char path[512];
        const char *mount;

        assert_int_equal(cgroup_mount_path(&mount), 0);
        snprintf(ret, 256, "/profilerd-test-%d", getpid());
        snprintf(path, sizeof(path), "%s%s", mount, ret);
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        snprintf(ret, 256, "/profilerd-test-%d%s", getpid(), name);
        snprintf(path, sizeof(path), "%s%s", mount, ret);
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

/* Also what they are all in, with the last of them. */
static inline void cgroup_remove(const char *cgroup) {
        char path[512];
        const char *mount;

        assert_int_equal(cgroup_mount_path(&mount), 0);
        snprintf(path, sizeof(path), "%s%s", mount, cgroup);
        for (int i = 0; i < 100 && rmdir(path) < 0 && errno == EBUSY; i++)
                usleep(10000);
        snprintf(path, sizeof(path), "%s/profilerd-test-%d", mount, getpid());
        (void) rmdir(path);
}

static inline uint64_t cgroup_id_of(const char *cgroup) {
        uint64_t id;

        assert_int_equal(cgroup_get_id(cgroup, &id), 0);
        return id;
}

/* CPU time that the cgroup has used, ns. */
static inline uint64_t cgroup_usage_nsec(const char *cgroup) {
        unsigned long long usage = 0;
        const char *mount;
        char path[512];
        FILE *f;

        assert_int_equal(cgroup_mount_path(&mount), 0);
        snprintf(path, sizeof(path), "%s%s/cpu.stat", mount, cgroup);
        f = fopen(path, "re");
        assert_non_null(f);
        assert_int_equal(fscanf(f, "usage_usec %llu", &usage), 1);
        fclose(f);
        return usage * 1000;
}

/* As fork(), but the child is in the cgroup, and dies with us. */
static inline pid_t cgroup_enter_child(const char *cgroup) {
        const char *mount;
        char path[512];
        pid_t pid;
        int fd;

        assert_int_equal(cgroup_mount_path(&mount), 0);
        snprintf(path, sizeof(path), "%s%s/cgroup.procs", mount, cgroup);
        pid = fork();
        assert_true(pid >= 0);
        if (pid > 0)
                return pid;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "0", 1) != 1)
                _exit(1);
        close(fd);
        return 0;
}

/* A child in the cgroup that runs work() until it is killed. */
static inline pid_t cgroup_spawn(const char *cgroup, void (*work)(void)) {
        pid_t pid = cgroup_enter_child(cgroup);

        while (pid == 0)
                work();
        return pid;
}

static inline void reap(pid_t pid) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}
