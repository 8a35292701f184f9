/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dictionary of OpenTelemetry Profiles
 *
 * Each add function returns the index of what it is given, the same for what is equal; index 0 is
 * the empty one of its kind.
 */

#include "profile/profile.h"
#include "profile/protobuf-writer.h"

enum {
        /* Of AnyValue. */
        OTLP_ANY_STRING = 1,
        OTLP_ANY_BOOLEAN = 2,
        OTLP_ANY_INTEGER = 3,
        OTLP_ANY_ARRAY = 5,
};

typedef struct OtlpDictionary OtlpDictionary;

/* Borrows the profile. */
int otlp_dictionary_new(OtlpDictionary **ret, Profile *p);
OtlpDictionary *otlp_dictionary_free(OtlpDictionary *d);
DEFINE_CLEANUP(OtlpDictionary *, otlp_dictionary_free);

int otlp_dictionary_add_string(OtlpDictionary *d, const char *s, uint32_t *ret);
int otlp_dictionary_add_stack(OtlpDictionary *d, const ProfileSample *s, uint32_t *ret);
int otlp_dictionary_add_label(OtlpDictionary *d, const ProfileLabel *l, uint32_t *ret);
int otlp_dictionary_add_text(OtlpDictionary *d, const char *key, const char *value, uint32_t *ret);
/* All comments of the profile as one attribute. */
int otlp_dictionary_add_comments(OtlpDictionary *d, uint32_t *ret);

/* Writes the fields of ProfilesDictionary. */
int otlp_dictionary_encode(OtlpDictionary *d, ProtobufWriter *w);
