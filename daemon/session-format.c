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

int session_format_encode(SessionFormat f, Profile *p, void **ret, size_t *ret_size) {
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
