/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as Text */

#include <ctype.h>

#include "upload/text-encode.h"

char *base64_encode(const void *data, size_t size) {
        static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const uint8_t *p = data;
        char *text, *q;

        q = text = malloc(ROUND_UP(size, 3) / 3 * 4 + 1);
        if (!text)
                return NULL;
        for (size_t i = 0; i < size; i += 3) {
                size_t n = MIN(size - i, (size_t) 3);
                uint32_t group = (uint32_t) p[i] << 16;

                if (n > 1)
                        group |= (uint32_t) p[i + 1] << 8;
                if (n > 2)
                        group |= p[i + 2];
                *q++ = alphabet[group >> 18];
                *q++ = alphabet[group >> 12 & 63];
                *q++ = n > 1 ? alphabet[group >> 6 & 63] : '=';
                *q++ = n > 2 ? alphabet[group & 63] : '=';
        }
        *q = '\0';
        return text;
}

static bool is_unreserved(char c) {
        return isascii((unsigned char) c) &&
               (isalnum((unsigned char) c) || c == '-' || c == '.' || c == '_' || c == '~');
}

char *percent_encode(const char *s, const char *keep) {
        char *text, *q;

        q = text = malloc(3 * strlen(s) + 1);
        if (!text)
                return NULL;
        for (; *s != '\0'; s++)
                if (is_unreserved(*s) || strchr(keep, *s))
                        *q++ = *s;
                else
                        q += sprintf(q, "%%%02X", (unsigned char) *s);
        *q = '\0';
        return text;
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *percent_decode(const char *s) {
        char *text, *q;

        q = text = malloc(strlen(s) + 1);
        if (!text)
                return NULL;
        for (; *s != '\0'; s++)
                if (*s == '%' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
                        *q++ = (char) (hex_value(s[1]) << 4 | hex_value(s[2]));
                        s += 2;
                } else
                        *q++ = *s;
        *q = '\0';
        return text;
}
