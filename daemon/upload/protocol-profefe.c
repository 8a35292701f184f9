/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profefe
 *
 * POST /api/0/profiles of a collector. It knows the types of Go; a type that it does not know is
 * "other", with our type as a label. Labels are decoded twice by the server, so they are encoded
 * twice here.
 */

#include "basic/string-util.h"
#include "profile/text-writer.h"
#include "upload/protocol.h"
#include "upload/target.h"
#include "upload/text-encode.h"

#define PATH "/api/0/profiles"

static void add_label(TextWriter *w, const char *name, const char *value) {
        _cleanup_free_ char *n = percent_encode(name, ""), *v = percent_encode(value, "");

        if (!n || !v) {
                w->error = -ENOMEM;
                return;
        }
        text_addf(w, "%s%s=%s", w->size > 0 ? "," : "", n, v);
}

static int make_labels(const UploadSource *s, const char *type, char **ret) {
        _cleanup_(text_writer_done) TextWriter w = {};

        for (size_t i = 0; i < s->labels->n; i++)
                if (!streq(s->labels->labels[i].name, "service_name"))
                        add_label(&w, s->labels->labels[i].name, s->labels->labels[i].value);
        if (!streq(type, s->entry->type))
                add_label(&w, "profile", s->entry->type);
        return text_writer_take(&w, ret, NULL);
}

static int make_url(const UploadTarget *t, const UploadSource *s, char **ret) {
        const char *type = streq(s->entry->type, "cpu") ? "cpu" : "other";
        const char *service = label_set_get(s->labels, "service_name") ?: s->entry->unit;
        _cleanup_free_ char *labels = NULL, *l = NULL, *n = NULL;
        int r;

        r = make_labels(s, type, &labels);
        if (r < 0)
                return r;
        n = percent_encode(service, "");
        l = percent_encode(labels, "");
        if (!n || !l)
                return -ENOMEM;
        if (asprintf(ret, "%s" PATH "?service=%s&type=%s&labels=%s", t->url, n, type, l) < 0)
                return -ENOMEM;
        return 0;
}

static int build(const UploadTarget *t, const UploadSource *s, UploadRequest *ret) {
        int r;

        r = make_url(t, s, &ret->url);
        if (r < 0)
                return r;
        ret->method = "POST";
        ret->body = s->data;
        ret->body_size = s->size;
        return upload_request_add_common(ret, t, s);
}

static void judge(const UploadTarget *t _unused_, const UploadResponse *r, UploadJudgement *ret) {
        char id[UPLOAD_REASON_MAX / 2];

        upload_judge_http(r, ret);
        /* Methods that it does not know get a 200, too: only the id tells that it is stored. */
        if (r->error == 0 && ret->verdict == UPLOAD_SENT &&
            upload_find_json_string(r->body, r->body_size, "id", id, sizeof(id)) <= 0)
                upload_judgement_set(ret, UPLOAD_MISCONFIGURED,
                                     "the answer names no stored profile: is this profefe?");
}

const UploadProtocol upload_protocol_profefe = {
        .name = "profefe",
        .content_type = "application/octet-stream",
        .decodes = true,
        .splits = true,
        .max_age_usec = 5 * USEC_PER_DAY,
        .max_plain_bytes = UINT64_MAX,
        .max_samples = SIZE_MAX,
        .build = build,
        .judge = judge,
};
