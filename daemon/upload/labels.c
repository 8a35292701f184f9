/* SPDX-License-Identifier: Apache-2.0 */
/* Labels */

#include <ctype.h>
#include <inttypes.h>

#include "basic/string-util.h"
#include "profile/profile-quality.h"
#include "upload/labels.h"
#include "upload/target.h"

/* ---- words ---- */

static void add_word(LabelWords *w, const char *name, const char *value) {
        assert(w->n < LABELS_WORDS_MAX);
        w->words[w->n++] = (TemplateWord){ name, value ?: "" };
}

/* "getty@tty1.service" is "getty@tty1", instance "tty1". A unit of another type keeps its type. */
static int split_unit(LabelWords *w, const char *unit) {
        const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');

        w->name = endswith(unit, ".service") && dot > unit ? strndup(unit, (size_t) (dot - unit))
                                                           : strdup(unit);
        w->instance = at && dot && dot > at ? strndup(at + 1, (size_t) (dot - at - 1)) : strdup("");
        return w->name && w->instance ? 0 : -ENOMEM;
}

int label_words_init(LabelWords *w,
                     const LabelHost *host,
                     const StoreEntry *entry,
                     const Profile *profile,
                     const char *digest) {
        *w = (LabelWords){};
        sd_id128_to_string(entry->boot_id, w->boot_id);
        (void) snprintf(w->start, sizeof(w->start), "%" PRIu64, entry->start_usec);
        (void) snprintf(w->end, sizeof(w->end), "%" PRIu64,
                        entry->start_usec + entry->duration_usec);
        if (split_unit(w, entry->unit) < 0) {
                label_words_done(w);
                return -ENOMEM;
        }

        add_word(w, "unit", entry->unit);
        add_word(w, "name", w->name);
        add_word(w, "instance", w->instance);
        add_word(w, "type", entry->type);
        add_word(w, "host", host->name);
        add_word(w, "machine_id", host->machine_id);
        add_word(w, "boot_id", w->boot_id);
        add_word(w, "start", w->start);
        add_word(w, "end", w->end);
        add_word(w, "id", digest);
        if (profile) {
                add_word(w, "slice", profile_get_note(profile, "slice"));
                add_word(w, "invocation_id", profile_get_note(profile, "invocation-id"));
        }
        return 0;
}

void label_words_done(LabelWords *w) {
        free(w->name);
        free(w->instance);
        *w = (LabelWords){};
}

/* ---- set ---- */

bool label_name_is_valid(const char *name) {
        if (name[0] == '\0' || isdigit((unsigned char) name[0]) || strlen(name) > LABELS_NAME_MAX)
                return false;
        for (; *name != '\0'; name++)
                if (!isascii((unsigned char) *name) ||
                    (!isalnum((unsigned char) *name) && *name != '_'))
                        return false;
        return true;
}

void label_set_done(LabelSet *s) {
        for (size_t i = 0; i < s->n; i++) {
                free(s->labels[i].name);
                free(s->labels[i].value);
        }
        s->n = 0;
}

/* Where the label is, or would be. */
static size_t find_label(const LabelSet *s, const char *name) {
        size_t i = 0;

        while (i < s->n && strcmp(s->labels[i].name, name) < 0)
                i++;
        return i;
}

static bool has_label_at(const LabelSet *s, size_t i, const char *name) {
        return i < s->n && streq(s->labels[i].name, name);
}

const char *label_set_get(const LabelSet *s, const char *name) {
        size_t i = find_label(s, name);

        return has_label_at(s, i, name) ? s->labels[i].value : NULL;
}

static void remove_label(LabelSet *s, size_t i) {
        free(s->labels[i].name);
        free(s->labels[i].value);
        memmove(s->labels + i, s->labels + i + 1, (--s->n - i) * sizeof(Label));
}

int label_set_put(LabelSet *s, const char *name, const char *value) {
        _cleanup_free_ char *n = NULL, *v = NULL;
        size_t i = find_label(s, name);

        if (has_label_at(s, i, name))
                remove_label(s, i);
        if (isempty(value))
                return 0;
        if (s->n >= LABELS_MAX)
                return -E2BIG;
        n = strdup(name);
        v = utf8_sanitize(value, LABELS_VALUE_MAX);
        if (!n || !v)
                return -ENOMEM;
        memmove(s->labels + i + 1, s->labels + i, (s->n++ - i) * sizeof(Label));
        s->labels[i] = (Label){ TAKE_PTR(n), TAKE_PTR(v) };
        return 0;
}

/* ---- what the samples say of themselves ---- */

static bool sample_has_label(const ProfileSample *s, const ProfileLabel *l) {
        for (size_t i = 0; i < s->n_labels; i++)
                if (s->labels[i].string && streq(s->labels[i].key, l->key) &&
                    streq(s->labels[i].string, l->string))
                        return true;
        return false;
}

static bool all_samples_have(Profile *p, const char *key, const char *value) {
        const ProfileLabel label = { .key = key, .string = value };

        for (size_t i = 1; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                if (!sample_has_label(&s, &label))
                        return false;
        }
        return true;
}

/* Labels= of units.d/ is on each sample, where Parca does not look. A thread is none of them: with
 * one thread only its name would make a series. */
static int add_shared_labels(LabelSet *set, Profile *p) {
        Label found[PROFILE_LABELS_MAX];
        size_t n = 0;
        ProfileSample s;
        int r = 0;

        if (!p || profile_n_samples(p) == 0)
                return 0;
        profile_get_sample(p, 0, &s);
        for (size_t i = 0; i < s.n_labels; i++)
                if (s.labels[i].string && !streq(s.labels[i].key, "thread") &&
                    label_name_is_valid(s.labels[i].key) && !startswith(s.labels[i].key, "__"))
                        found[n++] =
                                (Label){ (char *) s.labels[i].key, (char *) s.labels[i].string };
        for (size_t i = 0; i < n && r >= 0; i++)
                if (all_samples_have(p, found[i].name, found[i].value))
                        r = label_set_put(set, found[i].name, found[i].value);
        return r;
}

int label_set_init(LabelSet *s, const UploadTarget *t, const LabelWords *words, Profile *profile) {
        static const UploadLabel defaults[] = {
                { (char *) "service_name", (char *) "{name}" },
                { (char *) "unit", (char *) "{unit}" },
                { (char *) "host", (char *) "{host}" },
                { (char *) "machine_id", (char *) "{machine_id}" },
        };
        int r;

        s->n = 0;
        r = add_shared_labels(s, profile);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(defaults) + t->n_labels; i++) {
                const UploadLabel *l = i < ELEMENTSOF(defaults)
                                               ? &defaults[i]
                                               : &t->labels[i - ELEMENTSOF(defaults)];
                _cleanup_free_ char *value = NULL;

                r = template_expand(l->value, words->words, words->n, false, &value);
                if (r >= 0)
                        r = label_set_put(s, l->name, value);
        }
        if (r >= 0 && profile)
                r = label_set_put(s, "slice", profile_get_note(profile, "slice"));
        if (r < 0)
                label_set_done(s);
        return r;
}
