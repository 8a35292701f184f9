/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of a pprof File
 *
 * The file is anyone's: ids are any numbers, references may lead nowhere, strings may be anything.
 * What a profile cannot say is refused with a sentence that says what it is; nothing is guessed.
 *
 * Samples come before what they refer to. So a first pass finds where each message is, and the
 * messages are read in the order in which they need each other.
 */

#include "profile/pprof-tables.h"
#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/pprof-fields.h"
#include "profile/pprof.h"

enum {
        /* Bytes of all arrays: two bytes of a hostile file can ask for sixteen. */
        PPROF_TABLES_MAX = 192 << 20,
};

static int refuse(PprofTables *t, const char *sentence) {
        t->reason = sentence;
        return -EBADMSG;
}

static int refuse_size(PprofTables *t, const char *sentence) {
        t->reason = sentence;
        return -E2BIG;
}

static int refuse_bytes(PprofTables *t) {
        return refuse(t, "It is not a pprof profile.");
}

static int grow(PprofTables *t, void **array, size_t *capacity, size_t n, size_t size) {
        size_t before = *capacity;
        int r;

        if (n - before > (PPROF_TABLES_MAX - t->n_bytes) / size)
                return refuse_size(t, "It has more parts than a profile may have.");
        r = array_reserve(array, capacity, n, size);
        if (r < 0)
                return r;
        t->n_bytes = MIN(t->n_bytes + (*capacity - before) * size, (size_t) PPROF_TABLES_MAX);
        return 0;
}

#define RESERVE(t, table, count)                                              \
        ((t)->table.n + (count) <= (t)->table.capacity                        \
                 ? 0                                                          \
                 : grow((t), (void **) &(t)->table.all, &(t)->table.capacity, \
                        (t)->table.n + (count), sizeof((t)->table.all[0])))

void pprof_tables_done(PprofTables *t) {
        free(t->strings.all);
        free(t->mappings.all);
        free(t->functions.all);
        free(t->lines.all);
        free(t->locations.all);
        free(t->samples.all);
        free(t->stacks.all);
        free(t->labels.all);
        free(t->values.all);
        free(t->comments.all);
        for (size_t i = 0; i < _PPROF_MESSAGES_MAX; i++)
                free(t->messages[i].all);
        id_map_done(&t->mapping_ids);
        id_map_done(&t->function_ids);
        id_map_done(&t->location_ids);
        *t = (PprofTables){};
}

static void clear(PprofTables *t) {
        t->strings.n = t->mappings.n = t->functions.n = t->lines.n = t->locations.n = 0;
        t->samples.n = t->stacks.n = t->labels.n = t->values.n = t->comments.n = 0;
        for (size_t i = 0; i < _PPROF_MESSAGES_MAX; i++)
                t->messages[i].n = 0;
        id_map_clear(&t->mapping_ids);
        id_map_clear(&t->function_ids);
        id_map_clear(&t->location_ids);
        t->period_type = (PprofValueType){};
        t->n_types = 0;
        t->reason = NULL;
}

/* Of a number that the file may have any value of: what cannot be an index becomes one that is not
 * there. */
static uint32_t clip(uint64_t value) {
        return (uint32_t) MIN(value, (uint64_t) UINT32_MAX);
}

static bool has_string(const PprofTables *t, uint64_t index) {
        return index < t->strings.n;
}

static int refuse_string(PprofTables *t) {
        return refuse(t, "A string index is out of range.");
}

/* A message of which all fields that are known are numbers: value of field i in values[i]. */
static inline int read_numbers(PprofTables *t,
                               ProtobufReader message,
                               uint64_t *values,
                               size_t n_values) {
        ProtobufField field;
        int r;

        memset(values, 0, n_values * sizeof(*values));
        while ((r = protobuf_read_field(&message, &field)) > 0) {
                if (field.number >= n_values)
                        continue;
                if (field.wire != PROTOBUF_VARINT)
                        return refuse_bytes(t);
                values[field.number] = field.value;
        }
        return r < 0 ? refuse_bytes(t) : 0;
}

/* ---- the first pass ---- */

static int add_string(PprofTables *t, const ProtobufReader *content, const uint8_t *start) {
        int r;

        r = RESERVE(t, strings, 1);
        if (r < 0)
                return r;
        t->strings.all[t->strings.n++] =
                (PprofString){ content->data - start, content->end - content->data };
        return 0;
}

