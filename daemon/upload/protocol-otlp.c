/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenTelemetry
 *
 * ExportProfilesServiceRequest of v1development, over HTTP or gRPC. It has the same bytes as
 * ProfilesData, which exports are made of. What is tried again, and what must not be, is said by
 * the specification of OTLP.
 */

#include "basic/string-util.h"
#include "profile/gzip.h"
#include "profile/otlp.h"
#include "upload/grpc.h"
#include "upload/protobuf-scan.h"
#include "upload/protocol.h"
#include "upload/target.h"

/* The version of the messages is in both names: a breaking change will change them. */
#define PATH   "/v1development/profiles"
#define METHOD "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"

enum {
        RESPONSE_PARTIAL_SUCCESS = 1,
        PARTIAL_SUCCESS_REJECTED = 1,
        PARTIAL_SUCCESS_MESSAGE = 2,
};

/* The names that its conventions have for what we call otherwise. */
static const char *attribute_name(const char *label) {
        static const char *const names[][2] = {
                { "service_name", "service.name" }, { "unit", "systemd.unit" },
                { "slice", "systemd.slice" },       { "host", "host.name" },
                { "machine_id", "host.id" },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i][0], label))
                        return names[i][1];
        return label;
}

static int make_message(const UploadSource *s, UploadRequest *ret) {
        OtlpAttribute attributes[LABELS_MAX];
        uint8_t *data;
        int r;

        for (size_t i = 0; i < s->labels->n; i++)
                attributes[i] = (OtlpAttribute){ attribute_name(s->labels->labels[i].name),
                                                 s->labels->labels[i].value };
        r = otlp_encode_with(s->profile, attributes, s->labels->n, &data, &ret->body_size);
        if (r < 0)
                return r;
        ret->body = ret->own_body = data;
        return 0;
}

static int build_http(const UploadTarget *t, UploadRequest *ret) {
        uint8_t *packed;
        size_t size;
        int r;

        r = gzip_compress(ret->body, ret->body_size, &packed, &size);
        if (r < 0)
                return r;
        free(ret->own_body);
        ret->body = ret->own_body = packed;
        ret->body_size = size;
        if (asprintf(&ret->url, "%s" PATH, t->url) < 0) {
                ret->url = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        ret->method = "POST";
        r = upload_request_add_header(ret, "Content-Type: application/x-protobuf");
        return r < 0 ? r : upload_request_add_header(ret, "Content-Encoding: gzip");
}

static int build(const UploadTarget *t, const UploadSource *s, UploadRequest *ret) {
        int r;

        r = make_message(s, ret);
        if (r < 0)
                return r;
        /* Before compression, as servers count it. */
        if (ret->body_size > t->protocol->max_request_bytes)
                return -EFBIG;
        r = t->grpc ? grpc_finish_request(ret, t, METHOD) : build_http(t, ret);
        if (r >= 0 && t->development_version)
                r = upload_request_add_header(ret, "OTLP-Profiles-Development-Version: %s",
                                              t->development_version);
        return r < 0 ? r : upload_request_add_common(ret, t, s);
}

/* A part that the server refuses is refused for good; a message alone is a warning. */
static void judge_message(const uint8_t *data, size_t size, UploadJudgement *ret) {
        char words[UPLOAD_REASON_MAX / 2] = "";
        ProtobufScan partial, response = { data, size };
        uint64_t n_rejected = 0;

        if (protobuf_scan_find(&response, RESPONSE_PARTIAL_SUCCESS, &partial) <= 0)
                return;
        (void) protobuf_scan_find_number(&partial, PARTIAL_SUCCESS_REJECTED, &n_rejected);
        (void) protobuf_scan_find_text(&partial, PARTIAL_SUCCESS_MESSAGE, words, sizeof(words));
        if (n_rejected > 0)
                upload_judgement_set(ret, UPLOAD_REJECTED, "the server refused a part%s%s",
                                     words[0] != '\0' ? ": " : "", words);
}

static UploadVerdict judge_status(unsigned status) {
        switch (status) {
        case 429:
        case 502:
        case 503:
        case 504:
                return UPLOAD_RETRY;
        case 401:
        case 403:
        case 407:
                return UPLOAD_UNAUTHORIZED;
        case 404:
        case 405:
                return UPLOAD_MISCONFIGURED;
        case 413:
                return UPLOAD_TOO_LARGE;
        }
        if (status >= 200 && status < 300)
                return UPLOAD_SENT;
        return status < 400 ? UPLOAD_MISCONFIGURED : UPLOAD_REJECTED;
}

static void judge(const UploadTarget *t, const UploadResponse *r, UploadJudgement *ret) {
        const uint8_t *message = r->body;
        size_t size = r->body_size;

        if (t->grpc)
                grpc_judge(r, true, ret);
        else {
                upload_judge_http(r, ret);
                if (r->error == 0)
                        ret->verdict = judge_status(r->status);
        }
        if (r->error < 0 || ret->verdict != UPLOAD_SENT ||
            (t->grpc && grpc_parse_frame(r->body, r->body_size, &message, &size) < 0))
                return;
        judge_message(message, size, ret);
}

const UploadProtocol upload_protocol_otlp = {
        .name = "otlp",
        .decodes = true,
        .splits = true,
        .has_grpc = true,
        .max_age_usec = USEC_PER_DAY,
        .max_plain_bytes = UINT64_MAX,
        .max_samples = SIZE_MAX,
        .max_request_bytes = 64 << 20,
        .build = build,
        .judge = judge,
};
