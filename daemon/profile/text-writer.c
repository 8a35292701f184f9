/* SPDX-License-Identifier: Apache-2.0 */
/* Text Writer */

#include <stdarg.h>

#include "basic/array.h"
#include "profile/text-writer.h"

void text_writer_done(TextWriter *w) {
        free(w->text);
        *w = (TextWriter){};
}

static bool reserve(TextWriter *w, size_t n) {
        if (w->error < 0)
                return false;
        if (n > TEXT_WRITER_MAX || w->size > TEXT_WRITER_MAX - n) {
                w->error = -EFBIG;
                return false;
        }
        if (w->capacity - w->size >= n)
                return true;
        w->error = ARRAY_RESERVE(w->text, w->capacity, w->size + n);
        return w->error >= 0;
}

int text_writer_take(TextWriter *w, char **ret, size_t *ret_size) {
        if (reserve(w, 1))
                w->text[w->size] = '\0';
        if (w->error < 0)
                return w->error;
        if (ret_size)
                *ret_size = w->size;
        *ret = TAKE_PTR(w->text);
        w->size = w->capacity = 0;
        return 0;
}

void text_add_bytes(TextWriter *w, const char *s, size_t n) {
        if (n == 0 || !reserve(w, n))
                return;
        memcpy(w->text + w->size, s, n);
        w->size += n;
}

void text_add(TextWriter *w, const char *s) {
        text_add_bytes(w, s, strlen(s));
}

void text_addf(TextWriter *w, const char *format, ...) {
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(NULL, 0, format, ap);
        va_end(ap);
        if (n < 0) {
                w->error = -EINVAL;
                return;
        }
        if (!reserve(w, (size_t) n + 1))
                return;
        va_start(ap, format);
        (void) vsnprintf(w->text + w->size, (size_t) n + 1, format, ap);
        va_end(ap);
        w->size += (size_t) n;
}

static bool is_control(unsigned char c) {
        return c < 0x20 || c == 0x7f;
}

void text_add_json(TextWriter *w, const char *s) {
        text_add(w, "\"");
        while (*s != '\0') {
                size_t n = 0;

                while (s[n] != '\0' && !is_control(s[n]) && !strchr("\"\\<>&", s[n]))
                        n++;
                text_add_bytes(w, s, n);
                s += n;
                if (*s == '\0')
                        break;
                if (*s == '"' || *s == '\\')
                        text_addf(w, "\\%c", *s);
                else /* "</script>" must not end the script around it */
                        text_addf(w, "\\u%04x", (unsigned char) *s);
                s++;
        }
        text_add(w, "\"");
}

void text_add_markup(TextWriter *w, const char *s) {
        while (*s != '\0') {
                size_t n = 0;

                while (s[n] != '\0' && !is_control(s[n]) && !strchr("\"'<>&", s[n]))
                        n++;
                text_add_bytes(w, s, n);
                s += n;
                if (*s == '\0')
                        break;
                if (is_control(*s))
                        text_add(w, "?");
                else
                        text_addf(w, "&#%d;", *s);
                s++;
        }
}
