/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pins
 *
 * Profiles of a store that somebody is still to send elsewhere: where there is a choice, others go
 * first. The uploader writes the file, the daemon reads it before it removes something.
 *
 *     START_USEC MAX_AGE_USEC UNIT
 *
 * Profiles of the unit that start then or later are pinned, until each of them has reached that
 * age: so pins of an uploader that is gone lapse by themselves.
 */

#include "basic/time-util.h"

enum {
        STORE_PINS_MAX = 1 << 16,       /* units */
        STORE_PINS_FILE_MAX = 32 << 20, /* bytes */
};

#define STORE_PINS_NAME "pins"

typedef struct StorePins StorePins;

int store_pins_new(StorePins **ret);
StorePins *store_pins_free(StorePins *p);
DEFINE_CLEANUP(StorePins *, store_pins_free);

/* Of two pins of a unit, the earlier start and the higher age. -E2BIG. */
int store_pins_put(StorePins *p, const char *directory, usec_t start_usec, usec_t max_age_usec);
/* p may be NULL: nothing is pinned. */
bool store_pins_has(const StorePins *p, const char *directory, usec_t start_usec, usec_t now_usec);

/* The text of a file, and back; lines that make no sense are skipped. *ret is not terminated. */
int store_pins_format(const StorePins *p, char **ret, size_t *ret_size);
int store_pins_parse(const char *text, size_t size, StorePins **ret);
/* -ENOENT: there are none. */
int store_pins_read(const char *path, StorePins **ret);
