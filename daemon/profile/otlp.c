/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenTelemetry Profiles
 *
 * The dictionary comes last in the file, so it is collected while the samples are written. Indices
 * are given out at the first use, which is what keeps it free of unused entries.
 */

#include "profile/otlp.h"
#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/otlp-dictionary.h"
#include "profile/profile-quality.h"

enum {
        PROFILES_DATA_RESOURCE_PROFILES = 1,
        PROFILES_DATA_DICTIONARY,

        RESOURCE_PROFILES_RESOURCE = 1,
        RESOURCE_PROFILES_SCOPE_PROFILES,

        RESOURCE_ATTRIBUTES = 1,

        KEY_VALUE_KEY = 1,
        KEY_VALUE_VALUE,

        SCOPE_PROFILES_SCOPE = 1,
        SCOPE_PROFILES_PROFILES,

        SCOPE_NAME = 1,

        PROFILE_SAMPLE_TYPE = 1,
        PROFILE_SAMPLES,
        PROFILE_TIME,
        PROFILE_DURATION,
        PROFILE_PERIOD_TYPE,
        PROFILE_PERIOD,
        PROFILE_ATTRIBUTE_INDICES = 11,

        VALUE_TYPE_TYPE = 1,
        VALUE_TYPE_UNIT,

        SAMPLE_STACK = 1,
        SAMPLE_ATTRIBUTE_INDICES,
        SAMPLE_LINK,
        SAMPLE_VALUES,
};

static void add_resource_attribute(ProtobufWriter *w, const char *key, const char *value) {
        size_t attribute, any;

        attribute = protobuf_writer_begin(w, RESOURCE_ATTRIBUTES);
        protobuf_writer_add_string(w, KEY_VALUE_KEY, key);
        any = protobuf_writer_begin(w, KEY_VALUE_VALUE);
        protobuf_writer_add_string(w, OTLP_ANY_STRING, value);
        protobuf_writer_end(w, any);
        protobuf_writer_end(w, attribute);
}

/* The value of the comment "KEY: …" if there is just one: a merged profile has one of each part. */
static const char *get_only_note(const Profile *p, const char *key) {
        const char *found = NULL;
        size_t n = strlen(key);

        for (size_t i = 0; i < profile_n_comments(p); i++) {
                const char *c = profile_get_comment(p, i);

                if (!startswith(c, key) || !startswith(c + n, ": "))
                        continue;
                if (found)
                        return NULL;
                found = c + n + 2;
        }
        return isempty(found) ? NULL : found;
}

static bool has_attribute(const OtlpAttribute *attributes, size_t n, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (streq(attributes[i].key, key))
                        return true;
        return false;
}

static int add_resource(ProtobufWriter *w,
                        const Profile *p,
                        const OtlpAttribute *attributes,
                        size_t n_attributes) {
        const char *unit = get_only_note(p, "unit"), *host = get_only_note(p, "host"),
                   *invocation = get_only_note(p, "invocation-id");
        const char *dot = unit ? strrchr(unit, '.') : NULL;
        _cleanup_free_ char *service = NULL;
        size_t resource;

        if (unit) {
                service = dot && dot > unit ? strndup(unit, dot - unit) : strdup(unit);
                if (!service)
                        return -ENOMEM;
        }
        const OtlpAttribute own[] = {
                { "service.name", service },
                { "systemd.unit", unit },
                { "service.instance.id", invocation },
                { "host.name", host },
                { "os.type", "linux" },
        };

        resource = protobuf_writer_begin(w, RESOURCE_PROFILES_RESOURCE);
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                if (own[i].value && !has_attribute(attributes, n_attributes, own[i].key))
                        add_resource_attribute(w, own[i].key, own[i].value);
        for (size_t i = 0; i < n_attributes; i++)
                add_resource_attribute(w, attributes[i].key, attributes[i].value);
        protobuf_writer_end(w, resource);
        return 0;
}

static int add_value_type(OtlpDictionary *d,
                          ProtobufWriter *w,
                          unsigned field,
                          const ProfileValueType *t) {
        uint32_t type, unit;
        size_t begin;
        int r;

        r = otlp_dictionary_add_string(d, t->type, &type);
        if (r >= 0)
                r = otlp_dictionary_add_string(d, t->unit, &unit);
        if (r < 0)
                return r;
        begin = protobuf_writer_begin(w, field);
        protobuf_writer_add_number(w, VALUE_TYPE_TYPE, type);
        protobuf_writer_add_number(w, VALUE_TYPE_UNIT, unit);
        protobuf_writer_end(w, begin);
        return 0;
}

static int add_sample(OtlpDictionary *d, ProtobufWriter *w, const ProfileSample *s, int64_t value) {
        uint32_t attributes[PROFILE_LABELS_MAX], stack;
        size_t sample, begin;
        int r;

        r = otlp_dictionary_add_stack(d, s, &stack);
        if (r < 0)
                return r;
        for (size_t i = 0; i < s->n_labels; i++) {
                r = otlp_dictionary_add_label(d, &s->labels[i], &attributes[i]);
                if (r < 0)
                        return r;
        }

        sample = protobuf_writer_begin(w, PROFILE_SAMPLES);
        protobuf_writer_add_number(w, SAMPLE_STACK, stack);
        if (s->n_labels > 0) {
                begin = protobuf_writer_begin(w, SAMPLE_ATTRIBUTE_INDICES);
                for (size_t i = 0; i < s->n_labels; i++)
                        protobuf_writer_add_packed(w, attributes[i]);
                protobuf_writer_end(w, begin);
        }
        begin = protobuf_writer_begin(w, SAMPLE_VALUES);
        protobuf_writer_add_packed(w, (uint64_t) value);
        protobuf_writer_end(w, begin);
        protobuf_writer_end(w, sample);
        return 0;
}

