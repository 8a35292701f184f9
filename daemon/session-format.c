/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of Results */

#include "session-format.h"
#include "profile/folded.h"
#include "profile/pprof.h"
#include "profile/profile-json.h"
#include "profile/text-writer.h"
#include "window-type.h"

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

/* A root of all stacks with this value. */
static int add_below(TextWriter *w, Profile *p, int value_type, const char *root) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = folded_encode(p, (size_t) value_type, &text, &size);
        if (r < 0)
                return r;
        for (const char *line = text, *end; line < text + size; line = end + 1) {
                end = memchr(line, '\n', (size_t) (text + size - line));
                if (!end)
                        break;
                text_addf(w, "%s;", root);
                text_add_bytes(w, line, (size_t) (end + 1 - line));
        }
        return w->error;
}

/* How often a thread blocks says little, how long it waits does: so waits are in nanoseconds, and
 * so is what stands beside them. */
static int encode_folded(Profile *p, char **ret, size_t *ret_size) {
        const char *cpu_name = window_type_to_string(WINDOW_CPU);
        const char *waits_name = window_type_to_string(WINDOW_OFF_CPU);
        int cpu = profile_find_value_type(p, cpu_name);
        int waits = profile_find_value_type(p, waits_name), r;
        _cleanup_(text_writer_done) TextWriter w = {};

        if (waits < 0)
                return folded_encode(p, 0, ret, ret_size);
        if (cpu < 0)
                return folded_encode(p, (size_t) waits, ret, ret_size);
        r = add_below(&w, p, cpu, cpu_name);
        if (r >= 0)
                r = add_below(&w, p, waits, waits_name);
        return r < 0 ? r : text_writer_take(&w, ret, ret_size);
}

int session_format_encode(SessionFormat f, Profile *p, void **ret, size_t *ret_size) {
        if (f == SESSION_FORMAT_FOLDED && count_folded_bytes(p) > SESSION_TEXT_BYTES_MAX)
                return -EFBIG;
        switch (f) {
        case SESSION_FORMAT_PPROF:
                return pprof_encode(p, (uint8_t **) ret, ret_size);
        case SESSION_FORMAT_FOLDED:
                return encode_folded(p, (char **) ret, ret_size);
        case SESSION_FORMAT_JSON:
                return profile_json_encode(p, (char **) ret, ret_size);
        default:
                return -EINVAL;
        }
}
