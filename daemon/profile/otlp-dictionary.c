/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dictionary of OpenTelemetry Profiles
 *
 * Each table is written as it grows, so that only indices have to be remembered. The entries of a
 * profile are different already; what is looked up here are stacks, which many samples share, and
 * attributes.
 */

#include "profile/otlp-dictionary.h"
#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/profile-quality.h"
#include "profile/string-table.h"
#include "profile/table.h"

typedef enum OtlpTable {
        OTLP_MAPPINGS = 1,
        OTLP_LOCATIONS,
        OTLP_FUNCTIONS,
        OTLP_LINKS,
        OTLP_STRINGS,
        OTLP_ATTRIBUTES,
        OTLP_STACKS,
        _OTLP_TABLE_MAX,
} OtlpTable;

enum {
        MAPPING_START = 1,
        MAPPING_LIMIT,
        MAPPING_OFFSET,
        MAPPING_FILENAME,
        MAPPING_ATTRIBUTE_INDICES,

        LOCATION_MAPPING = 1,
        LOCATION_ADDRESS,
        LOCATION_LINES,
        LOCATION_ATTRIBUTE_INDICES,

        LINE_FUNCTION = 1,
        LINE_LINE,

        FUNCTION_NAME = 1,
        FUNCTION_SYSTEM_NAME,
        FUNCTION_FILENAME,
        FUNCTION_START_LINE,

        ATTRIBUTE_KEY = 1,
        ATTRIBUTE_VALUE,
        ATTRIBUTE_UNIT,

        ARRAY_VALUES = 1,

        STACK_LOCATIONS = 1,

        MAPPING_ATTRIBUTES_MAX = 5,
        LOCATION_ATTRIBUTES_MAX = 2,
};

typedef enum AttributeKind {
        ATTRIBUTE_TEXT,
        ATTRIBUTE_NUMBER,
        ATTRIBUTE_BOOLEAN,
        ATTRIBUTE_COMMENTS,
} AttributeKind;

/* Fields are compared as bytes: there is no padding. */
typedef struct AttributeKey {
        uint32_t key, unit, kind, unused;
        uint64_t value; /* a text by its index in texts */
} AttributeKey;

typedef struct Attribute {
        AttributeKey key;
        uint32_t index;
        UT_hash_handle hh;
} Attribute;

typedef struct Stack {
        uint32_t *locations;
        size_t size;
        uint32_t index;
        UT_hash_handle hh;
} Stack;

struct OtlpDictionary {
        Profile *profile;
        bool is_ours; /* written by profilerd: what is not kernel is native */
        ProtobufWriter tables[_OTLP_TABLE_MAX];
        uint32_t sizes[_OTLP_TABLE_MAX];
        StringTable *strings, *texts;
        uint32_t *mappings, *locations, *functions; /* by index of the profile; PROFILE_NONE: new */
        Attribute *attributes;
        Stack *stacks;
        bool keeps_key[3]; /* for each of label_names: the profile uses the other name, too */
};

/* Labels of pprof and what OpenTelemetry calls them. */
static const char *const label_names[][2] = {
        { "pid", "process.pid" },
        { "tid", "thread.id" },
        { "thread", "thread.name" },
};

OtlpDictionary *otlp_dictionary_free(OtlpDictionary *d) {
        Attribute *a, *next_attribute;
        Stack *s, *next_stack;

        if (!d)
                return NULL;
        HASH_ITER (hh, d->attributes, a, next_attribute) {
                HASH_DEL(d->attributes, a);
                free(a);
        }
        HASH_ITER (hh, d->stacks, s, next_stack) {
                HASH_DEL(d->stacks, s);
                free(s->locations);
                free(s);
        }
        for (size_t i = 0; i < ELEMENTSOF(d->tables); i++)
                protobuf_writer_done(&d->tables[i]);
        string_table_free(d->strings);
        string_table_free(d->texts);
        free(d->mappings);
        free(d->locations);
        free(d->functions);
        free(d);
        return NULL;
}

