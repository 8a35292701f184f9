/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Output */

#include <jansson.h>
#include <math.h>

#include "basic/string-util.h"
#include "view/json-output.h"

struct JsonOutput {
        json_t *stack[JSON_DEPTH_MAX]; /* those above the first are borrowed from it */
        size_t depth;
        int error;
};

JsonMode json_mode_from_string(const char *s) {
        if (streq(s, "off"))
                return JSON_MODE_OFF;
        if (streq(s, "short"))
                return JSON_MODE_SHORT;
        if (streq(s, "pretty"))
                return JSON_MODE_PRETTY;
        return _JSON_MODE_INVALID;
}

int json_output_new(JsonOutput **ret) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;
        j->stack[0] = json_object();
        if (!j->stack[0])
                return -ENOMEM;
        j->depth = 1;
        *ret = TAKE_PTR(j);
        return 0;
}

JsonOutput *json_output_free(JsonOutput *j) {
        if (j) {
                json_decref(j->stack[0]);
                free(j);
        }
        return NULL;
}

/* Takes value into the innermost container. */
static void add(JsonOutput *j, const char *key, json_t *value) {
        json_t *parent = j->stack[j->depth - 1];
        int r;

        assert(!key == json_is_array(parent));

        r = key ? json_object_set_new(parent, key, value) : json_array_append_new(parent, value);
        if (r < 0)
                j->error = -ENOMEM;
}

static void open_container(JsonOutput *j, const char *key, json_t *container) {
        assert(j->depth < JSON_DEPTH_MAX);

        if (j->error < 0 || !container) {
                /* The place on the stack keeps json_close() in step. */
                json_decref(container);
                j->error = -ENOMEM;
                container = j->stack[j->depth - 1];
        } else
                add(j, key, container);
        j->stack[j->depth++] = container;
}

void json_open_object(JsonOutput *j, const char *key) {
        open_container(j, key, json_object());
}

void json_open_array(JsonOutput *j, const char *key) {
        open_container(j, key, json_array());
}

void json_close(JsonOutput *j) {
        assert(j->depth > 1);
        j->depth--;
}

void json_add_string(JsonOutput *j, const char *key, const char *value) {
        _cleanup_free_ char *clean = NULL;

        if (j->error < 0)
                return;
        if (!value) {
                add(j, key, json_null());
                return;
        }
        if (!utf8_is_valid(value, strlen(value))) {
                clean = utf8_sanitize(value, strlen(value));
                if (!clean) {
                        j->error = -ENOMEM;
                        return;
                }
                value = clean;
        }
        add(j, key, json_string(value));
}

void json_add_integer(JsonOutput *j, const char *key, int64_t value) {
        if (j->error >= 0)
                add(j, key, json_integer(value));
}

void json_add_count(JsonOutput *j, const char *key, uint64_t value) {
        json_add_integer(j, key, value > INT64_MAX ? INT64_MAX : (int64_t) value);
}

void json_add_real(JsonOutput *j, const char *key, double value) {
        if (j->error >= 0)
                add(j, key, isfinite(value) ? json_real(value) : json_null());
}

void json_add_bool(JsonOutput *j, const char *key, bool value) {
        if (j->error >= 0)
                add(j, key, json_boolean(value));
}

void json_add_null(JsonOutput *j, const char *key) {
        if (j->error >= 0)
                add(j, key, json_null());
}

int json_output_print(JsonOutput *j, JsonMode mode, FILE *f) {
        assert(j->depth == 1);

        if (j->error < 0)
                return j->error;
        if (json_dumpf(j->stack[0], f, mode == JSON_MODE_PRETTY ? JSON_INDENT(2) : JSON_COMPACT) <
            0)
                return -EIO;
        return fputc('\n', f) == EOF ? -EIO : 0;
}

int json_output_take(JsonOutput *j, char **ret, size_t *ret_size) {
        size_t size;
        char *text;

        assert(j->depth == 1);

        if (j->error < 0)
                return j->error;
        size = json_dumpb(j->stack[0], NULL, 0, JSON_COMPACT);
        text = size > 0 ? malloc(size + 2) : NULL;
        if (!text)
                return -ENOMEM;
        json_dumpb(j->stack[0], text, size, JSON_COMPACT);
        memcpy(text + size, "\n", 2);
        *ret = text;
        *ret_size = size + 1;
        return 0;
}
