/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parca
 *
 * ProfileStoreService/WriteRaw by gRPC, or the same message as JSON at the gateway. Labels of
 * samples are lost on the server: only those of the series count.
 */

#include "basic/string-util.h"
#include "profile/protobuf-writer.h"
#include "profile/text-writer.h"
#include "upload/grpc.h"
#include "upload/protocol.h"
#include "upload/target.h"
#include "upload/text-encode.h"

#define METHOD "/parca.profilestore.v1alpha1.ProfileStoreService/WriteRaw"
#define PATH   "/api/profiles/writeraw"

enum {
        REQUEST_SERIES = 2,
        SERIES_LABELS = 1,
        SERIES_SAMPLES = 2,
        LABEL_SET_LABELS = 1,
        LABEL_NAME = 1,
        LABEL_VALUE = 2,
        SAMPLE_PROFILE = 1,
};

/* "profilerd_cpu": a part of a name of PromQL. */
static void make_name(const char *type, char *ret, size_t size) {
        (void) snprintf(ret, size, "profilerd_%s", type);
        for (char *p = ret; *p != '\0'; p++)
                if (*p == '-')
                        *p = '_';
}

/* The name, the labels, and the host as the server's page of agents wants it. */
static int complete_labels(const UploadSource *s, LabelSet *ret) {
        const char *host = label_set_get(s->labels, "host");
        char name[UPLOAD_NAME_MAX + 16];
        int r = 0;

        make_name(s->entry->type, name, sizeof(name));
        for (size_t i = 0; i < s->labels->n && r >= 0; i++)
                r = label_set_put(ret, s->labels->labels[i].name, s->labels->labels[i].value);
        if (r >= 0 && !label_set_get(ret, "node"))
                r = label_set_put(ret, "node", host);
        return r < 0 ? r : label_set_put(ret, "__name__", name);
}

static int make_message(const UploadSource *s, const LabelSet *labels, UploadRequest *ret) {
        ProtobufWriter w = {};
        size_t series, set, sample;

        series = protobuf_writer_begin(&w, REQUEST_SERIES);
        set = protobuf_writer_begin(&w, SERIES_LABELS);
        for (size_t i = 0; i < labels->n; i++) {
                size_t label = protobuf_writer_begin(&w, LABEL_SET_LABELS);

                protobuf_writer_add_string(&w, LABEL_NAME, labels->labels[i].name);
                protobuf_writer_add_string(&w, LABEL_VALUE, labels->labels[i].value);
                protobuf_writer_end(&w, label);
        }
        protobuf_writer_end(&w, set);
        sample = protobuf_writer_begin(&w, SERIES_SAMPLES);
        protobuf_writer_add_bytes(&w, SAMPLE_PROFILE, s->data, s->size);
        protobuf_writer_end(&w, sample);
        protobuf_writer_end(&w, series);
        ret->own_body = w.data;
        ret->body = w.data;
        ret->body_size = w.size;
        return w.failed ? -ENOMEM : 0;
}

static int make_json(const UploadSource *s, const LabelSet *labels, UploadRequest *ret) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *profile = NULL;
        char *text;
        int r;

        profile = base64_encode(s->data, s->size);
        if (!profile)
                return -ENOMEM;
        text_add(&w, "{\"series\":[{\"labels\":{\"labels\":[");
        for (size_t i = 0; i < labels->n; i++) {
                text_addf(&w, "%s{\"name\":", i > 0 ? "," : "");
                text_add_json(&w, labels->labels[i].name);
                text_add(&w, ",\"value\":");
                text_add_json(&w, labels->labels[i].value);
                text_add(&w, "}");
        }
        text_add(&w, "]},\"samples\":[{\"rawProfile\":\"");
        text_add(&w, profile);
        text_add(&w, "\"}]}]}");
        r = text_writer_take(&w, &text, &ret->body_size);
        if (r < 0)
                return r;
        ret->body = ret->own_body = text;
        return 0;
}

static int build_json(const UploadTarget *t,
                      const UploadSource *s,
                      const LabelSet *labels,
                      UploadRequest *ret) {
        int r;

        r = make_json(s, labels, ret);
        if (r < 0)
                return r;
        if (asprintf(&ret->url, "%s" PATH, t->url) < 0) {
                ret->url = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        ret->method = "POST";
        return upload_request_add_header(ret, "Content-Type: application/json");
}

static int build(const UploadTarget *t, const UploadSource *s, UploadRequest *ret) {
        _cleanup_(label_set_done) LabelSet labels = {};
        int r;

        r = upload_check_types(s->profile);
        if (r >= 0)
                r = complete_labels(s, &labels);
        if (r < 0)
                return r;
        if (t->grpc) {
                r = make_message(s, &labels, ret);
                if (r >= 0)
                        r = grpc_finish_request(ret, t, METHOD);
        } else
                r = build_json(t, s, &labels, ret);
        return r < 0 ? r : upload_request_add_common(ret, t, s);
}

static void judge(const UploadTarget *t, const UploadResponse *r, UploadJudgement *ret) {
        if (t->grpc) {
                grpc_judge(r, false, ret);
                return;
        }
        upload_judge_http(r, ret);
        /* A WriteRawResponse has no field. */
        if (r->error == 0 && ret->verdict == UPLOAD_SENT &&
            (r->body_size < 2 || memcmp(r->body, "{}", 2) != 0))
                upload_judgement_set(ret, UPLOAD_MISCONFIGURED,
                                     "the answer is not one to a write: is this Parca?");
}

const UploadProtocol upload_protocol_parca = {
        .name = "parca",
        .decodes = true,
        .splits = true,
        .has_grpc = true,
        .prefers_grpc = true,
        .max_age_usec = USEC_PER_DAY,
        .max_plain_bytes = UINT64_MAX,
        .max_samples = SIZE_MAX,
        .max_request_bytes = 64 << 20,
        .build = build,
        .judge = judge,
};
