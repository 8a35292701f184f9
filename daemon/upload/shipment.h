/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shipment
 *
 * One profile, or one part of it, made ready for one attempt: read from the store, split if the
 * server takes no larger ones, labelled, with the secrets of this moment, as a request.
 */

#include "upload/queue.h"
#include "upload/target.h"

enum {
        SHIPMENT_FILE_MAX = 64 << 20, /* bytes of a profile in the store */
};

typedef struct Shipment {
        UploadRequest request;
        unsigned part, n_parts; /* the part that it is, from 0 */

        /* what the request borrows from */
        UploadSource source;
        StoreEntry entry;
        LabelSet labels;
        LabelWords words;
        char digest[2 * 32 + 1];
        void *data, *part_data;
        Profile *profile;
        char *token, *password, *session_token;
} Shipment;

/*
 * ret is for shipment_done(), on failure too; *ret_reason then is a sentence. -ENOENT: the profile
 * is gone from the store; -EBADMSG: it cannot be sent, ever; -EFBIG: not as a whole; -EACCES: a
 * secret cannot be read; other errors may pass, of which -EPERM: the profile may not be read.
 */
int shipment_prepare(Shipment *s,
                     const UploadTarget *t,
                     const QueueItem *item,
                     int store_fd,
                     const LabelHost *host,
                     const char **ret_reason);
void shipment_done(Shipment *s);