static uint32_t *new_indices(size_t n) {
        uint32_t *indices = malloc(MAX(n, (size_t) 1) * sizeof(*indices));

        for (size_t i = 0; indices && i < n; i++)
                indices[i] = PROFILE_NONE;
        return indices;
}

/* A profile that has both names keeps them apart. */
static void find_label_names(OtlpDictionary *d) {
        for (size_t i = 0; i < profile_n_samples(d->profile); i++) {
                ProfileSample s;

                profile_get_sample(d->profile, i, &s);
                for (size_t k = 0; k < s.n_labels; k++)
                        for (size_t n = 0; n < ELEMENTSOF(label_names); n++)
                                if (streq(s.labels[k].key, label_names[n][1]))
                                        d->keeps_key[n] = true;
        }
}

int otlp_dictionary_new(OtlpDictionary **ret, Profile *p) {
        _cleanup_(otlp_dictionary_freep) OtlpDictionary *d = NULL;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        d->profile = p;
        d->is_ours = profile_get_note(p, "unit");
        r = string_table_new(&d->strings);
        if (r >= 0)
                r = string_table_new(&d->texts);
        if (r < 0)
                return r;
        d->mappings = new_indices(profile_n_mappings(p));
        d->locations = new_indices(profile_n_locations(p));
        d->functions = new_indices(profile_n_functions(p));
        if (!d->mappings || !d->locations || !d->functions)
                return -ENOMEM;

        for (unsigned t = OTLP_MAPPINGS; t < _OTLP_TABLE_MAX; t++) {
                if (t == OTLP_STRINGS)
                        continue;
                protobuf_writer_end(&d->tables[t], protobuf_writer_begin(&d->tables[t], t));
                d->sizes[t] = 1;
        }
        find_label_names(d);
        *ret = TAKE_PTR(d);
        return 0;
}

int otlp_dictionary_add_string(OtlpDictionary *d, const char *s, uint32_t *ret) {
        int r;

        r = string_table_intern(d->strings, s, ret);
        return r < 0 ? r : 0;
}

/* ---- attributes ---- */

static void write_value(OtlpDictionary *d, ProtobufWriter *w, const AttributeKey *key) {
        size_t array;

        switch ((AttributeKind) key->kind) {
        case ATTRIBUTE_TEXT:
                protobuf_writer_add_string(w, OTLP_ANY_STRING,
                                           string_table_get(d->texts, key->value));
                break;
        case ATTRIBUTE_NUMBER:
                protobuf_writer_add_explicit(w, OTLP_ANY_INTEGER, key->value);
                break;
        case ATTRIBUTE_BOOLEAN:
                protobuf_writer_add_explicit(w, OTLP_ANY_BOOLEAN, key->value);
                break;
        case ATTRIBUTE_COMMENTS:
                array = protobuf_writer_begin(w, OTLP_ANY_ARRAY);
                for (size_t i = 0; i < profile_n_comments(d->profile); i++) {
                        size_t value = protobuf_writer_begin(w, ARRAY_VALUES);

                        protobuf_writer_add_string(w, OTLP_ANY_STRING,
                                                   profile_get_comment(d->profile, i));
                        protobuf_writer_end(w, value);
                }
                protobuf_writer_end(w, array);
                break;
        }
}

