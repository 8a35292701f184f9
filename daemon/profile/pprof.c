/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing pprof
 *
 * Fields ascend, and strings are interned in the order in which pprof itself meets them. Numbers
 * that are 0 are what a reader assumes, and are not written.
 */

#include "profile/pprof.h"
#include "profile/gzip.h"
#include "profile/pprof-fields.h"
#include "profile/pprof-order.h"
#include "profile/protobuf-writer.h"
#include "profile/string-table.h"

typedef struct Encoder {
        Profile *profile;
        PprofOrder order;
        ProtobufWriter writer;
        uint32_t *string_indices; /* in the file, by index in the profile; 0: not used, or "" */
        const char **strings;     /* of the file */
        size_t n_strings;
} Encoder;

static void encoder_done(Encoder *e) {
        pprof_order_done(&e->order);
        protobuf_writer_done(&e->writer);
        free(e->string_indices);
        free(e->strings);
}

static int encoder_init(Encoder *e, Profile *p) {
        size_t n = profile_n_strings(p);

        *e = (Encoder){ .profile = p };
        e->string_indices = calloc(n, sizeof(uint32_t));
        e->strings = calloc(n, sizeof(char *));
        if (!e->string_indices || !e->strings)
                return -ENOMEM;
        e->strings[e->n_strings++] = "";
        return pprof_order_init(&e->order, p);
}

/* s is a string of the profile. */
static uint32_t string_index(Encoder *e, const char *s) {
        uint32_t i = string_table_index_of(s);

        if (i != 0 && e->string_indices[i] == 0) {
                e->string_indices[i] = e->n_strings;
                e->strings[e->n_strings++] = s;
        }
        return e->string_indices[i];
}

static void write_string_index(Encoder *e, unsigned field, const char *s) {
        protobuf_writer_add_number(&e->writer, field, string_index(e, s));
}

static void write_value_type(Encoder *e, unsigned field, uint32_t type, uint32_t unit) {
        size_t begin = protobuf_writer_begin(&e->writer, field);

        protobuf_writer_add_number(&e->writer, VALUE_TYPE_TYPE, type);
        protobuf_writer_add_number(&e->writer, VALUE_TYPE_UNIT, unit);
        protobuf_writer_end(&e->writer, begin);
}

static void write_sample_types(Encoder *e) {
        for (size_t i = 0; i < profile_n_value_types(e->profile); i++) {
                ProfileValueType t;
                uint32_t type;

                profile_get_value_type(e->profile, i, &t);
                type = string_index(e, t.type);
                write_value_type(e, PROFILE_SAMPLE_TYPE, type, string_index(e, t.unit));
        }
}

static void write_label(Encoder *e, const ProfileLabel *l) {
        size_t begin = protobuf_writer_begin(&e->writer, SAMPLE_LABEL);

        write_string_index(e, LABEL_KEY, l->key);
        if (l->string)
                write_string_index(e, LABEL_STR, l->string);
        else {
                protobuf_writer_add_number(&e->writer, LABEL_NUM, l->number);
                write_string_index(e, LABEL_NUM_UNIT, l->unit);
        }
        protobuf_writer_end(&e->writer, begin);
}

static void write_sample(Encoder *e, const ProfileSample *s) {
        ProtobufWriter *w = &e->writer;
        size_t begin = protobuf_writer_begin(w, PROFILE_SAMPLE), packed;

        if (s->n_locations > 0) {
                packed = protobuf_writer_begin(w, SAMPLE_LOCATION_ID);
                for (size_t i = 0; i < s->n_locations; i++)
                        protobuf_writer_add_packed(w, e->order.locations.ids[s->locations[i]]);
                protobuf_writer_end(w, packed);
        }

        packed = protobuf_writer_begin(w, SAMPLE_VALUE);
        for (size_t i = 0; i < profile_n_value_types(e->profile); i++)
                protobuf_writer_add_packed(w, s->values[i]);
        protobuf_writer_end(w, packed);

        for (size_t i = 0; i < s->n_labels; i++)
                write_label(e, &s->labels[i]);
        protobuf_writer_end(w, begin);
}

static void write_samples(Encoder *e) {
        for (size_t i = 0; i < e->order.n_samples; i++) {
                ProfileSample s;

                profile_get_sample(e->profile, e->order.samples[i], &s);
                write_sample(e, &s);
        }
}

static void write_mappings(Encoder *e) {
        ProtobufWriter *w = &e->writer;

        for (size_t i = 0; i < e->order.mappings.n; i++) {
                size_t begin = protobuf_writer_begin(w, PROFILE_MAPPING);
                ProfileMapping m;

                profile_get_mapping(e->profile, e->order.mappings.order[i], &m);
                protobuf_writer_add_number(w, MAPPING_ID, i + 1);
                protobuf_writer_add_number(w, MAPPING_START, m.start);
                protobuf_writer_add_number(w, MAPPING_LIMIT, m.limit);
                protobuf_writer_add_number(w, MAPPING_OFFSET, m.offset);
                write_string_index(e, MAPPING_FILENAME, m.filename);
                write_string_index(e, MAPPING_BUILD_ID, m.build_id);
                protobuf_writer_add_number(w, MAPPING_HAS_FUNCTIONS, m.has_functions);
                protobuf_writer_add_number(w, MAPPING_HAS_FILENAMES, m.has_filenames);
                protobuf_writer_add_number(w, MAPPING_HAS_LINE_NUMBERS, m.has_line_numbers);
                protobuf_writer_add_number(w, MAPPING_HAS_INLINE_FRAMES, m.has_inline_frames);
                protobuf_writer_end(w, begin);
        }
}

