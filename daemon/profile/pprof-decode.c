/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading pprof
 *
 * The file is anyone's: ids are any numbers, references may lead nowhere, strings may be anything.
 * What a profile cannot say is refused with a sentence that says what it is; nothing is guessed.
 */

#include "basic/file-util.h"
#include "profile/id-map.h"
#include "profile/pprof-message.h"
#include "profile/pprof.h"

typedef struct Decoder {
        PprofMessage message;
        Pprof__Profile *from; /* message.profile */
        Profile *to;
        IdMap mappings, functions, locations;
        const char *reason;
        uint32_t stack[PROFILE_STACK_MAX];
} Decoder;

static Decoder *decoder_free(Decoder *d) {
        if (!d)
                return NULL;
        id_map_done(&d->mappings);
        id_map_done(&d->functions);
        id_map_done(&d->locations);
        profile_free(d->to);
        pprof_message_done(&d->message);
        free(d);
        return NULL;
}
DEFINE_CLEANUP(Decoder *, decoder_free);

static int refuse(Decoder *d, const char *sentence) {
        d->reason = sentence;
        return -EBADMSG;
}

static int refuse_size(Decoder *d, const char *sentence) {
        d->reason = sentence;
        return -E2BIG;
}

static int get_string(Decoder *d, int64_t index, const char **ret) {
        if (index < 0 || (uint64_t) index >= d->from->n_string_table)
                return refuse(d, "A string index is out of range.");
        *ret = d->from->string_table[index];
        return 0;
}

/* Several at once, for a message with several strings. */
#define GET_STRINGS(d, ...) get_strings((d), (const StringField[]){ __VA_ARGS__, { 0, NULL } })

typedef struct StringField {
        int64_t index;
        const char **ret;
} StringField;

