/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ELF Worker
 *
 * One run of profilerd-elf: a child without privileges that has an ELF file as standard input, the
 * place for its result as standard output, perhaps a third file, and nothing else. It
 * may crash, hang or lie: it is killed when its time is over, and what it wrote is for the caller
 * to check.
 */

#include <systemd/sd-event.h>

#include "basic/time-util.h"

enum {
        ELF_WORKER_EXIT_UNREADABLE = 65,  /* EX_DATAERR: the file is not one that it can read */
        ELF_WORKER_EXIT_OTHER_DEBUG = 66, /* the debug file belongs to another file */
};

typedef struct ElfWorker ElfWorker;

/* The descriptors stay the caller's. */
typedef struct ElfWorkerTask {
        const char *const *command; /* program and arguments, NULL-terminated */
        int input_fd;               /* is rewound */
        int output_fd;
        int third_fd; /* descriptor 3 of the worker; -EBADF: it has none */
        usec_t timeout_usec;
} ElfWorkerTask;

/*
 * error 0: it ended well; -EBADMSG: one of the exit codes above; -ETIME: it was killed for taking
 * too long; -EIO: anything else. The worker may be freed here.
 */
typedef void (*ElfWorkerCallback)(ElfWorker *w, int error, void *userdata);

/* < 0: the program could not be started, the callback will not come. */
int elf_worker_start(ElfWorker **ret,
                     sd_event *event,
                     const ElfWorkerTask *task,
                     ElfWorkerCallback callback,
                     void *userdata);
/* Kills it if it still runs; then the callback will not come. */
ElfWorker *elf_worker_free(ElfWorker *w);
DEFINE_CLEANUP(ElfWorker *, elf_worker_free);
