/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts */

#include <signal.h>
#include <sys/signalfd.h>

#include "ctl/interrupt.h"

static void make_mask(sigset_t *ret) {
        sigemptyset(ret);
        sigaddset(ret, SIGINT);
        sigaddset(ret, SIGTERM);
}

int interrupt_init(Interrupt *i) {
        sigset_t mask;
        int r;

        *i = (Interrupt){ .fd = -EBADF };
        make_mask(&mask);
        i->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (i->fd < 0)
                return -errno;
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0) {
                r = -errno;
                i->fd = safe_close(i->fd);
                return r;
        }
        return 0;
}

void interrupt_done(Interrupt *i) {
        sigset_t mask;

        if (i->fd < 0)
                return;
        make_mask(&mask);
        i->fd = safe_close(i->fd);
        (void) sigprocmask(SIG_UNBLOCK, &mask, NULL);
}

bool interrupt_is_pending(Interrupt *i) {
        struct signalfd_siginfo info;

        if (!i->pending && i->fd >= 0 && read(i->fd, &info, sizeof(info)) == sizeof(info)) {
                i->pending = true;
                interrupt_done(i);
        }
        return i->pending;
}