static int add_attribute(OtlpDictionary *d,
                         const char *name,
                         const char *unit,
                         AttributeKind kind,
                         uint64_t value,
                         uint32_t *ret) {
        AttributeKey key = { .kind = kind, .value = value };
        ProtobufWriter *w = &d->tables[OTLP_ATTRIBUTES];
        size_t begin, any;
        Attribute *a = NULL;
        int r;

        r = otlp_dictionary_add_string(d, name, &key.key);
        if (r >= 0)
                r = otlp_dictionary_add_string(d, unit, &key.unit);
        if (r < 0)
                return r;
        HASH_FIND(hh, d->attributes, &key, sizeof(key), a);
        if (a) {
                *ret = a->index;
                return 0;
        }

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        *a = (Attribute){ .key = key, .index = d->sizes[OTLP_ATTRIBUTES] };
        HASH_ADD(hh, d->attributes, key, sizeof(a->key), a);
        if (!a->hh.tbl) {
                free(a);
                return -ENOMEM;
        }
        d->sizes[OTLP_ATTRIBUTES]++;

        begin = protobuf_writer_begin(w, OTLP_ATTRIBUTES);
        protobuf_writer_add_number(w, ATTRIBUTE_KEY, key.key);
        any = protobuf_writer_begin(w, ATTRIBUTE_VALUE);
        write_value(d, w, &key);
        protobuf_writer_end(w, any);
        protobuf_writer_add_number(w, ATTRIBUTE_UNIT, key.unit);
        protobuf_writer_end(w, begin);
        *ret = a->index;
        return 0;
}

int otlp_dictionary_add_text(OtlpDictionary *d, const char *key, const char *value, uint32_t *ret) {
        uint32_t text;
        int r;

        r = string_table_intern(d->texts, value, &text);
        return r < 0 ? r : add_attribute(d, key, "", ATTRIBUTE_TEXT, text, ret);
}

int otlp_dictionary_add_comments(OtlpDictionary *d, uint32_t *ret) {
        return add_attribute(d, "pprof.profile.comment", "", ATTRIBUTE_COMMENTS, 0, ret);
}

int otlp_dictionary_add_label(OtlpDictionary *d, const ProfileLabel *l, uint32_t *ret) {
        const char *key = l->key, *unit = l->unit ?: "";

        for (size_t i = 0; i < ELEMENTSOF(label_names); i++)
                if (streq(key, label_names[i][0]) && !d->keeps_key[i]) {
                        key = label_names[i][1];
                        unit = ""; /* pprof wants one, OpenTelemetry has none for an id */
                        break;
                }
        if (l->string)
                return otlp_dictionary_add_text(d, key, l->string, ret);
        return add_attribute(d, key, unit, ATTRIBUTE_NUMBER, (uint64_t) l->number, ret);
}

static void write_indices(ProtobufWriter *w, unsigned field, const uint32_t *indices, size_t n) {
        size_t begin;

        if (n == 0)
                return;
        begin = protobuf_writer_begin(w, field);
        for (size_t i = 0; i < n; i++)
                protobuf_writer_add_packed(w, indices[i]);
        protobuf_writer_end(w, begin);
}

/* ---- mappings, functions, locations ---- */

static int add_mapping_attributes(OtlpDictionary *d,
                                  const ProfileMapping *m,
                                  uint32_t indices[static MAPPING_ATTRIBUTES_MAX],
                                  size_t *ret_n) {
        const struct {
                const char *key;
                bool value;
        } flags[] = {
                { "pprof.mapping.has_functions", m->has_functions },
                { "pprof.mapping.has_filenames", m->has_filenames },
                { "pprof.mapping.has_line_numbers", m->has_line_numbers },
                { "pprof.mapping.has_inline_frames", m->has_inline_frames },
        };
        size_t n = 0;
        int r;

        if (!isempty(m->build_id)) {
                r = otlp_dictionary_add_text(d, "process.executable.build_id.gnu", m->build_id,
                                             &indices[n]);
                if (r < 0)
                        return r;
                n++;
        }
        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                if (!flags[i].value)
                        continue;
                r = add_attribute(d, flags[i].key, "", ATTRIBUTE_BOOLEAN, true, &indices[n]);
                if (r < 0)
                        return r;
                n++;
        }
        *ret_n = n;
        return 0;
}

