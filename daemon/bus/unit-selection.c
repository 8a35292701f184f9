/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Selection */

#include "bus/unit-selection.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"

struct UnitSelection {
        char **names;
        char **primaries; /* of names, one each */
        char **globs;
};

int unit_selection_new(UnitSelection **ret, const char *const *patterns) {
        _cleanup_(unit_selection_freep) UnitSelection *s = NULL;
        int r;

        s = calloc(1, sizeof(UnitSelection));
        if (!s)
                return -ENOMEM;
        s->names = strv_copy(NULL);
        s->primaries = strv_copy(NULL);
        s->globs = strv_copy(NULL);
        if (!s->names || !s->primaries || !s->globs)
                return -ENOMEM;

        for (; patterns && *patterns; patterns++) {
                if (strpbrk(*patterns, "*?["))
                        r = strv_extend(&s->globs, *patterns);
                else if (strv_contains(s->names, *patterns))
                        r = 0;
                else {
                        r = strv_extend(&s->names, *patterns);
                        if (r >= 0)
                                r = strv_extend(&s->primaries, *patterns);
                }
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(s);
        return 0;
}

UnitSelection *unit_selection_free(UnitSelection *s) {
        if (!s)
                return NULL;

        strv_free(s->names);
        strv_free(s->primaries);
        strv_free(s->globs);
        free(s);
        return NULL;
}

char *const *unit_selection_get_names(const UnitSelection *s) {
        return s->names;
}

char *const *unit_selection_get_globs(const UnitSelection *s) {
        return s->globs;
}

int unit_selection_resolve(UnitSelection *s, size_t index, const char *primary) {
        assert(index < strv_length(s->names));

        return free_and_strdup(&s->primaries[index], primary);
}

bool unit_selection_has_name(const UnitSelection *s, const char *primary) {
        return strv_contains(s->primaries, primary);
}

bool unit_selection_match(const UnitSelection *s, const char *primary) {
        const char *const names[] = { primary, NULL };

        return unit_selection_has_name(s, primary) ||
               unit_patterns_match((const char *const *) s->globs, names);
}

int unit_selection_add_aliases(const UnitSelection *s, const char *primary, char ***l) {
        int r;

        for (size_t i = 0; s->names[i]; i++) {
                if (!streq(s->primaries[i], primary) || streq(s->names[i], primary) ||
                    strv_contains(*l, s->names[i]))
                        continue;
                r = strv_extend(l, s->names[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}