static int get_strings(Decoder *d, const StringField *fields) {
        for (; fields->ret; fields++) {
                int r = get_string(d, fields->index, fields->ret);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int map_id(Decoder *d, IdMap *map, uint64_t id, uint32_t index) {
        if (id == 0)
                return refuse(d, "A mapping, location or function has the id 0.");
        return id_map_add(map, id, index);
}

static int seal(Decoder *d, IdMap *map) {
        if (id_map_seal(map) < 0)
                return refuse(d, "Two mappings, locations or functions have the same id.");
        return 0;
}

static int decode_value_types(Decoder *d) {
        ProfileValueType types[PROFILE_VALUE_TYPES_MAX];

        if (d->from->n_sample_type == 0)
                return refuse(d, "It has no sample type.");
        if (d->from->n_sample_type > PROFILE_VALUE_TYPES_MAX)
                return refuse_size(d, "It has too many sample types.");

        for (size_t i = 0; i < d->from->n_sample_type; i++) {
                const Pprof__ValueType *t = d->from->sample_type[i];
                int r;

                r = GET_STRINGS(d, { t->type, &types[i].type }, { t->unit, &types[i].unit });
                if (r < 0)
                        return r;
        }
        return profile_new(&d->to, types, d->from->n_sample_type);
}

static int decode_header(Decoder *d) {
        const Pprof__Profile *f = d->from;
        ProfileHeader h = {
                .time_nsec = f->time_nanos,
                .duration_nsec = f->duration_nanos,
                .period = f->period,
        };
        int r;

        r = GET_STRINGS(d, { f->default_sample_type, &h.default_sample_type },
                        { f->drop_frames, &h.drop_frames }, { f->keep_frames, &h.keep_frames },
                        { f->doc_url, &h.doc_url });
        if (r < 0)
                return r;
        if (f->period_type) {
                r = GET_STRINGS(d, { f->period_type->type, &h.period_type.type },
                                { f->period_type->unit, &h.period_type.unit });
                if (r < 0)
                        return r;
        }
        r = profile_set_header(d->to, &h);
        if (r < 0)
                return r;

        for (size_t i = 0; i < f->n_comment; i++) {
                const char *comment;

                r = get_string(d, f->comment[i], &comment);
                if (r < 0)
                        return r;
                r = profile_add_comment(d->to, comment);
                if (r == -E2BIG)
                        return refuse_size(d, "It has too many comments.");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int decode_mappings(Decoder *d) {
        for (size_t i = 0; i < d->from->n_mapping; i++) {
                const Pprof__Mapping *f = d->from->mapping[i];
                ProfileMapping m = {
                        .start = f->memory_start,
                        .limit = f->memory_limit,
                        .offset = f->file_offset,
                        .has_functions = f->has_functions,
                        .has_filenames = f->has_filenames,
                        .has_line_numbers = f->has_line_numbers,
                        .has_inline_frames = f->has_inline_frames,
                };
                uint32_t index;
                int r;

                if (m.limit < m.start)
                        return refuse(d, "A mapping ends before it starts.");
                r = GET_STRINGS(d, { f->filename, &m.filename }, { f->build_id, &m.build_id });
                if (r < 0)
                        return r;
                r = profile_add_mapping(d->to, &m, &index);
                if (r < 0)
                        return r;
                r = map_id(d, &d->mappings, f->id, index);
                if (r < 0)
                        return r;
        }
        return seal(d, &d->mappings);
}

static int decode_functions(Decoder *d) {
        for (size_t i = 0; i < d->from->n_function; i++) {
                const Pprof__Function *f = d->from->function[i];
                ProfileFunction function = { .start_line = f->start_line };
                uint32_t index;
                int r;

                r = GET_STRINGS(d, { f->name, &function.name },
                                { f->system_name, &function.system_name },
                                { f->filename, &function.filename });
                if (r < 0)
                        return r;
                r = profile_add_function(d->to, &function, &index);
                if (r < 0)
                        return r;
                r = map_id(d, &d->functions, f->id, index);
                if (r < 0)
                        return r;
        }
        return seal(d, &d->functions);
}

static int decode_locations(Decoder *d) {
        ProfileLine lines[PROFILE_LINES_MAX];

        for (size_t i = 0; i < d->from->n_location; i++) {
                const Pprof__Location *f = d->from->location[i];
                ProfileLocation l = {
                        .mapping = PROFILE_NONE,
                        .address = f->address,
                        .lines = lines,
                        .n_lines = f->n_line,
                        .folded = f->is_folded,
                };
                uint32_t index;
                int r;

                if (f->n_line > PROFILE_LINES_MAX)
                        return refuse_size(d, "A location has too many lines.");
                if (f->mapping_id != 0 && !id_map_find(&d->mappings, f->mapping_id, &l.mapping))
                        return refuse(d, "A location refers to a mapping that does not exist.");
                for (size_t k = 0; k < f->n_line; k++) {
                        lines[k].line = f->line[k]->line;
                        if (!id_map_find(&d->functions, f->line[k]->function_id,
                                         &lines[k].function))
                                return refuse(d,
                                              "A line refers to a function that does not exist.");
                }
                r = profile_add_location(d->to, &l, &index);
                if (r < 0)
                        return r;
                r = map_id(d, &d->locations, f->id, index);
                if (r < 0)
                        return r;
        }
        return seal(d, &d->locations);
}

static int decode_labels(Decoder *d, const Pprof__Sample *f, ProfileLabel *labels, size_t *ret_n) {
        size_t n = 0;

        for (size_t i = 0; i < f->n_label; i++) {
                const Pprof__Label *label = f->label[i];
                ProfileLabel *l = &labels[n];
                const char *string, *unit;
                int r;

                r = GET_STRINGS(d, { label->key, &l->key }, { label->str, &string },
                                { label->num_unit, &unit });
                if (r < 0)
                        return r;
                if (l->key[0] == '\0')
                        return refuse(d, "A label has no key.");
                if (label->str != 0)
                        l->string = string;
                else if (label->num != 0 || label->num_unit != 0) {
                        l->string = NULL;
                        l->number = label->num;
                        l->unit = unit;
                } else
                        continue; /* indistinguishable from a label without a value */
                n++;
        }
        *ret_n = n;
        return 0;
}

static int decode_samples(Decoder *d) {
        ProfileLabel labels[PROFILE_LABELS_MAX];

        for (size_t i = 0; i < d->from->n_sample; i++) {
                const Pprof__Sample *f = d->from->sample[i];
                ProfileSample s = {
                        .locations = d->stack,
                        .n_locations = f->n_location_id,
                        .values = f->value,
                        .labels = labels,
                };
                int r;

                if (f->n_value != d->from->n_sample_type)
                        return refuse(d, "A sample has not one value for each sample type.");
                if (f->n_location_id > PROFILE_STACK_MAX)
                        return refuse_size(d, "A sample has too many locations.");
                if (f->n_label > PROFILE_LABELS_MAX)
                        return refuse_size(d, "A sample has too many labels.");
                for (size_t k = 0; k < f->n_location_id; k++)
                        if (!id_map_find(&d->locations, f->location_id[k], &d->stack[k]))
                                return refuse(d,
                                              "A sample refers to a location that does not exist.");
                r = decode_labels(d, f, labels, &s.n_labels);
                if (r < 0)
                        return r;
                r = profile_add_sample(d->to, &s);
                if (r == -EINVAL)
                        return refuse(d, "A sample has two values for one label.");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int decode(Decoder *d) {
        int (*const steps[])(Decoder *) = {
                decode_value_types, decode_header,    decode_mappings,
                decode_functions,   decode_locations, decode_samples,
        };

        if (d->from->n_string_table == 0 || d->from->string_table[0][0] != '\0')
                return refuse(d, "The first string is not empty.");

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                int r = steps[i](d);
                if (r < 0)
                        return r;
        }
        return 0;
}

int pprof_decode(const void *data, size_t size, Profile **ret, const char **ret_reason) {
        _cleanup_(decoder_freep) Decoder *d = NULL;
        int r;

        d = calloc(1, sizeof(Decoder));
        if (!d)
                return -ENOMEM;

        r = pprof_message_parse(&d->message, data, size, &d->reason);
        if (r >= 0) {
                d->from = d->message.profile;
                r = decode(d);
        }
        if (r == -E2BIG && !d->reason)
                d->reason = "It has more entries than a profile may have.";
        if (d->reason && ret_reason)
                *ret_reason = d->reason;
        if (r < 0)
                return r;

        *ret = TAKE_PTR(d->to);
        return 0;
}

int pprof_read_file(int dir_fd, const char *path, Profile **ret, const char **ret_reason) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = read_full_file_at(dir_fd, path, PPROF_ENCODED_MAX, &data, &size);
        if (r == -E2BIG && ret_reason)
                *ret_reason = "The file is larger than a profile may be.";
        if (r < 0)
                return r;
        return pprof_decode(data, size, ret, ret_reason);
}
