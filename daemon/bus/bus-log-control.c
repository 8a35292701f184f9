/* SPDX-License-Identifier: Apache-2.0 */
/* Log Control on the Bus */

#include "bus/bus-log-control.h"
#include "basic/log.h"

static int property_level(sd_bus *bus _unused_,
                          const char *path _unused_,
                          const char *interface _unused_,
                          const char *property _unused_,
                          sd_bus_message *reply,
                          void *userdata _unused_,
                          sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", log_level_to_string(log_get_max_level()));
}

static int set_level(sd_bus *bus _unused_,
                     const char *path _unused_,
                     const char *interface _unused_,
                     const char *property _unused_,
                     sd_bus_message *value,
                     void *userdata _unused_,
                     sd_bus_error *error) {
        const char *s;
        int r, level;

        r = sd_bus_message_read(value, "s", &s);
        if (r < 0)
                return r;
        level = log_level_from_string(s);
        if (level < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "No such log level.");
        log_set_max_level(level);
        return 0;
}

static int property_target(sd_bus *bus _unused_,
                           const char *path _unused_,
                           const char *interface _unused_,
                           const char *property _unused_,
                           sd_bus_message *reply,
                           void *userdata _unused_,
                           sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", log_get_target());
}

static int set_target(sd_bus *bus _unused_,
                      const char *path _unused_,
                      const char *interface _unused_,
                      const char *property _unused_,
                      sd_bus_message *value,
                      void *userdata _unused_,
                      sd_bus_error *error) {
        const char *s;
        int r;

        r = sd_bus_message_read(value, "s", &s);
        if (r < 0)
                return r;
        if (log_set_target(s) < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "No such log target.");
        return 0;
}

static int property_identifier(sd_bus *bus _unused_,
                               const char *path _unused_,
                               const char *interface _unused_,
                               const char *property _unused_,
                               sd_bus_message *reply,
                               void *userdata _unused_,
                               sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", program_invocation_short_name);
}

static const sd_bus_vtable log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", property_level, set_level, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", property_target, set_target, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", property_identifier, 0, 0),
        SD_BUS_VTABLE_END,
};

int bus_log_control_attach(sd_bus *bus) {
        return sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/LogControl1",
                                        "org.freedesktop.LogControl1", log_control_vtable, NULL);
}
