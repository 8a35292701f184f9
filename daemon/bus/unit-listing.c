/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Listing */

#include "bus/unit-listing.h"
#include "basic/string-util.h"
#include "bus/unit-object.h"

static int new_call(sd_bus *bus, const char *method, sd_bus_message **ret) {
        return sd_bus_message_new_method_call(bus, ret, "org.freedesktop.systemd1",
                                              "/org/freedesktop/systemd1",
                                              "org.freedesktop.systemd1.Manager", method);
}

int unit_listing_by_names(sd_bus *bus,
                          sd_bus_slot **ret_slot,
                          char *const *names,
                          sd_bus_message_handler_t on_reply,
                          void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = new_call(bus, "ListUnitsByNames", &message);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(message, 'a', "s");
        if (r < 0)
                return r;
        for (; *names; names++) {
                if (!unit_object_name_is_valid(*names))
                        continue;
                r = sd_bus_message_append(message, "s", *names);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(message);
        if (r < 0)
                return r;
        return sd_bus_call_async(bus, ret_slot, message, on_reply, userdata, 0);
}

int unit_listing_by_globs(sd_bus *bus,
                          sd_bus_slot **ret_slot,
                          char *const *globs,
                          sd_bus_message_handler_t on_reply,
                          void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = new_call(bus, "ListUnitsByPatterns", &message);
        if (r < 0)
                return r;
        r = sd_bus_message_append(message, "as", 0); /* in any state */
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(message, (char **) globs);
        if (r < 0)
                return r;
        return sd_bus_call_async(bus, ret_slot, message, on_reply, userdata, 0);
}

int unit_listing_open(sd_bus_message *reply) {
        if (sd_bus_message_is_method_error(reply, NULL))
                return -sd_bus_message_get_errno(reply);
        return sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
}

int unit_listing_next(sd_bus_message *reply, UnitListed *ret) {
        return sd_bus_message_read(reply, "(ssssssouso)", &ret->name, NULL, &ret->load_state,
                                   &ret->active_state, NULL, NULL, NULL, NULL, NULL, NULL);
}

bool unit_listed_is_dead(const UnitListed *l) {
        return streq(l->active_state, "inactive") || streq(l->active_state, "failed");
}
