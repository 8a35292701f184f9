/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF Worker
 *
 * Started with vfork(): the daemon's memory, with the kernel's ring buffers in it, is not copied
 * for a program that replaces it at once. The child is watched by its pidfd, so that nothing
 * depends on how the process at large treats SIGCHLD.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "elf/elf-copy.h"
#include "symbol/elf-worker.h"

enum {
        ELF_WORKER_CPU_SEC = 60,
        ELF_WORKER_REAP_MSEC = 500, /* how long a killed worker is waited for */
        THIRD_FD = STDERR_FILENO + 1,
        DESCRIPTORS_MAX,
};
_Static_assert(ELF_COPY_MAX >= INDEX_SIZE_MAX, "one limit for all that a worker writes");

struct ElfWorker {
        pid_t pid; /* 0: reaped */
        int pidfd;
        sd_event_source *exit_source, *timeout_source;
        bool timed_out;
        ElfWorkerCallback callback;
        void *userdata;
};

/* What parent and child share while the parent is suspended in vfork(). */
typedef struct Spawn {
        const char *const *command;
        int descriptors[DESCRIPTORS_MAX]; /* all DESCRIPTORS_MAX or higher */
        int n_descriptors;
        pid_t parent;
        volatile int error; /* errno of the child */
} Spawn;

static int drop_privileges(void) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return 0;
}

/* What profilerd-elf cannot forget to do itself. Memory it limits on its own: how much it needs for
 * mapped files is its knowledge. */
static int set_limits(void) {
        static const struct {
                int resource;
                rlim_t limit;
        } limits[] = {
                { RLIMIT_CORE, 0 },
                { RLIMIT_CPU, ELF_WORKER_CPU_SEC },
                { RLIMIT_FSIZE, ELF_COPY_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                struct rlimit l;

                if (getrlimit(limits[i].resource, &l) < 0)
                        return -errno;
                l.rlim_cur = l.rlim_max = MIN(l.rlim_max, limits[i].limit);
                if (setrlimit(limits[i].resource, &l) < 0)
                        return -errno;
        }
        return 0;
}

/*
 * The child. It runs on the memory of the parent, hence only system calls. Handlers for signals are
 * the parent's too until exec, so signals are let in at the very end; SIGPIPE is the one that a
 * daemon ignores, and ignoring is inherited.
 */
static int child_prepare(const Spawn *s) {
        sigset_t none;
        int r;

        r = drop_privileges();
        if (r < 0)
                return r;
        r = set_limits();
        if (r < 0)
                return r;

        /* Our death is its end, also if we were gone before it asked for that. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        if (getppid() != s->parent)
                return -ESRCH;

        for (int i = 0; i < s->n_descriptors; i++)
                if (dup2(s->descriptors[i], i) < 0)
                        return -errno;
        /* All of ours are closed by exec; this is for those that libraries forgot. */
        (void) close_range((unsigned) s->n_descriptors, ~0U, 0);

        if (sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL) < 0 ||
            sigemptyset(&none) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                return -errno;
        return 0;
}

static _Noreturn void child_run(Spawn *s) {
        char *const environment[] = { NULL };

        s->error = -child_prepare(s);
        if (s->error == 0) {
                execve(s->command[0], (char *const *) s->command, environment);
                s->error = errno;
        }
        _exit(EXIT_FAILURE);
}

/* Nothing here may be changed by both sides of vfork(). */
static pid_t spawn_vfork(Spawn *s) {
        pid_t pid = vfork();

        if (pid == 0)
                child_run(s);
        return pid;
}

static int spawn_with_signals_blocked(Spawn *s, pid_t *ret) {
        sigset_t all, saved;
        pid_t pid;
        int error;

        sigfillset(&all);
        if (sigprocmask(SIG_SETMASK, &all, &saved) < 0)
                return -errno;
        pid = spawn_vfork(s);
        error = pid < 0 ? errno : s->error;
        (void) sigprocmask(SIG_SETMASK, &saved, NULL);

        if (pid < 0)
                return -error;
        if (error > 0) {
                (void) waitpid(pid, NULL, 0);
                return -error;
        }
        *ret = pid;
        return 0;
}

/* Copies above those that the worker gets: dup2() onto itself would leave close-on-exec set. */
static int duplicate(int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, DESCRIPTORS_MAX);

        return copy < 0 ? -errno : copy;
}

