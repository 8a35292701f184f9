/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text Writer
 *
 * Appends to a growing text. The first failure is remembered and makes all later calls do nothing:
 * ask once, at the end. What is written from a foreign profile may be a thousand times its size, so
 * there is a limit.
 */

#include "basic/util.h"

enum {
        TEXT_WRITER_MAX = 1 << 30, /* bytes */
};

typedef struct TextWriter {
        char *text; /* not terminated */
        size_t size, capacity;
        int error; /* -ENOMEM, -EFBIG: over the limit */
} TextWriter;

void text_writer_done(TextWriter *w);
/* The text, terminated, now the caller's; ret_size may be NULL. */
int text_writer_take(TextWriter *w, char **ret, size_t *ret_size);

void text_add_bytes(TextWriter *w, const char *s, size_t n);
void text_add(TextWriter *w, const char *s);
void text_addf(TextWriter *w, const char *format, ...) _printf_(2, 3);

/* s is UTF-8. A JSON string with its quotes; it may also stand in a script of HTML. */
void text_add_json(TextWriter *w, const char *s);
/* Text or attribute of HTML and of XML; control characters become '?'. */
void text_add_markup(TextWriter *w, const char *s);
