/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ledger
 *
 * What has become of each profile at one target: a line appended for each answer of the server, so
 * that a process that is killed goes on where it was. Lines of profiles that the store no longer
 * has go when the file has grown.
 *
 *     sent nginx.service/cpu.….pb.gz
 *     rejected nginx.service/cpu.….pb.gz
 *     part 2/3 nginx.service/cpu.….pb.gz       the first two parts of three were sent
 */

#include "basic/util.h"

enum {
        LEDGER_PATH_MAX = 600,          /* bytes of a profile's path in the store */
        LEDGER_COMPACT_BYTES = 1 << 20, /* that are appended before old lines are looked for */
        LEDGER_BEHIND_MAX = 1 << 20,    /* bytes that wait for the disk */
};

typedef enum LedgerState {
        LEDGER_UNKNOWN,
        LEDGER_SENT,
        LEDGER_REJECTED,
        LEDGER_PART, /* see n_sent */
} LedgerState;

typedef struct LedgerEntry {
        LedgerState state;
        unsigned n_sent, n_parts;
} LedgerEntry;

typedef struct Ledger Ledger;

/* NAME.ledger in the directory state_fd; both descriptors are borrowed. Reads what is there, and
 * removes the lines of profiles that are not in the store. */
int ledger_open(Ledger **ret, int state_fd, const char *name, int store_fd);
Ledger *ledger_free(Ledger *l);
DEFINE_CLEANUP(Ledger *, ledger_free);

/* What was known when the ledger was opened, until ledger_forget(). */
void ledger_find(const Ledger *l, const char *path, LedgerEntry *ret);
void ledger_forget(Ledger *l);

/*
 * Appends a line. What cannot be written waits in memory for the next call: 0, or the error, as a
 * warning; the state of path is not lost as long as the process lives.
 */
int ledger_put(Ledger *l, const char *path, const LedgerEntry *entry);

/* No line feed and the like in it, and short enough. */
bool ledger_path_is_valid(const char *path);
/* One line without its end; for reading, and for the fuzzer. -EINVAL. *ret_path is inside of it. */
int ledger_parse_line(const char *line, LedgerEntry *ret, const char **ret_path);
