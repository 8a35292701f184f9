/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Host Check
 *
 * What sampling needs of the host, and the sentence that says what is missing and what to do.
 */

#include "basic/util.h"

/* NULL: all is there; else static text: what is missing and the remedy. */
const char *host_check(void);

/* Why the sampler could not be made, in a sentence with its remedy: from what it was doing and the
 * error that it met. Static text. */
const char *host_explain(const char *step, int error);
