/* SPDX-License-Identifier: Apache-2.0 */
/* How a User Stack Ended */

#include "stack-end.h"

static const char *const names[] = {
        [STACK_END_NONE] = "none",
        [STACK_END_COMPLETE] = "complete",
        [STACK_END_TRUNCATED] = "truncated",
        [STACK_END_NO_TABLE] = "no-table",
        [STACK_END_NOT_LOADED] = "not-loaded",
        [STACK_END_NO_BUDGET] = "no-budget",
        [STACK_END_NOT_CODE] = "not-code",
        [STACK_END_NO_RULE] = "no-rule",
        [STACK_END_NO_REGISTER] = "no-register",
        [STACK_END_NO_MEMORY] = "no-memory",
        [STACK_END_NO_PROGRESS] = "no-progress",
};
_Static_assert(ELEMENTSOF(names) == _STACK_END_MAX, "each end has a name");

const char *stack_end_to_string(unsigned end) {
        return end < ELEMENTSOF(names) ? names[end] : "unknown";
}

bool stack_end_is_broken(unsigned end) {
        return end != STACK_END_NONE && end != STACK_END_COMPLETE && end != STACK_END_TRUNCATED;
}
