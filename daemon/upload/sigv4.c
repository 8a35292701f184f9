/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 */

#include "upload/sigv4.h"
#include "basic/string-util.h"
#include "profile/text-writer.h"
#include "upload/digest.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define KEY_PREFIX "AWS4"

enum { DATE_LENGTH = 8 }; /* of a timestamp */

void sigv4_format_time(usec_t t, char ret[static SIGV4_TIMESTAMP_SIZE]) {
        time_t seconds = (time_t) (t / USEC_PER_SEC);
        struct tm tm;

        (void) gmtime_r(&seconds, &tm);
        if (strftime(ret, SIGV4_TIMESTAMP_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
                ret[0] = '\0';
}

static void add_header_names(TextWriter *w, const SigV4Request *r) {
        for (size_t i = 0; i < r->n_headers; i++)
                text_addf(w, "%s%s", i > 0 ? ";" : "", r->headers[i].name);
}

static int make_canonical_request(const SigV4Request *r, char **ret) {
        _cleanup_(text_writer_done) TextWriter w = {};

        text_addf(&w, "%s\n%s\n%s\n", r->method, r->path, r->query);
        for (size_t i = 0; i < r->n_headers; i++)
                text_addf(&w, "%s:%s\n", r->headers[i].name, r->headers[i].value);
        text_add(&w, "\n");
        add_header_names(&w, r);
        text_addf(&w, "\n%s", r->payload_digest);
        return text_writer_take(&w, ret, NULL);
}

/* The key is bound to day, region and service, one after the other. */
static int derive_key(const SigV4Request *r, uint8_t ret[static DIGEST_SIZE]) {
        const char *const scope[] = { r->region, r->service, "aws4_request" };
        char *first;

        if (asprintf(&first, KEY_PREFIX "%s", r->secret) < 0)
                return -ENOMEM;
        digest_hmac(first, strlen(first), r->timestamp, DATE_LENGTH, ret);
        explicit_bzero(first, strlen(first));
        free(first);
        for (size_t i = 0; i < ELEMENTSOF(scope); i++) {
                uint8_t next[DIGEST_SIZE];

                digest_hmac(ret, DIGEST_SIZE, scope[i], strlen(scope[i]), next);
                memcpy(ret, next, DIGEST_SIZE);
        }
        return 0;
}

int sigv4_sign(const SigV4Request *r, char **ret) {
        _cleanup_free_ char *canonical = NULL, *text = NULL;
        _cleanup_(text_writer_done) TextWriter w = {};
        char digest[DIGEST_HEX_SIZE], signature[DIGEST_HEX_SIZE];
        uint8_t key[DIGEST_SIZE], mac[DIGEST_SIZE];
        int k;

        if (strlen(r->timestamp) + 1 != SIGV4_TIMESTAMP_SIZE)
                return -EINVAL;
        k = make_canonical_request(r, &canonical);
        if (k < 0)
                return k;
        digest_sha256_hex(canonical, strlen(canonical), digest);
        if (asprintf(&text, ALGORITHM "\n%s\n%.*s/%s/%s/aws4_request\n%s", r->timestamp,
                     DATE_LENGTH, r->timestamp, r->region, r->service, digest) < 0) {
                text = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        k = derive_key(r, key);
        if (k < 0)
                return k;
        digest_hmac(key, sizeof(key), text, strlen(text), mac);
        explicit_bzero(key, sizeof(key));
        digest_to_hex(mac, signature);

        text_addf(&w, ALGORITHM " Credential=%s/%.*s/%s/%s/aws4_request, SignedHeaders=", r->key_id,
                  DATE_LENGTH, r->timestamp, r->region, r->service);
        add_header_names(&w, r);
        text_addf(&w, ", Signature=%s", signature);
        return text_writer_take(&w, ret, NULL);
}
