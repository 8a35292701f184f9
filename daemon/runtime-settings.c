/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runtime Settings
 *
 * The first file that matches a unit is the only one in force for it, so that of a unit begins with
 * what the one before said.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "runtime-settings.h"
#include "store/store.h"

enum { RUNTIME_FILE_MODE = 0644, RUNTIME_DIRECTORY_MODE = 0755 };

typedef struct Check {
        const char *path;
        char *sentence; /* of the first complaint about our file */
} Check;

static int make_path(const char *root, const char *unit, char **ret_directory, char **ret_name) {
        _cleanup_free_ char *escaped = NULL;

        if (asprintf(ret_directory, "%s/run/profilerd/%s", root ?: "",
                     isempty(unit) ? "profilerd.conf.d" : "units.d") < 0) {
                *ret_directory = NULL;
                return -ENOMEM;
        }
        if (isempty(unit)) {
                *ret_name = strdup("99-runtime.conf");
                return *ret_name ? 0 : -ENOMEM;
        }
        escaped = store_unit_directory(unit);
        if (!escaped || asprintf(ret_name, "00-runtime-%s.conf", escaped) < 0) {
                *ret_name = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int refuse(char **ret_reason, const char *format, const char *what) {
        if (asprintf(ret_reason, format, what) < 0) {
                *ret_reason = NULL;
                return -ENOMEM;
        }
        return -EBADMSG;
}

/* ---- the text of a drop-in ---- */

static bool is_of_key(const char *line, const char *assignment) {
        size_t n = strcspn(assignment, "=") + 1;

        return strncmp(line, assignment, n) == 0;
}

static bool is_replaced(const char *line, char *const *assignments) {
        for (; *assignments; assignments++)
                if (is_of_key(line, *assignments))
                        return true;
        return false;
}

/* The lines before that stay; sections are written anew for each line. */
static void copy_lines(FILE *f, char *text, char *const *assignments, bool of_unit) {
        char *state = NULL;

        for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
                const char *section = config_find_section(line, of_unit);

                if (section && strchr(line, '=') && !is_replaced(line, assignments))
                        fprintf(f, "[%s]\n%s\n", section, line);
        }
}

static int add_assignments(FILE *f, char *const *assignments, bool of_unit, char **ret_reason) {
        for (; *assignments; assignments++) {
                const char *section = config_find_section(*assignments, of_unit), *equal;

                equal = strchr(*assignments, '=');
                if (!equal || strpbrk(*assignments, "\n\r") ||
                    !utf8_is_valid(*assignments, strlen(*assignments)))
                        return refuse(ret_reason, "'%s' is no assignment.", *assignments);
                if (!section)
                        return refuse(ret_reason,
                                      of_unit ? "'%s': there is no such setting of units."
                                              : "'%s': there is no such setting of the daemon.",
                                      *assignments);
                if (equal[1] != '\0')
                        fprintf(f, "[%s]\n%s\n", section, *assignments);
        }
        return 0;
}

static int make_text(const Config *c,
                     const char *unit,
                     char *before,
                     char *const *assignments,
                     char **ret,
                     char **ret_reason) {
        _cleanup_free_ char *text = NULL, *base = NULL;
        bool of_unit = !isempty(unit);
        size_t size;
        FILE *f;
        int r = 0;

        f = open_memstream(&text, &size);
        if (!f)
                return negative_errno();
        fputs("# Set by profilerctl(1), until the next boot.\n", f);
        if (of_unit) {
                fprintf(f, "[Match]\nUnit=%s\n", unit);
                if (!before)
                        r = config_format_unit(c, unit, &base);
                before = before ?: base;
        }
        if (r >= 0 && before)
                copy_lines(f, before, assignments, of_unit);
        if (r >= 0)
                r = add_assignments(f, assignments, of_unit, ret_reason);
        if (fclose(f) < 0 && r >= 0)
                r = negative_errno();
        if (r >= 0 && size > RUNTIME_SETTINGS_FILE_MAX)
                r = refuse(ret_reason, "%s", "Too much is set.");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

/* ---- writing ---- */

static void on_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {
        Check *check = userdata;

        (void) line;
        if (!check->sentence && streq(file, check->path))
                check->sentence = strdup(sentence);
}

/* Would it be understood? */
static int try_it(const char *root, const char *path, char **ret_reason) {
        _cleanup_(config_freep) Config *c = NULL;
        Check check = { .path = path };
        int r;

        r = config_load(&c, root, on_complaint, &check);
        if (check.sentence) {
                *ret_reason = check.sentence;
                return -EBADMSG;
        }
        /* Of other files the reload will tell. */
        return r == -ENOMEM ? r : 0;
}

static int put(int fd, const char *name, const char *text) {
        (void) unlinkat(fd, name, 0);
        return text ? write_file_atomic(fd, name, text, strlen(text), RUNTIME_FILE_MODE) : 0;
}

int runtime_settings_write(const char *root,
                           const Config *c,
                           const char *unit,
                           char *const *assignments,
                           char **ret_reason) {
        _cleanup_free_ char *directory = NULL, *name = NULL, *path = NULL, *before = NULL,
                            *lines = NULL, *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = make_path(root, unit, &directory, &name);
        if (r < 0)
                return r;
        if (strv_length(assignments) > RUNTIME_SETTINGS_MAX)
                return refuse(ret_reason, "%s", "Too much is set at once.");
        fd = mkdir_open(AT_FDCWD, directory, RUNTIME_DIRECTORY_MODE);
        if (fd < 0)
                return fd;
        r = read_full_file_at(fd, name, RUNTIME_SETTINGS_FILE_MAX, &before, NULL);
        if (r < 0 && r != -ENOENT)
                return r;
        if (!assignments || !*assignments)
                return put(fd, name, NULL);

        if (before && !(lines = strdup(before)))
                return -ENOMEM;
        r = make_text(c, unit, lines, assignments, &text, ret_reason);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/%s", directory, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = put(fd, name, text);
        if (r >= 0)
                r = try_it(root, path, ret_reason);
        if (r < 0)
                (void) put(fd, name, before);
        return r;
}
