/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Uploader
 *
 * The root of profilerd-upload: the targets, the look at the store from time to time, the pins that
 * keep pending profiles there, and what the administrator is told.
 */

#include "upload/shipper.h"

#define UPLOADER_SCAN_USEC (5 * USEC_PER_SEC)

typedef struct UploaderPaths {
        const char *root;  /* of the configuration; NULL: "/" */
        const char *store; /* NULL: as installed */
        const char *state; /* NULL: as installed */
} UploaderPaths;

typedef struct Uploader Uploader;

/* state: of which shipper; NULL: the targets are others. */
typedef void (*UploaderChanged)(Uploader *u, const Shipper *shipper, void *userdata);

int uploader_new(Uploader **ret, sd_event *event, const UploaderPaths *paths);
Uploader *uploader_free(Uploader *u);
DEFINE_CLEANUP(Uploader *, uploader_free);

void uploader_set_on_changed(Uploader *u, UploaderChanged callback, void *userdata);

/* Loads the configuration and begins. Logs what is wrong. -ENOENT: no target is configured; else
 * errors that no waiting mends. */
int uploader_start(Uploader *u);
/* Ends what is under way, then loads the configuration anew; a broken one leaves the old. */
int uploader_reload(Uploader *u);
/* Ends what is under way, then calls on_stopped. */
void uploader_stop(Uploader *u, void (*on_stopped)(void *userdata), void *userdata);

size_t uploader_n_shippers(const Uploader *u);
Shipper *uploader_get_shipper(const Uploader *u, size_t i);
