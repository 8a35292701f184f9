/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Objects
 *
 * How units appear on systemd's side of the bus: names, types, object paths.
 */

#include "basic/util.h"

#define UNIT_OBJECT_PREFIX "/org/freedesktop/systemd1/unit"

/* A complete name as systemd accepts it: known type, known characters, no bare template. */
bool unit_object_name_is_valid(const char *name);

/* The interface of its type, if units of that type have a cgroup; NULL: they have none. */
const char *unit_object_get_interface(const char *name);

/* Between object path and name. *ret is to be freed. 1: done, 0: the path is no unit's. */
int unit_object_decode(const char *path, char **ret_name);
int unit_object_encode(const char *name, char **ret_path);
