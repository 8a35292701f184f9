/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Daemon as profilerctl Sees It
 *
 * Calls to org.profilerd1 on the system bus. A call never starts the daemon.
 */

#include "ctl/ctl.h"
#include "view/daemon-status.h"

typedef struct CtlBus CtlBus;

/*
 * All calls: -EHOSTDOWN: the daemon is not running; -EACCES: not allowed; -ENOENT: no such unit;
 * -EBADMSG: the configuration is broken; -ETIMEDOUT: no answer. ctl_bus_get_message() then is the
 * sentence that came with it.
 */
int ctl_bus_new(CtlBus **ret);
CtlBus *ctl_bus_free(CtlBus *b);
DEFINE_CLEANUP(CtlBus *, ctl_bus_free);

int ctl_bus_get_status(CtlBus *b, DaemonStatus *ret);

/* The state of a unit as systemd sees it ("active", "inactive", …). *ret is to be freed. */
int ctl_bus_get_unit_state(CtlBus *b, const char *unit, char **ret);

/* In the order of their names. *ret is an array. */
int ctl_bus_list_units(CtlBus *b, UnitStatus **ret, size_t *ret_n);

/* -EHOSTDOWN: profilerd-upload is not running. *ret is an array. */
int ctl_bus_list_uploads(CtlBus *b, UploadStatus **ret, size_t *ret_n);

int ctl_bus_reload(CtlBus *b);
/* -EINVAL: it is not understood. unit "": the daemon. */
int ctl_bus_set(CtlBus *b, const char *unit, char **assignments);
int ctl_bus_set_paused(CtlBus *b, bool paused);
/* The unit's open window as a heap block of pprof, of size 0 where none is open. */
int ctl_bus_get_open_profile(CtlBus *b, const char *unit, uint8_t **ret, size_t *ret_size);
/* pattern "": all units. */
int ctl_bus_flush(CtlBus *b, const char *pattern, uint64_t *ret_n_profiles);

/* Calls on_written for each profile that the daemon writes, until it returns a negative errno,
 * which is the result, or 1. */
int ctl_bus_watch(CtlBus *b,
                  int (*on_written)(const ProfileWritten *w, void *userdata),
                  void *userdata);

/* When the unit was started last, CLOCK_REALTIME; 0: never in this boot. */
int ctl_bus_get_unit_start(CtlBus *b, const char *unit, usec_t *ret);

const char *ctl_bus_get_message(const CtlBus *b);
/* Says in three parts why a call failed, and returns the exit code. */
int ctl_bus_error(const CtlBus *b, int error, const char *what);
