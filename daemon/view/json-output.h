/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON Output
 *
 * Builds one document from the outside in. Errors stick: they come out at the end, so that a verb
 * reads as the document looks.
 */

#include "basic/util.h"

typedef enum JsonMode {
        JSON_MODE_OFF,
        JSON_MODE_SHORT,
        JSON_MODE_PRETTY,
        _JSON_MODE_INVALID = -EINVAL,
} JsonMode;

/* "off", "short", "pretty". */
JsonMode json_mode_from_string(const char *s);

enum {
        JSON_DEPTH_MAX = 16,
};

typedef struct JsonOutput JsonOutput;

/* The document is an object. */
int json_output_new(JsonOutput **ret);
JsonOutput *json_output_free(JsonOutput *j);
DEFINE_CLEANUP(JsonOutput *, json_output_free);

/* key: NULL inside of an array. */
void json_open_object(JsonOutput *j, const char *key);
void json_open_array(JsonOutput *j, const char *key);
void json_close(JsonOutput *j);

/* Bytes that are no UTF-8 become '?'; NULL becomes null. */
void json_add_string(JsonOutput *j, const char *key, const char *value);
/* JSON has no unsigned 64-bit numbers everywhere: saturates at INT64_MAX. */
void json_add_count(JsonOutput *j, const char *key, uint64_t value);
void json_add_integer(JsonOutput *j, const char *key, int64_t value);
/* What is no finite number becomes null. */
void json_add_real(JsonOutput *j, const char *key, double value);
void json_add_bool(JsonOutput *j, const char *key, bool value);
void json_add_null(JsonOutput *j, const char *key);

/* The document and a line feed as a text, which is the caller's. All that is open must be closed.
 */
int json_output_take(JsonOutput *j, char **ret, size_t *ret_size);
/* Prints the document and a line feed. All that is open must be closed. */
int json_output_print(JsonOutput *j, JsonMode mode, FILE *f);
