/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Rules of pprof's Readers
 *
 * One function for each table of the file. References are followed in the order in which a reader
 * follows them, and what nobody referred to is reported at the end. Sentences name entries by
 * number only: strings of the file may be hostile.
 */

#include <stdarg.h>

#include "basic/string-util.h"
#include "profile/gzip.h"
#include "profile/id-map.h"
#include "profile/pprof-check.h"
#include "profile/pprof-message.h"
#include "profile/profile.h"

enum {
        SENTENCE_MAX = 256,
        LABELS_MAX = 100, /* of a sample, as Pyroscope has it */
        STACK_MAX = 1000, /* Pyroscope cuts longer stacks */
};

/* What the locations of a mapping show, against what it claims. */
typedef struct MappingEvidence {
        bool without_function, without_filename, without_line_number;
} MappingEvidence;

typedef struct Check {
        const Pprof__Profile *profile;
        PprofViolation violation;
        void *userdata;
        int n_violations;

        IdMap mapping_ids, location_ids, function_ids;
        bool *strings_used, *mappings_used, *locations_used, *functions_used; /* by position */
        MappingEvidence *evidence;                                            /* by position */
} Check;

static void check_done(Check *c) {
        id_map_done(&c->mapping_ids);
        id_map_done(&c->location_ids);
        id_map_done(&c->function_ids);
        free(c->strings_used);
        free(c->mappings_used);
        free(c->locations_used);
        free(c->functions_used);
        free(c->evidence);
}

/* The limit holds here alone; loops merely run on for nothing. */
static void _printf_(2, 3) complain(Check *c, const char *format, ...) {
        char sentence[SENTENCE_MAX];
        va_list ap;

        if (c->n_violations >= PPROF_VIOLATIONS_MAX)
                return;
        c->n_violations++;
        if (!c->violation)
                return;

        va_start(ap, format);
        (void) vsnprintf(sentence, sizeof(sentence), format, ap);
        va_end(ap);
        c->violation(sentence, c->userdata);
}

/* ---- strings ---- */

/* The string behind an index, "" if there is none; what is the field's name in a sentence. */
static const char *use_string(Check *c, int64_t index, const char *what, size_t i) {
        if (index < 0 || (uint64_t) index >= c->profile->n_string_table) {
                complain(c, "The %s %zu is a string that does not exist.", what, i);
                return "";
        }
        c->strings_used[index] = true;
        return c->profile->string_table[index];
}

static bool is_word(const char *s) {
        for (size_t i = 0; s[i] != '\0'; i++) {
                char ch = s[i];

                if (!(ch == '_' || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                      (i > 0 && ch >= '0' && ch <= '9')))
                        return false;
        }
        return s[0] != '\0';
}

static void check_strings(Check *c) {
        const Pprof__Profile *p = c->profile;

        if (p->n_string_table == 0 || p->string_table[0][0] != '\0')
                complain(c, "String 0 is not empty.");
        for (size_t i = 0; i < p->n_string_table; i++)
                if (!utf8_is_valid(p->string_table[i], strlen(p->string_table[i])))
                        complain(c, "String %zu is not valid UTF-8.", i);
}

/* ---- the header ---- */

/* Parca puts them into a selector of its query language. */
static void check_value_type(Check *c, const Pprof__ValueType *t, const char *what, size_t i) {
        const char *words[] = {
                use_string(c, t->type, what, i),
                use_string(c, t->unit, what, i),
        };

        for (size_t k = 0; k < ELEMENTSOF(words); k++) {
                const char *part = k == 0 ? "type" : "unit";

                if (words[k][0] == '\0')
                        complain(c, "The %s %zu has no %s.", what, i, part);
                else if (strchr(words[k], '-'))
                        complain(c, "The %s %zu has a '-' in its %s.", what, i, part);
                else if (!is_word(words[k]))
                        complain(c,
                                 "The %s %zu has a %s with other characters than letters, digits "
                                 "and '_'.",
                                 what, i, part);
        }
}

static void check_types(Check *c) {
        const Pprof__Profile *p = c->profile;
        bool known = p->default_sample_type == 0;

        if (p->n_sample_type == 0)
                complain(c, "There is no sample type.");
        if (p->n_sample_type > PROFILE_VALUE_TYPES_MAX)
                complain(c, "There are more than %d sample types.", PROFILE_VALUE_TYPES_MAX);
        for (size_t i = 0; i < MIN(p->n_sample_type, (size_t) PROFILE_VALUE_TYPES_MAX); i++) {
                check_value_type(c, p->sample_type[i], "sample type", i + 1);
                for (size_t k = 0; k < i; k++)
                        if (p->sample_type[k]->type == p->sample_type[i]->type)
                                complain(c, "Sample types %zu and %zu are the same.", k + 1, i + 1);
                known = known || p->sample_type[i]->type == p->default_sample_type;
        }
        if (!known)
                complain(c, "The default sample type is none of the sample types.");

        if (p->period_type)
                check_value_type(c, p->period_type, "period type", 1);
        else
                complain(c, "There is no period type.");
        if (p->period <= 0)
                complain(c, "The period is not positive.");
}

