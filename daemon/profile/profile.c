/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profile
 *
 * Each table is an array of pointers to entries that never move, and a hash over their content. The
 * content that makes an entry what it is, its key, holds indices instead of pointers and no
 * padding, so that equal entries are equal bytes. A key is first put together in scratch memory:
 * meeting a known entry again allocates nothing.
 */

#include "profile/profile.h"
#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/arena.h"
#include "profile/string-table.h"
#include "profile/table.h"

enum {
        MERGE_PAGE = 4096, /* sizes of mappings that differ by less are the same to pprof */
        LABEL_STRINGS = 3,
        LABEL_WORDS = 5, /* key, string, unit, low and high half of the number */
};

_Static_assert(PROFILE_STRINGS_MAX == (int) STRING_TABLE_MAX, "one limit for strings");

typedef struct MappingKey {
        uint64_t start, limit, offset;
        uint32_t filename, build_id;
} MappingKey;

typedef struct MergeKey {
        uint64_t size, offset;
        uint32_t file, is_build_id;
} MergeKey;

typedef struct Mapping {
        UT_hash_handle hh, hh_merge;
        uint32_t index;
        MappingKey key;
        MergeKey merge_key;
        bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
        bool used; /* a location refers to it */
} Mapping;

typedef struct FunctionKey {
        int64_t start_line;
        uint32_t name, system_name, filename, zero;
} FunctionKey;

typedef struct Function {
        UT_hash_handle hh;
        uint32_t index;
        FunctionKey key;
} Function;

typedef struct LocationKey {
        uint64_t address;
        uint32_t mapping, folded;
        ProfileLine lines[]; /* padding zeroed */
} LocationKey;

typedef struct Location {
        UT_hash_handle hh;
        uint32_t index, n_lines;
        LocationKey key; /* must be last */
} Location;

/* words: n_locations, the locations, then LABEL_WORDS for each label. */
typedef struct Sample {
        UT_hash_handle hh;
        uint32_t n_locations, n_labels;
        int64_t *values;
        uint32_t words[];
} Sample;

typedef struct Header {
        int64_t time_nsec, duration_nsec, period;
        uint32_t period_type, period_unit, default_sample_type;
        uint32_t drop_frames, keep_frames, doc_url;
} Header;

struct Profile {
        Arena arena;
        StringTable *strings;
        Header header;

        uint32_t types[PROFILE_VALUE_TYPES_MAX], units[PROFILE_VALUE_TYPES_MAX];
        size_t n_types;

        uint32_t comments[PROFILE_COMMENTS_MAX];
        size_t n_comments;

        Mapping **mappings, *mappings_by_key, *mappings_by_merge_key;
        size_t n_mappings, mappings_capacity;
        Function **functions, *functions_by_key;
        size_t n_functions, functions_capacity;
        Location **locations, *locations_by_key;
        size_t n_locations, locations_capacity;
        Sample **samples, *samples_by_key;
        size_t n_samples, samples_capacity;

        /* Keys in the making, and the labels of the view of a sample. */
        uint32_t words[1 + PROFILE_STACK_MAX + LABEL_WORDS * PROFILE_LABELS_MAX];
        LocationKey *location;
        uint32_t hints[PROFILE_LABELS_MAX][LABEL_STRINGS]; /* of the sample before */
        ProfileLabel labels[PROFILE_LABELS_MAX];
};

/* ---- strings ---- */

/* Nothing for utf8_sanitize() to do; nearly always one quick pass. */
static bool is_clean(const char *s, size_t n) {
        bool ascii = true;

        for (size_t i = 0; i < n; i++) {
                uint8_t c = s[i];

                if (c < 0x20 || c == 0x7f)
                        return false;
                ascii = ascii && c < 0x80;
        }
        return ascii || utf8_is_valid(s, n);
}

int profile_intern(Profile *p, const char *s, uint32_t *ret_index) {
        _cleanup_free_ char *clean = NULL;
        size_t n;

        if (!s)
                s = "";
        /* What is in the table is clean. */
        if (string_table_find(p->strings, s, ret_index))
                return 0;

        n = strnlen(s, PROFILE_STRING_MAX + 1);
        if (n > PROFILE_STRING_MAX || !is_clean(s, n)) {
                clean = utf8_sanitize(s, PROFILE_STRING_MAX);
                if (!clean)
                        return -ENOMEM;
                s = clean;
        }
        return string_table_intern(p->strings, s, ret_index);
}

