/* SPDX-License-Identifier: Apache-2.0 */
/* A Profile as JSON */

#include <inttypes.h>

#include "basic/string-util.h"
#include "profile/profile-json.h"
#include "profile/profile-quality.h"
#include "profile/text-writer.h"

static void add_key(TextWriter *w, const char *key) {
        text_addf(w, ",\"%s\":", key);
}

static void add_string(TextWriter *w, const char *key, const char *value) {
        add_key(w, key);
        text_add_json(w, value);
}

static void add_value_types(TextWriter *w, const Profile *p) {
        add_key(w, "value_types");
        for (size_t i = 0; i < profile_n_value_types(p); i++) {
                ProfileValueType t;

                profile_get_value_type(p, i, &t);
                text_add(w, i > 0 ? ",{\"type\":" : "[{\"type\":");
                text_add_json(w, t.type);
                add_string(w, "unit", t.unit);
                text_add(w, "}");
        }
        text_add(w, profile_n_value_types(p) > 0 ? "]" : "[]");
}

static void add_header(TextWriter *w, const Profile *p) {
        ProfileHeader h;

        profile_get_header(p, &h);
        text_addf(w, "{\"time_nsec\":%" PRIi64 ",\"duration_nsec\":%" PRIi64, h.time_nsec,
                  h.duration_nsec);
        text_addf(w, ",\"period\":%" PRIi64 ",\"period_type\":{\"type\":", h.period);
        text_add_json(w, h.period_type.type);
        add_string(w, "unit", h.period_type.unit);
        text_add(w, "}");
        add_string(w, "default_type", h.default_sample_type);
        add_value_types(w, p);
        add_key(w, "comments");
        text_add(w, "[");
        for (size_t i = 0; i < profile_n_comments(p); i++) {
                text_add(w, i > 0 ? "," : "");
                text_add_json(w, profile_get_comment(p, i));
        }
        text_add(w, "]");
}

/* Addresses as text: JSON's numbers end at 2^53. */
static void add_mappings(TextWriter *w, const Profile *p) {
        text_add(w, ",\n\"mappings\":[");
        for (uint32_t i = 0; i < profile_n_mappings(p); i++) {
                ProfileMapping m;

                profile_get_mapping(p, i, &m);
                text_addf(w, "%s\n{\"start\":\"0x%" PRIx64 "\",\"limit\":\"0x%" PRIx64 "\"",
                          i > 0 ? "," : "", m.start, m.limit);
                text_addf(w, ",\"offset\":%" PRIu64, m.offset);
                add_string(w, "file", m.filename);
                add_string(w, "build_id", m.build_id);
                text_addf(w, ",\"kernel\":%s}", profile_mapping_is_kernel(&m) ? "true" : "false");
        }
        text_add(w, "]");
}

static void add_lines(TextWriter *w, const Profile *p, const ProfileLocation *l) {
        for (size_t i = 0; i < l->n_lines; i++) {
                ProfileFunction f;

                profile_get_function(p, l->lines[i].function, &f);
                text_add(w, i > 0 ? ",{\"function\":" : "{\"function\":");
                text_add_json(w, profile_function_display_name(p, l->lines[i].function));
                if (!isempty(f.system_name) && !streq(f.system_name, f.name))
                        add_string(w, "system_name", f.system_name);
                if (!isempty(f.filename))
                        add_string(w, "file", f.filename);
                if (l->lines[i].line != 0)
                        text_addf(w, ",\"line\":%" PRIi64, l->lines[i].line);
                text_add(w, "}");
        }
}

static void add_locations(TextWriter *w, const Profile *p) {
        text_add(w, ",\n\"locations\":[");
        for (uint32_t i = 0; i < profile_n_locations(p); i++) {
                ProfileLocation l;

                profile_get_location(p, i, &l);
                text_addf(w, "%s\n{\"address\":\"0x%" PRIx64 "\",\"mapping\":", i > 0 ? "," : "",
                          l.address);
                if (l.mapping == PROFILE_NONE)
                        text_add(w, "null");
                else
                        text_addf(w, "%" PRIu32, l.mapping);
                text_add(w, ",\"lines\":[");
                add_lines(w, p, &l);
                text_add(w, "]}");
        }
        text_add(w, "]");
}

static void add_labels(TextWriter *w, const ProfileSample *s) {
        for (size_t i = 0; i < s->n_labels; i++) {
                const ProfileLabel *l = &s->labels[i];

                text_add(w, i > 0 ? "," : "");
                text_add_json(w, l->key);
                text_add(w, ":");
                if (l->string)
                        text_add_json(w, l->string);
                else
                        text_addf(w, "%" PRIi64, l->number);
        }
}

static void add_samples(TextWriter *w, Profile *p) {
        text_add(w, ",\n\"samples\":[");
        for (size_t i = 0; i < profile_n_samples(p) && w->error >= 0; i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                text_add(w, i > 0 ? ",\n{\"values\":[" : "\n{\"values\":[");
                for (size_t k = 0; k < profile_n_value_types(p); k++)
                        text_addf(w, k > 0 ? ",%" PRIi64 : "%" PRIi64, s.values[k]);
                text_add(w, "],\"stack\":[");
                for (size_t k = 0; k < s.n_locations; k++)
                        text_addf(w, k > 0 ? ",%" PRIu32 : "%" PRIu32, s.locations[k]);
                text_add(w, "],\"labels\":{");
                add_labels(w, &s);
                text_add(w, "}}");
        }
        text_add(w, "]}\n");
}

int profile_json_encode(Profile *p, char **ret, size_t *ret_size) {
        _cleanup_(text_writer_done) TextWriter w = {};

        add_header(&w, p);
        add_mappings(&w, p);
        add_locations(&w, p);
        add_samples(&w, p);
        return text_writer_take(&w, ret, ret_size);
}
