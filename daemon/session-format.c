/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of Results */

#include "session-format.h"
#include "profile/folded.h"
#include "profile/pprof.h"
#include "profile/profile-json.h"

static const char *const names[_SESSION_FORMAT_MAX] = {
        [SESSION_FORMAT_PPROF] = "pprof",
        [SESSION_FORMAT_FOLDED] = "folded",
        [SESSION_FORMAT_JSON] = "json",
};

SessionFormat session_format_from_string(const char *s) {
        for (int f = 0; f < _SESSION_FORMAT_MAX; f++)
                if (streq(names[f], s))
                        return (SessionFormat) f;
        return _SESSION_FORMAT_INVALID;
}

/* Without what separates them; stops at the limit. Each stack repeats its names, so that a small
 * profile may make a long text. */
static size_t count_folded_bytes(Profile *p) {
        size_t n = 0;

        for (size_t i = 0; i < profile_n_samples(p) && n <= SESSION_TEXT_BYTES_MAX; i++) {
                ProfileSample sample;

                profile_get_sample(p, (uint32_t) i, &sample);
                for (size_t j = 0; j < sample.n_locations; j++) {
                        ProfileLocation location;

                        profile_get_location(p, sample.locations[j], &location);
                        for (size_t k = 0; k < location.n_lines; k++) {
                                ProfileFunction function;

                                profile_get_function(p, location.lines[k].function, &function);
                                n += strlen(function.name);
                        }
                }
        }
        return n;
}

int session_format_encode(SessionFormat f, Profile *p, void **ret, size_t *ret_size) {
        if (f == SESSION_FORMAT_FOLDED && count_folded_bytes(p) > SESSION_TEXT_BYTES_MAX)
                return -EFBIG;
        switch (f) {
        case SESSION_FORMAT_PPROF:
                return pprof_encode(p, (uint8_t **) ret, ret_size);
        case SESSION_FORMAT_FOLDED: /* of samples */
                return folded_encode(p, 0, (char **) ret, ret_size);
        case SESSION_FORMAT_JSON:
                return profile_json_encode(p, (char **) ret, ret_size);
        default:
                return -EINVAL;
        }
}
