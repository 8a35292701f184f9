/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grafana Pyroscope
 *
 * push.v1.PusherService/Push: Connect, unary, over HTTP/1.1. Text labels of samples become series
 * on the server, one for each thread name, so the profile goes without them.
 */

#include "basic/string-util.h"
#include "profile/protobuf-writer.h"
#include "upload/protocol.h"
#include "upload/target.h"

#define PATH "/push.v1.PusherService/Push"

enum {
        LABELS_SENT_MAX = 30, /* as the server's default has it */
        SAMPLES_SENT_MAX = 16000,
        PLAIN_BYTES_MAX = 2 << 20, /* a larger one never gets through the default rate limit */

        PUSH_SERIES = 1,
        SERIES_LABELS = 1,
        SERIES_SAMPLES = 2,
        LABEL_NAME = 1,
        LABEL_VALUE = 2,
        SAMPLE_PROFILE = 1,
        SAMPLE_ID = 2,
};

static void add_label(ProtobufWriter *w, const char *name, const char *value) {
        size_t label = protobuf_writer_begin(w, SERIES_LABELS);

        protobuf_writer_add_string(w, LABEL_NAME, name);
        protobuf_writer_add_string(w, LABEL_VALUE, value);
        protobuf_writer_end(w, label);
}

/* The names that its own agents use. */
static const char *metric_name(const char *type) {
        return streq(type, "cpu") ? "process_cpu" : streq(type, "offcpu") ? "off_cpu" : type;
}

/* The service comes first: it is what must not be left out. */
static void add_labels(ProtobufWriter *w, const UploadSource *s) {
        const char *service = label_set_get(s->labels, "service_name") ?: s->entry->unit;
        size_t n = 2;

        add_label(w, "__name__", metric_name(s->entry->type));
        add_label(w, "service_name", service);
        for (size_t i = 0; i < s->labels->n && n < LABELS_SENT_MAX; i++)
                if (!streq(s->labels->labels[i].name, "service_name")) {
                        add_label(w, s->labels->labels[i].name, s->labels->labels[i].value);
                        n++;
                }
}

/* A UUID of the content: the same sending has the same one. */
static void add_id(ProtobufWriter *w, const char *digest) {
        char id[37];

        (void) snprintf(id, sizeof(id), "%.8s-%.4s-5%.3s-8%.3s-%.12s", digest, digest + 8,
                        digest + 13, digest + 17, digest + 20);
        protobuf_writer_add_string(w, SAMPLE_ID, id);
}

static int build(const UploadTarget *t, const UploadSource *s, UploadRequest *ret) {
        ProtobufWriter w = {};
        size_t series, sample;
        int r;

        r = upload_check_types(s->profile);
        if (r < 0)
                return r;
        series = protobuf_writer_begin(&w, PUSH_SERIES);
        add_labels(&w, s);
        sample = protobuf_writer_begin(&w, SERIES_SAMPLES);
        protobuf_writer_add_bytes(&w, SAMPLE_PROFILE, s->data, s->size);
        add_id(&w, s->digest);
        protobuf_writer_end(&w, sample);
        protobuf_writer_end(&w, series);
        ret->own_body = w.data;
        ret->body = w.data;
        ret->body_size = w.size;
        if (w.failed)
                return -ENOMEM;

        if (asprintf(&ret->url, "%s" PATH, t->url) < 0) {
                ret->url = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        ret->method = "POST";
        r = upload_request_add_header(ret, "Connect-Protocol-Version: 1");
        return r < 0 ? r : upload_request_add_common(ret, t, s);
}

static void judge(const UploadTarget *t _unused_, const UploadResponse *r, UploadJudgement *ret) {
        static const struct {
                const char *code;
                UploadVerdict verdict;
        } codes[] = {
                { "aborted", UPLOAD_RETRY },
                { "canceled", UPLOAD_RETRY },
                { "data_loss", UPLOAD_RETRY },
                { "deadline_exceeded", UPLOAD_RETRY },
                { "internal", UPLOAD_RETRY },
                { "not_found", UPLOAD_MISCONFIGURED },
                { "permission_denied", UPLOAD_UNAUTHORIZED },
                { "resource_exhausted", UPLOAD_RETRY },
                { "unauthenticated", UPLOAD_UNAUTHORIZED },
                { "unavailable", UPLOAD_RETRY },
                { "unimplemented", UPLOAD_MISCONFIGURED },
                { "unknown", UPLOAD_RETRY },
        };
        char code[32];

        upload_judge_http(r, ret);
        if (r->error < 0)
                return;
        if (ret->verdict == UPLOAD_SENT) {
                /* A PushResponse has no field. */
                if (r->body_size > 0)
                        upload_judgement_set(ret, UPLOAD_MISCONFIGURED,
                                             "the answer is not one to a push: is this Pyroscope?");
                return;
        }
        if (upload_find_json_string(r->body, r->body_size, "code", code, sizeof(code)) <= 0)
                return;
        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (streq(codes[i].code, code))
                        ret->verdict = codes[i].verdict;
        if (ret->verdict == UPLOAD_REJECTED && (strstr(ret->reason, "exceeds the size limit") ||
                                                strstr(ret->reason, "samples count limit")))
                ret->verdict = UPLOAD_TOO_LARGE;
}

const UploadProtocol upload_protocol_pyroscope = {
        .name = "pyroscope",
        .content_type = "application/proto",
        .decodes = true,
        .splits = true,
        .drops_text_labels = true,
        .max_age_usec = USEC_PER_HOUR, /* older ones are refused */
        .max_plain_bytes = PLAIN_BYTES_MAX,
        .max_samples = SAMPLES_SENT_MAX,
        .max_request_bytes = 64 << 20,
        .build = build,
        .judge = judge,
};
