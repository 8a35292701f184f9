/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sender
 *
 * Requests over the network, on the event loop. The only file that speaks to libcurl.
 */

#include <systemd/sd-event.h>

#include "upload/target.h"

typedef struct Sender Sender;
typedef struct SenderTransfer SenderTransfer;

/* The response is borrowed for the time of the call; the transfer ends with it. */
typedef void (*SenderDone)(const UploadResponse *r, void *userdata);

int sender_new(Sender **ret, sd_event *event);
/* All transfers have ended or were cancelled before. */
Sender *sender_free(Sender *s);
DEFINE_CLEANUP(Sender *, sender_free);

/* Sends; t, and the request's body, are borrowed until the end. *ret is valid until then. */
int sender_start(Sender *s,
                 const UploadTarget *t,
                 const UploadRequest *request,
                 SenderDone on_done,
                 void *userdata,
                 SenderTransfer **ret);
/* Without a call to on_done. */
void sender_cancel(SenderTransfer *t);