static void write_locations(Encoder *e) {
        ProtobufWriter *w = &e->writer;

        for (size_t i = 0; i < e->order.locations.n; i++) {
                size_t begin = protobuf_writer_begin(w, PROFILE_LOCATION);
                ProfileLocation l;

                profile_get_location(e->profile, e->order.locations.order[i], &l);
                protobuf_writer_add_number(w, LOCATION_ID, i + 1);
                if (l.mapping != PROFILE_NONE)
                        protobuf_writer_add_number(w, LOCATION_MAPPING_ID,
                                                   e->order.mappings.ids[l.mapping]);
                protobuf_writer_add_number(w, LOCATION_ADDRESS, l.address);
                for (size_t k = 0; k < l.n_lines; k++) {
                        size_t line = protobuf_writer_begin(w, LOCATION_LINE);

                        protobuf_writer_add_number(w, LINE_FUNCTION_ID,
                                                   e->order.functions.ids[l.lines[k].function]);
                        protobuf_writer_add_number(w, LINE_LINE, l.lines[k].line);
                        protobuf_writer_end(w, line);
                }
                protobuf_writer_add_number(w, LOCATION_IS_FOLDED, l.folded);
                protobuf_writer_end(w, begin);
        }
}

static void write_functions(Encoder *e) {
        ProtobufWriter *w = &e->writer;

        for (size_t i = 0; i < e->order.functions.n; i++) {
                size_t begin = protobuf_writer_begin(w, PROFILE_FUNCTION);
                ProfileFunction f;

                profile_get_function(e->profile, e->order.functions.order[i], &f);
                protobuf_writer_add_number(w, FUNCTION_ID, i + 1);
                write_string_index(e, FUNCTION_NAME, f.name);
                write_string_index(e, FUNCTION_SYSTEM_NAME, f.system_name);
                write_string_index(e, FUNCTION_FILENAME, f.filename);
                protobuf_writer_add_number(w, FUNCTION_START_LINE, f.start_line);
                protobuf_writer_end(w, begin);
        }
}

/* The string table stands before the header, so the header's strings must be in it by then. */
static void write_strings_and_header(Encoder *e) {
        uint32_t comments[PROFILE_COMMENTS_MAX];
        size_t n_comments = profile_n_comments(e->profile), begin;
        uint32_t drop, keep, type, unit, default_type = 0, url;
        ProtobufWriter *w = &e->writer;
        ProfileHeader h;

        profile_get_header(e->profile, &h);
        drop = string_index(e, h.drop_frames);
        keep = string_index(e, h.keep_frames);
        type = string_index(e, h.period_type.type);
        unit = string_index(e, h.period_type.unit);
        for (size_t i = 0; i < n_comments; i++)
                comments[i] = string_index(e, profile_get_comment(e->profile, i));
        /* A type that does not exist would make readers refuse the file. */
        if (profile_find_value_type(e->profile, h.default_sample_type) >= 0)
                default_type = string_index(e, h.default_sample_type);
        url = string_index(e, h.doc_url);

        for (size_t i = 0; i < e->n_strings; i++)
                protobuf_writer_add_string(w, PROFILE_STRING_TABLE, e->strings[i]);
        protobuf_writer_add_number(w, PROFILE_DROP_FRAMES, drop);
        protobuf_writer_add_number(w, PROFILE_KEEP_FRAMES, keep);
        protobuf_writer_add_number(w, PROFILE_TIME_NANOS, h.time_nsec);
        protobuf_writer_add_number(w, PROFILE_DURATION_NANOS, h.duration_nsec);
        write_value_type(e, PROFILE_PERIOD_TYPE, type, unit);
        protobuf_writer_add_number(w, PROFILE_PERIOD, h.period);
        if (n_comments > 0) {
                begin = protobuf_writer_begin(w, PROFILE_COMMENT);
                for (size_t i = 0; i < n_comments; i++)
                        protobuf_writer_add_packed(w, comments[i]);
                protobuf_writer_end(w, begin);
        }
        protobuf_writer_add_number(w, PROFILE_DEFAULT_SAMPLE_TYPE, default_type);
        protobuf_writer_add_number(w, PROFILE_DOC_URL, url);
}

int pprof_encode(Profile *p, uint8_t **ret, size_t *ret_size) {
        _cleanup_(encoder_done) Encoder e = {};
        int r;

        r = encoder_init(&e, p);
        if (r < 0)
                return r;

        write_sample_types(&e);
        write_samples(&e);
        write_mappings(&e);
        write_locations(&e);
        write_functions(&e);
        write_strings_and_header(&e);
        if (e.writer.failed)
                return -ENOMEM;
        if (e.writer.size > PPROF_ENCODED_MAX)
                return -E2BIG;
        return gzip_compress(e.writer.data, e.writer.size, ret, ret_size);
}
