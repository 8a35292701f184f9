/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Upload Protocols
 *
 * A protocol makes a request of a profile, and judges the answer. Both are pure: what goes over the
 * network is the sender's business, what follows from a judgement the shipper's.
 */

#include "profile/profile.h"
#include "store/store.h"
#include "upload/labels.h"

typedef struct UploadTarget UploadTarget;

enum {
        UPLOAD_REASON_MAX = 256,      /* bytes of a reason */
        UPLOAD_ANSWER_MAX = 64 << 10, /* bytes of an answer that are read */
        UPLOAD_PARTS_MAX = 64,        /* that a profile is split into */
};

/* What is sent: a whole profile of the store, or one part of it. */
typedef struct UploadSource {
        const StoreEntry *entry;
        const void *data; /* gzipped pprof */
        size_t size;
        Profile *profile; /* the same, decoded; NULL where the protocol does not ask for it */
        unsigned part, n_parts;
        const LabelSet *labels;
        const char *digest; /* SHA-256 of data, hex: equal sendings have equal ids */
        const char *token;  /* of BearerToken…=; NULL: none */
        const char *user, *password, *session_token;
        usec_t now_usec;
} UploadSource;

typedef struct UploadRequest {
        const char *method; /* a constant */
        char *url;
        char **headers;   /* "Name: value" */
        const void *body; /* own_body, or borrowed from the source */
        size_t body_size;
        void *own_body;
        bool http2; /* nothing else will do */
} UploadRequest;

typedef struct UploadResponse {
        int error; /* 0: the server has answered; else a negative errno: there is no answer */
        const char *text;         /* why, for people; NULL: no error */
        unsigned status;          /* of HTTP */
        usec_t retry_after_usec;  /* 0: not said */
        int grpc_status;          /* -1: not said */
        const char *grpc_message; /* decoded; NULL: none */
        const void *body;
        size_t body_size;
} UploadResponse;

typedef enum UploadVerdict {
        UPLOAD_SENT,          /* the server has it */
        UPLOAD_RETRY,         /* later; the profile is not to blame, as far as can be told */
        UPLOAD_UNAUTHORIZED,  /* later, or with a new secret */
        UPLOAD_MISCONFIGURED, /* later: no profile would be taken there */
        UPLOAD_TOO_LARGE,     /* in parts, perhaps */
        UPLOAD_REJECTED,      /* never */
        _UPLOAD_VERDICT_MAX,
} UploadVerdict;

typedef struct UploadJudgement {
        UploadVerdict verdict;
        usec_t retry_after_usec; /* 0: not said */
        char reason[UPLOAD_REASON_MAX];
} UploadJudgement;

struct UploadProtocol {
        const char *name;
        const char *content_type;
        bool decodes;               /* wants UploadSource.profile */
        bool splits;                /* parts of a profile are profiles there */
        bool has_grpc;              /* Transport= can be chosen */
        bool prefers_grpc;          /* where it is not chosen */
        bool has_url_words;         /* the URL is a template */
        bool drops_text_labels;     /* of samples, which would be series there */
        usec_t max_age_usec;        /* default of MaxAgeSec= */
        uint64_t max_plain_bytes;   /* of the profile, unpacked; UINT64_MAX: any */
        size_t max_samples;         /* SIZE_MAX: any */
        uint64_t max_request_bytes; /* 0: any */
        int (*build)(const UploadTarget *t, const UploadSource *s, UploadRequest *ret);
        void (*judge)(const UploadTarget *t, const UploadResponse *r, UploadJudgement *ret);
};
typedef struct UploadProtocol UploadProtocol;

/* NULL: there is no such protocol. */
const UploadProtocol *upload_protocol_find(const char *name);

extern const UploadProtocol upload_protocol_http, upload_protocol_otlp, upload_protocol_parca,
        upload_protocol_profefe, upload_protocol_pyroscope, upload_protocol_s3;

/* ---- what protocols are made of ---- */

void upload_request_done(UploadRequest *r);
/* "Name: value" */
int upload_request_add_header(UploadRequest *r, const char *format, ...) _printf_(2, 3);
/* What every request has: the type of its content, who asks, the secret, Header= of the target. */
int upload_request_add_common(UploadRequest *r, const UploadTarget *t, const UploadSource *s);

/* Types of values are names of letters, digits and '_', and the period has one. -EINVAL: not so;
 * such a profile would be refused. */
int upload_check_types(const Profile *p);

void upload_judgement_set(UploadJudgement *j, UploadVerdict v, const char *format, ...)
        _printf_(3, 4);
/* By the error or the status of HTTP alone; the reason holds the start of the answer. */
void upload_judge_http(const UploadResponse *r, UploadJudgement *ret);
/* The value of the first "key": "…" of a JSON text, made fit for a log. 1: found, 0: not. */
int upload_find_json_string(
        const void *text, size_t size, const char *key, char *ret, size_t ret_size);
