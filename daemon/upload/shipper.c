/* SPDX-License-Identifier: Apache-2.0 */
/* Shipper */

#include <inttypes.h>
#include <stdarg.h>
#include <sys/random.h>

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "upload/ledger.h"
#include "upload/queue.h"
#include "upload/retry.h"
#include "upload/secret.h"
#include "upload/shipment.h"
#include "upload/shipper.h"

enum { EXPIRE_AT_ONCE_MAX = 4096 }; /* in one turn of the loop */

struct Shipper {
        const UploadTarget *target;
        ShipperContext context;
        Ledger *ledger;
        Queue *queue;
        sd_event_source *timer; /* the next attempt */
        ShipperStatus status;
        char last_error[UPLOAD_REASON_MAX];
        unsigned n_failures;   /* in a row */
        unsigned n_rejections; /* in a row */
        usec_t spread_usec;
        bool ready, draining;
        bool displaced;       /* since it was told last, profiles had to make room */
        uint64_t fingerprint; /* of the secrets that the server did not like */

        /* the attempt under way */
        SenderTransfer *transfer;
        Shipment shipment;
        QueueItem *item;     /* in the queue */
        usec_t started_usec; /* CLOCK_MONOTONIC */
};

static const char *const state_names[_SHIPPER_STATE_MAX] = {
        [SHIPPER_IDLE] = "idle",
        [SHIPPER_WAITING] = "waiting",
        [SHIPPER_SENDING] = "sending",
        [SHIPPER_DOWN] = "down",
        [SHIPPER_UNAUTHORIZED] = "unauthorized",
        [SHIPPER_MISCONFIGURED] = "misconfigured",
};

const char *shipper_state_to_string(ShipperState s) {
        return state_names[s];
}

/* ---- telling ---- */

static void tell(Shipper *s, ShipperEvent e, const char *text) {
        s->context.on_event(s, e, text, s->context.userdata);
}

static void set_state(Shipper *s, ShipperState state) {
        if (s->status.state == state)
                return;
        s->status.state = state;
        tell(s, SHIPPER_EVENT_STATE, "");
}

static void set_error(Shipper *s, const char *format, ...) _printf_(2, 3);

static void set_error(Shipper *s, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(s->last_error, sizeof(s->last_error), format, ap);
        va_end(ap);
        s->status.last_error_usec = now_usec(CLOCK_REALTIME);
}

static void note(
        Shipper *s, const char *path, LedgerState state, unsigned n_sent, unsigned n_parts) {
        const LedgerEntry e = { .state = state, .n_sent = n_sent, .n_parts = n_parts };
        int r;

        r = ledger_put(s->ledger, path, &e);
        if (r < 0)
                tell(s, SHIPPER_EVENT_LEDGER, strerror(-r));
}

/* ---- the queue ---- */

static size_t index_of(Shipper *s, const QueueItem *item) {
        size_t i = 0;

        while (queue_get(s->queue, i) != item)
                i++;
        return i;
}

static void drop(Shipper *s, QueueItem *item) {
        queue_remove(s->queue, index_of(s, item));
        tell(s, SHIPPER_EVENT_PROGRESS, "");
}

static bool is_too_old(const Shipper *s, const QueueItem *item, usec_t now) {
        return s->target->max_age_usec < now && item->end_usec < now - s->target->max_age_usec;
}

/* What cannot be sent in time makes room, the oldest first. */
static void expire(Shipper *s) {
        usec_t now = now_usec(CLOCK_REALTIME);
        bool displaced = s->displaced;
        uint64_t n = 0;

        s->displaced = false;
        while (queue_length(s->queue) > 0 && n < EXPIRE_AT_ONCE_MAX &&
               (is_too_old(s, queue_get(s->queue, 0), now) ||
                queue_bytes(s->queue) > s->target->max_pending_bytes)) {
                queue_remove(s->queue, 0);
                n++;
        }
        if (n == 0 && !displaced)
                return;
        s->status.n_expired += n;
        tell(s, SHIPPER_EVENT_EXPIRED, "");
}