const char *profile_get_string(const Profile *p, uint32_t index) {
        return string_table_get(p->strings, index);
}

size_t profile_n_strings(const Profile *p) {
        return string_table_size(p->strings);
}

/* ---- the profile as a whole ---- */

int profile_new(Profile **ret, const ProfileValueType *types, size_t n_types) {
        _cleanup_(profile_freep) Profile *p = NULL;
        int r;

        if (n_types == 0)
                return -EINVAL;
        if (n_types > PROFILE_VALUE_TYPES_MAX)
                return -E2BIG;

        p = calloc(1, sizeof(Profile));
        if (!p)
                return -ENOMEM;
        arena_init(&p->arena, 0);
        p->location = arena_alloc(&p->arena,
                                  sizeof(LocationKey) + PROFILE_LINES_MAX * sizeof(ProfileLine));
        if (!p->location)
                return -ENOMEM;
        r = string_table_new(&p->strings);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n_types; i++) {
                r = profile_intern(p, types[i].type, &p->types[i]);
                if (r < 0)
                        return r;
                r = profile_intern(p, types[i].unit, &p->units[i]);
                if (r < 0)
                        return r;
        }
        p->n_types = n_types;

        *ret = TAKE_PTR(p);
        return 0;
}

Profile *profile_free(Profile *p) {
        if (!p)
                return NULL;
        HASH_CLEAR(hh, p->samples_by_key);
        HASH_CLEAR(hh, p->locations_by_key);
        HASH_CLEAR(hh, p->functions_by_key);
        HASH_CLEAR(hh_merge, p->mappings_by_merge_key);
        HASH_CLEAR(hh, p->mappings_by_key);
        free(p->samples);
        free(p->locations);
        free(p->functions);
        free(p->mappings);
        string_table_free(p->strings);
        arena_done(&p->arena);
        free(p);
        return NULL;
}

int profile_set_header(Profile *p, const ProfileHeader *header) {
        Header h = {
                .time_nsec = header->time_nsec,
                .duration_nsec = header->duration_nsec,
                .period = header->period,
        };
        const struct {
                const char *s;
                uint32_t *index;
        } strings[] = {
                { header->period_type.type, &h.period_type },
                { header->period_type.unit, &h.period_unit },
                { header->default_sample_type, &h.default_sample_type },
                { header->drop_frames, &h.drop_frames },
                { header->keep_frames, &h.keep_frames },
                { header->doc_url, &h.doc_url },
        };

        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                int r = profile_intern(p, strings[i].s, strings[i].index);
                if (r < 0)
                        return r;
        }
        p->header = h;
        return 0;
}

void profile_get_header(const Profile *p, ProfileHeader *ret) {
        const Header *h = &p->header;

        *ret = (ProfileHeader){
                .time_nsec = h->time_nsec,
                .duration_nsec = h->duration_nsec,
                .period_type = { profile_get_string(p, h->period_type),
                                 profile_get_string(p, h->period_unit) },
                .period = h->period,
                .default_sample_type = profile_get_string(p, h->default_sample_type),
                .drop_frames = profile_get_string(p, h->drop_frames),
                .keep_frames = profile_get_string(p, h->keep_frames),
                .doc_url = profile_get_string(p, h->doc_url),
        };
}

int profile_add_comment(Profile *p, const char *comment) {
        uint32_t index;
        int r;

        r = profile_intern(p, comment, &index);
        if (r < 0)
                return r;
        for (size_t i = 0; i < p->n_comments; i++)
                if (p->comments[i] == index)
                        return 0;
        if (p->n_comments >= PROFILE_COMMENTS_MAX)
                return -E2BIG;
        p->comments[p->n_comments++] = index;
        return 0;
}

void profile_clear_comments(Profile *p) {
        p->n_comments = 0;
}

size_t profile_n_comments(const Profile *p) {
        return p->n_comments;
}

const char *profile_get_comment(const Profile *p, size_t i) {
        assert(i < p->n_comments);
        return profile_get_string(p, p->comments[i]);
}

size_t profile_n_value_types(const Profile *p) {
        return p->n_types;
}

void profile_get_value_type(const Profile *p, size_t i, ProfileValueType *ret) {
        assert(i < p->n_types);
        *ret = (ProfileValueType){ profile_get_string(p, p->types[i]),
                                   profile_get_string(p, p->units[i]) };
}

