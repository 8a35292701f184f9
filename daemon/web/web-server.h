/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP Server
 *
 * libmicrohttpd on our event loop: sockets in, calls out. A call is answered at once or later;
 * until then its connection rests. Who is slow, idle or too many is sent away.
 */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "web/web-guard.h"

enum {
        WEB_SOCKETS_MAX = 8,
        WEB_CONNECTIONS_MAX = 256,    /* of each socket; more wait in its backlog */
        WEB_CONNECTION_MEMORY = 32768 /* bytes of a request's line and headers */
};

/* A client has this long to send a request, and this long to take the answer. */
#define WEB_REQUEST_USEC (20 * USEC_PER_SEC)
#define WEB_ANSWER_USEC  (2 * USEC_PER_MINUTE)

typedef struct WebServer WebServer;

/* One request and its response. */
typedef struct WebCall WebCall;

typedef struct WebServerOptions {
        WebGuard guard; /* borrowed */
        /* To be answered by web_call_finish(), now or later. */
        void (*on_call)(WebCall *c, void *userdata);
        /* Nobody waits for the answer any more: c is about to go. */
        void (*on_cancel)(WebCall *c, void *userdata);
        void *userdata;
} WebServerOptions;

int web_server_new(WebServer **ret, sd_event *event, const WebServerOptions *options);
WebServer *web_server_free(WebServer *s);
DEFINE_CLEANUP(WebServer *, web_server_free);

/* Takes a listening socket. -E2BIG: there are enough. */
int web_server_add_socket(WebServer *s, int fd);
/* Nobody is connected. */
bool web_server_is_idle(const WebServer *s);

const WebRequest *web_call_get_request(const WebCall *c);
WebResponse *web_call_get_response(WebCall *c);
void web_call_set_userdata(WebCall *c, void *userdata);
void *web_call_get_userdata(const WebCall *c);
void web_call_finish(WebCall *c);
