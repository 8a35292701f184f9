/* SPDX-License-Identifier: Apache-2.0 */
/* Live Profile */

#include "ctl/live-profile.h"

void live_profile_done(LiveProfile *l) {
        l->last = profile_free(l->last);
}

static bool is_same_window(const Profile *a, const Profile *b) {
        ProfileHeader x, y;

        profile_get_header(a, &x);
        profile_get_header(b, &y);
        return x.time_nsec == y.time_nsec;
}

int live_profile_advance(LiveProfile *l, Profile *now, Profile **ret) {
        _cleanup_(profile_freep) Profile *fresh = NULL, *old = TAKE_PTR(l->last);
        ProfileValueType types[PROFILE_VALUE_TYPES_MAX];
        bool started = l->started;
        int r;

        l->last = now;
        l->started = true;
        *ret = NULL;
        if (!now || !started)
                return 0;

        for (size_t i = 0; i < profile_n_value_types(now); i++)
                profile_get_value_type(now, i, &types[i]);
        r = profile_new(&fresh, types, profile_n_value_types(now));
        if (r < 0)
                return r;
        r = profile_merge(fresh, now);
        if (r >= 0 && old && is_same_window(old, now)) {
                profile_negate(old);
                r = profile_merge(fresh, old);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(fresh);
        return 0;
}
