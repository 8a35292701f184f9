/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sender
 *
 * libcurl tells which sockets it waits for and when it wants to be called; both become sources of
 * the event loop. Transfers end in calls of ours only, never in one of its callbacks.
 */

#include <curl/curl.h>
#include <utlist.h>

#include "basic/string-util.h"
#include "upload/sender.h"
#include "upload/text-encode.h"

#define CONNECT_TIMEOUT_SEC 15L
#define STALLED_SEC         30L /* without a byte */
#define CONNECTIONS_MAX     4L  /* that are kept open, all targets together */
#define CONNECTION_AGE_SEC  60L

enum { GRPC_MESSAGE_MAX = 512 }; /* bytes */

/* First version without the defect that ends the second request of a clear HTTP/2 connection. */
#define CURL_H2C_REUSE 0x080000
/* First version that has CURLOPT_QUICK_EXIT. */
#define CURL_QUICK_EXIT 0x075700

typedef struct SocketWatch {
        sd_event_source *source;
        curl_socket_t fd;
        struct SocketWatch *prev, *next;
} SocketWatch;

struct Sender {
        sd_event *event;
        CURLM *multi;
        sd_event_source *timer;
        SocketWatch *watches;
        SenderTransfer *transfers;
};

struct SenderTransfer {
        Sender *sender;
        CURL *easy;
        struct curl_slist *headers;
        SenderDone on_done;
        void *userdata;
        bool http2;
        char error[CURL_ERROR_SIZE];
        uint8_t *answer;
        size_t answer_size;
        int grpc_status; /* -1: not seen */
        char grpc_message[GRPC_MESSAGE_MAX];
        SenderTransfer *prev, *next;
};

/* ---- transfers ---- */

static void transfer_free(SenderTransfer *t) {
        DL_DELETE(t->sender->transfers, t);
        if (t->easy) {
                (void) curl_multi_remove_handle(t->sender->multi, t->easy);
                curl_easy_cleanup(t->easy);
        }
        for (struct curl_slist *h = t->headers; h; h = h->next)
                explicit_bzero(h->data, strlen(h->data));
        curl_slist_free_all(t->headers);
        free(t->answer);
        free(t);
}

void sender_cancel(SenderTransfer *t) {
        transfer_free(t);
}

static int error_of(CURLcode c) {
        switch (c) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
                return -EINVAL;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
                return -EKEYREJECTED;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
                return -EHOSTUNREACH;
        case CURLE_COULDNT_CONNECT:
                return -ECONNREFUSED;
        case CURLE_OPERATION_TIMEDOUT:
                return -ETIMEDOUT;
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
                return -EPROTO;
        case CURLE_OUT_OF_MEMORY:
                return -ENOMEM;
        default:
                return -EIO;
        }
}

/* A server that refuses a body may say so and close before it has read all of it. */
static bool answer_counts(CURLcode c, const SenderTransfer *t, long status) {
        if (c == CURLE_OK || t->grpc_status > 0)
                return true;
        return status >= 400 && (c == CURLE_SEND_ERROR || c == CURLE_RECV_ERROR ||
                                 c == CURLE_PARTIAL_FILE || c == CURLE_HTTP2_STREAM);
}

static void transfer_finish(SenderTransfer *t, CURLcode c) {
        UploadResponse response = { .grpc_status = t->grpc_status,
                                    .grpc_message =
                                            t->grpc_message[0] != '\0' ? t->grpc_message : NULL,
                                    .body = t->answer,
                                    .body_size = t->answer_size };
        SenderDone on_done = t->on_done;
        void *userdata = t->userdata;
        curl_off_t retry_after = 0;
        long status = 0, version = 0;

        (void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        (void) curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
        (void) curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
        response.status = (unsigned) status;
        response.retry_after_usec = retry_after > 0 ? (usec_t) retry_after * USEC_PER_SEC : 0;
        if (!answer_counts(c, t, status)) {
                response.error = error_of(c);
                response.text = t->error[0] != '\0' ? t->error : curl_easy_strerror(c);
        } else if (t->http2 && version != CURL_HTTP_VERSION_2_0) {
                response.error = -EPROTONOSUPPORT;
                response.text = "the server does not speak HTTP/2, which gRPC needs";
        }

        /* Gives the connection back: the next request may be made by on_done(). */
        (void) curl_multi_remove_handle(t->sender->multi, t->easy);
        on_done(&response, userdata);
        transfer_free(t);
}

static void finish_all(Sender *s) {
        CURLMsg *message;
        int n;

        while ((message = curl_multi_info_read(s->multi, &n))) {
                SenderTransfer *t = NULL;
                CURLcode c = message->data.result;

                if (message->msg != CURLMSG_DONE)
                        continue;
                if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &t) ==
                            CURLE_OK &&
                    t)
                        transfer_finish(t, c);
        }
}

/* ---- the event loop ---- */

