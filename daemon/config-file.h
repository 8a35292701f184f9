/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Configuration Files
 *
 * Which files of the directory tree count, and what stands in one: INI as systemd reads it. It
 * knows no key; the only file that speaks to inih.
 */

#include "config.h"

enum {
        CONFIG_FILE_SIZE_MAX = 4 << 20, /* bytes */
        CONFIG_FILE_LINE_MAX = 1 << 20, /* bytes of a line with its continuations */
        CONFIG_FILES_MAX = 4096,        /* drop-ins of one kind */
        CONFIG_SENTENCE_MAX = 512,      /* bytes of a complaint */
};

/* One "Key=Value" line; strings are borrowed for the time of the call. */
typedef struct ConfigAssignment {
        const char *file;
        unsigned line;       /* in which it begins, from 1 */
        const char *section; /* one of the known ones */
        const char *key;     /* not empty */
        const char *value;   /* without white space around it; "": the key is reset */
} ConfigAssignment;

typedef struct ConfigReader {
        const char *const *sections; /* that are known, NULL-terminated */
        /* A negative errno ends the reading and is returned. */
        int (*on_assignment)(const ConfigAssignment *a, void *userdata);
        void *userdata;
        ConfigComplaint complaint; /* may be NULL */
        void *complaint_userdata;
} ConfigReader;

/*
 * Reads one file. -EBADMSG: it is broken as a whole; other errors are those of opening and reading
 * it, and of on_assignment. Each of them but the last is complained about.
 */
int config_file_read(const char *path, const ConfigReader *reader);

/* The same from memory; path is for complaints only. */
int config_file_parse(const char *path, const char *text, size_t size, const ConfigReader *reader);

/* A complaint as one sentence, made fit for a terminal and cut at CONFIG_SENTENCE_MAX. */
void config_complain(const ConfigReader *reader,
                     const char *file,
                     unsigned line,
                     const char *format,
                     ...) _printf_(4, 5);

/* The complaint as one line; the line number is left out where it is 0. NULL: out of memory. */
char *config_complaint_format(const char *file, unsigned line, const char *sentence);

/*
 * The first of {/etc,/run,/usr/local/lib,/usr/lib}/profilerd/NAME below root (NULL: "/") that
 * exists. -ENOENT: none.
 */
int config_file_find(const char *root, const char *name, char **ret);

/*
 * Paths of *.conf in the directories NAME of all four, sorted by file name. Of files with the same
 * name only that of the first directory is in the list, even if it is empty or leads nowhere: so it
 * masks the others. -E2BIG: more than CONFIG_FILES_MAX.
 */
int config_file_list(const char *root, const char *name, char ***ret);
