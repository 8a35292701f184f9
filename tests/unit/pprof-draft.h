/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A pprof File to Spoil
 *
 * The smallest file that keeps every rule, field by field, so that a test can break exactly one.
 */

#include "profile/gzip.h"
#include "profile/protobuf-writer.h"

/* All numbers, so that a table of tests can name one by its offset. */
typedef struct Draft {
        int64_t type[2], unit[2]; /* sample types */
        int64_t n_samples, location_id[2], value[2], n_values;
        int64_t key[2], str[2], num[2], num_unit[2]; /* labels */
        int64_t mapping_id[2], start[2], limit[2], filename[2], build_id[2];
        int64_t has_functions[2], has_filenames[2], has_line_numbers[2], has_inline_frames[2];
        int64_t l_id[2], l_mapping[2], address[2], l_function[2], line[2]; /* locations */
        int64_t f_id[2], name[2], system_name[2], f_filename[2];           /* functions */
        int64_t has_period_type, period_type, period_unit, period;
        int64_t time, duration, comment, default_type, url;
        int64_t unpacked, join;
        const char *strings[23];
} Draft;

/* clang-format off */
static const Draft draft_of_a_right_file = {
        .type = { 1, 3 }, .unit = { 2, 4 },
        .n_samples = 1, .location_id = { 1, 2 }, .value = { 2, 20 }, .n_values = 2,
        .key = { 5, 7 }, .str = { 6, 0 }, .num = { 0, 0 }, .num_unit = { 0, 8 },
        .mapping_id = { 1, 2 }, .start = { 0x1000, 0x4000 }, .limit = { 0x2000, 0x5000 },
        .filename = { 9, 11 }, .build_id = { 10, 12 },
        .has_functions = { 1, 1 }, .has_filenames = { 1, 0 }, .has_line_numbers = { 1, 0 },
        .l_id = { 1, 2 }, .l_mapping = { 1, 2 }, .address = { 0x1100, 0x4100 },
        .l_function = { 1, 2 }, .line = { 7, 0 },
        .f_id = { 1, 2 }, .name = { 13, 16 }, .system_name = { 14, 16 }, .f_filename = { 15, 0 },
        .has_period_type = 1, .period_type = 3, .period_unit = 4, .period = 10101010,
        .time = 1700000000000000000, .duration = 60000000000, .comment = 17, .default_type = 3,
        .url = 18,
        .strings = { "", "samples", "count", "cpu", "nanoseconds",
                     "thread", "worker", "pid", "id",
                     "/usr/bin/x", "ab12", "[kernel.kallsyms]", "cd34",
                     "f()", "_Z1fv", "f.cc", "schedule", "a comment", "https://example.org/",
                     NULL },
};
/* clang-format on */

static inline void draft_write_sample(const Draft *d, ProtobufWriter *w) {
        size_t begin = protobuf_writer_begin(w, 2), inner;

        if (d->unpacked) {
                protobuf_writer_add_number(w, 1, d->location_id[0]);
                protobuf_writer_add_number(w, 1, d->location_id[1]);
        } else {
                inner = protobuf_writer_begin(w, 1);
                protobuf_writer_add_packed(w, d->location_id[0]);
                protobuf_writer_add_packed(w, d->location_id[1]);
                protobuf_writer_end(w, inner);
        }
        inner = protobuf_writer_begin(w, 2);
        for (int64_t i = 0; i < d->n_values; i++)
                protobuf_writer_add_packed(w, d->value[i]);
        protobuf_writer_end(w, inner);

        for (size_t i = 0; i < 2; i++) {
                inner = protobuf_writer_begin(w, 3);
                protobuf_writer_add_number(w, 1, d->key[i]);
                protobuf_writer_add_number(w, 2, d->str[i]);
                protobuf_writer_add_number(w, 3, d->num[i]);
                protobuf_writer_add_number(w, 4, d->num_unit[i]);
                protobuf_writer_end(w, inner);
        }
        protobuf_writer_end(w, begin);
}

static inline void draft_write_tables(const Draft *d, ProtobufWriter *w) {
        size_t begin, inner;

        for (size_t i = 0; i < 2; i++) {
                begin = protobuf_writer_begin(w, 3);
                protobuf_writer_add_number(w, 1, d->mapping_id[i]);
                protobuf_writer_add_number(w, 2, d->start[i]);
                protobuf_writer_add_number(w, 3, d->limit[i]);
                protobuf_writer_add_number(w, 5, d->filename[i]);
                protobuf_writer_add_number(w, 6, d->build_id[i]);
                protobuf_writer_add_number(w, 7, d->has_functions[i]);
                protobuf_writer_add_number(w, 8, d->has_filenames[i]);
                protobuf_writer_add_number(w, 9, d->has_line_numbers[i]);
                protobuf_writer_add_number(w, 10, d->has_inline_frames[i]);
                protobuf_writer_end(w, begin);
        }
        for (size_t i = 0; i < 2; i++) {
                begin = protobuf_writer_begin(w, 4);
                protobuf_writer_add_number(w, 1, d->l_id[i]);
                protobuf_writer_add_number(w, 2, d->l_mapping[i]);
                protobuf_writer_add_number(w, 3, d->address[i]);
                if (d->l_function[i] != 0) {
                        inner = protobuf_writer_begin(w, 4);
                        protobuf_writer_add_number(w, 1, d->l_function[i]);
                        protobuf_writer_add_number(w, 2, d->line[i]);
                        protobuf_writer_end(w, inner);
                }
                protobuf_writer_end(w, begin);
        }
        for (size_t i = 0; i < 2; i++) {
                begin = protobuf_writer_begin(w, 5);
                protobuf_writer_add_number(w, 1, d->f_id[i]);
                protobuf_writer_add_number(w, 2, d->name[i]);
                protobuf_writer_add_number(w, 3, d->system_name[i]);
                protobuf_writer_add_number(w, 4, d->f_filename[i]);
                protobuf_writer_end(w, begin);
        }
}

/* To be released by protobuf_writer_done(). */
static inline void draft_write(const Draft *d, ProtobufWriter *w) {
        size_t begin;

        *w = (ProtobufWriter){};
        for (size_t i = 0; i < 2; i++) {
                begin = protobuf_writer_begin(w, 1);
                protobuf_writer_add_number(w, 1, d->type[i]);
                protobuf_writer_add_number(w, 2, d->unit[i]);
                protobuf_writer_end(w, begin);
        }
        for (int64_t i = 0; i < d->n_samples; i++)
                draft_write_sample(d, w);
        draft_write_tables(d, w);
        for (size_t i = 0; d->strings[i]; i++)
                protobuf_writer_add_string(w, 6, d->strings[i]);
        protobuf_writer_add_number(w, 9, d->time);
        protobuf_writer_add_number(w, 10, d->duration);
        if (d->has_period_type) {
                begin = protobuf_writer_begin(w, 11);
                protobuf_writer_add_number(w, 1, d->period_type);
                protobuf_writer_add_number(w, 2, d->period_unit);
                protobuf_writer_end(w, begin);
        }
        protobuf_writer_add_number(w, 12, d->period);
        protobuf_writer_add_number(w, 13, d->comment);
        protobuf_writer_add_number(w, 14, d->default_type);
        protobuf_writer_add_number(w, 15, d->url);
        if (d->join)
                protobuf_writer_add_number(w, 9, d->time);
}
