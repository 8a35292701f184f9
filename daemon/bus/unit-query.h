/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Query
 *
 * Asks systemd, without waiting, for the few properties of one unit that matter here. A unit has
 * hundreds: GetAll would cost PID 1 more than these calls do.
 */

#include <systemd/sd-bus.h>

#include "basic/string-util.h"

enum {
        UNIT_QUERY_CALLS_MAX = 5, /* that one query sends at once */
};

typedef struct UnitQuery UnitQuery;

/* What came back; strings belong to the query. Without a cgroup nothing else is asked for. */
typedef struct UnitProperties {
        char *control_group; /* NULL, "": none */
        char *active_state;
        char **names; /* primary name and aliases; NULL: not asked for */
        sd_id128_t invocation_id;
        pid_t main_pid;
} UnitProperties;

/* error: 0, or why systemd did not answer. The query may be freed here. */
typedef void (*UnitQueryDone)(UnitQuery *q, int error, const UnitProperties *p, void *userdata);

/* -EOPNOTSUPP: units of this type have no cgroup. */
int unit_query_new(UnitQuery **ret,
                   sd_bus *bus,
                   const char *name,
                   bool with_names,
                   UnitQueryDone done,
                   void *userdata);
/* Before it is done: the answers are not waited for. */
UnitQuery *unit_query_free(UnitQuery *q);
DEFINE_CLEANUP(UnitQuery *, unit_query_free);
