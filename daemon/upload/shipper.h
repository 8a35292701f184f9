/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shipper
 *
 * Sends what is pending to one target, one profile at a time, the oldest first, and decides by the
 * judgement on each answer what comes next. Shippers share the sender and nothing else: a server
 * that is down holds up no other.
 */

#include <systemd/sd-event.h>

#include "upload/queue.h"
#include "upload/sender.h"

enum {
        SHIPPER_REJECTED_SHOWN = 8, /* profiles that were refused, remembered by name */
};

typedef enum ShipperState {
        SHIPPER_IDLE,    /* nothing is pending */
        SHIPPER_WAITING, /* for its share of the delay, or of the bandwidth */
        SHIPPER_SENDING,
        SHIPPER_DOWN,          /* the server does not take what it is given, for now */
        SHIPPER_UNAUTHORIZED,  /* the secret is wrong, or missing */
        SHIPPER_MISCONFIGURED, /* nothing can be sent there like this */
        _SHIPPER_STATE_MAX,
} ShipperState;

typedef struct ShipperStatus {
        ShipperState state;
        uint64_t n_pending, pending_bytes;
        usec_t oldest_pending_usec; /* start of its window, CLOCK_REALTIME; 0: none */
        uint64_t n_sent, sent_bytes;
        uint64_t n_failures; /* attempts that have to be repeated */
        uint64_t n_rejected; /* that the server will never take */
        uint64_t n_expired;  /* too old, or too many of them, before they could be sent */
        uint64_t n_lost;     /* gone from the store before they could be sent */
        usec_t last_sent_usec, last_error_usec; /* CLOCK_REALTIME; 0: never */
        usec_t next_try_usec;                   /* CLOCK_REALTIME; 0: not planned */
        const char *last_error;                 /* "": none; borrowed */
} ShipperStatus;

typedef enum ShipperEvent {
        SHIPPER_EVENT_STATE,  /* it has another state */
        SHIPPER_EVENT_FAILED, /* the server is down, or refuses us */
        SHIPPER_EVENT_RECOVERED,
        SHIPPER_EVENT_REJECTED, /* one profile; text: which, and why */
        SHIPPER_EVENT_EXPIRED,  /* profiles were dropped */
        SHIPPER_EVENT_LEDGER,   /* it cannot be written */
        SHIPPER_EVENT_PROGRESS, /* one is no longer pending */
} ShipperEvent;

typedef struct Shipper Shipper;

/* text: a sentence, or "". */
typedef void (*ShipperOnEvent)(Shipper *s, ShipperEvent e, const char *text, void *userdata);

typedef struct ShipperContext {
        sd_event *event;
        Sender *sender;
        int store_fd, state_fd; /* borrowed */
        const LabelHost *host;
        ShipperOnEvent on_event;
        void *userdata;
} ShipperContext;

/* All pointers are borrowed. */
int shipper_new(Shipper **ret, const UploadTarget *t, const ShipperContext *c);
Shipper *shipper_free(Shipper *s);
DEFINE_CLEANUP(Shipper *, shipper_free);

/* A profile of the store; takes it up if it is for this target and not done. */
int shipper_offer(Shipper *s, const StoreEntry *entry);
/* After the first round of offers, which is all that the ledger knows of. */
void shipper_set_ready(Shipper *s);
/* No new transfer begins from now on. */
void shipper_drain(Shipper *s);
bool shipper_is_sending(const Shipper *s);
/* Tries now what waits for a later time. */
void shipper_retry(Shipper *s);

/* To be called from time to time: a secret that was replaced is tried at once. */
void shipper_check_secrets(Shipper *s);

const UploadTarget *shipper_get_target(const Shipper *s);
void shipper_get_status(const Shipper *s, ShipperStatus *ret);
const char *shipper_state_to_string(ShipperState s);

/* Calls on_pending for all that is pending, the oldest first. */
void shipper_foreach(Shipper *s,
                     void (*on_pending)(const QueueItem *i, void *userdata),
                     void *userdata);
