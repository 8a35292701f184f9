/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration Files */

#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>

#include "basic/array.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "config-file.h"

#define BYTE_ORDER_MARK "\357\273\277"
#define EXTENSION_MARK  "X-" /* sections and keys that are left to others */

/* The highest priority first. */
static const char *const directories[] = {
        "/etc/profilerd",
        "/run/profilerd",
        "/usr/local/lib/profilerd",
        "/usr/lib/profilerd",
};

/*
 * What inih reads from. It would cut long lines and section names and take " ;" for a comment, so
 * it never sees the text: each line that counts is handed to it as "[#N]" or "key=#N", and is
 * looked up here by its number.
 */
typedef struct Source {
        const ConfigReader *reader;
        const char *path;
        const char *next, *end; /* what is not read yet */
        unsigned physical;      /* number of the line before next */
        unsigned line;          /* where the current one began */
        char *text;             /* the current line, continuations joined */
        size_t size, capacity;
        char *key, *value; /* inside text */
        char *section;     /* NULL: before the first, or in an unknown one */
        bool in_unknown_section;
        int error;
} Source;

static void source_done(Source *s) {
        free(s->text);
        free(s->section);
}

void config_complain(
        const ConfigReader *reader, const char *file, unsigned line, const char *format, ...) {
        _cleanup_free_ char *raw = NULL, *sentence = NULL;
        va_list ap;
        int n;

        if (!reader->complaint)
                return;
        va_start(ap, format);
        n = vasprintf(&raw, format, ap);
        va_end(ap);
        if (n < 0) {
                raw = NULL; /* undefined after a failure */
                return;
        }

        sentence = utf8_sanitize(raw, CONFIG_SENTENCE_MAX);
        if (sentence)
                reader->complaint(file, line, sentence, reader->complaint_userdata);
}

char *config_complaint_format(const char *file, unsigned line, const char *sentence) {
        char *text;
        int r;

        r = line > 0 ? asprintf(&text, "%s:%u: %s", file, line, sentence)
                     : asprintf(&text, "%s: %s", file, sentence);
        return r < 0 ? NULL : text;
}

#define source_complain(s, ...) config_complain((s)->reader, (s)->path, (s)->line, __VA_ARGS__)

/* Appends one line of the file to the current one. 1: it did, 0: the end of the file. */
static int source_append(Source *s) {
        const char *newline;
        size_t n;
        int r;

        if (s->next == s->end)
                return 0;
        s->physical++;

        newline = memchr(s->next, '\n', (size_t) (s->end - s->next));
        n = (size_t) ((newline ? newline : s->end) - s->next);
        if (s->size + n > CONFIG_FILE_LINE_MAX) {
                source_complain(s, "Line too long.");
                return -EBADMSG;
        }

        r = ARRAY_RESERVE(s->text, s->capacity, s->size + n + 1);
        if (r < 0)
                return r;
        memcpy(s->text + s->size, s->next, n);
        s->size += n;
        s->next += n + (newline ? 1 : 0);
        if (s->size > 0 && s->text[s->size - 1] == '\r')
                s->size--;
        s->text[s->size] = '\0';
        return 1;
}

static bool is_comment(const char *s) {
        s += strspn(s, " \t\r");
        return *s == '#' || *s == ';';
}

/* An odd number of backslashes at the end: an even one is a row of escaped backslashes. */
static bool is_continued(const Source *s) {
        size_t n = 0;

        while (n < s->size && s->text[s->size - n - 1] == '\\')
                n++;
        return n % 2 == 1;
}

/* The next line with its continuations; comments among these do not end it. */
static int source_next_line(Source *s) {
        bool continued = false;
        int r;

        s->size = 0;
        for (;;) {
                size_t before = s->size;

                if (!continued)
                        s->line = s->physical + 1;
                r = source_append(s);
                if (r < 0)
                        return r;
                if (r == 0)
                        return continued;
                if (is_comment(s->text + before)) {
                        s->size = before;
                        continue;
                }
                if (!is_continued(s))
                        return 1;
                s->text[s->size - 1] = ' ';
                continued = true;
        }
}

static int source_enter_section(Source *s, char *header) {
        size_t n = strlen(header);

        (void) free_and_strdup(&s->section, NULL);
        if (n < 2 || header[n - 1] != ']') {
                source_complain(s, "Invalid section header '%s'", header);
                return -EBADMSG;
        }

        header[n - 1] = '\0';
        header++;
        s->in_unknown_section = !strv_contains((char *const *) s->reader->sections, header);
        if (!s->in_unknown_section)
                return free_and_strdup(&s->section, header);
        if (!startswith(header, EXTENSION_MARK))
                source_complain(s, "Unknown section '%s'. Ignoring.", header);
        return 0;
}

/* True: key and value are those of the current line. */
static bool source_split(Source *s, char *line) {
        char *equals = strchr(line, '=');

        if (!s->section) {
                if (!s->in_unknown_section)
                        source_complain(s, "Assignment outside of section. Ignoring.");
                return false;
        }
        if (!equals) {
                source_complain(s, "Missing '=', ignoring line.");
                return false;
        }
        if (equals == line) {
                source_complain(s, "Missing key name before '=', ignoring line.");
                return false;
        }

        *equals = '\0';
        s->key = strstrip(line);
        s->value = strstrip(equals + 1);
        return !startswith(s->key, EXTENSION_MARK);
}

