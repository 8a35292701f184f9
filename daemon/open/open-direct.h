/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a request asks for, opened by this process with the rights that it has. */

#include "open/open-protocol.h"

/* request is right. A descriptor, or what perf_event_open() or open() says. */
int open_direct(const OpenRequest *request);
