/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Registry
 *
 * The units by name, and by the slot that the kernel's records carry.
 */

#include "unit.h"

typedef struct UnitRegistry UnitRegistry;

int unit_registry_new(UnitRegistry **ret);
/* Frees the units in it. */
UnitRegistry *unit_registry_free(UnitRegistry *t);
DEFINE_CLEANUP(UnitRegistry *, unit_registry_free);

/* Takes u and gives it a slot. -EEXIST: the name is there; -ENOSPC: TARGETS_MAX units. */
int unit_registry_put(UnitRegistry *t, Unit *u);
/* Hands u back to the caller. */
void unit_registry_remove(UnitRegistry *t, Unit *u);

Unit *unit_registry_find(const UnitRegistry *t, const char *name);
Unit *unit_registry_get_by_slot(const UnitRegistry *t, uint32_t slot);
size_t unit_registry_size(const UnitRegistry *t);

/* All units, sorted by name: a heap array of borrowed pointers. */
int unit_registry_list(const UnitRegistry *t, Unit ***ret, size_t *ret_n);
