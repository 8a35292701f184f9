/* SPDX-License-Identifier: Apache-2.0 */
/* Progress */

#include "ctl/progress.h"

enum { BAR_COLUMNS = 24 };

/* Nobody has begun to wait before. */
#define PROGRESS_PATIENCE_USEC (300 * USEC_PER_MSEC)
#define PROGRESS_REDRAW_USEC   (100 * USEC_PER_MSEC)

void progress_init(Progress *p, const Ctl *c, size_t n, const char *what) {
        *p = (Progress){
                .ctl = c,
                .what = what,
                .n = n,
                .is_tty = !c->quiet && isatty(STDERR_FILENO),
                .begun_usec = now_usec(CLOCK_MONOTONIC),
        };
        /* Without it Ctrl-C ends the program, as ever. */
        (void) interrupt_init(&p->interrupt);
}

static void draw(Progress *p, size_t done) {
        bool utf8 = p->ctl->terminal.utf8;
        size_t full = p->n > 0 ? done * BAR_COLUMNS / p->n : 0;

        fputs("\r", stderr);
        for (size_t i = 0; i < BAR_COLUMNS; i++)
                fputs(i < full ? (utf8 ? "█" : "#") : (utf8 ? "░" : "."), stderr);
        fprintf(stderr, "  %zu of %zu %s   (Ctrl-C: stop and use these)\x1b[K", done, p->n,
                p->what);
}

static void erase(Progress *p) {
        if (p->drawn_usec > 0)
                fputs("\r\x1b[K", stderr);
        p->drawn_usec = 0;
}

bool progress_step(Progress *p, size_t done) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (p->is_tty && now >= p->begun_usec + PROGRESS_PATIENCE_USEC &&
            now >= p->drawn_usec + PROGRESS_REDRAW_USEC) {
                draw(p, done);
                p->drawn_usec = now;
        }
        return !interrupt_is_pending(&p->interrupt);
}

void progress_done(Progress *p) {
        erase(p);
        interrupt_done(&p->interrupt);
}