/* Walks to the next line that means something and writes its stand-in for inih. 0: the end. */
static int source_stand_in(Source *s, char *buffer, size_t size) {
        int r, n;

        for (;;) {
                char *line;

                r = source_next_line(s);
                if (r <= 0)
                        return r;

                line = strstrip(s->text);
                if (*line == '\0')
                        continue;
                if (!utf8_is_valid(line, strlen(line))) {
                        source_complain(s, "String is not UTF-8 clean, ignoring assignment: %s",
                                        line);
                        continue;
                }
                if (*line == '[') {
                        r = source_enter_section(s, line);
                        if (r < 0)
                                return r;
                        if (!s->section)
                                continue;
                        n = snprintf(buffer, size, "[#%u]\n", s->line);
                        break;
                }
                if (source_split(s, line)) {
                        n = snprintf(buffer, size, "key=#%u\n", s->line);
                        break;
                }
        }
        return n > 0 && (size_t) n < size ? 1 : -EBADMSG;
}

/* In the manner of fgets(), for inih. */
static char *on_ini_line(char *buffer, int size, void *stream) {
        Source *s = stream;

        if (s->error < 0)
                return NULL;
        s->error = source_stand_in(s, buffer, (size_t) MAX(size, 0));
        return s->error > 0 ? buffer : NULL;
}

/* 0 tells inih of an error. */
static int on_ini_assignment(void *userdata,
                             const char *section _unused_,
                             const char *name,
                             const char *value) {
        Source *s = userdata;
        ConfigAssignment a = { .file = s->path,
                               .line = s->line,
                               .section = s->section,
                               .key = s->key,
                               .value = s->value };

        if (!name || !value)
                return 1;
        if (value[0] != '#' || strtoul(value + 1, NULL, 10) != s->line)
                return 0;

        s->error = s->reader->on_assignment(&a, s->reader->userdata);
        return s->error >= 0;
}

/* Foreign tools end a text at a 0 byte, and would show less than we read. */
static int check_no_nul(const char *path,
                        const char *text,
                        size_t size,
                        const ConfigReader *reader) {
        const char *nul = memchr(text, '\0', size);
        unsigned line = 1;

        if (!nul)
                return 0;
        for (const char *p = text; p < nul; p++)
                line += *p == '\n';
        config_complain(reader, path, line, "Line contains a NUL byte.");
        return -EBADMSG;
}

int config_file_parse(const char *path, const char *text, size_t size, const ConfigReader *reader) {
        _cleanup_(source_done)
                Source s = { .reader = reader, .path = path, .next = text, .end = text + size };
        int r;

        r = check_no_nul(path, text, size, reader);
        if (r < 0)
                return r;
        if (size >= strlen(BYTE_ORDER_MARK) && startswith(text, BYTE_ORDER_MARK))
                s.next += strlen(BYTE_ORDER_MARK);

        r = ini_parse_stream(on_ini_line, &s, on_ini_assignment, &s);
        if (s.error < 0)
                return s.error;
        if (r != 0) {
                source_complain(&s, "Cannot be read as an INI file.");
                return r == -2 ? -ENOMEM : -EBADMSG; /* inih's word for no memory */
        }
        return 0;
}

int config_file_read(const char *path, const ConfigReader *reader) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_full_file_at(AT_FDCWD, path, CONFIG_FILE_SIZE_MAX, &text, &size);
        if (r == -E2BIG) {
                config_complain(reader, path, 0, "File too large.");
                return -EBADMSG;
        }
        if (r < 0) {
                config_complain(reader, path, 0, "Failed to read file: %s", strerror(-r));
                return r;
        }
        return config_file_parse(path, text, size, reader);
}

static const char *root_prefix(const char *root) {
        return root && !streq(root, "/") ? root : "";
}

int config_file_find(const char *root, const char *name, char **ret) {
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s/%s", root_prefix(root), directories[i], name) < 0) {
                        path = NULL; /* undefined after a failure */
                        return -ENOMEM;
                }
                if (access(path, F_OK) >= 0) {
                        *ret = TAKE_PTR(path);
                        return 0;
                }
                if (errno != ENOENT && errno != ENOTDIR)
                        return -errno;
        }
        return -ENOENT;
}

static const char *file_name(const char *path) {
        return strrchr(path, '/') + 1;
}

static bool has_file_name(char *const *paths, const char *name) {
        for (; paths && *paths; paths++)
                if (streq(file_name(*paths), name))
                        return true;
        return false;
}

static int add_directory(char ***paths, const char *directory) {
        DIR *d;
        struct dirent *entry;
        int r = 0;

        d = opendir(directory);
        if (!d)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;

        while (r >= 0 && (errno = 0, entry = readdir(d))) {
                _cleanup_free_ char *path = NULL;

                if (entry->d_name[0] == '.' || !endswith(entry->d_name, ".conf") ||
                    has_file_name(*paths, entry->d_name))
                        continue;
                if (strv_length(*paths) >= CONFIG_FILES_MAX) {
                        r = -E2BIG;
                        break;
                }
                if (asprintf(&path, "%s/%s", directory, entry->d_name) < 0) {
                        path = NULL; /* undefined after a failure */
                        r = -ENOMEM;
                        break;
                }
                r = strv_extend(paths, path);
        }
        if (r >= 0 && errno > 0)
                r = -errno;
        closedir(d);
        return r;
}

static int compare_file_names(const void *a, const void *b) {
        return strcmp(file_name(*(char *const *) a), file_name(*(char *const *) b));
}

int config_file_list(const char *root, const char *name, char ***ret) {
        _cleanup_(strv_freep) char **paths = NULL;
        int r;

        paths = calloc(1, sizeof(char *));
        if (!paths)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *directory = NULL;

                if (asprintf(&directory, "%s%s/%s", root_prefix(root), directories[i], name) < 0) {
                        directory = NULL; /* undefined after a failure */
                        return -ENOMEM;
                }
                r = add_directory(&paths, directory);
                if (r < 0)
                        return r;
        }

        qsort(paths, strv_length(paths), sizeof(char *), compare_file_names);
        *ret = TAKE_PTR(paths);
        return 0;
}
