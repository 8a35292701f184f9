/* SPDX-License-Identifier: Apache-2.0 */
/* Profile Quality */

#include <inttypes.h>
#include <limits.h>

#include "basic/string-util.h"
#include "profile/profile-quality.h"

enum { UNKNOWN_PAGE_SIZE = 4096 };

/* Its nanoseconds fit into 63 bits. */
#define SPAN_USEC_MAX (INT64_MAX / 1000)

int64_t profile_add_values(int64_t a, int64_t b) {
        int64_t sum;

        if (__builtin_add_overflow(a, b, &sum))
                return b > 0 ? INT64_MAX : INT64_MIN;
        return sum;
}

static uint64_t add_counts(uint64_t a, uint64_t b) {
        uint64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

bool profile_mapping_is_kernel(const ProfileMapping *m) {
        return startswith(m->filename, "[kernel");
}

const char *profile_mapping_display_name(const ProfileMapping *m) {
        const char *slash;

        if (profile_mapping_is_kernel(m))
                return PROFILE_KERNEL_BINARY;

        slash = strrchr(m->filename, '/');
        return slash && slash[1] != '\0' ? slash + 1 : m->filename;
}

/* A file of a file system: not memory, and not what is known by another name. */
static bool is_file(const ProfileMapping *m) {
        return m->filename[0] == '/' && m->filename[1] != '/' &&
               !startswith(m->filename, "/memfd:");
}

const char *profile_unknown_name(const ProfileMapping *m,
                                 uint64_t address,
                                 char buffer[static PROFILE_UNKNOWN_MAX]) {
        const char *name = profile_mapping_display_name(m);
        size_t n = strlen(name);
        bool bracketed = name[0] == '[' && n > 1 && name[n - 1] == ']';

        if (n == 0 || n > NAME_MAX)
                return strcpy(buffer, PROFILE_UNKNOWN_NAME);
        if (address != 0 && is_file(m))
                snprintf(buffer, PROFILE_UNKNOWN_MAX, "[%s+0x%" PRIx64 "]", name,
                         address & ~(uint64_t) (UNKNOWN_PAGE_SIZE - 1));
        else
                snprintf(buffer, PROFILE_UNKNOWN_MAX, bracketed ? "%s" : "[%s]", name);
        return buffer;
}

const char *profile_function_display_name(const Profile *p, uint32_t function) {
        ProfileFunction f;

        profile_get_function(p, function, &f);
        return !isempty(f.name) ? f.name : f.system_name;
}

int64_t profile_total(Profile *p, size_t value_type) {
        int64_t total = 0;

        assert(value_type < profile_n_value_types(p));

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                total = profile_add_values(total, s.values[value_type]);
        }
        return total;
}

size_t profile_default_value_type(const Profile *p) {
        ProfileHeader h;
        int r;

        profile_get_header(p, &h);
        r = isempty(h.default_sample_type) ? -ENOENT
                                           : profile_find_value_type(p, h.default_sample_type);
        return r >= 0 ? (size_t) r : profile_n_value_types(p) - 1;
}

static bool location_is_named(const Profile *p, const ProfileLocation *l) {
        return l->n_lines > 0 && !isempty(profile_function_display_name(p, l->lines[0].function));
}

/* How often the sample was taken: 1 where the profile does not say. */
static uint64_t sample_count(const ProfileSample *s, int count_type) {
        if (count_type < 0)
                return 1;
        return s->values[count_type] > 0 ? (uint64_t) s->values[count_type] : 0;
}

void profile_count_frames(Profile *p, ProfileFrames *ret) {
        int count_type = profile_find_value_type(p, "samples");
        ProfileFrames f = {};

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;
                uint64_t n;

                profile_get_sample(p, i, &s);
                n = sample_count(&s, count_type);
                for (size_t j = 0; j < s.n_locations; j++) {
                        ProfileLocation l;

                        profile_get_location(p, s.locations[j], &l);
                        f.frames = add_counts(f.frames, n);
                        if (location_is_named(p, &l))
                                f.named = add_counts(f.named, n);
                }
        }
        *ret = f;
}