static int spawn(const ElfWorkerTask *task, pid_t *ret) {
        _cleanup_close_ int in = -EBADF, out = -EBADF, null = -EBADF, err = -EBADF, third = -EBADF;
        Spawn s = { .command = task->command, .parent = getpid() };

        in = duplicate(task->input_fd);
        if (in < 0)
                return in;
        out = duplicate(task->output_fd);
        if (out < 0)
                return out;
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null < 0)
                return -errno;
        err = duplicate(null);
        if (err < 0)
                return err;
        if (task->third_fd >= 0) {
                third = duplicate(task->third_fd);
                if (third < 0)
                        return third;
        }

        if (lseek(in, 0, SEEK_SET) < 0)
                return -errno;

        s.descriptors[STDIN_FILENO] = in;
        s.descriptors[STDOUT_FILENO] = out;
        s.descriptors[STDERR_FILENO] = err;
        s.descriptors[THIRD_FD] = third;
        s.n_descriptors = third >= 0 ? DESCRIPTORS_MAX : THIRD_FD;
        return spawn_with_signals_blocked(&s, ret);
}

/* 0 or the error that the end of the worker means. -EAGAIN: it has not ended. */
static int reap(ElfWorker *w) {
        siginfo_t info = {};

        if (waitid(P_PID, (id_t) w->pid, &info, WEXITED | WNOHANG) < 0) {
                /* Somebody else has reaped it: how it ended is lost. */
                w->pid = 0;
                return -EIO;
        }
        if (info.si_pid == 0)
                return -EAGAIN;

        w->pid = 0;
        if (info.si_code != CLD_EXITED)
                return -EIO;
        if (info.si_status == 0)
                return 0;
        if (info.si_status == ELF_WORKER_EXIT_UNREADABLE ||
            info.si_status == ELF_WORKER_EXIT_OTHER_DEBUG)
                return -EBADMSG;
        return -EIO;
}

static int on_exit_of_worker(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        ElfWorker *w = userdata;
        int r;

        r = reap(w);
        if (r == -EAGAIN)
                return 0;

        (void) sd_event_source_set_enabled(w->exit_source, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(w->timeout_source, SD_EVENT_OFF);
        w->callback(w, w->timed_out ? -ETIME : r, w->userdata);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        ElfWorker *w = userdata;

        /* Its end is then reported by the pidfd. */
        w->timed_out = true;
        (void) kill(w->pid, SIGKILL);
        return 0;
}

static int elf_worker_watch(ElfWorker *w, sd_event *event, usec_t timeout_usec) {
        int r;

        w->pidfd = pidfd_open(w->pid, 0);
        if (w->pidfd < 0)
                return -errno;
        (void) fcntl(w->pidfd, F_SETFD, FD_CLOEXEC);

        r = sd_event_add_io(event, &w->exit_source, w->pidfd, POLLIN, on_exit_of_worker, w);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(event, &w->timeout_source, CLOCK_MONOTONIC, timeout_usec,
                                          0, on_timeout, w);
}

int elf_worker_start(ElfWorker **ret,
                     sd_event *event,
                     const ElfWorkerTask *task,
                     ElfWorkerCallback callback,
                     void *userdata) {
        _cleanup_(elf_worker_freep) ElfWorker *w = NULL;
        int r;

        w = calloc(1, sizeof(ElfWorker));
        if (!w)
                return -ENOMEM;
        w->pidfd = -EBADF;
        w->callback = callback;
        w->userdata = userdata;

        r = spawn(task, &w->pid);
        if (r < 0)
                return r;
        r = elf_worker_watch(w, event, task->timeout_usec);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

ElfWorker *elf_worker_free(ElfWorker *w) {
        if (!w)
                return NULL;

        sd_event_source_disable_unref(w->exit_source);
        sd_event_source_disable_unref(w->timeout_source);
        if (w->pid > 0) {
                (void) kill(w->pid, SIGKILL);
                /* Not for ever: one that hangs in the kernel dies when that lets go of it, and is
                 * then reaped by whom it falls to. */
                if (w->pidfd >= 0)
                        (void) poll(&(struct pollfd){ .fd = w->pidfd, .events = POLLIN }, 1,
                                    ELF_WORKER_REAP_MSEC);
                (void) reap(w);
        }
        safe_close(w->pidfd);
        free(w);
        return NULL;
}
