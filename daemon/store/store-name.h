/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names in the Store
 *
 * TYPE.BOOTID.START_USEC.DURATION_USEC.pb.gz, with .hour or .day before the ending where history
 * was compacted, and the directory of a unit. There is one way to write each name, so that
 * formatting what was parsed gives the same name. The functions for readers are in store.h:
 * store_unit_directory(), store_parse_name(), store_format_name(). A name is a prefix
 * (TYPE.BOOTID), which thousands of files share, the two times and the level.
 */

#include "store/store.h"

enum {
        STORE_TYPE_MAX = 64, /* characters of a type */
};

#define STORE_NAME_SUFFIX ".pb.gz"

/* Letters, digits, '-' and '_'. */
bool store_type_is_valid(const char *type);

/* "TYPE.BOOTID" of an entry; NULL: out of memory. */
char *store_format_prefix(const StoreEntry *entry);
/* The whole name from its prefix; NULL: out of memory. */
char *store_format_prefixed(const char *prefix,
                            usec_t start_usec,
                            usec_t duration_usec,
                            StoreLevel level);
