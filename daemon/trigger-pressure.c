/* SPDX-License-Identifier: Apache-2.0 */
/* Trigger Pressure */

#include "trigger-pressure.h"
#include "open/opener.h"

static OpenPressure resource_of(TriggerMeasure m) {
        switch (m) {
        case TRIGGER_CPU_PRESSURE:
                return OPEN_PRESSURE_CPU;
        case TRIGGER_MEMORY_PRESSURE:
                return OPEN_PRESSURE_MEMORY;
        case TRIGGER_IO_PRESSURE:
                return OPEN_PRESSURE_IO;
        default:
                return _OPEN_PRESSURE_MAX;
        }
}

bool trigger_pressure_is_watchable(TriggerMeasure m, usec_t window_usec) {
        return resource_of(m) != _OPEN_PRESSURE_MAX && window_usec > 0 &&
               window_usec <= OPEN_PRESSURE_WINDOW_MAX_USEC &&
               window_usec % OPEN_PRESSURE_WINDOW_STEP_USEC == 0;
}

int trigger_pressure_add(sd_event_source **ret,
                         sd_event *event,
                         const char *open_socket,
                         const char *control_group,
                         TriggerMeasure m,
                         double limit,
                         usec_t window_usec,
                         sd_event_io_handler_t handler,
                         void *userdata) {
        OpenPressureRequest request = {
                .magic = OPEN_PRESSURE_MAGIC,
                .resource = resource_of(m),
                .stall_usec = (uint32_t) MAX(limit * (double) window_usec, 1.0),
                .window_usec = (uint32_t) window_usec,
        };
        _cleanup_close_ int fd = -EBADF;
        int r;

        assert(trigger_pressure_is_watchable(m, window_usec));
        if (strlen(control_group) >= sizeof(request.control_group))
                return -ENAMETOOLONG;
        strcpy(request.control_group, control_group);
        fd = opener_open_pressure(open_socket, &request);
        if (fd < 0)
                return fd;
        r = sd_event_add_io(event, ret, fd, EPOLLPRI, handler, userdata);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(*ret, true);
        if (r < 0) {
                *ret = sd_event_source_disable_unref(*ret);
                return r;
        }
        TAKE_FD(fd);
        return 0;
}
