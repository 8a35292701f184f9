/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of profilerctl export */

#include "view/export-format.h"
#include "basic/string-util.h"
#include "profile/firefox.h"
#include "profile/folded.h"
#include "profile/otlp.h"
#include "profile/pprof.h"
#include "profile/profile-json.h"
#include "profile/speedscope.h"

static const struct {
        const char *name;
        bool binary;
        const char *consumer;
} formats[] = {
        [EXPORT_FORMAT_PPROF] = { "pprof", true, "go tool pprof" },
        [EXPORT_FORMAT_FOLDED] = { "folded", false, "flamegraph.pl and inferno" },
        [EXPORT_FORMAT_SPEEDSCOPE] = { "speedscope", false, "speedscope.app" },
        [EXPORT_FORMAT_FIREFOX] = { "firefox", false, "profiler.firefox.com" },
        [EXPORT_FORMAT_JSON] = { "json", false, "jq" },
        [EXPORT_FORMAT_OTLP] = { "otlp", true, "an OpenTelemetry Collector" },
};

ExportFormat export_format_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                if (streq(s, formats[i].name))
                        return (ExportFormat) i;
        return _EXPORT_FORMAT_INVALID;
}

const char *export_format_to_string(ExportFormat f) {
        return formats[f].name;
}

bool export_format_is_binary(ExportFormat f) {
        return formats[f].binary;
}

const char *export_format_consumer(ExportFormat f) {
        return formats[f].consumer;
}

ExportFormat export_format_from_path(const char *path) {
        static const struct {
                const char *suffix;
                ExportFormat format;
        } suffixes[] = {
                { ".speedscope.json", EXPORT_FORMAT_SPEEDSCOPE },
                { ".firefox.json", EXPORT_FORMAT_FIREFOX },
                { ".json", EXPORT_FORMAT_JSON },
                { ".folded", EXPORT_FORMAT_FOLDED },
                { ".txt", EXPORT_FORMAT_FOLDED },
                { ".otlp", EXPORT_FORMAT_OTLP },
        };

        for (size_t i = 0; path && i < ELEMENTSOF(suffixes); i++)
                if (endswith(path, suffixes[i].suffix))
                        return suffixes[i].format;
        return EXPORT_FORMAT_PPROF;
}

/* Readers fail on a default that is none of the types; other profilers write such files. */
static int encode_pprof(Profile *p, char **ret, size_t *ret_size) {
        ProfileHeader h;
        int r;

        profile_get_header(p, &h);
        if (!isempty(h.default_sample_type) &&
            profile_find_value_type(p, h.default_sample_type) < 0) {
                h.default_sample_type = "";
                r = profile_set_header(p, &h);
                if (r < 0)
                        return r;
        }
        return pprof_encode(p, (uint8_t **) ret, ret_size);
}

/* Firefox shows weights as numbers of samples, and nothing else. */
static size_t count_type(const Profile *p, size_t value_type) {
        int r;

        r = profile_find_value_type(p, "samples");
        return r >= 0 ? (size_t) r : value_type;
}

int export_encode(ExportFormat f,
                  Profile *p,
                  size_t value_type,
                  const char *title,
                  char **ret,
                  size_t *ret_size) {
        switch (f) {
        case EXPORT_FORMAT_PPROF:
                return encode_pprof(p, ret, ret_size);
        case EXPORT_FORMAT_FOLDED:
                return folded_encode(p, value_type, ret, ret_size);
        case EXPORT_FORMAT_SPEEDSCOPE:
                return speedscope_encode(p, value_type, title, ret, ret_size);
        case EXPORT_FORMAT_FIREFOX:
                return firefox_encode(p, count_type(p, value_type), title, ret, ret_size);
        case EXPORT_FORMAT_JSON:
                return profile_json_encode(p, ret, ret_size);
        case EXPORT_FORMAT_OTLP:
                return otlp_encode(p, (uint8_t **) ret, ret_size);
        default:
                return -EINVAL;
        }
}
