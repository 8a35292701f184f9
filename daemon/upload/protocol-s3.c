/* SPDX-License-Identifier: Apache-2.0 */
/*
 * S3
 *
 * PUT of the file as an object, signed anew for each attempt. The name of the object holds the hash
 * of the file, so that a repeated request replaces it by itself.
 */

#include "basic/string-util.h"
#include "upload/protocol.h"
#include "upload/sigv4.h"
#include "upload/target.h"

enum {
        HEADERS_SIGNED_MAX = 4,
        CODE_MAX = 64, /* bytes of an error code */
};

/* Host and path of "scheme://host/path"; the path begins with '/'. */
static int split_url(const char *url, char **ret_host, const char **ret_path) {
        const char *host = strstr(url, "://"), *path;

        if (!host)
                return -EINVAL;
        host += strlen("://");
        path = strchr(host, '/');
        if (!path || path == host)
                return -EINVAL;
        *ret_host = strndup(host, (size_t) (path - host));
        *ret_path = path;
        return *ret_host ? 0 : -ENOMEM;
}

/* The default port is not in the Host header, and so not in what is signed. */
static void cut_default_port(const char *url, char *host) {
        const char *port = startswith(url, "https:") ? ":443" : ":80";

        if (endswith(host, port))
                host[strlen(host) - strlen(port)] = '\0';
}

/* "ID:SECRET" in one file, so that both are replaced at once, or User= and the secret. */
static int split_key(const UploadSource *s, char **ret_id, const char **ret_secret) {
        const char *colon;

        if (!s->password)
                return -EINVAL;
        if (s->user) {
                *ret_secret = s->password;
                *ret_id = strdup(s->user);
                return *ret_id ? 0 : -ENOMEM;
        }
        colon = strchr(s->password, ':');
        if (!colon || colon == s->password)
                return -EINVAL;
        *ret_secret = colon + 1;
        *ret_id = strndup(s->password, (size_t) (colon - s->password));
        return *ret_id ? 0 : -ENOMEM;
}

static int add_signature(const UploadTarget *t, const UploadSource *s, UploadRequest *q) {
        _cleanup_free_ char *host = NULL, *id = NULL, *authorization = NULL;
        char timestamp[SIGV4_TIMESTAMP_SIZE];
        SigV4Header headers[HEADERS_SIGNED_MAX];
        SigV4Request signing = { .method = q->method,
                                 .query = "",
                                 .headers = headers,
                                 .payload_digest = s->digest,
                                 .region = t->region,
                                 .service = "s3",
                                 .timestamp = timestamp };
        int r;

        r = split_url(q->url, &host, &signing.path);
        if (r < 0)
                return r;
        cut_default_port(q->url, host);
        r = split_key(s, &id, &signing.secret);
        if (r < 0)
                return r;
        signing.key_id = id;
        sigv4_format_time(s->now_usec, timestamp);

        headers[signing.n_headers++] = (SigV4Header){ "host", host };
        headers[signing.n_headers++] = (SigV4Header){ "x-amz-content-sha256", s->digest };
        headers[signing.n_headers++] = (SigV4Header){ "x-amz-date", timestamp };
        if (s->session_token)
                headers[signing.n_headers++] =
                        (SigV4Header){ "x-amz-security-token", s->session_token };
        r = sigv4_sign(&signing, &authorization);
        for (size_t i = 1; r >= 0 && i < signing.n_headers; i++)
                r = upload_request_add_header(q, "%s: %s", headers[i].name, headers[i].value);
        if (r >= 0)
                r = upload_request_add_header(q, "Authorization: %s", authorization);
        return r;
}

static int build(const UploadTarget *t, const UploadSource *s, UploadRequest *ret) {
        UploadSource unsigned_source = *s;
        int r;

        ret->method = "PUT";
        ret->body = s->data;
        ret->body_size = s->size;
        /* The secret signs; it is not sent. */
        unsigned_source.token = unsigned_source.password = NULL;
        r = upload_request_add_common(ret, t, &unsigned_source);
        return r < 0 ? r : add_signature(t, s, ret);
}

/* <Code>…</Code> of an error's XML; "" if there is none. */
static void find_code(const UploadResponse *r, char ret[static CODE_MAX]) {
        static const char tag[] = "<Code>";
        const char *p = r->body_size > 0 ? memmem(r->body, r->body_size, tag, strlen(tag)) : NULL;
        const char *end = p ? (const char *) r->body + r->body_size : NULL;
        size_t n = 0;

        if (p)
                for (p += strlen(tag); p<end && * p> ' ' && *p < 0x7f && *p != '<'; p++)
                        if (n < CODE_MAX - 1)
                                ret[n++] = *p;
        ret[n] = '\0';
}

static void judge(const UploadTarget *t _unused_, const UploadResponse *r, UploadJudgement *ret) {
        static const struct {
                const char *code;
                UploadVerdict verdict;
                const char *hint;
        } codes[] = {
                { "AuthorizationHeaderMalformed", UPLOAD_MISCONFIGURED, "check Region=" },
                { "EntityTooLarge", UPLOAD_REJECTED, "the profile is too large" },
                { "ExpiredToken", UPLOAD_UNAUTHORIZED, "the session has expired" },
                { "InvalidToken", UPLOAD_UNAUTHORIZED, "the session token is not known" },
                { "NoSuchBucket", UPLOAD_MISCONFIGURED, "the bucket does not exist" },
                { "OperationAborted", UPLOAD_RETRY, "the server is busy with the bucket" },
                { "PermanentRedirect", UPLOAD_MISCONFIGURED, "the bucket is in another region" },
                { "RequestTimeTooSkewed", UPLOAD_UNAUTHORIZED, "the clock of this host is wrong" },
                { "RequestTimeout", UPLOAD_RETRY, "the connection was too slow" },
                { "SignatureDoesNotMatch", UPLOAD_UNAUTHORIZED, "the secret key is wrong" },
        };
        char code[CODE_MAX];

        upload_judge_http(r, ret);
        if (r->error < 0 || ret->verdict == UPLOAD_SENT)
                return;
        find_code(r, code);
        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (streq(codes[i].code, code)) {
                        upload_judgement_set(ret, codes[i].verdict, "HTTP status %u, %s: %s",
                                             r->status, code, codes[i].hint);
                        return;
                }
        if (code[0] != '\0')
                upload_judgement_set(ret, ret->verdict, "HTTP status %u, %s", r->status, code);
}

const UploadProtocol upload_protocol_s3 = {
        .name = "s3",
        .content_type = "application/octet-stream",
        .has_url_words = true,
        .max_age_usec = 7 * USEC_PER_DAY,
        .max_plain_bytes = UINT64_MAX,
        .max_samples = SIZE_MAX,
        .build = build,
        .judge = judge,
};