static int on_io(sd_event_source *source _unused_, int fd, uint32_t revents, void *userdata) {
        Sender *s = userdata;
        int action = 0, running;

        if (revents & EPOLLIN)
                action |= CURL_CSELECT_IN;
        if (revents & EPOLLOUT)
                action |= CURL_CSELECT_OUT;
        if (revents & (EPOLLERR | EPOLLHUP))
                action |= CURL_CSELECT_ERR;
        (void) curl_multi_socket_action(s->multi, fd, action, &running);
        finish_all(s);
        return 0;
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Sender *s = userdata;
        int running;

        (void) curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        finish_all(s);
        return 0;
}

static void watch_free(Sender *s, SocketWatch *w) {
        DL_DELETE(s->watches, w);
        sd_event_source_disable_unref(w->source);
        free(w);
}

static uint32_t events_of(int what) {
        return (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
}

static int on_socket(
        CURL *easy _unused_, curl_socket_t fd, int what, void *userdata, void *socket_userdata) {
        SocketWatch *w = socket_userdata, *next;
        Sender *s = userdata;

        if (what == CURL_POLL_REMOVE) {
                if (w)
                        watch_free(s, w);
                return 0;
        }
        if (w)
                return sd_event_source_set_io_events(w->source, events_of(what)) < 0 ? -1 : 0;

        /* A descriptor that was closed without a word is back as another socket. */
        DL_FOREACH_SAFE (s->watches, w, next)
                if (w->fd == fd)
                        watch_free(s, w);
        w = calloc(1, sizeof(SocketWatch));
        if (!w)
                return -1;
        if (sd_event_add_io(s->event, &w->source, fd, events_of(what), on_io, s) < 0) {
                free(w);
                return -1;
        }
        w->fd = fd;
        DL_APPEND(s->watches, w);
        return curl_multi_assign(s->multi, fd, w) == CURLM_OK ? 0 : -1;
}

static int on_timeout_wanted(CURLM *multi _unused_, long msec, void *userdata) {
        Sender *s = userdata;

        if (msec < 0)
                return sd_event_source_set_enabled(s->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time_relative(s->timer, (usec_t) msec * USEC_PER_MSEC) < 0 ||
            sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT) < 0)
                return -1;
        return 0;
}

/* ---- answers ---- */

/* What is beyond the limit is read, and forgotten. */
static size_t on_answer(char *data, size_t one _unused_, size_t size, void *userdata) {
        SenderTransfer *t = userdata;
        size_t n = MIN(size, (size_t) UPLOAD_ANSWER_MAX - t->answer_size);

        if (n > 0) {
                if (!t->answer)
                        t->answer = malloc(UPLOAD_ANSWER_MAX);
                if (!t->answer)
                        return 0;
                memcpy(t->answer + t->answer_size, data, n);
                t->answer_size += n;
        }
        return size;
}

/* The value of a header line, cut at its end. NULL: it is another header. */
static char *header_value(char *line, const char *name) {
        size_t n = strlen(name);

        if (strncasecmp(line, name, n) != 0 || line[n] != ':')
                return NULL;
        return strstrip(line + n + 1);
}

/* Trailers come here, too. */
static size_t on_header(char *data, size_t one _unused_, size_t size, void *userdata) {
        _cleanup_free_ char *line = strndup(data, size), *decoded = NULL;
        SenderTransfer *t = userdata;
        const char *value;

        if (!line)
                return 0;
        value = header_value(line, "grpc-status");
        if (value && value[0] >= '0' && value[0] <= '9' && strlen(value) <= 3)
                t->grpc_status = atoi(value);
        if (value)
                return size;
        value = header_value(line, "grpc-message");
        decoded = value ? percent_decode(value) : NULL;
        if (decoded)
                (void) snprintf(t->grpc_message, sizeof(t->grpc_message), "%s", decoded);
        return size;
}

/* ---- requests ---- */

static int add_header(SenderTransfer *t, const char *line) {
        struct curl_slist *longer = curl_slist_append(t->headers, line);

        if (!longer)
                return -ENOMEM;
        t->headers = longer;
        return 0;
}

static int set_headers(SenderTransfer *t, const UploadRequest *request) {
        int r = 0;

        for (char **h = request->headers; r >= 0 && h && *h; h++)
                r = add_header(t, *h);
        /* Not to be asked first: an answer that refuses comes early enough. */
        if (r >= 0)
                r = add_header(t, "Expect:");
        if (r >= 0)
                r = add_header(t, "Accept:");
        return r;
}

#define SET(option, value)                                                    \
        do {                                                                  \
                CURLcode _c = curl_easy_setopt(t->easy, option, value);       \
                if (_c != CURLE_OK)                                           \
                        return _c == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL; \
        } while (false)