int profile_find_value_type(const Profile *p, const char *type) {
        for (size_t i = 0; i < p->n_types; i++)
                if (streq(profile_get_string(p, p->types[i]), type))
                        return i;
        return -ENOENT;
}

/* ---- mappings ---- */

static int mapping_make_key(Profile *p, const ProfileMapping *m, MappingKey *ret) {
        MappingKey key = { .start = m->start, .limit = m->limit, .offset = m->offset };
        int r;

        if (m->limit < m->start)
                return -EINVAL;
        r = profile_intern(p, m->filename, &key.filename);
        if (r < 0)
                return r;
        r = profile_intern(p, m->build_id, &key.build_id);
        if (r < 0)
                return r;
        *ret = key;
        return 0;
}

/* A mapping with neither build id nor name has file "", as pprof has it. */
static MergeKey mapping_make_merge_key(const MappingKey *key) {
        uint64_t size = key->limit - key->start;

        return (MergeKey){
                .size = size / MERGE_PAGE + (size % MERGE_PAGE > 0),
                .offset = key->offset,
                .file = key->build_id != 0 ? key->build_id : key->filename,
                .is_build_id = key->build_id != 0,
        };
}

static int mapping_new(Profile *p, const MappingKey *key, const ProfileMapping *m, Mapping **ret) {
        Mapping *e, *first;

        if (p->n_mappings >= PROFILE_MAPPINGS_MAX)
                return -E2BIG;
        if (ARRAY_RESERVE(p->mappings, p->mappings_capacity, p->n_mappings + 1) < 0)
                return -ENOMEM;
        e = arena_alloc(&p->arena, sizeof(Mapping));
        if (!e)
                return -ENOMEM;

        *e = (Mapping){
                .index = p->n_mappings,
                .key = *key,
                .merge_key = mapping_make_merge_key(key),
                .has_functions = m->has_functions,
                .has_filenames = m->has_filenames,
                .has_line_numbers = m->has_line_numbers,
                .has_inline_frames = m->has_inline_frames,
        };
        HASH_ADD(hh, p->mappings_by_key, key, sizeof(e->key), e);
        if (!e->hh.tbl)
                return -ENOMEM;

        /* Of several that a merge would take for the same, the first is what the merge finds. */
        HASH_FIND(hh_merge, p->mappings_by_merge_key, &e->merge_key, sizeof(e->merge_key), first);
        if (!first) {
                HASH_ADD(hh_merge, p->mappings_by_merge_key, merge_key, sizeof(e->merge_key), e);
                if (!e->hh_merge.tbl) {
                        HASH_DELETE(hh, p->mappings_by_key, e);
                        return -ENOMEM;
                }
        }

        p->mappings[p->n_mappings++] = e;
        *ret = e;
        return 0;
}

int profile_add_mapping(Profile *p, const ProfileMapping *m, uint32_t *ret_index) {
        MappingKey key;
        Mapping *e;
        int r;

        r = mapping_make_key(p, m, &key);
        if (r < 0)
                return r;
        HASH_FIND(hh, p->mappings_by_key, &key, sizeof(key), e);
        if (!e) {
                r = mapping_new(p, &key, m, &e);
                if (r < 0)
                        return r;
        }
        *ret_index = e->index;
        return 0;
}

/* Later pages of a larger twin must be inside, too. */
static int mapping_grow(Profile *p, Mapping *e, uint64_t size) {
        if (size <= e->key.limit - e->key.start)
                return 0;
        HASH_DELETE(hh, p->mappings_by_key, e);
        if (__builtin_add_overflow(e->key.start, size, &e->key.limit))
                e->key.limit = UINT64_MAX;
        HASH_ADD(hh, p->mappings_by_key, key, sizeof(e->key), e);
        return e->hh.tbl ? 0 : -ENOMEM;
}

