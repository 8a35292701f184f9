/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AWS Signature Version 4
 *
 * Signs a request without a query, as object stores want it: method, path, host and the headers
 * that are given.
 */

#include "basic/time-util.h"

typedef struct SigV4Header {
        const char *name; /* lower case; the list is sorted by it */
        const char *value;
} SigV4Header;

typedef struct SigV4Request {
        const char *method;
        const char *path;  /* percent-encoded once, as it is sent */
        const char *query; /* canonical; "": none */
        const SigV4Header *headers;
        size_t n_headers;
        const char *payload_digest; /* hex */
        const char *region, *service;
        const char *key_id, *secret;
        const char *timestamp; /* 20130524T000000Z */
} SigV4Request;

enum { SIGV4_TIMESTAMP_SIZE = sizeof("20130524T000000Z") };

void sigv4_format_time(usec_t t, char ret[static SIGV4_TIMESTAMP_SIZE]);
/* *ret is the value of the Authorization header. */
int sigv4_sign(const SigV4Request *r, char **ret);
