/* SPDX-License-Identifier: Apache-2.0 */
/* Upload Protocols */

#include <stdarg.h>

#include "basic/string-util.h"
#include "paths.h"
#include "upload/protocol.h"
#include "upload/retry.h"
#include "upload/target.h"
#include "upload/text-encode.h"

enum { ANSWER_SHOWN_MAX = 120 }; /* bytes of an answer that are worth a look */

static const UploadProtocol *const protocols[] = {
        &upload_protocol_http,    &upload_protocol_otlp,      &upload_protocol_parca,
        &upload_protocol_profefe, &upload_protocol_pyroscope, &upload_protocol_s3,
};

const UploadProtocol *upload_protocol_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(protocols); i++)
                if (streq(protocols[i]->name, name))
                        return protocols[i];
        return NULL;
}

/* ---- requests ---- */

void upload_request_done(UploadRequest *r) {
        free(r->url);
        for (char **h = r->headers; h && *h; h++)
                explicit_bzero(*h, strlen(*h)); /* one may hold a secret */
        strv_free(r->headers);
        free(r->own_body);
        *r = (UploadRequest){};
}

static void erase_string(char **s) {
        if (*s)
                explicit_bzero(*s, strlen(*s));
        free(*s);
}

int upload_request_add_header(UploadRequest *r, const char *format, ...) {
        _cleanup_(erase_string) char *line = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&line, format, ap);
        va_end(ap);
        if (n < 0) {
                line = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        return strv_extend(&r->headers, line);
}

static int add_basic(UploadRequest *r, const char *user, const char *password) {
        _cleanup_(erase_string) char *pair = NULL, *text = NULL;

        /* A secret file may hold both, so that they change together. */
        if (asprintf(&pair, "%s%s%s", user ?: "", user ? ":" : "", password) < 0) {
                pair = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        text = base64_encode(pair, strlen(pair));
        if (!text)
                return -ENOMEM;
        return upload_request_add_header(r, "Authorization: Basic %s", text);
}

int upload_request_add_common(UploadRequest *r, const UploadTarget *t, const UploadSource *s) {
        int k;

        k = upload_request_add_header(r, "User-Agent: profilerd/" VERSION);
        if (k >= 0 && t->protocol->content_type)
                k = upload_request_add_header(r, "Content-Type: %s", t->protocol->content_type);
        if (k >= 0 && s->token)
                k = upload_request_add_header(r, "Authorization: Bearer %s", s->token);
        else if (k >= 0 && s->password)
                k = add_basic(r, s->user, s->password);
        for (char **h = t->headers; k >= 0 && h && *h; h++)
                k = upload_request_add_header(r, "%s", *h);
        return k;
}

int upload_check_types(const Profile *p) {
        ProfileHeader h;

        for (size_t i = 0; i < profile_n_value_types(p); i++) {
                ProfileValueType t;

                profile_get_value_type(p, i, &t);
                if (!label_name_is_valid(t.type) || !label_name_is_valid(t.unit))
                        return -EINVAL;
        }
        profile_get_header(p, &h);
        return label_name_is_valid(h.period_type.type) && label_name_is_valid(h.period_type.unit)
                       ? 0
                       : -EINVAL;
}

/* ---- answers ---- */

void upload_judgement_set(UploadJudgement *j, UploadVerdict v, const char *format, ...) {
        va_list ap;

        j->verdict = v;
        va_start(ap, format);
        (void) vsnprintf(j->reason, sizeof(j->reason), format, ap);
        va_end(ap);
}

/* The server's own words, as far as they are words. */
static void describe_answer(const UploadResponse *r, char *ret, size_t ret_size) {
        _cleanup_free_ char *start = NULL, *clean = NULL;
        size_t n = MIN(r->body_size, (size_t) ANSWER_SHOWN_MAX);

        ret[0] = '\0';
        if (n == 0)
                return;
        if (upload_find_json_string(r->body, r->body_size, "message", ret, ret_size) > 0 ||
            upload_find_json_string(r->body, r->body_size, "error", ret, ret_size) > 0)
                return;
        start = strndup(r->body, n);
        clean = start ? utf8_sanitize(strstrip(start), ANSWER_SHOWN_MAX) : NULL;
        /* Pages for browsers say nothing that fits into a line. */
        if (clean && clean[0] != '<')
                (void) snprintf(ret, ret_size, "%s", clean);
}

void upload_judge_http(const UploadResponse *r, UploadJudgement *ret) {
        char words[ANSWER_SHOWN_MAX + 1];

        *ret = (UploadJudgement){ .retry_after_usec = r->retry_after_usec };
        if (r->error < 0) {
                upload_judgement_set(ret, retry_judge_error(r->error), "%s",
                                     r->text ?: "the connection failed");
                return;
        }
        describe_answer(r, words, sizeof(words));
        upload_judgement_set(ret, retry_judge_status(r->status), "HTTP status %u%s%s", r->status,
                             words[0] != '\0' ? ": " : "", words);
}

/* Not a reader of JSON: it looks for one member of a small object, for people to read. */
int upload_find_json_string(
        const void *text, size_t size, const char *key, char *ret, size_t ret_size) {
        const char *p = text, *end = p + size;
        size_t n = strlen(key), k = 0;
        char raw[ANSWER_SHOWN_MAX + 1];
        _cleanup_free_ char *clean = NULL;

        if (size == 0)
                return 0;
        for (;; p++) {
                p = memchr(p, '"', (size_t) (end - p));
                if (!p || (size_t) (end - p) < n + 3)
                        return 0;
                if (memcmp(p + 1, key, n) == 0 && p[n + 1] == '"')
                        break;
        }
        p += n + 2;
        while (p < end && (*p == ' ' || *p == ':'))
                p++;
        if (p >= end || *p != '"')
                return 0;
        for (p++; p < end && *p != '"' && k < sizeof(raw) - 1; p++) {
                if (*p == '\\' && p + 1 < end)
                        p++;
                raw[k++] = *p == '\0' ? '?' : *p;
        }
        raw[k] = '\0';
        clean = utf8_sanitize(raw, ANSWER_SHOWN_MAX);
        if (!clean)
                return -ENOMEM;
        (void) snprintf(ret, ret_size, "%s", clean);
        return 1;
}