int profile_merge_mapping(Profile *p, const ProfileMapping *m, uint32_t *ret_index) {
        MergeKey merge_key;
        MappingKey key;
        Mapping *e;
        int r;

        r = mapping_make_key(p, m, &key);
        if (r < 0)
                return r;
        merge_key = mapping_make_merge_key(&key);
        HASH_FIND(hh_merge, p->mappings_by_merge_key, &merge_key, sizeof(merge_key), e);
        if (e) {
                /* The flags of a mapping without a location claim nothing yet. */
                profile_set_mapping_flags(
                        p, e->index, (e->has_functions || !e->used) && m->has_functions,
                        (e->has_filenames || !e->used) && m->has_filenames,
                        (e->has_line_numbers || !e->used) && m->has_line_numbers,
                        (e->has_inline_frames || !e->used) && m->has_inline_frames);
                r = mapping_grow(p, e, m->limit - m->start);
        } else
                r = mapping_new(p, &key, m, &e);
        if (r < 0)
                return r;
        *ret_index = e->index;
        return 0;
}

void profile_set_mapping_flags(Profile *p,
                               uint32_t mapping,
                               bool functions,
                               bool filenames,
                               bool line_numbers,
                               bool inline_frames) {
        Mapping *m;

        assert(mapping < p->n_mappings);
        m = p->mappings[mapping];
        m->has_functions = functions;
        m->has_filenames = filenames;
        m->has_line_numbers = line_numbers;
        m->has_inline_frames = inline_frames;
}

size_t profile_n_mappings(const Profile *p) {
        return p->n_mappings;
}

void profile_get_mapping(const Profile *p, uint32_t i, ProfileMapping *ret) {
        const Mapping *m;

        assert(i < p->n_mappings);
        m = p->mappings[i];
        *ret = (ProfileMapping){
                .start = m->key.start,
                .limit = m->key.limit,
                .offset = m->key.offset,
                .filename = profile_get_string(p, m->key.filename),
                .build_id = profile_get_string(p, m->key.build_id),
                .has_functions = m->has_functions,
                .has_filenames = m->has_filenames,
                .has_line_numbers = m->has_line_numbers,
                .has_inline_frames = m->has_inline_frames,
        };
}

/* ---- functions ---- */

int profile_add_interned_function(Profile *p,
                                  uint32_t name,
                                  uint32_t system_name,
                                  uint32_t filename,
                                  int64_t start_line,
                                  uint32_t *ret_index) {
        const FunctionKey key = { start_line, name, system_name, filename, 0 };
        Function *e;

        HASH_FIND(hh, p->functions_by_key, &key, sizeof(key), e);
        if (!e) {
                if (p->n_functions >= PROFILE_FUNCTIONS_MAX)
                        return -E2BIG;
                if (ARRAY_RESERVE(p->functions, p->functions_capacity, p->n_functions + 1) < 0)
                        return -ENOMEM;
                e = arena_alloc(&p->arena, sizeof(Function));
                if (!e)
                        return -ENOMEM;
                *e = (Function){ .index = p->n_functions, .key = key };
                HASH_ADD(hh, p->functions_by_key, key, sizeof(e->key), e);
                if (!e->hh.tbl)
                        return -ENOMEM;
                p->functions[p->n_functions++] = e;
        }
        *ret_index = e->index;
        return 0;
}

int profile_add_function(Profile *p, const ProfileFunction *f, uint32_t *ret_index) {
        uint32_t name, system_name, filename;
        int r;

        r = profile_intern(p, f->name, &name);
        if (r >= 0)
                r = profile_intern(p, f->system_name, &system_name);
        if (r >= 0)
                r = profile_intern(p, f->filename, &filename);
        if (r < 0)
                return r;
        return profile_add_interned_function(p, name, system_name, filename, f->start_line,
                                             ret_index);
}

size_t profile_n_functions(const Profile *p) {
        return p->n_functions;
}

void profile_get_function(const Profile *p, uint32_t i, ProfileFunction *ret) {
        const FunctionKey *key;

        assert(i < p->n_functions);
        key = &p->functions[i]->key;
        *ret = (ProfileFunction){
                .name = profile_get_string(p, key->name),
                .system_name = profile_get_string(p, key->system_name),
                .filename = profile_get_string(p, key->filename),
                .start_line = key->start_line,
        };
}

/* ---- locations ---- */

static int location_new(
        Profile *p, const LocationKey *key, size_t key_size, size_t n_lines, Location **ret) {
        Location *e;

        if (p->n_locations >= PROFILE_LOCATIONS_MAX)
                return -E2BIG;
        if (ARRAY_RESERVE(p->locations, p->locations_capacity, p->n_locations + 1) < 0)
                return -ENOMEM;
        e = arena_alloc(&p->arena, offsetof(Location, key) + key_size);
        if (!e)
                return -ENOMEM;

        e->index = p->n_locations;
        e->n_lines = n_lines;
        memcpy(&e->key, key, key_size);
        HASH_ADD(hh, p->locations_by_key, key, key_size, e);
        if (!e->hh.tbl)
                return -ENOMEM;

        p->locations[p->n_locations++] = e;
        if (key->mapping != PROFILE_NONE)
                p->mappings[key->mapping]->used = true;
        *ret = e;
        return 0;
}

