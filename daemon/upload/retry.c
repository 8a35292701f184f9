/* SPDX-License-Identifier: Apache-2.0 */
/* Retry Policy */

#include "upload/retry.h"
#include "basic/string-util.h"

UploadVerdict retry_judge_status(unsigned status) {
        if (status >= 200 && status < 300)
                return UPLOAD_SENT;
        switch (status) {
        case 401:
        case 403:
        case 407:
                return UPLOAD_UNAUTHORIZED;
        case 404:
        case 405:
        case 501:
        case 505:
                return UPLOAD_MISCONFIGURED;
        case 408:
        case 425:
        case 429:
                return UPLOAD_RETRY;
        case 413:
                return UPLOAD_TOO_LARGE;
        }
        /* A redirect is not followed: the secret is for the server that was configured. */
        if (status < 400)
                return UPLOAD_MISCONFIGURED;
        return status < 500 ? UPLOAD_REJECTED : UPLOAD_RETRY;
}

UploadVerdict retry_judge_error(int error) {
        switch (error) {
        case -EINVAL:       /* the URL */
        case -EKEYREJECTED: /* a certificate, theirs or ours */
        case -EPROTONOSUPPORT:
        case -ENOENT: /* a file of TLS */
                return UPLOAD_MISCONFIGURED;
        default:
                return UPLOAD_RETRY;
        }
}

usec_t retry_delay(UploadVerdict v, unsigned n_failures, usec_t retry_after_usec, uint64_t random) {
        usec_t ceiling = RETRY_DELAY_MAX_USEC, floor = 0;
        unsigned doublings = n_failures > 0 ? n_failures - 1 : 0;

        if (retry_after_usec > 0)
                /* Some jitter on top: all of a fleet were told the same. */
                return MIN(MAX(retry_after_usec, RETRY_AFTER_MIN_USEC), RETRY_AFTER_MAX_USEC) +
                       random % RETRY_AFTER_MIN_USEC;

        if (doublings < 16)
                ceiling = MIN(RETRY_DELAY_MIN_USEC << doublings, RETRY_DELAY_MAX_USEC);
        if (v == UPLOAD_UNAUTHORIZED || v == UPLOAD_MISCONFIGURED) {
                floor = RETRY_UNAUTHORIZED_MIN_USEC;
                ceiling = MAX(ceiling, 2 * RETRY_UNAUTHORIZED_MIN_USEC);
        }
        return floor + random % (ceiling - floor + 1);
}

unsigned retry_pick_probe(unsigned n_failures, size_t n_pending) {
        return n_pending > 1 && n_failures >= RETRY_SUSPECT_FAILURES &&
               (n_failures - RETRY_SUSPECT_FAILURES) % 2 == 0;
}

bool retry_is_poison(unsigned n_failures, uint64_t n_passed) {
        return n_failures >= RETRY_POISON_FAILURES && n_passed > 0;
}

usec_t retry_spread(usec_t delay_usec, const void *host_id, size_t size, const char *target) {
        uint64_t h = hash_bytes(host_id, size, hash_bytes(target, strlen(target), 0));

        return delay_usec > 0 ? h % delay_usec : 0;
}
