/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Objects */

#include <systemd/sd-bus.h>

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "bus/unit-object.h"

static const char valid_characters[] = "0123456789"
                                       "abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       ":-_.\\@";

/* Types of units; only those with an interface run processes. */
static const struct {
        const char *suffix, *interface;
} types[] = {
        { ".service", "org.freedesktop.systemd1.Service" },
        { ".scope", "org.freedesktop.systemd1.Scope" },
        { ".slice", "org.freedesktop.systemd1.Slice" },
        { ".socket", "org.freedesktop.systemd1.Socket" },
        { ".mount", "org.freedesktop.systemd1.Mount" },
        { ".swap", "org.freedesktop.systemd1.Swap" },
        { ".automount", NULL },
        { ".device", NULL },
        { ".path", NULL },
        { ".target", NULL },
        { ".timer", NULL },
};

static bool has_known_suffix(const char *name) {
        const char *dot = strrchr(name, '.');

        for (size_t i = 0; dot && dot > name && i < ELEMENTSOF(types); i++)
                if (streq(dot, types[i].suffix))
                        return true;
        return false;
}

/* "prefix@.type": a template, which is no unit itself. */
static bool is_template(const char *name) {
        const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

        return at && at > name && dot == at + 1;
}

bool unit_object_name_is_valid(const char *name) {
        return strlen(name) <= UNIT_NAME_MAX && has_known_suffix(name) &&
               name[strspn(name, valid_characters)] == '\0' && name[0] != '@' && !is_template(name);
}

const char *unit_object_get_interface(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (endswith(name, types[i].suffix))
                        return types[i].interface;
        return NULL;
}

int unit_object_decode(const char *path, char **ret_name) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = sd_bus_path_decode(path, UNIT_OBJECT_PREFIX, &name);
        if (r <= 0)
                return r;
        if (!unit_object_name_is_valid(name))
                return 0;

        *ret_name = TAKE_PTR(name);
        return 1;
}

int unit_object_encode(const char *name, char **ret_path) {
        int r = sd_bus_path_encode(UNIT_OBJECT_PREFIX, name, ret_path);

        return r < 0 ? r : 1;
}
