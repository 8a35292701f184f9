/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labels
 *
 * What a server knows a profile by: the unit, the host, and what the target's Labels= adds. One
 * value each time a unit starts would be a new series on the server, so boot and invocation are
 * labels only where they are asked for.
 */

#include "profile/profile.h"
#include "store/store.h"
#include "upload/template.h"

typedef struct UploadTarget UploadTarget;

enum {
        LABELS_MAX = 64,
        LABELS_WORDS_MAX = 16,
        LABELS_NAME_MAX = 1024,  /* bytes */
        LABELS_VALUE_MAX = 2048, /* bytes; a longer value is cut */
};

typedef struct Label {
        char *name, *value;
} Label;

typedef struct LabelSet {
        Label labels[LABELS_MAX]; /* sorted by name, each once */
        size_t n;
} LabelSet;

typedef struct LabelHost {
        const char *name;       /* of the host */
        const char *machine_id; /* hex */
} LabelHost;

/* Memory for values of words. */
typedef struct LabelWords {
        TemplateWord words[LABELS_WORDS_MAX];
        size_t n;
        char *name, *instance;
        char boot_id[SD_ID128_STRING_MAX], start[32], end[32];
} LabelWords;

/* What templates may say of one stored profile; profile may be NULL: then it knows of no slice and
 * no invocation. digest: the word "id". */
int label_words_init(LabelWords *w,
                     const LabelHost *host,
                     const StoreEntry *entry,
                     const Profile *profile,
                     const char *digest);
void label_words_done(LabelWords *w);

/* The labels of a target, and string labels that all samples of the profile share. */
int label_set_init(LabelSet *s, const UploadTarget *t, const LabelWords *words, Profile *profile);
void label_set_done(LabelSet *s);
/* NULL: there is none. */
const char *label_set_get(const LabelSet *s, const char *name);
/* Copies; a label with that name is replaced. -E2BIG. An empty value removes it. */
int label_set_put(LabelSet *s, const char *name, const char *value);

/* [A-Za-z_][A-Za-z0-9_]*, what all engines take. */
bool label_name_is_valid(const char *name);
