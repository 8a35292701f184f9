/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/maps
 *
 * A line is "start-end perms offset major:minor inode", then blanks and a name where there is one.
 * Processes have hundreds of lines and are read when somebody waits for their samples, so numbers
 * are read by hand.
 */

#include "process/maps.h"
#include "basic/file-util.h"
#include "basic/string-util.h"

#define NEWLINE_ESCAPE "\\012"

typedef struct Cursor {
        const char *p, *end;
} Cursor;

static int digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

/* At least one digit, no overflow of max, and the character behind it. */
static bool take_number(Cursor *c, unsigned base, uint64_t max, char behind, uint64_t *ret) {
        const char *start = c->p;
        uint64_t value = 0;

        for (; c->p < c->end; c->p++) {
                int d = digit(*c->p);

                if (d < 0 || (unsigned) d >= base)
                        break;
                if (value > (max - (unsigned) d) / base)
                        return false;
                value = value * base + (unsigned) d;
        }
        if (c->p == start)
                return false;
        /* The inode is the last thing on the line of memory without a name. */
        if (c->p < c->end && *c->p == behind)
                c->p++;
        else if (c->p < c->end || behind != ' ')
                return false;
        *ret = value;
        return true;
}

static bool take_permissions(Cursor *c, bool *ret_executable) {
        static const char set[] = "rwx", last[] = "ps";

        if (c->end - c->p < 5 || c->p[4] != ' ')
                return false;
        for (size_t i = 0; i < 3; i++)
                if (c->p[i] != set[i] && c->p[i] != '-')
                        return false;
        if (c->p[3] != last[0] && c->p[3] != last[1])
                return false;
        *ret_executable = c->p[2] == 'x';
        c->p += 5;
        return true;
}

/*
 * Only the newline is escaped, not even the backslash, so that nothing else may be unescaped; a
 * file that is really named \012 cannot be told from one with a newline.
 */
static bool take_path(Cursor *c, char path[MAPS_PATH_MAX]) {
        const size_t escape = strlen(NEWLINE_ESCAPE);
        size_t n = 0;

        while (c->p < c->end && *c->p == ' ')
                c->p++;
        while (c->p < c->end) {
                if (*c->p == '\0')
                        return false;
                if (n + 1 >= MAPS_PATH_MAX) {
                        memcpy(path, FILE_PATH_TOO_LONG, sizeof(FILE_PATH_TOO_LONG));
                        return true;
                }
                if ((size_t) (c->end - c->p) >= escape &&
                    memcmp(c->p, NEWLINE_ESCAPE, escape) == 0) {
                        path[n++] = '\n';
                        c->p += escape;
                } else
                        path[n++] = *c->p++;
        }
        path[n] = '\0';
        return true;
}

static bool parse_line(Cursor c, char path[MAPS_PATH_MAX], MapsEntry *ret) {
        uint64_t major, minor;

        if (!take_number(&c, 16, UINT64_MAX, '-', &ret->start) ||
            !take_number(&c, 16, UINT64_MAX, ' ', &ret->end) || ret->end <= ret->start ||
            !take_permissions(&c, &ret->executable) ||
            !take_number(&c, 16, UINT64_MAX, ' ', &ret->offset) ||
            !take_number(&c, 16, UINT32_MAX, ':', &major) ||
            !take_number(&c, 16, UINT32_MAX, ' ', &minor) ||
            !take_number(&c, 10, UINT64_MAX, ' ', &ret->id.inode) || !take_path(&c, path))
                return false;

        ret->id.major = (uint32_t) major;
        ret->id.minor = (uint32_t) minor;
        ret->path = path;
        return true;
}

int maps_parse(
        const char *text, size_t size, MapsCallback callback, void *userdata, size_t *ret_skipped) {
        const char *end = text + size;
        char path[MAPS_PATH_MAX];
        size_t skipped = 0;
        int r;

        for (const char *p = text; p < end;) {
                const char *newline = memchr(p, '\n', (size_t) (end - p));
                const char *line_end = newline ? newline : end;
                MapsEntry entry;

                if (parse_line((Cursor){ p, line_end }, path, &entry)) {
                        r = callback(&entry, userdata);
                        if (r < 0)
                                return r;
                } else
                        skipped++;
                p = newline ? newline + 1 : end;
        }

        if (ret_skipped)
                *ret_skipped = skipped;
        return 0;
}

/*
 * Below 4 GiB lies the vDSO of a 32-bit process; it is another one than ours, which must not lend
 * it names.
 */
static const char *distinguish_vdso(const MapsEntry *entry) {
        if (entry->end <= UINT64_C(1) << 32 && streq(entry->path, "[vdso]"))
                return "[vdso32]";
        return entry->path;
}

#define USER_HALF_END (UINT64_C(1) << 63)

int maps_add_entry(const MapsEntry *entry, FileTable *files, MappingSet **mappings) {
        _cleanup_(file_unrefp) File *file = NULL;
        Mapping m;
        int r;

        /* [vsyscall] is the kernel's, and beyond what the search in the kernel can compare. */
        if (entry->start >= USER_HALF_END)
                return 0;
        r = file_table_get(files, &entry->id, distinguish_vdso(entry), &file);
        if (r < 0)
                return r;

        m = (Mapping){
                .start = entry->start,
                .end = entry->end,
                .offset = file_is_anonymous(file) ? entry->start : entry->offset,
                .file = file,
        };
        return mapping_set_add(mappings, &m);
}

typedef struct Reading {
        FileTable *files;
        MappingSet **mappings;
        size_t n_refused;
} Reading;

static int on_entry(const MapsEntry *entry, void *userdata) {
        Reading *reading = userdata;
        int r;

        if (!entry->executable)
                return 0;
        r = maps_add_entry(entry, reading->files, reading->mappings);
        if (r == -E2BIG) {
                reading->n_refused++;
                return 0;
        }
        return r;
}

int maps_read(int process_fd, FileTable *files, MappingSet **ret, size_t *ret_refused) {
        _cleanup_(mapping_set_unrefp) MappingSet *mappings = NULL;
        _cleanup_free_ char *text = NULL;
        Reading reading;
        size_t size;
        int r;

        r = read_full_file_at(process_fd, "maps", MAPS_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        if (size == 0)
                return -ESRCH;

        r = mapping_set_new(&mappings);
        if (r < 0)
                return r;
        reading = (Reading){ .files = files, .mappings = &mappings };
        r = maps_parse(text, size, on_entry, &reading, NULL);
        if (r < 0)
                return r;

        *ret_refused = reading.n_refused;
        *ret = TAKE_PTR(mappings);
        return 0;
}
