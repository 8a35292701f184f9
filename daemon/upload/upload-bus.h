/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Upload on the Bus
 *
 * org.profilerd1.Upload: the state of each target, and a way to try again at once. Without a bus
 * the uploader does its work all the same.
 */

#include "upload/uploader.h"

typedef struct UploadBus UploadBus;

/* Installs itself as what the uploader tells of changes. */
int upload_bus_new(UploadBus **ret, sd_event *event, Uploader *u);
UploadBus *upload_bus_free(UploadBus *b);
DEFINE_CLEANUP(UploadBus *, upload_bus_free);
