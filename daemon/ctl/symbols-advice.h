/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Advice about Symbols: what to install or to do for names that are missing. */

#include "profile/profile-symbols.h"

enum {
        SYMBOLS_NAMED_PERCENT = 95, /* below: advice is given */
        SYMBOLS_SHARE_PERMILLE = 5, /* of all frames; files with less are left alone */
};

/* So much of what was sampled, and so little of it named, that it is worth doing something. */
bool symbols_row_is_poor(const SymbolsRow *row, const SymbolsRow *rows, size_t n);

/* The package of debug files that goes with a package of Debian: "libc6-dbg". NULL: no memory. */
char *symbols_debug_package(const char *package);

/*
 * What to do about a poor row. package: that the file belongs to, NULL: none; unit: for the
 * command that fetches. NULL: out of memory.
 */
char *symbols_advise(const SymbolsRow *row,
                     const SymbolsRow *rows,
                     size_t n,
                     const char *package,
                     const char *unit);

/* Asks dpkg. 0: no package has the file, or there is no dpkg; 1: *ret is its name. */
int symbols_find_package(const char *path, char **ret);
