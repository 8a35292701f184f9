/* SPDX-License-Identifier: Apache-2.0 */
/* Unit */

#include "unit.h"
#include "basic/string-util.h"
#include "window.h"

static const char *const state_names[_UNIT_STATE_MAX] = {
        [UNIT_NOT_FOUND] = "not-found", [UNIT_INACTIVE] = "inactive", [UNIT_PROFILED] = "profiled",
        [UNIT_EXCLUDED] = "excluded",   [UNIT_FAILED] = "failed",
};

const char *unit_state_to_string(UnitState s) {
        assert(s < _UNIT_STATE_MAX);
        return state_names[s];
}

int unit_new(Unit **ret, Manager *m, const char *name) {
        _cleanup_(unit_freep) Unit *u = NULL;

        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        u->manager = m;
        u->state = UNIT_INACTIVE;
        for (int type = 0; type < _WINDOW_TYPE_MAX; type++) {
                u->windows[type].unit = u;
                u->windows[type].type = (WindowType) type;
        }
        u->name = strdup(name);
        u->active_state = strdup("");
        u->control_group = strdup("");
        if (!u->name || !u->active_state || !u->control_group)
                return -ENOMEM;
        *ret = TAKE_PTR(u);
        return 0;
}

Unit *unit_free(Unit *u) {
        if (!u)
                return NULL;
        for (int type = 0; type < _WINDOW_TYPE_MAX; type++) {
                sd_event_source_disable_unref(u->windows[type].source);
                window_free(u->windows[type].window);
        }
        strv_free(u->aliases);
        free(u->last_profile_path);
        free(u->control_group);
        free(u->active_state);
        free(u->name);
        free(u);
        return NULL;
}

int unit_apply_config(Unit *u, const Config *c) {
        size_t n = strv_length(u->aliases);
        _cleanup_free_ const char **names = NULL;

        names = calloc(n + 2, sizeof(*names));
        if (!names)
                return -ENOMEM;
        names[0] = u->name;
        for (size_t i = 0; i < n; i++)
                names[i + 1] = u->aliases[i];
        config_get_unit_settings(c, names, &u->settings);
        return 0;
}

int unit_set_info(Unit *u, const UnitInfo *info) {
        _cleanup_(strv_freep) char **aliases = NULL;
        int r;

        aliases = strv_copy((char *const *) info->aliases);
        if (!aliases)
                return -ENOMEM;
        r = free_and_strdup(&u->active_state, info->active_state);
        if (r < 0)
                return r;
        r = free_and_strdup(&u->control_group, info->control_group);
        if (r < 0)
                return r;

        strv_free(u->aliases);
        u->aliases = TAKE_PTR(aliases);
        u->main_pid = info->main_pid;
        return 0;
}
