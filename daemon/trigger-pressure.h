/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Trigger Pressure
 *
 * The kernel's own triggers on the pressure of a cgroup: it wakes us when the limit of a rule is
 * reached, and nothing has to be polled. They come through profilerd-open, for their files belong
 * to root; one lives as long as its event source.
 */

#include <systemd/sd-event.h>

#include "trigger-rule.h"

/* Whether the kernel has triggers on m over windows of this length. */
bool trigger_pressure_is_watchable(TriggerMeasure m, usec_t window_usec);

/*
 * The handler gets EPOLLPRI at most once in each window in which the limit is reached, and EPOLLERR
 * when the cgroup is gone. What is asked for is watchable. Errors: those of opener_open_pressure().
 */
int trigger_pressure_add(sd_event_source **ret,
                         sd_event *event,
                         const char *open_socket,
                         const char *control_group,
                         TriggerMeasure m,
                         double limit,
                         usec_t window_usec,
                         sd_event_io_handler_t handler,
                         void *userdata);
