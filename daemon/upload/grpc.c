/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC, one message each way */

#include "upload/grpc.h"
#include "basic/string-util.h"
#include "upload/target.h"

enum {
        GRPC_OK = 0,
        GRPC_CANCELLED = 1,
        GRPC_UNKNOWN = 2,
        GRPC_INVALID_ARGUMENT = 3,
        GRPC_DEADLINE_EXCEEDED = 4,
        GRPC_NOT_FOUND = 5,
        GRPC_PERMISSION_DENIED = 7,
        GRPC_RESOURCE_EXHAUSTED = 8,
        GRPC_ABORTED = 10,
        GRPC_OUT_OF_RANGE = 11,
        GRPC_UNIMPLEMENTED = 12,
        GRPC_INTERNAL = 13,
        GRPC_UNAVAILABLE = 14,
        GRPC_DATA_LOSS = 15,
        GRPC_UNAUTHENTICATED = 16,
};

/* Of an answer of HTTP that has none of gRPC's own. */
static int status_of_http(unsigned status) {
        switch (status) {
        case 400:
                return GRPC_INTERNAL;
        case 401:
                return GRPC_UNAUTHENTICATED;
        case 403:
                return GRPC_PERMISSION_DENIED;
        case 404:
                return GRPC_UNIMPLEMENTED;
        case 429:
        case 502:
        case 503:
        case 504:
                return GRPC_UNAVAILABLE;
        default:
                return GRPC_UNKNOWN;
        }
}

const char *grpc_status_name(int status, char buffer[static 16]) {
        static const char *const names[] = {
                "OK",
                "CANCELLED",
                "UNKNOWN",
                "INVALID_ARGUMENT",
                "DEADLINE_EXCEEDED",
                "NOT_FOUND",
                "ALREADY_EXISTS",
                "PERMISSION_DENIED",
                "RESOURCE_EXHAUSTED",
                "FAILED_PRECONDITION",
                "ABORTED",
                "OUT_OF_RANGE",
                "UNIMPLEMENTED",
                "INTERNAL",
                "UNAVAILABLE",
                "DATA_LOSS",
                "UNAUTHENTICATED",
        };

        if (status >= 0 && (size_t) status < ELEMENTSOF(names))
                return names[status];
        (void) snprintf(buffer, 16, "status %d", status);
        return buffer;
}

int grpc_finish_request(UploadRequest *r, const UploadTarget *t, const char *method) {
        uint8_t *frame;
        int k;

        if (r->body_size > UINT32_MAX - GRPC_FRAME_SIZE)
                return -EFBIG;
        frame = malloc(GRPC_FRAME_SIZE + r->body_size);
        if (!frame)
                return -ENOMEM;
        frame[0] = 0; /* not compressed: profiles are, inside */
        for (unsigned i = 0; i < 4; i++)
                frame[1 + i] = (uint8_t) (r->body_size >> (24 - 8 * i));
        if (r->body_size > 0)
                memcpy(frame + GRPC_FRAME_SIZE, r->body, r->body_size);
        free(r->own_body);
        r->body = r->own_body = frame;
        r->body_size += GRPC_FRAME_SIZE;

        r->method = "POST";
        r->http2 = true;
        if (asprintf(&r->url, "%s%s", t->url, method) < 0) {
                r->url = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        k = upload_request_add_header(r, "Content-Type: application/grpc+proto");
        if (k >= 0)
                k = upload_request_add_header(r, "TE: trailers");
        if (k >= 0)
                k = upload_request_add_header(
                        r, "grpc-timeout: %uS",
                        (unsigned) ((t->timeout_usec + USEC_PER_SEC - 1) / USEC_PER_SEC));
        return k;
}

int grpc_parse_frame(const void *body, size_t size, const uint8_t **ret, size_t *ret_size) {
        const uint8_t *p = body;
        size_t n;

        if (size == 0) {
                *ret = NULL;
                *ret_size = 0;
                return 0;
        }
        if (size < GRPC_FRAME_SIZE || p[0] != 0)
                return -EBADMSG;
        n = (size_t) p[1] << 24 | (size_t) p[2] << 16 | (size_t) p[3] << 8 | p[4];
        if (n > size - GRPC_FRAME_SIZE)
                return -EBADMSG;
        *ret = p + GRPC_FRAME_SIZE;
        *ret_size = n;
        return 0;
}

static UploadVerdict judge_status(int status, bool strict, const char *message) {
        switch (status) {
        case GRPC_OK:
                return UPLOAD_SENT;
        case GRPC_CANCELLED:
        case GRPC_DEADLINE_EXCEEDED:
        case GRPC_ABORTED:
        case GRPC_UNAVAILABLE:
        case GRPC_DATA_LOSS:
                return UPLOAD_RETRY;
        case GRPC_RESOURCE_EXHAUSTED:
                /* The limit of the server's library on messages, or a quota: the code is one. */
                return strstr(message, "larger than max") ? UPLOAD_TOO_LARGE : UPLOAD_RETRY;
        case GRPC_UNAUTHENTICATED:
        case GRPC_PERMISSION_DENIED:
                return UPLOAD_UNAUTHORIZED;
        case GRPC_UNIMPLEMENTED:
        case GRPC_NOT_FOUND:
                return UPLOAD_MISCONFIGURED;
        case GRPC_OUT_OF_RANGE:
                return strict ? UPLOAD_RETRY : UPLOAD_REJECTED;
        case GRPC_UNKNOWN:
        case GRPC_INTERNAL:
                return strict ? UPLOAD_REJECTED : UPLOAD_RETRY;
        default:
                return UPLOAD_REJECTED;
        }
}

void grpc_judge(const UploadResponse *r, bool strict, UploadJudgement *ret) {
        _cleanup_free_ char *words = NULL;
        int status = r->grpc_status;
        char buffer[16];

        *ret = (UploadJudgement){ .retry_after_usec = r->retry_after_usec };
        if (r->error < 0) {
                upload_judge_http(r, ret);
                return;
        }
        if (status < 0) {
                /* Not a word of gRPC: a proxy, or another kind of server. */
                status = status_of_http(r->status);
                if (r->status < 300) {
                        upload_judgement_set(ret, UPLOAD_MISCONFIGURED,
                                             "the answer has no status of gRPC: does the server "
                                             "speak it?");
                        return;
                }
        }
        words = utf8_sanitize(r->grpc_message ?: "", UPLOAD_REASON_MAX / 2);
        upload_judgement_set(ret, judge_status(status, strict, words ?: ""), "%s%s%s",
                             grpc_status_name(status, buffer), isempty(words) ? "" : ": ",
                             words ?: "");
}
