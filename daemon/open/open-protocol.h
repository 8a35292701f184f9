/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protocol of profilerd-open
 *
 * One request, one answer, each one message on a SOCK_SEQPACKET unix socket; a descriptor comes
 * with a good answer as SCM_RIGHTS.
 */

#include "basic/util.h"

#define OPEN_MAGIC UINT32_C(0x70644f31)

/* Not in the run-time directory of profilerd, which goes when profilerd stops. */
#define OPEN_SOCKET_PATH "/run/profilerd-open.socket"

enum {
        OPEN_CPU_MAX = 4096,          /* CPUs are numbered below */
        OPEN_FREQUENCY_MAX_HZ = 1000, /* the least is 1 */
};

typedef enum OpenKind {
        OPEN_CPU_CLOCK, /* software cpu-clock, sampling at frequency_hz on cpu */
        OPEN_CYCLES,    /* hardware cycles, sampling at frequency_hz on cpu */
        OPEN_RECORDS,   /* mmap2, comm and task records of cpu, no samples */
        OPEN_KALLSYMS,  /* /proc/kallsyms, read-only */
        OPEN_SESSION, /* software cpu-clock, sampling every 1/frequency_hz s on cpu, not if idle */
        _OPEN_KIND_MAX,
} OpenKind;

typedef struct OpenRequest {
        uint32_t magic;
        uint32_t kind; /* OpenKind */
        uint32_t cpu;
        uint32_t frequency_hz; /* 1..1000; 0 is as well where nothing is sampled */
} OpenRequest;
_Static_assert(sizeof(OpenRequest) == 16, "part of the protocol");

typedef struct OpenAnswer {
        uint32_t magic;
        int32_t error; /* 0: the descriptor is attached; else a negative errno */
} OpenAnswer;
_Static_assert(sizeof(OpenAnswer) == 8, "part of the protocol");
