/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stored Profiles for Tests
 *
 * What a manager of profiling-fixture.h has written, read back. All functions fail the test that
 * calls them.
 */

#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "tests/kernel/profiling-fixture.h"

typedef struct Stored {
        StoreEntry *entries; /* by start */
        size_t n;
        char directory[80];
} Stored;

static inline void stored_done(Stored *s) {
        store_entries_free(s->entries, s->n);
}

static inline Stored profiling_list(const Profiling *p, const char *unit) {
        _cleanup_(store_freep) Store *store = NULL;
        char *patterns[] = { (char *) unit, NULL };
        Stored s = {};

        assert_return_code(store_open_reader(&store, p->store), 0);
        assert_return_code(store_list(store, patterns, NULL, 0, USEC_INFINITY, &s.entries, &s.n),
                           0);
        memcpy(s.directory, p->store, sizeof(s.directory));
        return s;
}

static inline Profile *stored_read(const Stored *s, size_t i) {
        const char *reason = "?";
        Profile *profile;
        char path[1024];
        int r;

        assert_true(i < s->n);
        snprintf(path, sizeof(path), "%s/%s", s->directory, s->entries[i].path);
        r = pprof_read_file(AT_FDCWD, path, &profile, &reason);
        if (r < 0)
                fail_msg("%s: %s: %s", path, strerror(-r), reason);
        return profile;
}

/* The name of the function of frame i of a sample, "" if it has none. */
static inline const char *frame_name(const Profile *p, const ProfileSample *sample, size_t i) {
        ProfileLocation location;

        if (i >= sample->n_locations)
                return "";
        profile_get_location(p, sample->locations[i], &location);
        return location.n_lines > 0 ? profile_function_display_name(p, location.lines[0].function)
                                    : "";
}

/* Samples whose stack has the function somewhere. */
static inline uint64_t count_samples_in(Profile *p, const char *function) {
        uint64_t n = 0;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample sample;

                profile_get_sample(p, i, &sample);
                for (size_t k = 0; k < sample.n_locations; k++)
                        if (streq(frame_name(p, &sample, k), function)) {
                                n += (uint64_t) sample.values[0];
                                break;
                        }
        }
        return n;
}