int profile_worst_mapping(Profile *p, uint32_t *ret_mapping, ProfileFrames *ret) {
        int count_type = profile_find_value_type(p, "samples");
        _cleanup_free_ ProfileFrames *by_mapping = NULL;
        uint32_t worst = PROFILE_NONE;

        by_mapping = calloc(profile_n_mappings(p) + 1, sizeof(*by_mapping));
        if (!by_mapping)
                return -ENOMEM;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                for (size_t j = 0; j < s.n_locations; j++) {
                        uint64_t n = sample_count(&s, count_type);
                        ProfileLocation l;
                        ProfileFrames *f;

                        profile_get_location(p, s.locations[j], &l);
                        if (l.mapping == PROFILE_NONE)
                                continue;
                        f = &by_mapping[l.mapping];
                        f->frames = add_counts(f->frames, n);
                        if (location_is_named(p, &l))
                                f->named = add_counts(f->named, n);
                }
        }

        for (uint32_t i = 0; i < profile_n_mappings(p); i++)
                if (by_mapping[i].frames > by_mapping[i].named &&
                    (worst == PROFILE_NONE ||
                     by_mapping[i].frames - by_mapping[i].named >
                             by_mapping[worst].frames - by_mapping[worst].named))
                        worst = i;
        if (worst == PROFILE_NONE)
                return -ENOENT;

        *ret_mapping = worst;
        *ret = by_mapping[worst];
        return 0;
}

const char *profile_get_note(const Profile *p, const char *key) {
        size_t n = strlen(key);

        for (size_t i = 0; i < profile_n_comments(p); i++) {
                const char *c = profile_get_comment(p, i);

                if (startswith(c, key) && c[n] == ':' && c[n + 1] == ' ')
                        return c + n + 2;
        }
        return NULL;
}

uint64_t profile_get_span_usec(const Profile *p) {
        const char *s = profile_get_note(p, "span");
        unsigned long long value;
        char *end;

        if (!s || *s < '0' || *s > '9')
                return 0;
        errno = 0;
        value = strtoull(s, &end, 10);
        return errno == 0 && streq(end, " us") && value < SPAN_USEC_MAX ? value : 0;
}

/* false: it is not a count. */
static bool parse_count(const char *s, uint64_t *ret) {
        unsigned long long value;
        char *end;

        if (!s || *s < '0' || *s > '9')
                return false;
        errno = 0;
        value = strtoull(s, &end, 10);
        if (errno != 0 || *end != '\0')
                return false;
        *ret = value;
        return true;
}

static void add_note(uint64_t *sum, const Profile *p, const char *key, bool *found) {
        uint64_t value;

        if (!parse_count(profile_get_note(p, key), &value))
                return;
        *sum = add_counts(*sum, value);
        *found = true;
}

/* "stacks-" and what is no reason. */
static bool is_total(const char *name) {
        static const char *const totals[] = { "complete", "truncated", "broken", "none",
                                              "guessed" };

        for (size_t i = 0; i < ELEMENTSOF(totals); i++)
                if (streq(name, totals[i]))
                        return true;
        return false;
}

void profile_reasons_add(ProfileReasons *r, const char *name, uint64_t stacks) {
        ProfileReason sum;
        size_t i = 0;

        if (stacks == 0 || is_total(name) || strlen(name) >= PROFILE_REASON_SIZE)
                return;
        while (i < r->n && !streq(r->items[i].name, name))
                i++;
        if (i == PROFILE_REASONS_MAX)
                return;
        if (i == r->n) {
                r->items[i] = (ProfileReason){};
                strcpy(r->items[r->n++].name, name);
        }

        sum = r->items[i];
        sum.stacks = add_counts(sum.stacks, stacks);
        for (; i > 0 && r->items[i - 1].stacks < sum.stacks; i--)
                r->items[i] = r->items[i - 1];
        r->items[i] = sum;
}

static void add_reasons(ProfileNotes *notes, const Profile *p) {
        static const char prefix[] = "stacks-";

        for (size_t i = 0; i < profile_n_comments(p); i++) {
                const char *comment = profile_get_comment(p, i), *colon = strstr(comment, ": ");
                char name[PROFILE_REASON_SIZE] = "";
                uint64_t stacks;

                if (!startswith(comment, prefix) || !colon)
                        continue;
                comment += strlen(prefix);
                if ((size_t) (colon - comment) >= sizeof(name))
                        continue;
                memcpy(name, comment, (size_t) (colon - comment));
                if (parse_count(colon + 2, &stacks))
                        profile_reasons_add(&notes->broken, name, stacks);
        }
}

void profile_notes_add(ProfileNotes *notes, const Profile *p) {
        add_note(&notes->samples, p, "samples", &notes->found);
        add_note(&notes->lost_samples, p, "lost-samples", &notes->found);
        add_note(&notes->stacks_complete, p, "stacks-complete", &notes->found);
        add_note(&notes->stacks_truncated, p, "stacks-truncated", &notes->found);
        add_note(&notes->stacks_broken, p, "stacks-broken", &notes->found);
        add_note(&notes->stacks_none, p, "stacks-none", &notes->found);
        add_note(&notes->stacks_guessed, p, "stacks-guessed", &notes->found);
        add_reasons(notes, p);
}