static void check_header(Check *c) {
        const Pprof__Profile *p = c->profile;
        const char *url;

        check_types(c);
        if (p->time_nanos <= 0)
                complain(c, "The start time is not set.");
        if (p->duration_nanos <= 0)
                complain(c, "The duration is not set.");

        use_string(c, p->drop_frames, "regular expression", 1);
        use_string(c, p->keep_frames, "regular expression", 2);
        use_string(c, p->default_sample_type, "default sample type", 1);
        for (size_t i = 0; i < p->n_comment; i++)
                use_string(c, p->comment[i], "comment", i + 1);
        url = use_string(c, p->doc_url, "documentation address", 1);
        if (url[0] != '\0' && !startswith(url, "https://") && !startswith(url, "http://"))
                complain(c, "The documentation address is not an http or https URL.");
}

/* ---- tables with ids ---- */

static int add_id(Check *c, IdMap *map, uint64_t id, size_t i, const char *what) {
        if (id != i + 1)
                complain(c, "%s %zu has the id %llu; ids count from 1 in the order of the table.",
                         what, i + 1, (unsigned long long) id);
        return id == 0 ? 0 : id_map_add(map, id, i);
}

static int check_ids(Check *c) {
        const Pprof__Profile *p = c->profile;
        int r;

        for (size_t i = 0; i < p->n_mapping; i++) {
                r = add_id(c, &c->mapping_ids, p->mapping[i]->id, i, "Mapping");
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < p->n_location; i++) {
                r = add_id(c, &c->location_ids, p->location[i]->id, i, "Location");
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < p->n_function; i++) {
                r = add_id(c, &c->function_ids, p->function[i]->id, i, "Function");
                if (r < 0)
                        return r;
        }

        if (id_map_seal(&c->mapping_ids) < 0)
                complain(c, "Two mappings have the same id.");
        if (id_map_seal(&c->location_ids) < 0)
                complain(c, "Two locations have the same id.");
        if (id_map_seal(&c->function_ids) < 0)
                complain(c, "Two functions have the same id.");
        return 0;
}

static void check_mappings(Check *c) {
        for (size_t i = 0; i < c->profile->n_mapping; i++) {
                const Pprof__Mapping *m = c->profile->mapping[i];
                const char *build_id;

                if (m->memory_limit <= m->memory_start)
                        complain(c, "Mapping %zu is empty or ends before it starts.", i + 1);
                use_string(c, m->filename, "file name of mapping", i + 1);
                build_id = use_string(c, m->build_id, "build id of mapping", i + 1);
                if (build_id[strspn(build_id, "0123456789abcdef")] != '\0')
                        complain(c, "The build id of mapping %zu is not lower-case hex.", i + 1);
        }
}

/* An address in place of a name keeps others from finding the name. */
static bool is_address(const char *name) {
        return startswith(name, "0x") && name[2] != '\0' &&
               name[2 + strspn(name + 2, "0123456789abcdefABCDEF")] == '\0';
}

static void check_functions(Check *c) {
        for (size_t i = 0; i < c->profile->n_function; i++) {
                const Pprof__Function *f = c->profile->function[i];
                const char *name = use_string(c, f->name, "name of function", i + 1);
                const char *system_name =
                        use_string(c, f->system_name, "system name of function", i + 1);

                use_string(c, f->filename, "file name of function", i + 1);
                if (name[0] == '\0')
                        complain(c, "Function %zu has no name.", i + 1);
                else if (is_address(name))
                        complain(c, "Function %zu is an address and no name.", i + 1);
                if (system_name[0] == '\0')
                        complain(c, "Function %zu has no system name.", i + 1);
        }
}