/* Comments and the like of pprof have no field: they are attributes of the profile. */
static int add_profile_attributes(OtlpDictionary *d, ProtobufWriter *w, const Profile *p) {
        uint32_t indices[PROFILE_COMMENTS_MAX + 3];
        ProfileHeader h;
        size_t n = 0, begin;
        int r;

        profile_get_header(p, &h);
        const struct {
                const char *key, *value;
        } texts[] = {
                { "pprof.profile.doc_url", h.doc_url },
                { "pprof.profile.drop_frames", h.drop_frames },
                { "pprof.profile.keep_frames", h.keep_frames },
        };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                if (isempty(texts[i].value))
                        continue;
                r = otlp_dictionary_add_text(d, texts[i].key, texts[i].value, &indices[n]);
                if (r < 0)
                        return r;
                n++;
        }
        if (profile_n_comments(p) > 0) {
                r = otlp_dictionary_add_comments(d, &indices[n]);
                if (r < 0)
                        return r;
                n++;
        }
        if (n == 0)
                return 0;
        begin = protobuf_writer_begin(w, PROFILE_ATTRIBUTE_INDICES);
        for (size_t i = 0; i < n; i++)
                protobuf_writer_add_packed(w, indices[i]);
        protobuf_writer_end(w, begin);
        return 0;
}

static int add_profile(OtlpDictionary *d, ProtobufWriter *w, Profile *p, size_t value_type) {
        ProfileValueType type;
        ProfileHeader h;
        size_t profile;
        int r;

        profile_get_header(p, &h);
        profile_get_value_type(p, value_type, &type);
        profile = protobuf_writer_begin(w, SCOPE_PROFILES_PROFILES);
        r = add_value_type(d, w, PROFILE_SAMPLE_TYPE, &type);
        if (r < 0)
                return r;
        for (size_t i = 0; i < profile_n_samples(p) && !w->failed; i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                if (s.values[value_type] == 0)
                        continue;
                r = add_sample(d, w, &s, s.values[value_type]);
                if (r < 0)
                        return r;
        }
        if (h.time_nsec > 0)
                protobuf_writer_add_fixed64(w, PROFILE_TIME, (uint64_t) h.time_nsec);
        if (h.duration_nsec > 0)
                protobuf_writer_add_number(w, PROFILE_DURATION, (uint64_t) h.duration_nsec);
        if (!isempty(h.period_type.type) || !isempty(h.period_type.unit)) {
                r = add_value_type(d, w, PROFILE_PERIOD_TYPE, &h.period_type);
                if (r < 0)
                        return r;
        }
        protobuf_writer_add_number(w, PROFILE_PERIOD, (uint64_t) h.period);
        r = add_profile_attributes(d, w, p);
        if (r < 0)
                return r;
        protobuf_writer_end(w, profile);
        return 0;
}

static int add_scope(OtlpDictionary *d, ProtobufWriter *w, Profile *p) {
        size_t scope_profiles, scope;

        scope_profiles = protobuf_writer_begin(w, RESOURCE_PROFILES_SCOPE_PROFILES);
        scope = protobuf_writer_begin(w, SCOPE_PROFILES_SCOPE);
        protobuf_writer_add_string(w, SCOPE_NAME, "profilerd");
        protobuf_writer_end(w, scope);
        for (size_t i = 0; i < profile_n_value_types(p); i++) {
                int r;

                r = add_profile(d, w, p, i);
                if (r < 0)
                        return r;
        }
        protobuf_writer_end(w, scope_profiles);
        return 0;
}

static void writer_done(ProtobufWriter *w) {
        protobuf_writer_done(w);
}

int otlp_encode(Profile *p, uint8_t **ret, size_t *ret_size) {
        return otlp_encode_with(p, NULL, 0, ret, ret_size);
}

int otlp_encode_with(Profile *p,
                     const OtlpAttribute *attributes,
                     size_t n_attributes,
                     uint8_t **ret,
                     size_t *ret_size) {
        _cleanup_(otlp_dictionary_freep) OtlpDictionary *d = NULL;
        _cleanup_(writer_done) ProtobufWriter w = {};
        size_t begin;
        int r;

        r = otlp_dictionary_new(&d, p);
        if (r < 0)
                return r;
        begin = protobuf_writer_begin(&w, PROFILES_DATA_RESOURCE_PROFILES);
        r = add_resource(&w, p, attributes, n_attributes);
        if (r < 0)
                return r;
        r = add_scope(d, &w, p);
        if (r < 0)
                return r;
        protobuf_writer_end(&w, begin);

        begin = protobuf_writer_begin(&w, PROFILES_DATA_DICTIONARY);
        r = otlp_dictionary_encode(d, &w);
        if (r < 0)
                return r;
        protobuf_writer_end(&w, begin);
        if (w.failed)
                return -ENOMEM;

        *ret_size = w.size;
        *ret = TAKE_PTR(w.data);
        return 0;
}