static int add_mapping(OtlpDictionary *d, uint32_t i, uint32_t *ret) {
        ProtobufWriter *w = &d->tables[OTLP_MAPPINGS];
        uint32_t filename, attributes[MAPPING_ATTRIBUTES_MAX];
        size_t begin, n_attributes;
        ProfileMapping m;
        int r;

        if (i == PROFILE_NONE) {
                *ret = 0;
                return 0;
        }
        if (d->mappings[i] == PROFILE_NONE) {
                profile_get_mapping(d->profile, i, &m);
                r = otlp_dictionary_add_string(d, m.filename, &filename);
                if (r < 0)
                        return r;
                r = add_mapping_attributes(d, &m, attributes, &n_attributes);
                if (r < 0)
                        return r;

                if (m.start == 0 && m.limit == 0 && m.offset == 0 && filename == 0 &&
                    n_attributes == 0)
                        d->mappings[i] = 0;
                else {
                        begin = protobuf_writer_begin(w, OTLP_MAPPINGS);
                        protobuf_writer_add_number(w, MAPPING_START, m.start);
                        protobuf_writer_add_number(w, MAPPING_LIMIT, m.limit);
                        protobuf_writer_add_number(w, MAPPING_OFFSET, m.offset);
                        protobuf_writer_add_number(w, MAPPING_FILENAME, filename);
                        write_indices(w, MAPPING_ATTRIBUTE_INDICES, attributes, n_attributes);
                        protobuf_writer_end(w, begin);
                        d->mappings[i] = d->sizes[OTLP_MAPPINGS]++;
                }
        }
        *ret = d->mappings[i];
        return 0;
}

static int add_function(OtlpDictionary *d, uint32_t i, uint32_t *ret) {
        ProtobufWriter *w = &d->tables[OTLP_FUNCTIONS];
        uint32_t name, system_name, filename;
        ProfileFunction f;
        size_t begin;
        int r;

        if (d->functions[i] == PROFILE_NONE) {
                profile_get_function(d->profile, i, &f);
                r = otlp_dictionary_add_string(d, f.name, &name);
                if (r >= 0)
                        r = otlp_dictionary_add_string(d, f.system_name, &system_name);
                if (r >= 0)
                        r = otlp_dictionary_add_string(d, f.filename, &filename);
                if (r < 0)
                        return r;

                if (name == 0 && system_name == 0 && filename == 0 && f.start_line == 0)
                        d->functions[i] = 0;
                else {
                        begin = protobuf_writer_begin(w, OTLP_FUNCTIONS);
                        protobuf_writer_add_number(w, FUNCTION_NAME, name);
                        protobuf_writer_add_number(w, FUNCTION_SYSTEM_NAME, system_name);
                        protobuf_writer_add_number(w, FUNCTION_FILENAME, filename);
                        protobuf_writer_add_number(w, FUNCTION_START_LINE, (uint64_t) f.start_line);
                        protobuf_writer_end(w, begin);
                        d->functions[i] = d->sizes[OTLP_FUNCTIONS]++;
                }
        }
        *ret = d->functions[i];
        return 0;
}

static int add_location_attributes(OtlpDictionary *d,
                                   const ProfileLocation *l,
                                   uint32_t indices[static LOCATION_ATTRIBUTES_MAX],
                                   size_t *ret_n) {
        ProfileMapping m;
        size_t n = 0;
        int r;

        if (l->folded) {
                r = add_attribute(d, "pprof.location.is_folded", "", ATTRIBUTE_BOOLEAN, true,
                                  &indices[n]);
                if (r < 0)
                        return r;
                n++;
        }
        if (d->is_ours && l->mapping != PROFILE_NONE) {
                profile_get_mapping(d->profile, l->mapping, &m);
                r = otlp_dictionary_add_text(d, "profile.frame.type",
                                             profile_mapping_is_kernel(&m) ? "kernel" : "native",
                                             &indices[n]);
                if (r < 0)
                        return r;
                n++;
        }
        *ret_n = n;
        return 0;
}