static void check_lines(Check *c, const Pprof__Location *l, size_t i, MappingEvidence *evidence) {
        evidence->without_function |= l->n_line == 0;
        evidence->without_filename |= l->n_line == 0;
        evidence->without_line_number |= l->n_line == 0;

        for (size_t k = 0; k < l->n_line; k++) {
                uint32_t function;

                evidence->without_line_number |= l->line[k]->line == 0;
                if (l->line[k]->line < 0)
                        complain(c, "Line %zu of location %zu is negative.", k + 1, i + 1);
                if (!id_map_find(&c->function_ids, l->line[k]->function_id, &function)) {
                        complain(c, "Line %zu of location %zu has a function that does not exist.",
                                 k + 1, i + 1);
                        continue;
                }
                c->functions_used[function] = true;
                evidence->without_filename |= c->profile->function[function]->filename == 0;
        }
}

static void check_locations(Check *c) {
        for (size_t i = 0; i < c->profile->n_location; i++) {
                const Pprof__Location *l = c->profile->location[i];
                MappingEvidence evidence = {};
                const Pprof__Mapping *m;
                uint32_t mapping;

                check_lines(c, l, i, &evidence);
                if (l->n_line == 0 && l->address == 0)
                        complain(c, "Location %zu has neither lines nor an address.", i + 1);

                if (l->mapping_id == 0)
                        continue;
                if (!id_map_find(&c->mapping_ids, l->mapping_id, &mapping)) {
                        complain(c, "Location %zu has a mapping that does not exist.", i + 1);
                        continue;
                }
                c->mappings_used[mapping] = true;
                m = c->profile->mapping[mapping];
                if (l->address < m->memory_start || l->address >= m->memory_limit)
                        complain(c, "The address of location %zu is outside its mapping.", i + 1);
                if (!c->locations_used[i])
                        continue;
                c->evidence[mapping].without_function |= evidence.without_function;
                c->evidence[mapping].without_filename |= evidence.without_filename;
                c->evidence[mapping].without_line_number |= evidence.without_line_number;
        }
}

/* A mapping that claims too much keeps readers from finding the rest. */
static void check_claims(Check *c) {
        for (size_t i = 0; i < c->profile->n_mapping; i++) {
                const Pprof__Mapping *m = c->profile->mapping[i];

                if (m->has_functions && c->evidence[i].without_function)
                        complain(
                                c,
                                "Mapping %zu claims to have functions, but has a location without.",
                                i + 1);
                if (m->has_filenames && c->evidence[i].without_filename)
                        complain(c,
                                 "Mapping %zu claims to have file names, but has a location "
                                 "without.",
                                 i + 1);
                if (m->has_line_numbers && c->evidence[i].without_line_number)
                        complain(c,
                                 "Mapping %zu claims to have line numbers, but has a location "
                                 "without.",
                                 i + 1);
                if (m->has_inline_frames && !m->has_functions)
                        complain(c, "Mapping %zu claims to have inlined frames, but no functions.",
                                 i + 1);
        }
}

/* ---- samples ---- */

static void check_values(Check *c, const Pprof__Sample *s, size_t i) {
        bool zero = true, negative = false;

        if (s->n_value != c->profile->n_sample_type) {
                complain(c, "Sample %zu has %zu values for %zu sample types.", i + 1, s->n_value,
                         c->profile->n_sample_type);
                return;
        }
        for (size_t k = 0; k < s->n_value; k++) {
                zero = zero && s->value[k] == 0;
                negative = negative || s->value[k] < 0;
        }
        if (negative)
                complain(c, "Sample %zu has a negative value.", i + 1);
        else if (zero)
                complain(c, "All values of sample %zu are 0.", i + 1);
}

static void check_label(Check *c, const Pprof__Label *l, size_t i, size_t k) {
        const char *key = use_string(c, l->key, "key of a label of sample", i + 1);

        use_string(c, l->str, "value of a label of sample", i + 1);
        use_string(c, l->num_unit, "unit of a label of sample", i + 1);

        if (!is_word(key))
                complain(c,
                         "The key of label %zu of sample %zu has other characters than letters, "
                         "digits and '_', or none.",
                         k + 1, i + 1);
        else if (streq(key, "__name__"))
                complain(c, "The key of label %zu of sample %zu is reserved.", k + 1, i + 1);

        if (l->str != 0 && (l->num != 0 || l->num_unit != 0))
                complain(c, "Label %zu of sample %zu is a string and a number.", k + 1, i + 1);
        else if (l->str == 0 && l->num_unit == 0)
                complain(c, "Label %zu of sample %zu %s.", k + 1, i + 1,
                         l->num == 0 ? "has neither a value nor a unit"
                                     : "is a number without unit");
}

static const char *label_key(const Check *c, const Pprof__Label *l) {
        return l->key >= 0 && (uint64_t) l->key < c->profile->n_string_table
                       ? c->profile->string_table[l->key]
                       : "";
}

