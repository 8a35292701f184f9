/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for Samples */

#include "web/web-wait.h"

struct WebWait {
        sd_event *event;
        WebBus *bus; /* borrowed */
        char *unit;
        usec_t span_usec, since_usec;
        bool is_second; /* the window is being ended at the end of the time */
        sd_event_source *timer;
        sd_bus_slot *flush;
        WebOnWaited on_done;
        void *userdata;
};

WebWait *web_wait_free(WebWait *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        sd_bus_slot_unref(w->flush);
        sd_event_unref(w->event);
        free(w->unit);
        free(w);
        return NULL;
}

static void on_flushed(int result, void *userdata);

static int end_window(WebWait *w) {
        w->flush = sd_bus_slot_unref(w->flush);
        return web_bus_flush(w->bus, w->unit, on_flushed, w, &w->flush);
}

static int on_time(sd_event_source *s, uint64_t t, void *userdata) {
        WebWait *w = userdata;
        int r;

        (void) s;
        (void) t;
        w->is_second = true;
        r = end_window(w);
        if (r < 0)
                w->on_done(r, w->since_usec, w->userdata);
        return 0;
}

static void on_flushed(int result, void *userdata) {
        WebWait *w = userdata;
        int r;

        /* Not to be allowed to is no reason not to wait. */
        if (w->is_second || w->span_usec == 0 || (result < 0 && result != -EACCES)) {
                w->on_done(result, w->since_usec, w->userdata);
                return;
        }
        w->since_usec = now_usec(CLOCK_REALTIME);
        r = sd_event_add_time_relative(w->event, &w->timer, CLOCK_MONOTONIC, w->span_usec, 0,
                                       on_time, w);
        if (r < 0)
                w->on_done(r, w->since_usec, w->userdata);
}

int web_wait_new(WebWait **ret,
                 sd_event *event,
                 WebBus *bus,
                 const char *unit,
                 usec_t span_usec,
                 WebOnWaited on_done,
                 void *userdata) {
        WebWait *w;
        int r;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (WebWait){
                .event = sd_event_ref(event),
                .bus = bus,
                .unit = strdup(unit),
                .span_usec = span_usec,
                .on_done = on_done,
                .userdata = userdata,
        };
        r = w->unit ? end_window(w) : -ENOMEM;
        if (r < 0) {
                web_wait_free(w);
                return r;
        }
        *ret = w;
        return 0;
}
