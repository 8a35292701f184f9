/* SPDX-License-Identifier: Apache-2.0 */
/* Logging */

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "basic/log.h"
#include "basic/string-util.h"

enum { LOG_LINE_MAX = 2048, LOG_FIELDS_MAX = 24 };

static int log_max_level = LOG_INFO;
static bool stderr_is_journal;
static enum { LOG_TO_CONSOLE, LOG_TO_JOURNAL, LOG_TO_NOWHERE } log_target;

static const char *const level_names[] = {
        [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
        [LOG_ERR] = "err",     [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

void log_set_max_level(int level) {
        assert(level >= LOG_EMERG && level <= LOG_DEBUG);
        log_max_level = level;
}

int log_get_max_level(void) {
        return log_max_level;
}

int log_level_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (streq(s, level_names[i]) || (s[0] == (char) ('0' + i) && s[1] == '\0'))
                        return (int) i;
        return -EINVAL;
}

const char *log_level_to_string(int level) {
        assert(level >= LOG_EMERG && level <= LOG_DEBUG);
        return level_names[level];
}

static const char *const target_names[] = {
        [LOG_TO_CONSOLE] = "console",
        [LOG_TO_JOURNAL] = "journal",
        [LOG_TO_NOWHERE] = "null",
};

int log_set_target(const char *s) {
        if (streq(s, "auto")) {
                log_target = stderr_is_journal ? LOG_TO_JOURNAL : LOG_TO_CONSOLE;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(target_names); i++)
                if (streq(s, target_names[i])) {
                        log_target = i;
                        return 0;
                }
        return -EINVAL;
}

const char *log_get_target(void) {
        return target_names[log_target];
}

void log_setup(void) {
        const char *stream = getenv("JOURNAL_STREAM"), *wanted = getenv("PROFILERD_LOG_LEVEL");
        unsigned long long dev, ino;
        struct stat st;
        int level;

        stderr_is_journal = stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
                            fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
        (void) log_set_target("auto");

        level = wanted ? log_level_from_string(wanted) : -EINVAL;
        if (level >= 0)
                log_max_level = level;
}

static int send_to_journal(int level, const char *line, const char *const *fields) {
        char priority[sizeof("PRIORITY=0")], message[sizeof("MESSAGE=") + LOG_LINE_MAX];
        struct iovec iov[LOG_FIELDS_MAX];
        int n = 0;

        snprintf(priority, sizeof(priority), "PRIORITY=%d", level & LOG_PRIMASK);
        snprintf(message, sizeof(message), "MESSAGE=%s", line);
        iov[n++] = (struct iovec){ priority, strlen(priority) };
        iov[n++] = (struct iovec){ message, strlen(message) };
        for (; fields && *fields && n < LOG_FIELDS_MAX; fields++)
                iov[n++] = (struct iovec){ (char *) *fields, strlen(*fields) };
        return sd_journal_sendv(iov, n);
}

static void print(int level, const char *line) {
        const char *color = "";

        if (stderr_is_journal) { /* which takes the level from here */
                fprintf(stderr, "<%d>%s\n", level & LOG_PRIMASK, line);
                return;
        }
        if (isatty(STDERR_FILENO) && !getenv("NO_COLOR"))
                color = level <= LOG_ERR       ? "\033[1;31m"
                        : level == LOG_WARNING ? "\033[1;33m"
                        : level == LOG_NOTICE  ? "\033[1m"
                                               : "";
        fprintf(stderr, "%s%s%s\n", color, line, *color ? "\033[0m" : "");
}

int log_full(int level, int error, const char *const *fields, const char *format, ...) {
        char line[LOG_LINE_MAX];
        va_list ap;

        if (level > log_max_level || log_target == LOG_TO_NOWHERE)
                return error;

        errno = error < 0 ? -error : error;
        va_start(ap, format);
        vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);

        if (log_target == LOG_TO_CONSOLE || send_to_journal(level, line, fields) < 0)
                print(level, line);
        return error;
}