static int add_message(PprofTables *t, PprofMessageKind kind, ProtobufReader content) {
        int r;

        r = RESERVE(t, messages[kind], 1);
        if (r < 0)
                return r;
        t->messages[kind].all[t->messages[kind].n++] = content;
        return 0;
}

static int add_value_type(PprofTables *t, ProtobufReader content) {
        uint64_t values[VALUE_TYPE_UNIT + 1];
        int r;

        r = read_numbers(t, content, values, ELEMENTSOF(values));
        if (r < 0)
                return r;
        if (t->n_types >= PROFILE_VALUE_TYPES_MAX)
                return refuse_size(t, "It has too many sample types.");
        t->types[t->n_types++] =
                (PprofValueType){ clip(values[VALUE_TYPE_TYPE]), clip(values[VALUE_TYPE_UNIT]) };
        return 0;
}

static int set_period_type(PprofTables *t, ProtobufReader content) {
        uint64_t values[VALUE_TYPE_UNIT + 1];
        int r;

        r = read_numbers(t, content, values, ELEMENTSOF(values));
        if (r < 0)
                return r;
        t->period_type =
                (PprofValueType){ clip(values[VALUE_TYPE_TYPE]), clip(values[VALUE_TYPE_UNIT]) };
        return 0;
}

/* Repeated numbers are one field each, or all in one: both as the latter. *ret_n: at least as many
 * as there are. */
static int begin_numbers(PprofTables *t,
                         const ProtobufField *field,
                         ProtobufReader *ret,
                         size_t *ret_n) {
        if (field->wire != PROTOBUF_VARINT && field->wire != PROTOBUF_BYTES)
                return refuse_bytes(t);
        *ret = field->content;
        *ret_n = field->content.end - field->content.data;
        return 0;
}

static int add_comments(PprofTables *t, const ProtobufField *field) {
        ProtobufReader content;
        uint64_t index;
        size_t n;
        int r;

        r = begin_numbers(t, field, &content, &n);
        if (r >= 0)
                r = RESERVE(t, comments, n);
        if (r < 0)
                return r;
        while (content.data < content.end) {
                if (!protobuf_read_varint(&content, &index))
                        return refuse_bytes(t);
                t->comments.all[t->comments.n++] = clip(index);
        }
        return 0;
}

static int add_part(PprofTables *t, const ProtobufField *field, const uint8_t *start) {
        if (field->wire != PROTOBUF_BYTES)
                return refuse_bytes(t);
        switch (field->number) {
        case PROFILE_SAMPLE_TYPE:
                return add_value_type(t, field->content);
        case PROFILE_SAMPLE:
                return add_message(t, PPROF_MESSAGE_SAMPLE, field->content);
        case PROFILE_MAPPING:
                return add_message(t, PPROF_MESSAGE_MAPPING, field->content);
        case PROFILE_LOCATION:
                return add_message(t, PPROF_MESSAGE_LOCATION, field->content);
        case PROFILE_FUNCTION:
                return add_message(t, PPROF_MESSAGE_FUNCTION, field->content);
        case PROFILE_PERIOD_TYPE:
                return set_period_type(t, field->content);
        default:
                return add_string(t, &field->content, start);
        }
}

/*
 * Two profiles one behind the other are a valid message, in which numbers of the second replace
 * those of the first. A start time that appears twice gives them away.
 */
