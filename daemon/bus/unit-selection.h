/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Selection
 *
 * What Units= asks for, split into names, which systemd resolves (aliases included) and which are
 * shown even if no such unit exists, and globs, which are matched here against primary names.
 */

#include "basic/util.h"

typedef struct UnitSelection UnitSelection;

/* Copies the patterns (NULL-terminated). 0, -ENOMEM. */
int unit_selection_new(UnitSelection **ret, const char *const *patterns);
UnitSelection *unit_selection_free(UnitSelection *s);
DEFINE_CLEANUP(UnitSelection *, unit_selection_free);

/* Both NULL-terminated, borrowed; names may hold some that no unit can have. */
char *const *unit_selection_get_names(const UnitSelection *s);
char *const *unit_selection_get_globs(const UnitSelection *s);

/* Learns that the configured name at this index is called primary by systemd. 0, -ENOMEM. */
int unit_selection_resolve(UnitSelection *s, size_t index, const char *primary);

/* Whether a unit, given by its primary name, was asked for by name; by name or glob. */
bool unit_selection_has_name(const UnitSelection *s, const char *primary);
bool unit_selection_match(const UnitSelection *s, const char *primary);

/* Appends to *l the configured names that turned out to be aliases of this unit. 0, -ENOMEM. */
int unit_selection_add_aliases(const UnitSelection *s, const char *primary, char ***l);
