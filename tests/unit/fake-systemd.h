/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fake systemd
 *
 * The part of systemd's D-Bus interface that the daemon uses, with units that a test makes up. It
 * counts what it is asked.
 */

#include <systemd/sd-bus.h>

#include "basic/string-util.h"
#include "unit-test.h"

#define SYSTEMD_OWNER "org.freedesktop.systemd1"

enum { FAKE_SYSTEMD_UNITS_MAX = 256 };

typedef struct FakeUnit {
        const char *name, *alias; /* alias may be NULL */
        const char *load_state, *active_state, *control_group;
        uint32_t main_pid;
        uint8_t invocation; /* of its id; 0: none */
} FakeUnit;

typedef struct FakeSystemd {
        sd_bus *bus;
        char *owner; /* of the name, NULL: nobody */
        FakeUnit units[FAKE_SYSTEMD_UNITS_MAX];
        size_t n_units;
        bool fail_listings;
        unsigned n_subscribed, n_listings, n_gets, n_control_group_gets;
} FakeSystemd;

static inline FakeUnit *fake_systemd_find(FakeSystemd *s, const char *name) {
        for (size_t i = 0; i < s->n_units; i++)
                if (streq(s->units[i].name, name) ||
                    (s->units[i].alias && streq(s->units[i].alias, name)))
                        return &s->units[i];
        return NULL;
}

static inline FakeUnit *fake_systemd_add(FakeSystemd *s, FakeUnit u) {
        assert_true(s->n_units < FAKE_SYSTEMD_UNITS_MAX);
        s->units[s->n_units] = u;
        return &s->units[s->n_units++];
}

/* PropertiesChanged as systemd words it, from a sender of the test's choice (NULL: the usual). */
static inline void fake_systemd_signal_change(FakeSystemd *s,
                                              const char *name,
                                              const char *sender) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        const FakeUnit *u = fake_systemd_find(s, name);
        uint8_t id[16];

        memset(id, u->invocation, sizeof(id));
        assert_return_code(sd_bus_path_encode("/org/freedesktop/systemd1/unit", name, &path), 0);
        assert_return_code(sd_bus_message_new_signal(s->bus, &m, path,
                                                     "org.freedesktop.DBus.Properties",
                                                     "PropertiesChanged"),
                           0);
        if (sender)
                assert_return_code(sd_bus_message_set_sender(m, sender), 0);
        assert_return_code(sd_bus_message_append(m, "s", "org.freedesktop.systemd1.Unit"), 0);
        assert_return_code(sd_bus_message_open_container(m, 'a', "{sv}"), 0);
        assert_return_code(sd_bus_message_append(m, "{sv}", "ActiveState", "s", u->active_state),
                           0);
        assert_return_code(sd_bus_message_append(m, "{sv}", "SubState", "s", "running"), 0);
        assert_return_code(sd_bus_message_append(m, "{sv}", "InvocationID", "ay",
                                                 u->invocation ? 16 : 0, id[0], id[1], id[2], id[3],
                                                 id[4], id[5], id[6], id[7], id[8], id[9], id[10],
                                                 id[11], id[12], id[13], id[14], id[15]),
                           0);
        assert_return_code(sd_bus_message_close_container(m), 0);
        assert_return_code(sd_bus_message_append(m, "as", 1, "Conditions"), 0);
        assert_return_code(sd_bus_send(s->bus, m, NULL), 0);
}

static inline void fake_systemd_change(FakeSystemd *s, const char *name) {
        fake_systemd_signal_change(s, name, NULL);
}

static inline void fake_systemd_signal_removed(FakeSystemd *s, const char *name) {
        assert_return_code(sd_bus_emit_signal(s->bus, "/org/freedesktop/systemd1",
                                              "org.freedesktop.systemd1.Manager", "UnitRemoved",
                                              "so", name, "/org/freedesktop/systemd1/unit/x"),
                           0);
}

static inline void fake_systemd_remove(FakeSystemd *s, const char *name) {
        FakeUnit *u = fake_systemd_find(s, name);

        fake_systemd_signal_removed(s, name);
        if (u)
                *u = s->units[--s->n_units];
}

static inline void fake_systemd_signal_reloading(FakeSystemd *s, bool active) {
        assert_return_code(sd_bus_emit_signal(s->bus, "/org/freedesktop/systemd1",
                                              "org.freedesktop.systemd1.Manager", "Reloading", "b",
                                              active),
                           0);
}

/* As the real one does, which says of every unit that it is removed. */
static inline void fake_systemd_reload(FakeSystemd *s) {
        fake_systemd_signal_reloading(s, true);
        for (size_t i = 0; i < s->n_units; i++)
                fake_systemd_signal_removed(s, s->units[i].name);
        fake_systemd_signal_reloading(s, false);
}