static int find_parts(PprofTables *t, const uint8_t *data, size_t size, uint64_t *header) {
        ProtobufReader message = { data, data + size };
        unsigned n_times = 0;
        ProtobufField field;
        int r;

        while ((r = protobuf_read_field(&message, &field)) > 0) {
                if (field.number <= PROFILE_STRING_TABLE || field.number == PROFILE_PERIOD_TYPE)
                        r = add_part(t, &field, data);
                else if (field.number == PROFILE_COMMENT)
                        r = add_comments(t, &field);
                else if (field.number > PROFILE_DOC_URL)
                        continue;
                else if (field.wire != PROTOBUF_VARINT)
                        r = refuse_bytes(t);
                else {
                        header[field.number] = field.value;
                        n_times += field.number == PROFILE_TIME_NANOS;
                }
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return refuse_bytes(t);
        return n_times > 1 ? refuse(t, "Several profiles are joined in it.") : 0;
}

/* What follows a string is a tag that has been read, or the byte behind the end. */
static void end_strings(PprofTables *t, uint8_t *data) {
        t->base = (const char *) data;
        for (size_t i = 0; i < t->strings.n; i++)
                data[t->strings.all[i].offset + t->strings.all[i].size] = '\0';
}

static int set_header(PprofTables *t, const uint64_t *header) {
        static const unsigned strings[] = { PROFILE_DROP_FRAMES, PROFILE_KEEP_FRAMES,
                                            PROFILE_DEFAULT_SAMPLE_TYPE, PROFILE_DOC_URL };

        if (t->n_types == 0)
                return refuse(t, "It has no sample type.");
        for (size_t i = 0; i < t->n_types; i++)
                if (!has_string(t, t->types[i].type) || !has_string(t, t->types[i].unit))
                        return refuse_string(t);
        for (size_t i = 0; i < t->comments.n; i++)
                if (!has_string(t, t->comments.all[i]))
                        return refuse_string(t);
        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                if (!has_string(t, header[strings[i]]))
                        return refuse_string(t);
        if (!has_string(t, t->period_type.type) || !has_string(t, t->period_type.unit))
                return refuse_string(t);

        t->time_nsec = (int64_t) header[PROFILE_TIME_NANOS];
        t->duration_nsec = (int64_t) header[PROFILE_DURATION_NANOS];
        t->period = (int64_t) header[PROFILE_PERIOD];
        t->drop_frames = header[PROFILE_DROP_FRAMES];
        t->keep_frames = header[PROFILE_KEEP_FRAMES];
        t->default_sample_type = header[PROFILE_DEFAULT_SAMPLE_TYPE];
        t->doc_url = header[PROFILE_DOC_URL];
        return 0;
}

/* ---- tables with ids ---- */

static int map_id(PprofTables *t, IdMap *map, uint64_t id, size_t index) {
        if (id == 0)
                return refuse(t, "A mapping, location or function has the id 0.");
        return id_map_add(map, id, index);
}

static int seal(PprofTables *t, IdMap *map) {
        if (id_map_seal(map) < 0)
                return refuse(t, "Two mappings, locations or functions have the same id.");
        return 0;
}

static int read_mapping(PprofTables *t, ProtobufReader message) {
        uint64_t v[MAPPING_HAS_INLINE_FRAMES + 1];
        int r;

        r = read_numbers(t, message, v, ELEMENTSOF(v));
        if (r < 0)
                return r;
        if (v[MAPPING_LIMIT] < v[MAPPING_START])
                return refuse(t, "A mapping ends before it starts.");
        if (!has_string(t, v[MAPPING_FILENAME]) || !has_string(t, v[MAPPING_BUILD_ID]))
                return refuse_string(t);
        t->mappings.all[t->mappings.n] = (PprofMapping){
                .start = v[MAPPING_START],
                .limit = v[MAPPING_LIMIT],
                .offset = v[MAPPING_OFFSET],
                .filename = v[MAPPING_FILENAME],
                .build_id = v[MAPPING_BUILD_ID],
                .has_functions = v[MAPPING_HAS_FUNCTIONS],
                .has_filenames = v[MAPPING_HAS_FILENAMES],
                .has_line_numbers = v[MAPPING_HAS_LINE_NUMBERS],
                .has_inline_frames = v[MAPPING_HAS_INLINE_FRAMES],
        };
        return map_id(t, &t->mapping_ids, v[MAPPING_ID], t->mappings.n++);
}

static int read_function(PprofTables *t, ProtobufReader message) {
        uint64_t v[FUNCTION_START_LINE + 1];
        int r;

        r = read_numbers(t, message, v, ELEMENTSOF(v));
        if (r < 0)
                return r;
        if (!has_string(t, v[FUNCTION_NAME]) || !has_string(t, v[FUNCTION_SYSTEM_NAME]) ||
            !has_string(t, v[FUNCTION_FILENAME]))
                return refuse_string(t);
        t->functions.all[t->functions.n] = (PprofFunction){
                .start_line = (int64_t) v[FUNCTION_START_LINE],
                .name = v[FUNCTION_NAME],
                .system_name = v[FUNCTION_SYSTEM_NAME],
                .filename = v[FUNCTION_FILENAME],
        };
        return map_id(t, &t->function_ids, v[FUNCTION_ID], t->functions.n++);
}

static int read_line(PprofTables *t, ProtobufReader message) {
        uint64_t v[LINE_LINE + 1];
        ProfileLine line;
        int r;

        r = read_numbers(t, message, v, ELEMENTSOF(v));
        if (r < 0)
                return r;
        if (!id_map_find(&t->function_ids, v[LINE_FUNCTION_ID], &line.function))
                return refuse(t, "A line refers to a function that does not exist.");
        line.line = (int64_t) v[LINE_LINE];
        r = RESERVE(t, lines, 1);
        if (r < 0)
                return r;
        t->lines.all[t->lines.n++] = line;
        return 0;
}

static int read_location(PprofTables *t, ProtobufReader message) {
        uint64_t v[LOCATION_IS_FOLDED + 1] = {};
        PprofLocation l = { .mapping = PROFILE_NONE, .first_line = t->lines.n };
        ProtobufField field;
        int r;

        while ((r = protobuf_read_field(&message, &field)) > 0) {
                if (field.number > LOCATION_IS_FOLDED)
                        continue;
                if ((field.number == LOCATION_LINE) != (field.wire == PROTOBUF_BYTES) ||
                    (field.number != LOCATION_LINE && field.wire != PROTOBUF_VARINT))
                        return refuse_bytes(t);
                if (field.number != LOCATION_LINE)
                        v[field.number] = field.value;
                else if (l.n_lines++ >= PROFILE_LINES_MAX)
                        return refuse_size(t, "A location has too many lines.");
                else {
                        r = read_line(t, field.content);
                        if (r < 0)
                                return r;
                }
        }
        if (r < 0)
                return refuse_bytes(t);
        if (v[LOCATION_MAPPING_ID] != 0 &&
            !id_map_find(&t->mapping_ids, v[LOCATION_MAPPING_ID], &l.mapping))
                return refuse(t, "A location refers to a mapping that does not exist.");
        l.address = v[LOCATION_ADDRESS];
        l.folded = v[LOCATION_IS_FOLDED];
        t->locations.all[t->locations.n] = l;
        return map_id(t, &t->location_ids, v[LOCATION_ID], t->locations.n++);
}

/* ---- samples ---- */

static int add_stack(PprofTables *t, const ProtobufField *field) {
        ProtobufReader content;
        uint64_t id;
        size_t n;
        int r;

        r = begin_numbers(t, field, &content, &n);
        if (r >= 0)
                r = RESERVE(t, stacks, n);
        if (r < 0)
                return r;
        while (content.data < content.end) {
                if (!protobuf_read_varint(&content, &id))
                        return refuse_bytes(t);
                if (!id_map_find(&t->location_ids, id, &t->stacks.all[t->stacks.n]))
                        return refuse(t, "A sample refers to a location that does not exist.");
                t->stacks.n++;
        }
        return 0;
}

static int add_values(PprofTables *t, const ProtobufField *field) {
        ProtobufReader content;
        uint64_t value;
        size_t n;
        int r;

        r = begin_numbers(t, field, &content, &n);
        if (r >= 0)
                r = RESERVE(t, values, n);
        if (r < 0)
                return r;
        while (content.data < content.end) {
                if (!protobuf_read_varint(&content, &value))
                        return refuse_bytes(t);
                t->values.all[t->values.n++] = (int64_t) value;
        }
        return 0;
}

static bool strings_are_equal(const PprofTables *t, uint32_t a, uint32_t b) {
        return a == b || streq(pprof_tables_string(t, a), pprof_tables_string(t, b));
}

static int read_label(PprofTables *t, ProtobufReader message, PprofSample *s) {
        uint64_t v[LABEL_NUM_UNIT + 1];
        PprofLabel l;
        int r;

        r = read_numbers(t, message, v, ELEMENTSOF(v));
        if (r < 0)
                return r;
        if (!has_string(t, v[LABEL_KEY]) || !has_string(t, v[LABEL_STR]) ||
            !has_string(t, v[LABEL_NUM_UNIT]))
                return refuse_string(t);
        l = (PprofLabel){ .number = (int64_t) v[LABEL_NUM],
                          .key = v[LABEL_KEY],
                          .string = v[LABEL_STR],
                          .unit = v[LABEL_NUM_UNIT] };
        if (isempty(pprof_tables_string(t, l.key)))
                return refuse(t, "A label has no key.");
        if (l.string == 0 && l.number == 0 && l.unit == 0)
                return 0; /* indistinguishable from a label without a value */
        if (s->n_labels >= PROFILE_LABELS_MAX)
                return refuse_size(t, "A sample has too many labels.");
        for (uint32_t i = 0; i < s->n_labels; i++)
                if (strings_are_equal(t, t->labels.all[s->first_label + i].key, l.key))
                        return refuse(t, "A sample has two values for one label.");
        r = RESERVE(t, labels, 1);
        if (r < 0)
                return r;
        t->labels.all[t->labels.n++] = l;
        s->n_labels++;
        return 0;
}

static int read_sample(PprofTables *t, ProtobufReader message) {
        PprofSample s = { .first_location = t->stacks.n, .first_label = t->labels.n };
        size_t first_value = t->values.n;
        ProtobufField field;
        int r, k = 0;

        while ((r = protobuf_read_field(&message, &field)) > 0) {
                if (field.number == SAMPLE_LOCATION_ID)
                        k = add_stack(t, &field);
                else if (field.number == SAMPLE_VALUE)
                        k = add_values(t, &field);
                else if (field.number == SAMPLE_LABEL)
                        k = field.wire == PROTOBUF_BYTES ? read_label(t, field.content, &s)
                                                         : refuse_bytes(t);
                if (k < 0)
                        return k;
        }
        if (r < 0)
                return refuse_bytes(t);
        if (t->values.n - first_value != t->n_types)
                return refuse(t, "A sample has not one value for each sample type.");
        if (t->stacks.n - s.first_location > PROFILE_STACK_MAX)
                return refuse_size(t, "A sample has too many locations.");
        s.n_locations = t->stacks.n - s.first_location;
        t->samples.all[t->samples.n++] = s;
        return 0;
}

/* ---- the whole ---- */

static int read_messages(PprofTables *t,
                         PprofMessageKind kind,
                         int (*read)(PprofTables *, ProtobufReader)) {
        for (size_t i = 0; i < t->messages[kind].n; i++) {
                int r = read(t, t->messages[kind].all[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_all(PprofTables *t) {
        int r;

        r = RESERVE(t, mappings, t->messages[PPROF_MESSAGE_MAPPING].n);
        if (r >= 0)
                r = read_messages(t, PPROF_MESSAGE_MAPPING, read_mapping);
        if (r >= 0)
                r = seal(t, &t->mapping_ids);
        if (r >= 0)
                r = RESERVE(t, functions, t->messages[PPROF_MESSAGE_FUNCTION].n);
        if (r >= 0)
                r = read_messages(t, PPROF_MESSAGE_FUNCTION, read_function);
        if (r >= 0)
                r = seal(t, &t->function_ids);
        if (r >= 0)
                r = RESERVE(t, locations, t->messages[PPROF_MESSAGE_LOCATION].n);
        if (r >= 0)
                r = read_messages(t, PPROF_MESSAGE_LOCATION, read_location);
        if (r >= 0)
                r = seal(t, &t->location_ids);
        if (r >= 0)
                r = RESERVE(t, samples, t->messages[PPROF_MESSAGE_SAMPLE].n);
        return r < 0 ? r : read_messages(t, PPROF_MESSAGE_SAMPLE, read_sample);
}

int pprof_tables_read(PprofTables *t, uint8_t *data, size_t size) {
        uint64_t header[PROFILE_DOC_URL + 1] = {};
        int r;

        /* What a large file took must not be missing for those behind it. */
        if (t->n_bytes > PPROF_TABLES_MAX / 4)
                pprof_tables_done(t);
        clear(t);
        if (size == 0)
                return refuse(t, "It is empty.");
        if (size > PPROF_ENCODED_MAX)
                return refuse_size(t, "It is larger than a profile may be.");
        r = find_parts(t, data, size, header);
        if (r < 0)
                return r;
        end_strings(t, data);
        if (t->strings.n == 0 || !isempty(pprof_tables_string(t, 0)))
                return refuse(t, "The first string is not empty.");
        r = set_header(t, header);
        return r < 0 ? r : read_all(t);
}

int64_t pprof_tables_total(const PprofTables *t, size_t value_type) {
        int64_t total = 0;

        for (size_t i = value_type; i < t->values.n; i += t->n_types) {
                int64_t value = t->values.all[i];

                if (__builtin_add_overflow(total, value, &total))
                        total = value < 0 ? INT64_MIN : INT64_MAX;
        }
        return total;
}
