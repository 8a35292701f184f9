/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Live Profile
 *
 * A window that is asked for again and again only grows: what is new is the difference between two
 * of its states. When another window has begun, all that it holds is new.
 */

#include "profile/profile.h"

typedef struct LiveProfile {
        Profile *last; /* NULL: no window was open */
        bool started;
} LiveProfile;

void live_profile_done(LiveProfile *l);

/* Takes now (NULL: no window is open). *ret is what came since the last call; NULL: it was the
 * first one, or nothing is open. */
int live_profile_advance(LiveProfile *l, Profile *now, Profile **ret);
