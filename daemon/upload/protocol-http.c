/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain HTTP
 *
 * PUT or POST of the file as it is to a URL that is made of its properties. A repeated request has
 * the same URL where the template says {id} or {start}, and the same Idempotency-Key.
 */

#include "basic/string-util.h"
#include "upload/protocol.h"
#include "upload/target.h"

static int build(const UploadTarget *t, const UploadSource *s, UploadRequest *ret) {
        int r;

        ret->method = t->method && streq(t->method, "POST") ? "POST" : "PUT";
        ret->body = s->data;
        ret->body_size = s->size;
        r = upload_request_add_common(ret, t, s);
        if (r < 0)
                return r;
        return upload_request_add_header(ret, "Idempotency-Key: %s", s->digest);
}

static void judge(const UploadTarget *t _unused_, const UploadResponse *r, UploadJudgement *ret) {
        upload_judge_http(r, ret);
        if (r->error < 0)
                return;
        /* "If-None-Match: *" was among the headers: it is there already. */
        if (r->status == 412)
                upload_judgement_set(ret, UPLOAD_SENT, "there already");
        /* A WebDAV server that does not make directories. */
        if (r->status == 409)
                upload_judgement_set(ret, UPLOAD_MISCONFIGURED,
                                     "HTTP status 409: the server has no such directory");
}

const UploadProtocol upload_protocol_http = {
        .name = "http",
        .content_type = "application/octet-stream",
        .has_url_words = true,
        .max_age_usec = 7 * USEC_PER_DAY,
        .max_plain_bytes = UINT64_MAX,
        .max_samples = SIZE_MAX,
        .build = build,
        .judge = judge,
};
