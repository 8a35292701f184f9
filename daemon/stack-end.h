/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How a User Stack Ended: the names of enum sample_stack_end for profiles and the bus. */

#include "basic/util.h"
#include "bpf/sample.h"

/* "no-table"; "unknown" for what is none. */
const char *stack_end_to_string(unsigned end);
/* It led nowhere: neither complete, nor deeper than a record holds, nor was there none. */
bool stack_end_is_broken(unsigned end);
