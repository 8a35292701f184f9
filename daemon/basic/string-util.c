/* SPDX-License-Identifier: Apache-2.0 */
/* Strings */

#include <ctype.h>

#include "basic/string-util.h"

bool endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int free_and_strdup(char **p, const char *s) {
        char *copy = NULL;

        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }
        free(*p);
        *p = copy;
        return 0;
}

char *strstrip(char *s) {
        char *end;

        while (isspace((unsigned char) *s))
                s++;
        end = s + strlen(s);
        while (end > s && isspace((unsigned char) end[-1]))
                end--;
        *end = '\0';
        return s;
}

int extract_word(const char **state, char **ret) {
        _cleanup_free_ char *word = NULL;
        const char *s = *state;
        char quote = '\0';
        size_t n = 0;

        while (isspace((unsigned char) *s))
                s++;
        if (*s == '\0') {
                *state = s;
                return 0;
        }

        word = malloc(strlen(s) + 1);
        if (!word)
                return -ENOMEM;

        for (; *s != '\0'; s++) {
                if (*s == '\\' && quote != '\'' && s[1] != '\0')
                        word[n++] = *++s;
                else if (quote != '\0' && *s == quote)
                        quote = '\0';
                else if (quote == '\0' && (*s == '"' || *s == '\''))
                        quote = *s;
                else if (quote == '\0' && isspace((unsigned char) *s))
                        break;
                else
                        word[n++] = *s;
        }
        if (quote != '\0')
                return -EINVAL;

        word[n] = '\0';
        *state = s;
        *ret = TAKE_PTR(word);
        return 1;
}

/* Length of the valid UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates), 0: none. */
static size_t utf8_sequence(const uint8_t *s, size_t n) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        uint32_t c;
        size_t len;

        if (s[0] < 0x80)
                return 1;
        if (s[0] >= 0xc2 && s[0] < 0xe0)
                len = 2;
        else if (s[0] >= 0xe0 && s[0] < 0xf0)
                len = 3;
        else if (s[0] >= 0xf0 && s[0] < 0xf5)
                len = 4;
        else
                return 0;
        if (n < len)
                return 0;

        c = s[0] & (0x7fU >> len);
        for (size_t i = 1; i < len; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                return 0;
        return len;
}

bool utf8_is_valid(const char *s, size_t n) {
        for (size_t i = 0; i < n;) {
                size_t len = utf8_sequence((const uint8_t *) s + i, n - i);

                if (len == 0)
                        return false;
                i += len;
        }
        return true;
}

char *utf8_sanitize(const char *s, size_t max) {
        size_t n = strnlen(s, max);
        char *copy;

        copy = strndup(s, n);
        if (!copy)
                return NULL;

        for (size_t i = 0; i < n;) {
                size_t len = utf8_sequence((const uint8_t *) copy + i, n - i);

                if (len == 0 || (len == 1 && iscntrl((unsigned char) copy[i]))) {
                        copy[i] = '?';
                        len = 1;
                }
                i += len;
        }
        return copy;
}

char **strv_free(char **l) {
        if (l)
                for (char **s = l; *s; s++)
                        free(*s);
        free(l);
        return NULL;
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        if (l)
                while (l[n])
                        n++;
        return n;
}

bool strv_contains(char *const *l, const char *s) {
        if (l)
                for (; *l; l++)
                        if (streq(*l, s))
                                return true;
        return false;
}

int strv_extend(char ***l, const char *s) {
        _cleanup_free_ char *copy = NULL;
        size_t n = strv_length(*l);
        char **longer;

        copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        longer = reallocarray(*l, n + 2, sizeof(char *));
        if (!longer)
                return -ENOMEM;

        longer[n] = TAKE_PTR(copy);
        longer[n + 1] = NULL;
        *l = longer;
        return 0;
}

char **strv_copy(char *const *l) {
        _cleanup_(strv_freep) char **copy = NULL;

        copy = calloc(1, sizeof(char *));
        if (!copy)
                return NULL;
        for (; l && *l; l++)
                if (strv_extend(&copy, *l) < 0)
                        return NULL;
        return TAKE_PTR(copy);
}

uint64_t hash_bytes(const void *data, size_t n, uint64_t seed) {
        const uint8_t *p = data;
        uint64_t h = seed ^ 0xcbf29ce484222325ULL;

        for (size_t i = 0; i < n; i++)
                h = (h ^ p[i]) * 0x100000001b3ULL;
        /* FNV mixes its high bits badly; one round of avalanche makes every bit usable. */
        h ^= h >> 32;
        h *= 0x9e3779b97f4a7c15ULL;
        return h ^ (h >> 29);
}