static void write_location(ProtobufWriter *w,
                           const ProfileLocation *l,
                           uint32_t mapping,
                           const uint32_t *functions,
                           const uint32_t *attributes,
                           size_t n_attributes) {
        size_t begin, line;

        begin = protobuf_writer_begin(w, OTLP_LOCATIONS);
        protobuf_writer_add_number(w, LOCATION_MAPPING, mapping);
        protobuf_writer_add_number(w, LOCATION_ADDRESS, l->address);
        for (size_t k = 0; k < l->n_lines; k++) {
                line = protobuf_writer_begin(w, LOCATION_LINES);
                protobuf_writer_add_number(w, LINE_FUNCTION, functions[k]);
                protobuf_writer_add_number(w, LINE_LINE, (uint64_t) l->lines[k].line);
                protobuf_writer_end(w, line);
        }
        write_indices(w, LOCATION_ATTRIBUTE_INDICES, attributes, n_attributes);
        protobuf_writer_end(w, begin);
}

static int add_location(OtlpDictionary *d, uint32_t i, uint32_t *ret) {
        uint32_t mapping, functions[PROFILE_LINES_MAX], attributes[LOCATION_ATTRIBUTES_MAX];
        ProfileLocation l;
        size_t n_attributes;
        int r;

        if (d->locations[i] == PROFILE_NONE) {
                profile_get_location(d->profile, i, &l);
                r = add_mapping(d, l.mapping, &mapping);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < l.n_lines; k++) {
                        r = add_function(d, l.lines[k].function, &functions[k]);
                        if (r < 0)
                                return r;
                }
                r = add_location_attributes(d, &l, attributes, &n_attributes);
                if (r < 0)
                        return r;

                if (mapping == 0 && l.address == 0 && l.n_lines == 0 && n_attributes == 0)
                        d->locations[i] = 0;
                else {
                        write_location(&d->tables[OTLP_LOCATIONS], &l, mapping, functions,
                                       attributes, n_attributes);
                        d->locations[i] = d->sizes[OTLP_LOCATIONS]++;
                }
        }
        *ret = d->locations[i];
        return 0;
}

/* ---- stacks ---- */

int otlp_dictionary_add_stack(OtlpDictionary *d, const ProfileSample *s, uint32_t *ret) {
        uint32_t locations[PROFILE_STACK_MAX];
        size_t size = s->n_locations * sizeof(locations[0]);
        Stack *stack = NULL;

        if (s->n_locations == 0) {
                *ret = 0;
                return 0;
        }
        for (size_t i = 0; i < s->n_locations; i++) {
                int r;

                r = add_location(d, s->locations[i], &locations[i]);
                if (r < 0)
                        return r;
        }
        HASH_FIND(hh, d->stacks, locations, size, stack);
        if (stack) {
                *ret = stack->index;
                return 0;
        }

        stack = calloc(1, sizeof(*stack));
        if (!stack)
                return -ENOMEM;
        *stack = (Stack){ .locations = malloc(size), .size = size, .index = d->sizes[OTLP_STACKS] };
        if (stack->locations) {
                memcpy(stack->locations, locations, size);
                HASH_ADD_KEYPTR(hh, d->stacks, stack->locations, size, stack);
        }
        if (!stack->hh.tbl) {
                free(stack->locations);
                free(stack);
                return -ENOMEM;
        }
        d->sizes[OTLP_STACKS]++;

        size = protobuf_writer_begin(&d->tables[OTLP_STACKS], OTLP_STACKS);
        write_indices(&d->tables[OTLP_STACKS], STACK_LOCATIONS, locations, s->n_locations);
        protobuf_writer_end(&d->tables[OTLP_STACKS], size);
        *ret = stack->index;
        return 0;
}

int otlp_dictionary_encode(OtlpDictionary *d, ProtobufWriter *w) {
        for (size_t i = 0; i < string_table_size(d->strings); i++)
                protobuf_writer_add_string(&d->tables[OTLP_STRINGS], OTLP_STRINGS,
                                           string_table_get(d->strings, i));
        for (unsigned t = OTLP_MAPPINGS; t < _OTLP_TABLE_MAX; t++)
                protobuf_writer_add_fields(w, &d->tables[t]);
        return w->failed ? -ENOMEM : 0;
}