static void plan(Shipper *s, usec_t delay_usec) {
        usec_t now = now_usec(CLOCK_REALTIME);

        s->status.next_try_usec = now + delay_usec;
        (void) sd_event_source_set_time_relative(s->timer, delay_usec);
        (void) sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static bool is_planned(const Shipper *s) {
        int enabled;

        return sd_event_source_get_enabled(s->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF;
}

/* ---- judgements ---- */

static uint64_t random_bits(void) {
        uint64_t bits = 0;

        (void) getrandom(&bits, sizeof(bits), 0);
        return bits;
}

/* Of the bandwidth: what was sent takes its time, whether it was spent or not. */
static usec_t pace(const Shipper *s, uint64_t bytes) {
        usec_t spent = now_usec(CLOCK_MONOTONIC) - s->started_usec, due;

        if (s->target->bandwidth_bytes == UINT64_MAX)
                return 0;
        due = (usec_t) ((double) bytes * USEC_PER_SEC / (double) s->target->bandwidth_bytes);
        return due > spent ? due - spent : 0;
}

static void go_on(Shipper *s, usec_t delay_usec) {
        expire(s);
        if (queue_length(s->queue) == 0) {
                s->status.next_try_usec = 0;
                set_state(s, SHIPPER_IDLE);
                return;
        }
        plan(s, delay_usec);
        set_state(s, SHIPPER_WAITING);
}

static void on_sent(Shipper *s) {
        Shipment *h = &s->shipment;
        usec_t delay = pace(s, h->request.body_size);
        bool was_down = s->n_failures > 0;

        s->n_failures = s->n_rejections = 0;
        s->status.sent_bytes += h->request.body_size;
        s->status.last_sent_usec = now_usec(CLOCK_REALTIME);
        if (h->part + 1 < h->n_parts) {
                s->item->n_sent = h->part + 1;
                s->item->n_parts = h->n_parts;
                note(s, s->item->path, LEDGER_PART, s->item->n_sent, s->item->n_parts);
        } else {
                s->status.n_sent++;
                note(s, s->item->path, LEDGER_SENT, 0, 0);
                drop(s, s->item);
        }
        if (was_down)
                tell(s, SHIPPER_EVENT_RECOVERED, "");
        go_on(s, delay);
}

static void reject(Shipper *s, const char *reason) {
        _cleanup_free_ char *text = NULL;

        s->status.n_rejected++;
        set_error(s, "%s", reason);
        if (asprintf(&text, "%s: %s", s->item->path, reason) < 0)
                text = NULL; /* undefined after a failure */
        tell(s, SHIPPER_EVENT_REJECTED, text ?: "");
        note(s, s->item->path, LEDGER_REJECTED, 0, 0);
        drop(s, s->item);

        /* One profile may be odd, but all of them? A wrong server must not eat up the backlog. */
        s->n_rejections++;
        go_on(s, s->n_rejections < RETRY_REJECTIONS_MAX
                         ? 0
                         : retry_delay(UPLOAD_UNAUTHORIZED, s->n_rejections, 0, random_bits()));
}

static void split(Shipper *s, const char *reason) {
        unsigned n = s->shipment.n_parts;

        if (!s->target->protocol->splits || n >= UPLOAD_PARTS_MAX || s->item->n_sent > 0 ||
            n >= profile_n_samples(s->shipment.profile)) {
                reject(s, reason);
                return;
        }
        s->item->n_parts = MIN(2 * n, (unsigned) UPLOAD_PARTS_MAX);
        go_on(s, 0);
}

static void back_off(Shipper *s, const UploadJudgement *j) {
        static const ShipperState states[_UPLOAD_VERDICT_MAX] = {
                [UPLOAD_RETRY] = SHIPPER_DOWN,
                [UPLOAD_UNAUTHORIZED] = SHIPPER_UNAUTHORIZED,
                [UPLOAD_MISCONFIGURED] = SHIPPER_MISCONFIGURED,
        };
        QueueItem *item = s->item;

        s->status.n_failures++;
        set_error(s, "%s", j->reason);
        if (j->verdict == UPLOAD_RETRY) {
                if (item->n_failures++ == 0)
                        item->n_sent_before = s->status.n_sent;
                if (retry_is_poison(item->n_failures, s->status.n_sent - item->n_sent_before)) {
                        reject(s, j->reason);
                        return;
                }
        }
        if (j->verdict == UPLOAD_UNAUTHORIZED)
                s->fingerprint = secret_fingerprint(s->target);
        if (s->n_failures++ == 0)
                tell(s, SHIPPER_EVENT_FAILED, s->last_error);
        expire(s);
        if (queue_length(s->queue) > 0) {
                plan(s, retry_delay(j->verdict, s->n_failures, j->retry_after_usec, random_bits()));
                set_state(s, states[j->verdict]);
        } else
                go_on(s, 0);
}

static void follow(Shipper *s, const UploadJudgement *j) {
        switch (j->verdict) {
        case UPLOAD_SENT:
                on_sent(s);
                break;
        case UPLOAD_REJECTED:
                reject(s, j->reason);
                break;
        case UPLOAD_TOO_LARGE:
                split(s, j->reason);
                break;
        default:
                back_off(s, j);
        }
}

static void on_done(const UploadResponse *response, void *userdata) {
        Shipper *s = userdata;
        UploadJudgement j;

        s->transfer = NULL;
        s->target->protocol->judge(s->target, response, &j);
        follow(s, &j);
        shipment_done(&s->shipment);
}

/* ---- attempts ---- */

static void on_unprepared(Shipper *s, int error, const char *reason) {
        UploadJudgement j = {};

        if (error == -ENOENT) {
                s->status.n_lost++;
                drop(s, s->item);
                go_on(s, 0);
        } else if (error == -EFBIG)
                split(s, reason);
        else if (error == -EBADMSG)
                reject(s, reason);
        else {
                upload_judgement_set(&j, error == -EACCES ? UPLOAD_UNAUTHORIZED : UPLOAD_RETRY,
                                     "%s", reason);
                back_off(s, &j);
        }
}

static void attempt(Shipper *s) {
        const char *reason = "";
        size_t probe;
        int r;

        expire(s);
        if (queue_length(s->queue) == 0) {
                go_on(s, 0);
                return;
        }
        probe = retry_pick_probe(queue_get(s->queue, 0)->n_failures, queue_length(s->queue));
        s->item = queue_get(s->queue, probe);
        s->status.next_try_usec = 0;
        s->started_usec = now_usec(CLOCK_MONOTONIC);

        r = shipment_prepare(&s->shipment, s->target, s->item, s->context.store_fd, s->context.host,
                             &reason);
        if (r >= 0)
                r = sender_start(s->context.sender, s->target, &s->shipment.request, on_done, s,
                                 &s->transfer);
        if (r < 0) {
                on_unprepared(s, r, reason);
                shipment_done(&s->shipment);
                return;
        }
        set_state(s, SHIPPER_SENDING);
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Shipper *s = userdata;

        if (!s->draining && !s->transfer)
                attempt(s);
        return 0;
}

/* ---- from outside ---- */

static bool is_wanted(const Shipper *s, const StoreEntry *entry) {
        const char *const names[] = { entry->unit, NULL };

        return !s->target->units ||
               unit_patterns_match((const char *const *) s->target->units, names);
}

int shipper_offer(Shipper *s, const StoreEntry *entry) {
        QueueItem item = { .start_usec = entry->start_usec,
                           .end_usec = entry->start_usec + entry->duration_usec,
                           .size_bytes = entry->size_bytes };
        LedgerEntry known;
        int r;

        /* What was compacted was sent before, in its parts. */
        if (entry->level != STORE_WINDOW || !is_wanted(s, entry))
                return 0;
        ledger_find(s->ledger, entry->path, &known);
        if (known.state == LEDGER_SENT || known.state == LEDGER_REJECTED)
                return 0;
        if (is_too_old(s, &item, now_usec(CLOCK_REALTIME)))
                return 0;
        item.n_sent = known.n_sent;
        item.n_parts = known.n_parts;
        r = queue_add(s->queue, &item, entry->path, NULL);
        if (r == -E2BIG) {
                r = queue_add_for_oldest(s->queue, &item, entry->path,
                                         s->transfer ? s->item : NULL);
                if (r >= 0) {
                        s->status.n_expired++;
                        s->displaced = true;
                }
        }
        if (r < 0)
                return r;

        if (s->ready && s->status.state == SHIPPER_IDLE && !is_planned(s)) {
                plan(s, s->spread_usec);
                set_state(s, SHIPPER_WAITING);
        }
        return 0;
}

void shipper_set_ready(Shipper *s) {
        ledger_forget(s->ledger);
        s->ready = true;
        if (queue_length(s->queue) > 0) {
                /* A fleet that boots together does not knock together. */
                plan(s, s->spread_usec);
                set_state(s, SHIPPER_WAITING);
        }
}

void shipper_drain(Shipper *s) {
        s->draining = true;
        (void) sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
}

bool shipper_is_sending(const Shipper *s) {
        return s->transfer;
}

void shipper_retry(Shipper *s) {
        if (!s->transfer && !s->draining && queue_length(s->queue) > 0)
                plan(s, 0);
}

void shipper_check_secrets(Shipper *s) {
        if (s->status.state == SHIPPER_UNAUTHORIZED &&
            secret_fingerprint(s->target) != s->fingerprint)
                shipper_retry(s);
}

const UploadTarget *shipper_get_target(const Shipper *s) {
        return s->target;
}

void shipper_get_status(const Shipper *s, ShipperStatus *ret) {
        *ret = s->status;
        ret->last_error = s->last_error;
        ret->n_pending = queue_length(s->queue);
        ret->pending_bytes = queue_bytes(s->queue);
        ret->oldest_pending_usec = ret->n_pending > 0 ? queue_get(s->queue, 0)->start_usec : 0;
}

void shipper_foreach(Shipper *s,
                     void (*on_pending)(const QueueItem *i, void *userdata),
                     void *userdata) {
        for (size_t i = 0; i < queue_length(s->queue); i++)
                on_pending(queue_get(s->queue, i), userdata);
}

/* ---- object ---- */

int shipper_new(Shipper **ret, const UploadTarget *t, const ShipperContext *c) {
        _cleanup_(shipper_freep) Shipper *s = NULL;
        int r;

        s = calloc(1, sizeof(Shipper));
        if (!s)
                return -ENOMEM;
        s->target = t;
        s->context = *c;
        s->spread_usec = retry_spread(t->delay_usec, c->host->machine_id,
                                      strlen(c->host->machine_id), t->name);
        r = queue_new(&s->queue);
        if (r >= 0)
                r = ledger_open(&s->ledger, c->state_fd, t->name, c->store_fd);
        if (r >= 0)
                r = sd_event_add_time(c->event, &s->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
                                      on_timer, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Shipper *shipper_free(Shipper *s) {
        if (!s)
                return NULL;

        if (s->transfer)
                sender_cancel(s->transfer);
        shipment_done(&s->shipment);
        sd_event_source_disable_unref(s->timer);
        ledger_free(s->ledger);
        queue_free(s->queue);
        free(s);
        return NULL;
}
