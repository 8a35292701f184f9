/* SPDX-License-Identifier: Apache-2.0 */
/* Pins */

#include <fcntl.h>
#include <inttypes.h>
#include <uthash.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "store/store-pins.h"

typedef struct Pin {
        UT_hash_handle hh;
        usec_t start_usec, max_age_usec;
        char directory[];
} Pin;

struct StorePins {
        Pin *pins;
};

int store_pins_new(StorePins **ret) {
        *ret = calloc(1, sizeof(StorePins));
        return *ret ? 0 : -ENOMEM;
}

StorePins *store_pins_free(StorePins *p) {
        Pin *pin, *next;

        if (!p)
                return NULL;
        HASH_ITER (hh, p->pins, pin, next) {
                HASH_DEL(p->pins, pin);
                free(pin);
        }
        free(p);
        return NULL;
}

int store_pins_put(StorePins *p, const char *directory, usec_t start_usec, usec_t max_age_usec) {
        Pin *pin;

        HASH_FIND_STR(p->pins, directory, pin);
        if (pin) {
                pin->start_usec = MIN(pin->start_usec, start_usec);
                pin->max_age_usec = MAX(pin->max_age_usec, max_age_usec);
                return 0;
        }
        if (HASH_COUNT(p->pins) >= STORE_PINS_MAX)
                return -E2BIG;
        pin = calloc(1, sizeof(Pin) + strlen(directory) + 1);
        if (!pin)
                return -ENOMEM;
        pin->start_usec = start_usec;
        pin->max_age_usec = max_age_usec;
        strcpy(pin->directory, directory);
        HASH_ADD_STR(p->pins, directory, pin);
        return 0;
}

bool store_pins_has(const StorePins *p, const char *directory, usec_t start_usec, usec_t now_usec) {
        Pin *pin = NULL;

        if (p)
                HASH_FIND_STR(p->pins, directory, pin);
        return pin && start_usec >= pin->start_usec &&
               (start_usec > now_usec || now_usec - start_usec < pin->max_age_usec);
}

int store_pins_format(const StorePins *p, char **ret, size_t *ret_size) {
        char *text;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (Pin *pin = p->pins; pin; pin = pin->hh.next)
                fprintf(f, "%" PRIu64 " %" PRIu64 " %s\n", pin->start_usec, pin->max_age_usec,
                        pin->directory);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        *ret_size = size;
        return 0;
}

int store_pins_parse(const char *text, size_t size, StorePins **ret) {
        _cleanup_(store_pins_freep) StorePins *p = NULL;
        const char *end = text + size, *newline;
        int r;

        r = store_pins_new(&p);
        if (r < 0)
                return r;
        for (; text < end && (newline = memchr(text, '\n', (size_t) (end - text)));
             text = newline + 1) {
                _cleanup_free_ char *line = strndup(text, (size_t) (newline - text));
                usec_t start, age;
                int n = 0;

                if (!line)
                        return -ENOMEM;
                if (sscanf(line, "%" SCNu64 " %" SCNu64 " %n", &start, &age, &n) != 2 || n == 0 ||
                    isempty(line + n) || strchr(line + n, '/'))
                        continue;
                r = store_pins_put(p, line + n, start, age);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(p);
        return 0;
}

int store_pins_read(const char *path, StorePins **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_full_file_at(AT_FDCWD, path, STORE_PINS_FILE_MAX, &text, &size);
        return r < 0 ? r : store_pins_parse(text, size, ret);
}