static int set_connection(SenderTransfer *t, const UploadTarget *target) {
        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_PROTOCOLS_STR, "http,https");
        SET(CURLOPT_FOLLOWLOCATION, 0L);
        SET(CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_SEC);
        SET(CURLOPT_MAXAGE_CONN, CONNECTION_AGE_SEC);
#if LIBCURL_VERSION_NUM >= CURL_QUICK_EXIT
        /* The loop does not wait for a resolver that hangs. */
        SET(CURLOPT_QUICK_EXIT, 1L);
#endif
        SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
        SET(CURLOPT_LOW_SPEED_TIME, STALLED_SEC);
        /* With a bandwidth limit only standing still is an error. */
        if (target->bandwidth_bytes == UINT64_MAX)
                SET(CURLOPT_TIMEOUT_MS, (long) (target->timeout_usec / USEC_PER_MSEC));
        else
                SET(CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t) target->bandwidth_bytes);
        if (target->proxy)
                SET(CURLOPT_PROXY, target->proxy);

        SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        SET(CURLOPT_SSL_VERIFYPEER, target->verify_peer ? 1L : 0L);
        SET(CURLOPT_SSL_VERIFYHOST, target->verify_peer ? 2L : 0L);
        if (target->ca_file)
                SET(CURLOPT_CAINFO, target->ca_file);
        if (target->certificate_file) {
                SET(CURLOPT_SSLCERT, target->certificate_file);
                SET(CURLOPT_SSLKEY, target->key_file);
        }
        return 0;
}

static int set_version(SenderTransfer *t, const UploadRequest *request) {
        bool clear = startswith(request->url, "http://");

        if (!request->http2) {
                SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
                return 0;
        }
        SET(CURLOPT_HTTP_VERSION,
            (long) (clear ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_2TLS));
        if (clear && curl_version_info(CURLVERSION_NOW)->version_num < CURL_H2C_REUSE) {
                SET(CURLOPT_FRESH_CONNECT, 1L);
                SET(CURLOPT_FORBID_REUSE, 1L);
        }
        return 0;
}

static int set_request(SenderTransfer *t, const UploadRequest *request) {
        SET(CURLOPT_URL, request->url);
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_size);
        SET(CURLOPT_POSTFIELDS, request->body_size > 0 ? request->body : "");
        SET(CURLOPT_CUSTOMREQUEST, request->method);
        SET(CURLOPT_HTTPHEADER, t->headers);
        SET(CURLOPT_HEADERFUNCTION, on_header);
        SET(CURLOPT_HEADERDATA, t);
        SET(CURLOPT_WRITEFUNCTION, on_answer);
        SET(CURLOPT_WRITEDATA, t);
        SET(CURLOPT_ERRORBUFFER, t->error);
        SET(CURLOPT_PRIVATE, (char *) t);
        return 0;
}

int sender_start(Sender *s,
                 const UploadTarget *target,
                 const UploadRequest *request,
                 SenderDone on_done,
                 void *userdata,
                 SenderTransfer **ret) {
        SenderTransfer *t;
        int r;

        t = calloc(1, sizeof(SenderTransfer));
        if (!t)
                return -ENOMEM;
        *t = (SenderTransfer){ .sender = s,
                               .on_done = on_done,
                               .userdata = userdata,
                               .http2 = request->http2,
                               .grpc_status = -1 };
        DL_APPEND(s->transfers, t);
        t->easy = curl_easy_init();
        r = t->easy ? set_headers(t, request) : -ENOMEM;
        if (r >= 0)
                r = set_connection(t, target);
        if (r >= 0)
                r = set_version(t, request);
        if (r >= 0)
                r = set_request(t, request);
        if (r >= 0 && curl_multi_add_handle(s->multi, t->easy) != CURLM_OK)
                r = -ENOMEM;
        if (r < 0) {
                transfer_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

/* ---- object ---- */

static int set_up_multi(Sender *s) {
        s->multi = curl_multi_init();
        if (!s->multi ||
            curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
            curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s) != CURLM_OK ||
            curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted) != CURLM_OK ||
            curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s) != CURLM_OK ||
            curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX) != CURLM_OK)
                return -ENOMEM;
        return 0;
}

int sender_new(Sender **ret, sd_event *event) {
        _cleanup_(sender_freep) Sender *s = NULL;
        int r;

        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;
        s = calloc(1, sizeof(Sender));
        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        r = sd_event_add_time(event, &s->timer, CLOCK_MONOTONIC, 0, 1, on_timer, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = set_up_multi(s);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Sender *sender_free(Sender *s) {
        SocketWatch *w, *next;

        if (!s)
                return NULL;
        assert(!s->transfers);
        /* It calls back for the sockets that it closes. */
        if (s->multi)
                (void) curl_multi_cleanup(s->multi);
        DL_FOREACH_SAFE (s->watches, w, next)
                watch_free(s, w);
        sd_event_source_disable_unref(s->timer);
        sd_event_unref(s->event);
        free(s);
        curl_global_cleanup();
        return NULL;
}
