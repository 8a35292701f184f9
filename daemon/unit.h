/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit
 *
 * A unit that is to be profiled: what systemd says of it, how it is configured, and what has been
 * seen of it. Owned by the manager; the faces on the bus read it.
 */

#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include "basic/time-util.h"
#include "config.h"
#include "stack-end.h"
#include "window-type.h"

typedef struct Manager Manager;
typedef struct UnitWindows UnitWindows;
typedef struct Window Window;

/* What systemd says of a unit at one moment. */
typedef struct UnitInfo {
        const char *name;           /* primary name */
        const char *const *aliases; /* further names, NULL-terminated; NULL: none known */
        const char *load_state;     /* "loaded", "not-found", … */
        const char *active_state;   /* "active", "inactive", "failed", "activating", … */
        const char *control_group;  /* path below the cgroup2 mount, "": no cgroup */
        sd_id128_t invocation_id;
        pid_t main_pid; /* 0: none */
} UnitInfo;

typedef enum UnitState {
        UNIT_NOT_FOUND, /* configured by name, but systemd knows no such unit */
        UNIT_INACTIVE,  /* no cgroup */
        UNIT_PROFILED,  /* its cgroup is a target in the kernel */
        UNIT_EXCLUDED,  /* Enable=no, or not chosen by SamplingRatio= */
        UNIT_FAILED,    /* it has a cgroup, but could not be made a target: see error */
        _UNIT_STATE_MAX,
} UnitState;

/* How the user stacks of samples ended. */
typedef struct UnitStacks {
        uint64_t ends[_STACK_END_MAX]; /* by enum sample_stack_end */
        uint64_t broken;  /* of them those that led nowhere: neither complete, truncated nor none */
        uint64_t guessed; /* some frame by frame pointer, in code without a table; however it ended
                           */
} UnitStacks;

typedef struct UnitCounters {
        uint64_t samples;
        uint64_t cpu_nsec;
        uint64_t waits, waits_nsec; /* samples of type off-CPU, and what they stand for */
        uint64_t lost;              /* samples that did not reach a profile */
        uint64_t frames, named;     /* of stored profiles */
        UnitStacks stacks;
        uint64_t profiles; /* stored */
        uint64_t profile_bytes;
} UnitCounters;

/* What is being collected of a unit, of one type. */
typedef struct UnitWindow {
        struct Unit *unit;
        WindowType type;
        UnitWindows *owner;      /* who closes it; NULL: none was open yet */
        Window *window;          /* NULL: none is open */
        usec_t end_usec;         /* when it is due, CLOCK_REALTIME as of its start */
        usec_t start_monotonic;  /* CLOCK_MONOTONIC */
        sd_event_source *source; /* closes it */
        usec_t since_usec;       /* none starts before: end of the one before, or the unit's own
                                    start; CLOCK_REALTIME */
} UnitWindow;

typedef struct Unit {
        Manager *manager;
        char *name;
        UnitState state;
        int error; /* of UNIT_FAILED, negative errno */
        char *active_state;
        char *control_group;
        uint64_t cgroup_id; /* 0: none */
        sd_id128_t invocation_id;
        pid_t main_pid;
        UnitSettings settings;
        UnitCounters counters;
        char *last_profile_path;  /* absolute; NULL: none since the daemon started */
        usec_t last_profile_usec; /* end of its window, CLOCK_REALTIME */
        usec_t last_profile_duration_usec;
        uint64_t last_profile_samples, last_profile_cpu_nsec;
        UnitWindow windows[_WINDOW_TYPE_MAX];
        bool seen; /* reported since manager_sync_begin() */
        char **aliases;
        uint32_t slot; /* index in the kernel's table of targets */
} Unit;

int unit_new(Unit **ret, Manager *m, const char *name);
Unit *unit_free(Unit *u);
DEFINE_CLEANUP(Unit *, unit_free);

const char *unit_state_to_string(UnitState s);

/* Settings that the configuration has for it, under its name and aliases. */
int unit_apply_config(Unit *u, const Config *c);
/* Takes over what systemd says; the cgroup and the state are the manager's to judge. -ENOMEM. */
int unit_set_info(Unit *u, const UnitInfo *info);
