/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Window Types
 *
 * What is measured. A unit has a window, and a stored profile, for each type that it wants.
 */

#include "basic/util.h"

typedef enum WindowType {
        WINDOW_CPU,     /* where CPU time is spent */
        WINDOW_OFF_CPU, /* where threads wait */
        _WINDOW_TYPE_MAX,
} WindowType;

/* As in the names of stored profiles and of their value: "cpu". */
static inline const char *window_type_to_string(WindowType type) {
        static const char *const names[_WINDOW_TYPE_MAX] = { "cpu", "offcpu" };

        return names[type];
}

/* -EINVAL: there is no such type. */
static inline int window_type_from_string(const char *name) {
        for (int type = 0; type < _WINDOW_TYPE_MAX; type++)
                if (streq(name, window_type_to_string((WindowType) type)))
                        return type;
        return -EINVAL;
}
