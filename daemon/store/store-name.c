/* SPDX-License-Identifier: Apache-2.0 */
/* Names in the Store */

#include <ctype.h>
#include <inttypes.h>

#include "basic/string-util.h"
#include "store/store-name.h"

enum { BOOT_ID_LENGTH = SD_ID128_STRING_MAX - 1 };

static const char *const suffixes[_STORE_LEVEL_MAX] = {
        [STORE_WINDOW] = STORE_NAME_SUFFIX,
        [STORE_HOUR] = ".hour" STORE_NAME_SUFFIX,
        [STORE_DAY] = ".day" STORE_NAME_SUFFIX,
};

bool store_type_is_valid(const char *type) {
        size_t n = 0;

        for (; type[n] != '\0'; n++)
                if (n >= STORE_TYPE_MAX || !isascii(type[n]) ||
                    (!isalnum((unsigned char) type[n]) && type[n] != '-' && type[n] != '_'))
                        return false;
        return n > 0;
}

/*
 * Names of systemd's units have neither: it escapes them in the same way when it makes a unit of a
 * path. So nothing is to be undone on reading; the name of a directory is the name of its unit.
 */
char *store_unit_directory(const char *unit) {
        char *directory, *p;

        p = directory = malloc(4 * strlen(unit) + 1);
        if (!directory)
                return NULL;

        for (const char *s = unit; *s != '\0'; s++)
                if (*s == '/' || (*s == '.' && s == unit))
                        p += sprintf(p, "\\x%02x", (unsigned char) *s);
                else
                        *p++ = *s;
        *p = '\0';
        return directory;
}

char *store_format_prefix(const StoreEntry *entry) {
        char id[SD_ID128_STRING_MAX], *prefix;

        sd_id128_to_string(entry->boot_id, id);
        return asprintf(&prefix, "%s.%s", entry->type, id) < 0 ? NULL : prefix;
}

char *store_format_prefixed(const char *prefix,
                            usec_t start_usec,
                            usec_t duration_usec,
                            StoreLevel level) {
        char *name;

        assert(level < _STORE_LEVEL_MAX);
        if (asprintf(&name, "%s.%" PRIu64 ".%" PRIu64 "%s", prefix, start_usec, duration_usec,
                     suffixes[level]) < 0)
                return NULL;
        return name;
}

char *store_format_name(const StoreEntry *entry) {
        _cleanup_free_ char *prefix = store_format_prefix(entry);

        return prefix ? store_format_prefixed(prefix, entry->start_usec, entry->duration_usec,
                                              entry->level)
                      : NULL;
}

/* Decimal digits up to the character end; one way to write each number. */
static int parse_usec(const char **p, char end, usec_t *ret) {
        const char *s = *p;
        usec_t value = 0;

        if (!isdigit((unsigned char) *s) || (*s == '0' && s[1] != end))
                return -EINVAL;
        for (; isdigit((unsigned char) *s); s++)
                if (__builtin_mul_overflow(value, (usec_t) 10, &value) ||
                    __builtin_add_overflow(value, (usec_t) (*s - '0'), &value))
                        return -EINVAL;
        if (*s != end)
                return -EINVAL;

        *p = s + 1;
        *ret = value;
        return 0;
}

static int parse_boot_id(const char **p, sd_id128_t *ret) {
        char id[SD_ID128_STRING_MAX];
        size_t n;

        n = strspn(*p, "0123456789abcdef");
        if (n != BOOT_ID_LENGTH || (*p)[n] != '.')
                return -EINVAL;

        memcpy(id, *p, n);
        id[n] = '\0';
        *p += n + 1;
        return sd_id128_from_string(id, ret);
}

static int parse_suffix(const char *s, StoreLevel *ret) {
        for (StoreLevel i = 0; i < _STORE_LEVEL_MAX; i++)
                if (streq(s, suffixes[i])) {
                        *ret = i;
                        return 0;
                }
        return -EINVAL;
}

int store_parse_name(const char *name, StoreEntry *ret) {
        _cleanup_free_ char *type = NULL;
        StoreEntry e = {};
        const char *p;
        usec_t end;
        int r;

        p = strchr(name, '.');
        if (!p)
                return -EINVAL;
        type = strndup(name, (size_t) (p - name));
        if (!type)
                return -ENOMEM;
        if (!store_type_is_valid(type))
                return -EINVAL;
        p++;

        r = parse_boot_id(&p, &e.boot_id);
        if (r < 0)
                return r;
        r = parse_usec(&p, '.', &e.start_usec);
        if (r < 0)
                return r;
        r = parse_usec(&p, '.', &e.duration_usec);
        if (r < 0)
                return r;
        if (parse_suffix(p - 1, &e.level) < 0 ||
            __builtin_add_overflow(e.start_usec, e.duration_usec, &end))
                return -EINVAL;

        e.type = TAKE_PTR(type);
        *ret = e;
        return 0;
}

void store_entry_done(StoreEntry *e) {
        free(e->unit);
        free(e->type);
        free(e->path);
        *e = (StoreEntry){};
}

void store_entries_free(StoreEntry *entries, size_t n) {
        for (size_t i = 0; i < n; i++)
                store_entry_done(&entries[i]);
        free(entries);
}
