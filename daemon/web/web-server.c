/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP Server
 *
 * Of each socket the library watches an epoll descriptor of its own, which nests in ours. After a
 * run the library may have more to do at once (a request that was resumed, for one), or later, and
 * says so only when asked.
 */

#include <microhttpd.h>
#include <sys/socket.h>
#include <utlist.h>

#include "basic/string-util.h"
#include "profile/gzip.h"
#include "web/web-server.h"

enum {
        IDLE_SECONDS = 15,    /* of a connection between two requests */
        RUNS_MAX = 16,        /* without looking at what else there is to do */
        ASSET_MAX = 64 << 20, /* bytes */
        GZIP_MIN = 1024,      /* bytes; less is not worth it */
        UPLOAD_MAX = 1 << 20,
};

/* How often slow clients are looked for. */
#define SWEEP_USEC (5 * USEC_PER_SEC)

static const struct {
        const char *name, *value;
} security_headers[] = {
        { "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
          "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
          "base-uri 'none'; form-action 'self'" },
        { "X-Content-Type-Options", "nosniff" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
};

typedef struct Listener {
        WebServer *server;
        struct MHD_Daemon *mhd;
        sd_event_source *io, *timer, *again;
        bool has_freed; /* a connection, in the last run */
} Listener;

/* A connection. */
typedef struct Client {
        WebServer *server;
        int fd; /* borrowed */
        usec_t deadline_usec;
        struct Client *prev, *next;
} Client;

typedef enum CallState {
        CALL_NEW,
        CALL_READING, /* its body comes first, and is thrown away */
        CALL_RUNNING, /* inside of on_call() */
        CALL_RESTING, /* the connection is suspended */
        CALL_DONE,
} CallState;

struct WebCall {
        Listener *listener;
        struct MHD_Connection *connection;
        CallState state;
        int parse_error;
        bool head, gzip;
        char *if_none_match;
        size_t n_uploaded;
        WebRequest request;
        WebResponse response;
        void *userdata;
        struct WebCall *prev, *next; /* of those that rest */
};

struct WebServer {
        sd_event *event;
        WebServerOptions options;
        Listener listeners[WEB_SOCKETS_MAX];
        size_t n_listeners;
        Client *clients;
        WebCall *resting;
        sd_event_source *sweep;
};

/* ---- calls ---- */

const WebRequest *web_call_get_request(const WebCall *c) {
        return &c->request;
}

WebResponse *web_call_get_response(WebCall *c) {
        return &c->response;
}

void web_call_set_userdata(WebCall *c, void *userdata) {
        c->userdata = userdata;
}

void *web_call_get_userdata(const WebCall *c) {
        return c->userdata;
}

static void call_free(WebCall *c) {
        web_request_done(&c->request);
        web_response_done(&c->response);
        free(c->if_none_match);
        free(c);
}

static void resume(WebCall *c) {
        DL_DELETE(c->listener->server->resting, c);
        c->state = CALL_DONE;
        MHD_resume_connection(c->connection);
}

void web_call_finish(WebCall *c) {
        CallState before = c->state;

        c->state = CALL_DONE;
        if (before != CALL_RESTING)
                return;
        resume(c);
        (void) sd_event_source_set_enabled(c->listener->again, SD_EVENT_ONESHOT);
}

static Client *client_of(struct MHD_Connection *connection) {
        const union MHD_ConnectionInfo *info;

        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        return info ? info->socket_context : NULL;
}

static void set_deadline(struct MHD_Connection *connection, usec_t span) {
        Client *client = client_of(connection);

        if (client)
                client->deadline_usec =
                        span == USEC_INFINITY ? USEC_INFINITY : now_usec(CLOCK_MONOTONIC) + span;
}

/* ---- answers ---- */

/* Assets are packed when the program is built. */
static void unpack(WebResponse *r) {
        size_t capacity = 0, size;
        uint8_t *plain = NULL;

        if (gzip_decompress(r->borrowed, r->size, ASSET_MAX, &plain, &capacity, &size, NULL) < 0) {
                free(plain);
                return;
        }
        r->borrowed = NULL;
        free(r->body);
        r->body = (char *) plain;
        r->size = size;
        r->is_gzip = false;
}

/* Over a socket of this host packing costs more than it saves, but ssh may be in between. */
static void pack(const WebCall *c, WebResponse *r) {
        uint8_t *packed;
        size_t size;

        if (r->is_gzip && !c->gzip)
                unpack(r);
        if (!c->gzip || r->is_gzip || r->borrowed || r->size < GZIP_MIN || !r->type ||
            !(startswith(r->type, "text/") || streq(r->type, "application/json") ||
              startswith(r->type, "image/svg")))
                return;
        if (gzip_compress(r->body, r->size, &packed, &size) < 0)
                return;
        free(r->body);
        r->body = (char *) packed;
        r->size = size;
        r->is_gzip = true;
}

/* Is what the client has still right? */
static bool is_unchanged(const WebCall *c) {
        for (size_t i = 0; c->if_none_match && i < c->response.n_headers; i++)
                if (streq(c->response.headers[i].name, "ETag"))
                        return strstr(c->if_none_match, c->response.headers[i].value);
        return false;
}

static void add_headers(const WebCall *c, struct MHD_Response *m) {
        const WebResponse *r = &c->response;

        for (size_t i = 0; i < ELEMENTSOF(security_headers); i++)
                MHD_add_response_header(m, security_headers[i].name, security_headers[i].value);
        MHD_add_response_header(m, "Cache-Control",
                                r->is_cacheable ? "private, max-age=86400" : "no-store");
        if (r->type)
                MHD_add_response_header(m, "Content-Type", r->type);
        MHD_add_response_header(m, "Vary", "Accept-Encoding");
        if (r->is_gzip)
                MHD_add_response_header(m, "Content-Encoding", "gzip");
        for (size_t i = 0; i < r->n_headers; i++)
                MHD_add_response_header(m, r->headers[i].name, r->headers[i].value);
}

static enum MHD_Result answer(WebCall *c, struct MHD_Connection *connection) {
        WebResponse *r = &c->response;
        struct MHD_Response *m;
        enum MHD_Result result;
        bool unchanged = r->status == 200 && is_unchanged(c);

        if (r->status == 0)
                (void) web_fail_errno(r, -ENOMEM);
        pack(c, r);
        if (unchanged)
                m = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        else if (r->borrowed)
                m = MHD_create_response_from_buffer(r->size, (void *) r->borrowed,
                                                    MHD_RESPMEM_PERSISTENT);
        else
                m = MHD_create_response_from_buffer(r->size, r->body, MHD_RESPMEM_MUST_FREE);
        if (!m)
                return MHD_NO;
        if (!unchanged && !r->borrowed)
                r->body = NULL;
        add_headers(c, m);
        set_deadline(connection, WEB_ANSWER_USEC);
        result = MHD_queue_response(connection, unchanged ? 304 : r->status ?: 500, m);
        MHD_destroy_response(m);
        return result;
}

/* ---- the library's callbacks ---- */

static void *on_target(void *userdata, const char *target, struct MHD_Connection *connection) {
        WebCall *c;

        c = calloc(1, sizeof(*c));
        if (!c)
                return NULL;
        c->listener = userdata;
        c->connection = connection;
        c->parse_error = web_request_parse(target, &c->request);
        return c;
}

static const char *get_header(struct MHD_Connection *connection, const char *name) {
        return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Fills in the response and returns 0, or 1: the call goes on to those who know. */
static int check(WebCall *c, struct MHD_Connection *connection, const char *method) {
        WebHeaders h = {
                .method = method,
                .host = get_header(connection, "Host"),
                .cookie = get_header(connection, "Cookie"),
                .fetch_site = get_header(connection, "Sec-Fetch-Site"),
                .fetch_mode = get_header(connection, "Sec-Fetch-Mode"),
                .if_none_match = get_header(connection, "If-None-Match"),
                .accept_encoding = get_header(connection, "Accept-Encoding"),
        };

        if (c->parse_error == -E2BIG)
                return web_fail(&c->response, 414, NULL, "Ask for less at once.",
                                "The address is too long.");
        if (c->parse_error < 0)
                return web_fail(&c->response, 400,
                                "It has characters that are not UTF-8, or a wrong '%' escape.",
                                NULL, "The address cannot be read.");
        c->response.audience = web_audience(c->request.path);
        c->head = streq(method, "HEAD");
        c->gzip = web_accepts_gzip(h.accept_encoding);
        (void) free_and_strdup(&c->if_none_match, h.if_none_match);
        return web_guard_check(&c->listener->server->options.guard, &h, &c->request, &c->response);
}

static enum MHD_Result start(WebCall *c, struct MHD_Connection *connection, const char *method) {
        const WebServerOptions *o = &c->listener->server->options;

        if (check(c, connection, method) <= 0) {
                c->state = CALL_DONE;
                return answer(c, connection);
        }
        c->state = CALL_RUNNING;
        o->on_call(c, o->userdata);
        if (c->state == CALL_DONE)
                return answer(c, connection);
        c->state = CALL_RESTING;
        DL_APPEND(c->listener->server->resting, c);
        set_deadline(connection, USEC_INFINITY);
        MHD_suspend_connection(connection);
        return MHD_YES;
}

/* Called with the headers, then for each part of a body, then at its end; and once a connection was
 * resumed. */
static enum MHD_Result on_request(void *userdata,
                                  struct MHD_Connection *connection,
                                  const char *url,
                                  const char *method,
                                  const char *version,
                                  const char *upload_data,
                                  size_t *upload_size,
                                  void **call) {
        WebCall *c = *call;

        (void) userdata;
        (void) url;
        (void) version;
        (void) upload_data;
        if (!c)
                return MHD_NO;
        if (*upload_size > 0) {
                c->n_uploaded += *upload_size;
                *upload_size = 0;
                return c->n_uploaded > UPLOAD_MAX ? MHD_NO : MHD_YES;
        }
        if (c->state == CALL_DONE)
                return answer(c, connection);
        if (c->state == CALL_NEW && streq(method, "POST") && c->parse_error == 0 &&
            web_is_symbolz(c->request.path)) {
                c->state = CALL_READING;
                return MHD_YES;
        }
        return start(c, connection, method);
}

static void on_completed(void *userdata,
                         struct MHD_Connection *connection,
                         void **call,
                         enum MHD_RequestTerminationCode code) {
        Listener *l = userdata;
        WebCall *c = *call;

        (void) code;
        *call = NULL;
        set_deadline(connection, WEB_REQUEST_USEC);
        if (!c)
                return;
        if (c->state == CALL_RESTING) {
                DL_DELETE(l->server->resting, c);
                l->server->options.on_cancel(c, l->server->options.userdata);
        }
        call_free(c);
}

static void on_connection(void *userdata,
                          struct MHD_Connection *connection,
                          void **context,
                          enum MHD_ConnectionNotificationCode code) {
        Listener *l = userdata;
        Client *client = *context;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                const union MHD_ConnectionInfo *info;

                info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
                client = calloc(1, sizeof(*client));
                if (!client)
                        return;
                client->server = l->server;
                client->fd = info ? info->connect_fd : -EBADF;
                client->deadline_usec = now_usec(CLOCK_MONOTONIC) + WEB_REQUEST_USEC;
                DL_APPEND(l->server->clients, client);
                *context = client;
                (void) sd_event_source_set_enabled(l->server->sweep, SD_EVENT_ON);
                return;
        }
        l->has_freed = true;
        if (client) {
                DL_DELETE(l->server->clients, client);
                free(client);
                *context = NULL;
        }
}

/* ---- the event loop ---- */

/* A library that is full no longer watches its socket, and begins again at the start of a run: the
 * run that frees the last connection would leave neither an event nor a timeout for the next. */
static int pump(Listener *l) {
        for (unsigned i = 0; i < RUNS_MAX; i++) {
                MHD_UNSIGNED_LONG_LONG timeout_msec;

                l->has_freed = false;
                MHD_run(l->mhd);
                if (l->has_freed)
                        continue;
                if (MHD_get_timeout(l->mhd, &timeout_msec) != MHD_YES)
                        return sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
                if (timeout_msec > 0) {
                        usec_t now;

                        (void) sd_event_now(l->server->event, CLOCK_MONOTONIC, &now);
                        (void) sd_event_source_set_time(l->timer,
                                                        now + timeout_msec * USEC_PER_MSEC);
                        return sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
                }
        }
        /* Others first. */
        return sd_event_source_set_enabled(l->again, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        (void) s;
        (void) fd;
        (void) events;
        return pump(userdata);
}

static int on_time(sd_event_source *s, uint64_t t, void *userdata) {
        (void) s;
        (void) t;
        return pump(userdata);
}

static int on_again(sd_event_source *s, void *userdata) {
        (void) s;
        return pump(userdata);
}

/* Slow clients would keep others out. */
static int on_sweep(sd_event_source *s, uint64_t t, void *userdata) {
        WebServer *server = userdata;
        Client *client;
        usec_t now = now_usec(CLOCK_MONOTONIC);

        (void) t;
        DL_FOREACH (server->clients, client)
                if (client->deadline_usec < now)
                        (void) shutdown(client->fd, SHUT_RDWR);
        if (!server->clients)
                return sd_event_source_set_enabled(s, SD_EVENT_OFF);
        return sd_event_source_set_time(s, now + SWEEP_USEC);
}

/* ---- object ---- */

static int listener_attach(Listener *l, sd_event *event) {
        const union MHD_DaemonInfo *info;
        int r;

        info = MHD_get_daemon_info(l->mhd, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info)
                return -EIO;
        r = sd_event_add_io(event, &l->io, info->epoll_fd, EPOLLIN, on_io, l);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &l->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_time, l);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        return sd_event_add_defer(event, &l->again, on_again, l);
}

static void listener_done(Listener *l) {
        sd_event_source_disable_unref(l->io);
        sd_event_source_disable_unref(l->timer);
        sd_event_source_disable_unref(l->again);
        if (l->mhd)
                MHD_stop_daemon(l->mhd);
        *l = (Listener){};
}

int web_server_add_socket(WebServer *s, int fd) {
        _cleanup_close_ int owned = fd;
        Listener *l = &s->listeners[s->n_listeners];
        int r;

        if (s->n_listeners >= WEB_SOCKETS_MAX)
                return -E2BIG;
        *l = (Listener){ .server = s };
        l->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                                  on_request, l, MHD_OPTION_LISTEN_SOCKET, owned,
                                  MHD_OPTION_CONNECTION_LIMIT, (unsigned) WEB_CONNECTIONS_MAX,
                                  MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) IDLE_SECONDS,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                  (size_t) WEB_CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK,
                                  on_target, l, MHD_OPTION_NOTIFY_COMPLETED, on_completed, l,
                                  MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_END);
        if (!l->mhd)
                return -EIO;
        (void) TAKE_FD(owned);
        r = listener_attach(l, s->event);
        if (r < 0) {
                listener_done(l);
                return r;
        }
        s->n_listeners++;
        return 0;
}

bool web_server_is_idle(const WebServer *s) {
        return !s->clients;
}

int web_server_new(WebServer **ret, sd_event *event, const WebServerOptions *options) {
        _cleanup_(web_server_freep) WebServer *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        s->options = *options;
        r = sd_event_add_time(event, &s->sweep, CLOCK_MONOTONIC, 0, 0, on_sweep, s);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

WebServer *web_server_free(WebServer *s) {
        if (!s)
                return NULL;
        /* The library does not end while a connection rests. */
        while (s->resting) {
                WebCall *c = s->resting;

                s->options.on_cancel(c, s->options.userdata);
                (void) web_fail(&c->response, 503, NULL, "Try again.", "The server ends.");
                resume(c);
        }
        for (size_t i = 0; i < s->n_listeners; i++)
                listener_done(&s->listeners[i]);
        sd_event_source_disable_unref(s->sweep);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}
