/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of a Profile */

#include <inttypes.h>

#include "basic/string-util.h"
#include "profile/profile-counts.h"

/* Other numbers, as that of a session, are names. */
static bool is_count(const char *key) {
        static const char *const counts[] = {
                "samples",      "lost-samples", "lost-in-ring",   "frames",
                "frames-named", "windows",      "stream-dropped",
        };

        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                if (streq(key, counts[i]))
                        return true;
        return startswith(key, "stacks-");
}

/* Splits "KEY: NUMBER", if it is a count. */
static bool parse(const char *comment, char key[static PROFILE_COUNT_KEY_MAX], uint64_t *ret) {
        const char *colon = strstr(comment, ": ");
        unsigned long long value;
        char *end;

        if (!colon || colon == comment || colon - comment >= PROFILE_COUNT_KEY_MAX ||
            colon[2] < '0' || colon[2] > '9')
                return false;
        errno = 0;
        value = strtoull(colon + 2, &end, 10);
        if (errno != 0 || *end != '\0')
                return false;
        memcpy(key, comment, (size_t) (colon - comment));
        key[colon - comment] = '\0';
        *ret = value;
        return is_count(key);
}

bool profile_comment_counts(const char *comment) {
        char key[PROFILE_COUNT_KEY_MAX];
        uint64_t value;

        return parse(comment, key, &value);
}

static ProfileCount *find(ProfileCounts *c, const char *key) {
        for (size_t i = 0; i < c->n; i++)
                if (streq(c->counts[i].key, key))
                        return &c->counts[i];
        return NULL;
}

void profile_counts_add_value(ProfileCounts *c, const char *key, uint64_t value) {
        ProfileCount *count = find(c, key);

        if (!count) {
                if (c->n >= PROFILE_COUNTS_MAX || strlen(key) >= PROFILE_COUNT_KEY_MAX)
                        return;
                count = &c->counts[c->n++];
                *count = (ProfileCount){};
                memcpy(count->key, key, strlen(key) + 1);
        }
        if (__builtin_add_overflow(count->value, value, &count->value))
                count->value = UINT64_MAX;
}

void profile_counts_add(ProfileCounts *c, const Profile *p) {
        for (size_t i = 0; i < profile_n_comments(p); i++) {
                char key[PROFILE_COUNT_KEY_MAX];
                uint64_t value;

                if (parse(profile_get_comment(p, i), key, &value))
                        profile_counts_add_value(c, key, value);
        }
}

/* Comments stay that are neither of these counts nor start with prefix; NULL: none does. */
static int keep_comments(Profile *p, const ProfileCounts *c, const char *prefix) {
        _cleanup_(strv_freep) char **texts = NULL;
        int r;

        for (size_t i = 0; i < profile_n_comments(p); i++) {
                const char *comment = profile_get_comment(p, i);
                char key[PROFILE_COUNT_KEY_MAX];
                uint64_t value;

                if (prefix && startswith(comment, prefix))
                        continue;
                if (c && parse(comment, key, &value) && find((ProfileCounts *) c, key))
                        continue;
                r = strv_extend(&texts, comment);
                if (r < 0)
                        return r;
        }

        profile_clear_comments(p);
        for (char **text = texts; text && *text; text++) {
                r = profile_add_comment(p, *text);
                if (r < 0)
                        return r;
        }
        return 0;
}

int profile_counts_apply(const ProfileCounts *c, Profile *p) {
        int r;

        r = keep_comments(p, c, NULL);
        if (r < 0)
                return r;
        for (size_t i = 0; i < c->n; i++) {
                _cleanup_free_ char *line = NULL;

                if (asprintf(&line, "%s: %" PRIu64, c->counts[i].key, c->counts[i].value) < 0) {
                        line = NULL;
                        return -ENOMEM;
                }
                r = profile_add_comment(p, line);
                if (r < 0 && r != -E2BIG)
                        return r;
        }
        return 0;
}

int profile_set_span_usec(Profile *p, uint64_t usec) {
        _cleanup_free_ char *line = NULL;
        int r;

        r = keep_comments(p, NULL, "span: ");
        if (r < 0)
                return r;
        if (asprintf(&line, "span: %" PRIu64 " us", usec) < 0) {
                line = NULL;
                return -ENOMEM;
        }
        r = profile_add_comment(p, line);
        return r == -E2BIG ? 0 : r;
}
