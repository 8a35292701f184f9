/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protocol of profilerd-open
 *
 * One request, one answer, each one message on a SOCK_SEQPACKET unix socket; a descriptor comes
 * with a good answer as SCM_RIGHTS. The two kinds of request differ in size and magic.
 */

#include "basic/time-util.h"

#define OPEN_MAGIC          UINT32_C(0x70644f31)
#define OPEN_PRESSURE_MAGIC UINT32_C(0x70645031)

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

/* Since Linux 6.5 who has no CAP_SYS_RESOURCE gets windows of whole steps only; and the kernel has
 * no longer ones. */
#define OPEN_PRESSURE_WINDOW_STEP_USEC (2 * USEC_PER_SEC)
#define OPEN_PRESSURE_WINDOW_MAX_USEC  (10 * USEC_PER_SEC)

enum { OPEN_CONTROL_GROUP_MAX = 1024 }; /* bytes of a path with its end */

typedef enum OpenPressure {
        OPEN_PRESSURE_CPU,
        OPEN_PRESSURE_MEMORY,
        OPEN_PRESSURE_IO,
        _OPEN_PRESSURE_MAX,
} OpenPressure;

/* A trigger of the kernel: some task of a cgroup has stalled for stall_usec within window_usec. */
typedef struct OpenPressureRequest {
        uint32_t magic;
        uint32_t resource; /* OpenPressure */
        uint32_t stall_usec, window_usec;
        char control_group[OPEN_CONTROL_GROUP_MAX]; /* below the cgroup2 mount, "/system.slice/…" */
} OpenPressureRequest;
_Static_assert(sizeof(OpenPressureRequest) == 16 + OPEN_CONTROL_GROUP_MAX, "part of the protocol");

typedef struct OpenAnswer {
        uint32_t magic;
        int32_t error; /* 0: the descriptor is attached; else a negative errno */
} OpenAnswer;
_Static_assert(sizeof(OpenAnswer) == 8, "part of the protocol");
