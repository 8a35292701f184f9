/* SPDX-License-Identifier: Apache-2.0 */
/* Templates */

#include "upload/template.h"
#include "basic/string-util.h"
#include "profile/text-writer.h"
#include "upload/text-encode.h"

static const char *find_word(const TemplateWord *words, size_t n_words, const char *s, size_t n) {
        for (size_t i = 0; i < n_words; i++)
                if (strlen(words[i].name) == n && memcmp(words[i].name, s, n) == 0)
                        return words[i].value ?: "";
        return NULL;
}

int template_expand(
        const char *template, const TemplateWord *words, size_t n_words, bool encode, char **ret) {
        _cleanup_(text_writer_done) TextWriter w = {};

        while (*template != '\0') {
                _cleanup_free_ char *encoded = NULL;
                size_t n = strcspn(template, "{}");
                const char *value, *end;

                text_add_bytes(&w, template, n);
                template += n;
                if (*template == '\0')
                        break;
                end = *template == '{' ? strpbrk(template + 1, "{}") : NULL;
                if (!end || *end != '}')
                        return -EINVAL;
                value = find_word(words, n_words, template + 1, (size_t) (end - template - 1));
                if (!value)
                        return -ENOENT;
                if (encode) {
                        /* "." and ".." would walk through the tree of the server. */
                        encoded = streq(value, ".")    ? strdup("%2E")
                                  : streq(value, "..") ? strdup("%2E%2E")
                                                       : percent_encode(value, "");
                        if (!encoded)
                                return -ENOMEM;
                        value = encoded;
                }
                text_add(&w, value);
                template = end + 1;
                if (w.size > TEMPLATE_RESULT_MAX)
                        return -E2BIG;
        }
        if (w.size > TEMPLATE_RESULT_MAX)
                return -E2BIG;
        return text_writer_take(&w, ret, NULL);
}
