/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Templates
 *
 * Text with words in braces, "{unit}", that stand for something of the profile: object names of S3,
 * URLs, values of labels.
 */

#include "basic/util.h"

typedef struct TemplateWord {
        const char *name, *value;
} TemplateWord;

enum { TEMPLATE_RESULT_MAX = 4096 }; /* bytes */

/* encode: values become parts of a URL, one segment of its path each. -EINVAL: a brace without its
 * other half, -ENOENT: a word that is not there, -E2BIG: too long. */
int template_expand(
        const char *template, const TemplateWord *words, size_t n_words, bool encode, char **ret);
