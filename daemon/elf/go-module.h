/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Go Module Data
 *
 * What Go's runtime keeps of a program besides its table: where the text begins, and where the
 * trees of inlined functions are. It has no name in a stripped program, but begins with a pointer
 * to the table.
 */

#include "elf/go-table.h"

/* Sets text, if the table does not know it, and trees. */
void go_module_complete(GoTable *t);
