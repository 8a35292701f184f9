/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Names */

#include <ctype.h>
#include <fnmatch.h>

#include "basic/string-util.h"
#include "basic/unit-name.h"

#define GLOB_CHARACTERS "*?["
/* Beside letters and digits: what systemd allows in names, and what patterns need. */
#define NAME_CHARACTERS ":-_.\\@" GLOB_CHARACTERS "]!^"

static const char *const unit_types[] = {
        "service", "scope", "slice", "socket", "mount",  "automount",
        "swap",    "path",  "timer", "target", "device",
};

int unit_name_extract(const char **state, char **ret) {
        const char *start, *s = *state;
        char quote = '\0', *word;

        while (isspace((unsigned char) *s))
                s++;
        if (*s == '\0') {
                *state = s;
                return 0;
        }

        if (*s == '"' || *s == '\'')
                quote = *s++;
        start = s;
        while (*s != '\0' && (quote ? *s != quote : !isspace((unsigned char) *s)))
                s++;
        if (quote && (*s == '\0' || (s[1] != '\0' && !isspace((unsigned char) s[1]))))
                return -EINVAL;

        word = strndup(start, (size_t) (s - start));
        if (!word)
                return -ENOMEM;
        *ret = word;
        *state = quote ? s + 1 : s;
        return 1;
}

static bool has_valid_characters(const char *s) {
        if (*s == '\0' || *s == '.')
                return false;
        for (; *s; s++)
                if (!isascii(*s) || (!isalnum((unsigned char) *s) && !strchr(NAME_CHARACTERS, *s)))
                        return false;
        return true;
}

/* A type, or a pattern that may stand for one. */
static bool has_type(const char *s) {
        const char *dot = strrchr(s, '.');

        if (endswith(s, "*"))
                return true;
        if (!dot)
                return false;
        if (strpbrk(dot, GLOB_CHARACTERS))
                return true;
        for (size_t i = 0; i < ELEMENTSOF(unit_types); i++)
                if (streq(dot + 1, unit_types[i]))
                        return true;
        return false;
}

int unit_pattern_complete(const char *word, char **ret) {
        _cleanup_free_ char *pattern = NULL;
        const char *template;

        if (!has_valid_characters(word))
                return -EINVAL;
        if (asprintf(&pattern, "%s%s", word, has_type(word) ? "" : ".service") < 0) {
                pattern = NULL; /* undefined after a failure */
                return -ENOMEM;
        }

        template = strstr(pattern, "@.");
        if (template) {
                char *instances;

                if (asprintf(&instances, "%.*s@*%s", (int) (template - pattern), pattern,
                             template + 1) < 0)
                        return -ENOMEM;
                free(pattern);
                pattern = instances;
        }
        if (strlen(pattern) > UNIT_NAME_MAX)
                return -EINVAL;

        *ret = TAKE_PTR(pattern);
        return 0;
}

bool unit_patterns_match(const char *const *patterns, const char *const *names) {
        for (; patterns && *patterns; patterns++)
                for (const char *const *name = names; *name; name++)
                        if (fnmatch(*patterns, *name, FNM_NOESCAPE) == 0)
                                return true;
        return false;
}
