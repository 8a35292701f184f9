/* SPDX-License-Identifier: Apache-2.0 */
/* Mount Table */

#include <fcntl.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "process/mount-table.h"

/* "36 35 98:0 /root /mount/point rw,noatime shared:1 - type source super,options" */
typedef struct Mount {
        unsigned major, minor;
        char point[FILE_PATH_MAX]; /* unescaped; "": too long */
        bool is_of_a_user;
} Mount;

typedef struct Word {
        const char *start;
        size_t length;
} Word;

static Word next_word(const char **p) {
        Word w = { .start = *p + strspn(*p, " ") };

        w.length = strcspn(w.start, " \n");
        *p = w.start + w.length;
        return w;
}

static bool word_is(Word w, const char *s) {
        return w.length == strlen(s) && memcmp(w.start, s, w.length) == 0;
}

static bool is_octal(const char *s) {
        for (size_t i = 0; i < 3; i++)
                if (s[i] < '0' || s[i] > '7')
                        return false;
        return true;
}

/* Spaces and the like are "\040". */
static void unescape(Word w, char ret[static FILE_PATH_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < w.length; i++) {
                char c = w.start[i];

                if (c == '\\' && w.length - i > 3 && is_octal(w.start + i + 1)) {
                        c = (char) ((w.start[i + 1] - '0') << 6 | (w.start[i + 2] - '0') << 3 |
                                    (w.start[i + 3] - '0'));
                        i += 3;
                }
                if (n + 1 >= FILE_PATH_MAX) {
                        n = 0;
                        break;
                }
                ret[n++] = c;
        }
        ret[n] = '\0';
}

/* "rw,user_id=1000,group_id=1000,allow_other" */
static bool is_of_root(Word options) {
        static const char key[] = "user_id=";

        for (size_t i = 0, n; i < options.length; i += n + 1) {
                const char *option = options.start + i;

                for (n = 0; i + n < options.length && option[n] != ','; n++)
                        ;
                if (n == strlen(key) + 1 && memcmp(option, key, strlen(key)) == 0)
                        return option[n - 1] == '0';
        }
        return false;
}

static bool parse_line(const char *line, Mount *ret) {
        const char *p = line;
        char device[32];
        Word w, point;

        (void) next_word(&p);
        (void) next_word(&p);
        w = next_word(&p);
        snprintf(device, sizeof(device), "%.*s", (int) MIN(w.length, sizeof(device)), w.start);
        if (sscanf(device, "%u:%u", &ret->major, &ret->minor) != 2)
                return false;
        (void) next_word(&p);
        point = next_word(&p);
        do {
                w = next_word(&p);
                if (w.length == 0)
                        return false;
        } while (!word_is(w, "-"));
        w = next_word(&p);
        ret->is_of_a_user = word_is(w, "fuse") || word_is(w, "fuseblk") ||
                            (w.length > 5 && memcmp(w.start, "fuse.", 5) == 0);
        (void) next_word(&p);
        if (ret->is_of_a_user)
                ret->is_of_a_user = !is_of_root(next_word(&p));
        unescape(point, ret->point);
        return true;
}

/* The mount that the text begins with, and on to the next line. False: the end. */
static bool next_mount(const char **text, Mount *ret) {
        while (**text != '\0') {
                const char *line = *text;

                *text += strcspn(line, "\n");
                *text += **text == '\n';
                if (parse_line(line, ret))
                        return true;
        }
        return false;
}

int mount_table_read(const char *path, char **ret) {
        size_t size;

        return read_full_file_at(AT_FDCWD, path, MOUNT_TABLE_SIZE_MAX, ret, &size);
}

int mount_table_check_device(const char *text, uint32_t major, uint32_t minor) {
        Mount m;

        while (next_mount(&text, &m))
                if (m.major == major && m.minor == minor)
                        return m.is_of_a_user ? -EREMOTE : 0;
        return -ENOENT;
}

int mount_table_check_path(const char *text, const char *path) {
        Mount m;

        while (next_mount(&text, &m)) {
                size_t n = strlen(m.point);

                if (!m.is_of_a_user)
                        continue;
                if (n == 0 || streq(m.point, "/") ||
                    (strncmp(path, m.point, n) == 0 && (path[n] == '/' || path[n] == '\0')))
                        return -EREMOTE;
        }
        return 0;
}
