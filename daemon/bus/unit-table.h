/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Table
 *
 * The units that are followed, what is known of each, and the queries that find out more: one at a
 * time per unit, few in all. What is known is handed to the manager.
 */

#include <systemd/sd-bus.h>
#include <uthash.h>

#include "bus/unit-query.h"
#include "bus/unit-selection.h"
#include "manager.h"

enum {
        UNIT_TABLE_UNITS_MAX = 16384, /* more are not followed, but counted */
        UNIT_TABLE_QUERIES_MAX = 16,  /* at once: the bus bounds the pending calls of a client */
};

typedef struct UnitTable UnitTable;

typedef struct WatchedUnit {
        UnitTable *table;
        char *name;
        char *load_state, *active_state, *control_group; /* never NULL */
        char **names;                                    /* with aliases; NULL: not asked yet */
        sd_id128_t invocation_id;
        pid_t main_pid;
        uint64_t generation; /* in which it was last seen */

        /* the table's own */
        UnitQuery *query; /* NULL: none runs */
        bool queued;      /* waits for its query */
        bool dirty;       /* changed since its query was sent */
        bool awaited;     /* counted by unit_table_n_awaited() */
        struct WatchedUnit *prev, *next;
        UT_hash_handle hh;
} WatchedUnit;

/* A query has ended and its unit was reported; error: 0, or why systemd did not answer. */
typedef void (*UnitTableAnswered)(UnitTable *t, int error, void *userdata);

int unit_table_new(UnitTable **ret, Manager *m, UnitTableAnswered on_answered, void *userdata);
UnitTable *unit_table_free(UnitTable *t);
DEFINE_CLEANUP(UnitTable *, unit_table_free);

/* Takes the selection, from which aliases are known. */
void unit_table_set_selection(UnitTable *t, UnitSelection *selection);
UnitSelection *unit_table_get_selection(UnitTable *t); /* NULL: none set */

/* The connection that queries go through. NULL: they stop, units stay. */
void unit_table_set_bus(UnitTable *t, sd_bus *bus);

/* NULL: not followed. */
WatchedUnit *unit_table_find(UnitTable *t, const char *name);
/* Finds or adds (as loaded and inactive), and marks as seen. -E2BIG: the table is full. */
int unit_table_put(UnitTable *t, const char *name, WatchedUnit **ret);
void unit_table_remove(UnitTable *t, WatchedUnit *u);

/* Units that are not seen from here on are removed by unit_table_remove_unseen(). */
void unit_table_begin_generation(UnitTable *t);
void unit_table_remove_unseen(UnitTable *t);

bool watched_unit_is_dead(const WatchedUnit *u);
/* Tells the manager what is known. */
void watched_unit_report(WatchedUnit *u);

/* Asks systemd as soon as it is this unit's turn, or once more if it is being asked. */
void watched_unit_query(WatchedUnit *u, bool awaited);
void watched_unit_stop_query(WatchedUnit *u);

/* Sends what may be sent; to be called after watched_unit_query(). */
void unit_table_start_queries(UnitTable *t);

size_t unit_table_n_awaited(const UnitTable *t);
void unit_table_forget_awaited(UnitTable *t);
void unit_table_forget_names(UnitTable *t);
void unit_table_report_all(UnitTable *t);
uint64_t unit_table_get_refused(const UnitTable *t); /* beyond UNIT_TABLE_UNITS_MAX */