int profile_add_location(Profile *p, const ProfileLocation *l, uint32_t *ret_index) {
        LocationKey *key = p->location;
        size_t key_size = sizeof(LocationKey) + l->n_lines * sizeof(ProfileLine);
        Location *e;
        int r;

        if (l->n_lines > PROFILE_LINES_MAX)
                return -E2BIG;
        if (l->mapping != PROFILE_NONE && l->mapping >= p->n_mappings)
                return -EINVAL;

        memset(key, 0, key_size);
        key->address = l->address;
        key->mapping = l->mapping;
        key->folded = l->folded;
        for (size_t i = 0; i < l->n_lines; i++) {
                if (l->lines[i].function >= p->n_functions)
                        return -EINVAL;
                key->lines[i].function = l->lines[i].function;
                key->lines[i].line = l->lines[i].line;
        }

        HASH_FIND(hh, p->locations_by_key, key, key_size, e);
        if (!e) {
                r = location_new(p, key, key_size, l->n_lines, &e);
                if (r < 0)
                        return r;
        }
        *ret_index = e->index;
        return 0;
}

size_t profile_n_locations(const Profile *p) {
        return p->n_locations;
}

void profile_get_location(const Profile *p, uint32_t i, ProfileLocation *ret) {
        const Location *l;

        assert(i < p->n_locations);
        l = p->locations[i];
        *ret = (ProfileLocation){
                .mapping = l->key.mapping,
                .address = l->key.address,
                .lines = l->key.lines,
                .n_lines = l->n_lines,
                .folded = l->key.folded,
        };
}

/* ---- samples ---- */

static const char *label_get_unit(const ProfileLabel *l) {
        return isempty(l->unit) ? l->key : l->unit;
}

/* The labels of one sample after the other have the same keys and units, and often more: hint is
 * what was there before. NULL: s is interned. */
static int label_string(Profile *p, const char *s, uint32_t *hint, uint32_t *ret_index) {
        int r;

        if (!hint) {
                *ret_index = string_table_index_of(s);
                return 0;
        }
        if (!streq(s, profile_get_string(p, *hint))) {
                r = profile_intern(p, s, hint);
                if (r < 0)
                        return r;
        }
        *ret_index = *hint;
        return 0;
}

static int label_intern(Profile *p, const ProfileLabel *l, uint32_t *hints, uint32_t *words) {
        int r;

        memset(words, 0, LABEL_WORDS * sizeof(words[0]));
        r = label_string(p, l->key, hints, &words[0]);
        if (r < 0)
                return r;
        if (l->string)
                return label_string(p, l->string, hints ? hints + 1 : NULL, &words[1]);

        words[1] = PROFILE_NONE;
        words[3] = (uint64_t) l->number;
        words[4] = (uint64_t) l->number >> 32;
        return label_string(p, label_get_unit(l), hints ? hints + 2 : NULL, &words[2]);
}

/* Strings before numbers, each by key: the order in which pprof writes them. */
static bool label_is_before(const Profile *p, const uint32_t *a, const uint32_t *b) {
        if ((a[1] == PROFILE_NONE) != (b[1] == PROFILE_NONE))
                return b[1] == PROFILE_NONE;
        return strcmp(profile_get_string(p, a[0]), profile_get_string(p, b[0])) < 0;
}

/* Puts the labels into their order, behind the stack in the key of a sample. */
static int labels_intern(
        Profile *p, const ProfileSample *s, bool interned, uint32_t *words, uint32_t *ret_n) {
        uint32_t n = 0;

        for (size_t i = 0; i < s->n_labels; i++) {
                uint32_t label[LABEL_WORDS], k;
                int r;

                if (isempty(s->labels[i].key))
                        return -EINVAL;
                if (s->labels[i].string && s->labels[i].string[0] == '\0')
                        continue;
                r = label_intern(p, &s->labels[i], interned ? NULL : p->hints[i], label);
                if (r < 0)
                        return r;

                for (k = 0; k < n; k++)
                        if (words[k * LABEL_WORDS] == label[0])
                                return -EINVAL;
                for (; k > 0 && label_is_before(p, label, words + (k - 1) * LABEL_WORDS); k--)
                        memcpy(words + k * LABEL_WORDS, words + (k - 1) * LABEL_WORDS,
                               sizeof(label));
                memcpy(words + k * LABEL_WORDS, label, sizeof(label));
                n++;
        }
        *ret_n = n;
        return 0;
}

