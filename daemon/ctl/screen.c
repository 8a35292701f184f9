/* SPDX-License-Identifier: Apache-2.0 */
/* Screen */

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "ctl/screen.h"

struct Screen {
        bool is_tty;   /* what is drawn on */
        bool has_keys; /* the standard input, too, is a terminal */
        struct termios saved;
        Interrupt interrupt;
};

int screen_new(Screen **ret, bool is_tty) {
        _cleanup_(screen_freep) Screen *s = NULL;
        struct termios raw;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->is_tty = is_tty;
        s->interrupt.fd = -EBADF;
        r = interrupt_init(&s->interrupt);
        if (r < 0)
                return r;
        if (is_tty && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &s->saved) >= 0) {
                raw = s->saved;
                raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
                raw.c_cc[VMIN] = 1;
                raw.c_cc[VTIME] = 0;
                s->has_keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) >= 0;
        }
        if (is_tty) /* another screen, no cursor: the lines before are there again in the end */
                fputs("\x1b[?1049h\x1b[?25l", stdout);
        *ret = TAKE_PTR(s);
        return 0;
}

Screen *screen_free(Screen *s) {
        if (!s)
                return NULL;
        if (s->has_keys)
                (void) tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
        if (s->is_tty) {
                fputs("\x1b[?25h\x1b[?1049l", stdout);
                fflush(stdout);
        }
        interrupt_done(&s->interrupt);
        free(s);
        return NULL;
}

unsigned screen_get_rows(const Screen *s) {
        struct winsize size = {};

        if (!s->is_tty)
                return 0;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
                return SCREEN_ROWS_DEFAULT;
        return size.ws_row;
}

void screen_clear(Screen *s) {
        if (s->is_tty)
                fputs("\x1b[H\x1b[2J", stdout);
}

int screen_wait(Screen *s, usec_t usec) {
        struct pollfd fds[] = {
                { .fd = s->interrupt.fd, .events = POLLIN },
                { .fd = s->has_keys ? STDIN_FILENO : -1, .events = POLLIN },
        };
        const struct timespec timeout = {
                .tv_sec = (time_t) (usec / USEC_PER_SEC),
                .tv_nsec = (long) (usec % USEC_PER_SEC * NSEC_PER_USEC),
        };
        unsigned char key;
        int n;

        n = ppoll(fds, ELEMENTSOF(fds), &timeout, NULL);
        if (n < 0)
                return errno == EINTR ? SCREEN_KEY_NONE : -errno;
        if (fds[0].revents != 0)
                return SCREEN_KEY_QUIT;
        if (fds[1].revents == 0)
                return SCREEN_KEY_NONE;
        /* A terminal that is gone reads as ended. */
        return read(STDIN_FILENO, &key, 1) == 1 ? key : SCREEN_KEY_QUIT;
}
