/* SPDX-License-Identifier: Apache-2.0 */
/* Pager */

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "ctl/pager.h"

/* Quit at the end of a short text, colours, no wrap marks, keep the screen, quit with Ctrl-C. */
#define LESS_OPTIONS "FRSXMK"

/* The command line that the user wishes. "" and "cat": none. */
static const char *find_command(void) {
        const char *command = getenv("SYSTEMD_PAGER");

        if (!command)
                command = getenv("PAGER");
        return command ?: "less";
}

static _Noreturn void run_pager(const char *command, bool utf8) {
        _cleanup_(strv_freep) char **words = NULL;
        const char *options = getenv("SYSTEMD_LESS");
        char *word;

        setenv("LESS", options ?: LESS_OPTIONS, 1);
        if (utf8)
                setenv("LESSCHARSET", "utf-8", 1);
        /* A pager that was started through sudo must not hand out a root shell. */
        if (getenv("SUDO_UID") || getenv("PKEXEC_UID"))
                setenv("LESSSECURE", "1", 1);
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);

        while (extract_word(&command, &word) > 0) {
                int r;

                r = strv_extend(&words, word);
                free(word);
                if (r < 0)
                        break;
        }
        if (words)
                execvp(words[0], words);
        execlp("less", "less", (char *) NULL);
        execlp("more", "more", (char *) NULL);
        execlp("cat", "cat", (char *) NULL);
        _exit(EXIT_FAILURE);
}

void pager_open(Pager *p, bool utf8) {
        const char *command = find_command();
        int pipe_fds[2];
        pid_t pid;

        *p = (Pager){};
        if (isempty(command) || streq(command, "cat"))
                return;
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                (void) dup2(pipe_fds[0], STDIN_FILENO);
                run_pager(command, utf8);
        }
        if (pid > 0 && dup2(pipe_fds[1], STDOUT_FILENO) >= 0) {
                p->pid = pid;
                /* Hints must not be written over the pager's screen. */
                if (isatty(STDERR_FILENO))
                        (void) dup2(pipe_fds[1], STDERR_FILENO);
        }
        safe_close(pipe_fds[0]);
        safe_close(pipe_fds[1]);
}

void pager_close(Pager *p) {
        if (p->pid <= 0)
                return;

        /* The end of its input is what the pager waits for. Ctrl-C is the pager's from now on. */
        (void) signal(SIGINT, SIG_IGN);
        fclose(stdout);
        fclose(stderr);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        p->pid = 0;
}
