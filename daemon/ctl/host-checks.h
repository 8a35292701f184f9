/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Does this host have what sampling needs? Reads below a root directory, so that it can be tested.
 */

#include "ctl/findings.h"

/* Levels of kernel.perf_event_paranoid from which CAP_PERFMON no longer opens events (Debian's 3,
 * Ubuntu's 4): profilerd-open has to. */
#define PARANOID_NEEDS_OPENER 3

/* release: as uname says it, "6.1.0-44-amd64". root: "" for this host. */
void host_check_kernel(Findings *f, const char *root, const char *release);
void host_check_cgroups(Findings *f, const char *root);
void host_check_kernel_names(Findings *f, const char *root);

/* kernel.perf_event_paranoid; -errno. */
int host_read_paranoid(const char *root, int *ret);
