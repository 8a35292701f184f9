/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fake systemd on the Bus
 *
 * Its methods and properties, answered from the units of fake-systemd.h.
 */

#include "basic/unit-name.h"
#include "fake-systemd.h"

static inline int fake_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_) {
        FakeSystemd *s = userdata;

        s->n_subscribed++;
        return sd_bus_reply_method_return(m, NULL);
}

static inline int fake_append(sd_bus_message *reply, const FakeUnit *u) {
        return sd_bus_message_append(reply, "(ssssssouso)", u->name, "", u->load_state,
                                     u->active_state, "", "", "/", 0, "", "/");
}

static inline int fake_list_names(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        FakeSystemd *s = userdata;
        const char *name;

        s->n_listings++;
        if (s->fail_listings)
                return sd_bus_error_set(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "No.");
        assert_return_code(sd_bus_message_new_method_return(m, &reply), 0);
        assert_return_code(sd_bus_message_open_container(reply, 'a', "(ssssssouso)"), 0);
        assert_return_code(sd_bus_message_enter_container(m, 'a', "s"), 0);
        while (sd_bus_message_read(m, "s", &name) > 0) {
                const FakeUnit *u = fake_systemd_find(s, name);

                assert_return_code(
                        fake_append(reply, u
                                                   ?: &(FakeUnit){ .name = name,
                                                                   .load_state = "not-found",
                                                                   .active_state = "inactive" }),
                        0);
        }
        assert_return_code(sd_bus_message_close_container(reply), 0);
        return sd_bus_send(NULL, reply, NULL);
}

/* The real one matches; what it lists too much is no harm to show here. */
static inline int fake_list_patterns(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(strv_freep) char **globs = NULL;
        FakeSystemd *s = userdata;

        s->n_listings++;
        if (s->fail_listings)
                return sd_bus_error_set(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "No.");
        assert_return_code(sd_bus_message_skip(m, "as"), 0);
        assert_return_code(sd_bus_message_read_strv(m, &globs), 0);
        assert_true(strv_length(globs) > 0);
        assert_return_code(sd_bus_message_new_method_return(m, &reply), 0);
        assert_return_code(sd_bus_message_open_container(reply, 'a', "(ssssssouso)"), 0);
        for (size_t i = 0; i < s->n_units; i++)
                if (unit_patterns_match((const char *const *) globs,
                                        (const char *const[]){ s->units[i].name, NULL }))
                        assert_return_code(fake_append(reply, &s->units[i]), 0);
        assert_return_code(sd_bus_message_close_container(reply), 0);
        return sd_bus_send(NULL, reply, NULL);
}

static inline int fake_find_object(sd_bus *bus _unused_,
                                   const char *path,
                                   const char *interface _unused_,
                                   void *userdata,
                                   void **ret,
                                   sd_bus_error *e _unused_) {
        _cleanup_free_ char *name = NULL;

        if (sd_bus_path_decode(path, "/org/freedesktop/systemd1/unit", &name) <= 0)
                return 0;
        *ret = userdata;
        return fake_systemd_find(userdata, name) ? 1 : 0;
}

static inline int fake_property(sd_bus *bus _unused_,
                                const char *path,
                                const char *interface _unused_,
                                const char *property,
                                sd_bus_message *reply,
                                void *userdata,
                                sd_bus_error *e _unused_) {
        _cleanup_free_ char *name = NULL;
        FakeSystemd *s = userdata;
        uint8_t id[16];
        FakeUnit *u;

        assert_return_code(sd_bus_path_decode(path, "/org/freedesktop/systemd1/unit", &name), 0);
        u = fake_systemd_find(s, name);
        assert_non_null(u);
        s->n_gets++;
        if (streq(property, "ActiveState"))
                return sd_bus_message_append(reply, "s", u->active_state);
        if (streq(property, "MainPID"))
                return sd_bus_message_append(reply, "u", u->main_pid);
        if (streq(property, "Names"))
                return sd_bus_message_append(reply, "as", u->alias ? 2 : 1, u->name,
                                             u->alias ?: "");
        if (streq(property, "InvocationID")) {
                memset(id, u->invocation, sizeof(id));
                return sd_bus_message_append_array(reply, 'y', id, u->invocation ? sizeof(id) : 0);
        }
        s->n_control_group_gets++;
        return sd_bus_message_append(reply, "s", u->control_group ?: "");
}

static inline int fake_get_owner(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        FakeSystemd *s = userdata;

        if (!s->owner)
                return sd_bus_error_set(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER, "Nobody.");
        return sd_bus_reply_method_return(m, "s", s->owner);
}

/* clang-format off */
static const sd_bus_vtable fake_manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Subscribe", NULL, NULL, fake_subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListUnitsByNames", "as", "a(ssssssouso)", fake_list_names, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListUnitsByPatterns", "asas", "a(ssssssouso)", fake_list_patterns, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable fake_unit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("ActiveState", "s", fake_property, 0, 0),
        SD_BUS_PROPERTY("InvocationID", "ay", fake_property, 0, 0),
        SD_BUS_PROPERTY("Names", "as", fake_property, 0, 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable fake_service_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("ControlGroup", "s", fake_property, 0, 0),
        SD_BUS_PROPERTY("MainPID", "u", fake_property, 0, 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable fake_driver_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("GetNameOwner", "s", "s", fake_get_owner, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

static inline void fake_systemd_export(FakeSystemd *s) {
        assert_return_code(sd_bus_add_object_vtable(s->bus, NULL, "/org/freedesktop/systemd1",
                                                    "org.freedesktop.systemd1.Manager",
                                                    fake_manager_vtable, s),
                           0);
        assert_return_code(sd_bus_add_fallback_vtable(s->bus, NULL,
                                                      "/org/freedesktop/systemd1/unit",
                                                      "org.freedesktop.systemd1.Unit",
                                                      fake_unit_vtable, fake_find_object, s),
                           0);
        assert_return_code(sd_bus_add_fallback_vtable(s->bus, NULL,
                                                      "/org/freedesktop/systemd1/unit",
                                                      "org.freedesktop.systemd1.Service",
                                                      fake_service_vtable, fake_find_object, s),
                           0);
}

/* On a connection without a bus daemon, its part is to be played too. */
static inline void fake_systemd_export_driver(FakeSystemd *s) {
        assert_return_code(sd_bus_add_object_vtable(s->bus, NULL, "/org/freedesktop/DBus",
                                                    "org.freedesktop.DBus", fake_driver_vtable, s),
                           0);
}