static int sample_new(Profile *p, uint32_t n_locations, uint32_t n_labels, Sample **ret) {
        size_t n_words = 1 + n_locations + n_labels * LABEL_WORDS;
        Sample *e;

        if (p->n_samples >= PROFILE_SAMPLES_MAX)
                return -E2BIG;
        if (ARRAY_RESERVE(p->samples, p->samples_capacity, p->n_samples + 1) < 0)
                return -ENOMEM;
        e = arena_alloc(&p->arena, offsetof(Sample, words) + n_words * sizeof(e->words[0]));
        if (!e)
                return -ENOMEM;
        e->values = arena_alloc(&p->arena, p->n_types * sizeof(e->values[0]));
        if (!e->values)
                return -ENOMEM;

        e->n_locations = n_locations;
        e->n_labels = n_labels;
        memset(e->values, 0, p->n_types * sizeof(e->values[0]));
        memcpy(e->words, p->words, n_words * sizeof(e->words[0]));
        HASH_ADD(hh, p->samples_by_key, words, n_words * sizeof(e->words[0]), e);
        if (!e->hh.tbl)
                return -ENOMEM;

        p->samples[p->n_samples++] = e;
        *ret = e;
        return 0;
}

static int add_sample(Profile *p, const ProfileSample *s, bool interned) {
        size_t n_words = 1 + s->n_locations;
        uint32_t n_labels;
        bool is_new;
        Sample *e;
        int r;

        if (s->n_locations > PROFILE_STACK_MAX || s->n_labels > PROFILE_LABELS_MAX)
                return -E2BIG;

        p->words[0] = s->n_locations;
        for (size_t i = 0; i < s->n_locations; i++) {
                if (s->locations[i] >= p->n_locations)
                        return -EINVAL;
                p->words[1 + i] = s->locations[i];
        }
        r = labels_intern(p, s, interned, p->words + n_words, &n_labels);
        if (r < 0)
                return r;
        n_words += n_labels * LABEL_WORDS;

        HASH_FIND(hh, p->samples_by_key, p->words, n_words * sizeof(p->words[0]), e);
        is_new = !e;
        if (is_new) {
                r = sample_new(p, s->n_locations, n_labels, &e);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < p->n_types; i++)
                if (__builtin_add_overflow(e->values[i], s->values[i], &e->values[i]))
                        e->values[i] = s->values[i] < 0 ? INT64_MIN : INT64_MAX;
        return is_new;
}

int profile_add_sample(Profile *p, const ProfileSample *s) {
        return add_sample(p, s, false);
}

int profile_add_interned_sample(Profile *p, const ProfileSample *s) {
        return add_sample(p, s, true);
}

size_t profile_n_samples(const Profile *p) {
        return p->n_samples;
}

void profile_get_sample(Profile *p, size_t i, ProfileSample *ret) {
        const uint32_t *words;
        const Sample *s;

        assert(i < p->n_samples);
        s = p->samples[i];
        words = s->words + 1 + s->n_locations;
        for (uint32_t k = 0; k < s->n_labels; k++, words += LABEL_WORDS)
                p->labels[k] = (ProfileLabel){
                        .key = profile_get_string(p, words[0]),
                        .string = profile_get_string(p, words[1]),
                        .number = (int64_t) ((uint64_t) words[4] << 32 | words[3]),
                        .unit = profile_get_string(p, words[2]),
                };
        *ret = (ProfileSample){
                .locations = s->words + 1,
                .n_locations = s->n_locations,
                .values = s->values,
                .labels = p->labels,
                .n_labels = s->n_labels,
        };
}

void profile_negate(Profile *p) {
        for (size_t i = 0; i < p->n_samples; i++)
                for (size_t k = 0; k < p->n_types; k++) {
                        int64_t *value = &p->samples[i]->values[k];

                        *value = *value == INT64_MIN ? INT64_MAX : -*value;
                }
}