static void check_labels(Check *c, const Pprof__Sample *s, size_t i) {
        if (s->n_label > LABELS_MAX) {
                complain(c, "Sample %zu has more than %d labels.", i + 1, LABELS_MAX);
                return;
        }
        for (size_t k = 0; k < s->n_label; k++) {
                check_label(c, s->label[k], i, k);
                for (size_t other = 0; other < k; other++)
                        if (streq(label_key(c, s->label[other]), label_key(c, s->label[k])))
                                complain(c, "Labels %zu and %zu of sample %zu have the same key.",
                                         other + 1, k + 1, i + 1);
        }
}

static void check_samples(Check *c) {
        if (c->profile->n_sample == 0)
                complain(c, "There is no sample.");

        for (size_t i = 0; i < c->profile->n_sample; i++) {
                const Pprof__Sample *s = c->profile->sample[i];

                check_values(c, s, i);
                check_labels(c, s, i);
                if (s->n_location_id > STACK_MAX)
                        complain(c, "Sample %zu has more than %d locations.", i + 1, STACK_MAX);
                for (size_t k = 0; k < s->n_location_id; k++) {
                        uint32_t location;

                        if (id_map_find(&c->location_ids, s->location_id[k], &location))
                                c->locations_used[location] = true;
                        else
                                complain(c, "Sample %zu has a location that does not exist.",
                                         i + 1);
                }
        }
}

/* ---- the whole ---- */

/* Mapping 1 is the main binary, used or not. */
static void check_unused(Check *c) {
        const Pprof__Profile *p = c->profile;

        for (size_t i = 1; i < p->n_mapping; i++)
                if (!c->mappings_used[i])
                        complain(c, "Mapping %zu is not used by any location.", i + 1);
        for (size_t i = 0; i < p->n_location; i++)
                if (!c->locations_used[i])
                        complain(c, "Location %zu is not used by any sample.", i + 1);
        for (size_t i = 0; i < p->n_function; i++)
                if (!c->functions_used[i])
                        complain(c, "Function %zu is not used by any location.", i + 1);
        for (size_t i = 1; i < p->n_string_table; i++)
                if (!c->strings_used[i])
                        complain(c, "String %zu is not used.", i);
}

static int new_marks(size_t n, bool **ret) {
        *ret = calloc(MAX(n, (size_t) 1), sizeof(bool));
        return *ret ? 0 : -ENOMEM;
}

static int check_message(Check *c) {
        const Pprof__Profile *p = c->profile;
        int r;

        if (new_marks(p->n_string_table, &c->strings_used) < 0 ||
            new_marks(p->n_mapping, &c->mappings_used) < 0 ||
            new_marks(p->n_location, &c->locations_used) < 0 ||
            new_marks(p->n_function, &c->functions_used) < 0)
                return -ENOMEM;
        c->evidence = calloc(MAX(p->n_mapping, (size_t) 1), sizeof(MappingEvidence));
        if (!c->evidence)
                return -ENOMEM;

        check_strings(c);
        check_header(c);
        r = check_ids(c);
        if (r < 0)
                return r;
        check_samples(c);
        check_mappings(c);
        check_locations(c);
        check_claims(c);
        check_functions(c);
        check_unused(c);
        return 0;
}

/* Equal profiles are to be equal bytes: nothing in the header may depend on when or where. */
static void check_gzip(Check *c, const uint8_t *data, size_t size) {
        static const uint8_t no_time[4];

        if (!gzip_is_gzip(data, size)) {
                complain(c, "The file is not compressed with gzip.");
                return;
        }
        if (size < GZIP_HEADER_SIZE)
                return;
        if (data[GZIP_FLAGS_OFFSET] != 0)
                complain(c, "The gzip header has a name, a comment or other optional fields.");
        if (memcmp(data + GZIP_MTIME_OFFSET, no_time, sizeof(no_time)) != 0)
                complain(c, "The gzip header has a time stamp.");
}

int pprof_check(const void *data, size_t size, PprofViolation violation, void *userdata) {
        _cleanup_(pprof_message_done) PprofMessage message = {};
        _cleanup_(check_done) Check c = { .violation = violation, .userdata = userdata };
        const char *reason = NULL;
        int r;

        check_gzip(&c, data, size);

        r = pprof_message_parse(&message, data, size, &reason);
        if (r < 0 && !reason)
                return r;
        if (r < 0)
                complain(&c, "%s", reason);
        else {
                c.profile = message.profile;
                r = check_message(&c);
                if (r < 0)
                        return r;
        }
        return c.n_violations;
}
