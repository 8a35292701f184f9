/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tables of a pprof File
 *
 * What a file holds, checked and flat: every id has become an index that exists, every string a C
 * string where it stands in the file. Nothing is interned, so a day of files is read without an
 * allocation each: one PprofTables serves file after file.
 */

#include "profile/id-map.h"
#include "profile/profile.h"
#include "profile/protobuf-reader.h"

typedef enum PprofMessageKind {
        PPROF_MESSAGE_MAPPING,
        PPROF_MESSAGE_FUNCTION,
        PPROF_MESSAGE_LOCATION,
        PPROF_MESSAGE_SAMPLE,
        _PPROF_MESSAGES_MAX,
} PprofMessageKind;

typedef struct PprofString {
        uint32_t offset, size;
} PprofString;

typedef struct PprofValueType {
        uint32_t type, unit;
} PprofValueType;

typedef struct PprofMapping {
        uint64_t start, limit, offset;
        uint32_t filename, build_id;
        bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
} PprofMapping;

typedef struct PprofFunction {
        int64_t start_line;
        uint32_t name, system_name, filename;
} PprofFunction;

typedef struct PprofLocation {
        uint64_t address;
        uint32_t mapping; /* PROFILE_NONE: none */
        uint32_t first_line, n_lines;
        bool folded;
} PprofLocation;

typedef struct PprofLabel {
        int64_t number;
        uint32_t key, string, unit; /* string 0: a number */
} PprofLabel;

/* Its values are those from its own index times n_types on. */
typedef struct PprofSample {
        uint32_t first_location, n_locations;
        uint32_t first_label, n_labels;
} PprofSample;

/* An array that belongs to the tables, and what there is room for. */
#define PPROF_TABLE(type)           \
        struct {                    \
                type *all;          \
                size_t n, capacity; \
        }

typedef struct PprofTables {
        const char *base; /* of the strings */
        PPROF_TABLE(PprofString) strings;
        PPROF_TABLE(PprofMapping) mappings;
        PPROF_TABLE(PprofFunction) functions;
        PPROF_TABLE(ProfileLine) lines;
        PPROF_TABLE(PprofLocation) locations;
        PPROF_TABLE(PprofSample) samples;
        PPROF_TABLE(uint32_t) stacks;
        PPROF_TABLE(PprofLabel) labels;
        PPROF_TABLE(int64_t) values;
        PPROF_TABLE(uint32_t) comments;
        PprofValueType types[PROFILE_VALUE_TYPES_MAX], period_type;
        size_t n_types;
        int64_t time_nsec, duration_nsec, period;
        uint32_t default_sample_type, drop_frames, keep_frames, doc_url;

        /* While reading. */
        PPROF_TABLE(ProtobufReader) messages[_PPROF_MESSAGES_MAX];
        IdMap mapping_ids, function_ids, location_ids;
        size_t n_bytes; /* of all arrays, see PPROF_TABLES_MAX */
        const char *reason;
} PprofTables;

void pprof_tables_done(PprofTables *t);

/*
 * Reads a message that is not compressed, and lies in memory as long as t is used: its strings are
 * ended where they stand, the last in the byte behind it. On -EBADMSG, and on -E2BIG, t->reason is
 * a sentence about what is wrong; then t holds nothing, and may be used again.
 */
int pprof_tables_read(PprofTables *t, uint8_t *data, size_t size);

static inline const char *pprof_tables_string(const PprofTables *t, uint32_t i) {
        return t->base + t->strings.all[i].offset;
}

/* Of one value over all samples, stopping at the ends of int64_t. */
int64_t pprof_tables_total(const PprofTables *t, size_t value_type);
