/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Upload Target
 *
 * One server that profiles are sent to, as a file of uploads.d/ describes it. Immutable once it is
 * loaded.
 */

#include "basic/time-util.h"
#include "config-file.h"
#include "upload/protocol.h"

enum {
        UPLOAD_TARGETS_MAX = 16,
        UPLOAD_NAME_MAX = 64,   /* bytes of a target's name */
        UPLOAD_LABELS_MAX = 32, /* of Labels= */
        UPLOAD_HEADERS_MAX = 32,
};

/* Where a secret is read from, each time it is needed: it may be replaced at any time. */
typedef struct SecretSource {
        char *file;       /* absolute path; NULL: not from a file */
        char *credential; /* name below $CREDENTIALS_DIRECTORY; NULL: no credential */
} SecretSource;

typedef struct UploadLabel {
        char *name, *value; /* the value is a template, see template.h */
} UploadLabel;

struct UploadTarget {
        char *name; /* of the file, without ".conf" */
        char *path; /* of the file */
        const UploadProtocol *protocol;
        char *url;      /* a template where the protocol takes one */
        char *method;   /* PUT or POST; NULL: as the protocol has it */
        char **headers; /* "Name: value" */
        char **units;   /* patterns; NULL: all */
        UploadLabel *labels;
        size_t n_labels;
        char *user;
        SecretSource bearer_token, password, session_token;
        char *region; /* of S3 */
        char *ca_file, *certificate_file, *key_file;
        char *proxy;               /* NULL: as the environment says; "": none */
        char *development_version; /* of OpenTelemetry profiles; NULL: not said */
        bool has_transport;        /* Transport= was said */
        bool grpc;                 /* Transport=grpc */
        bool verify_peer, insecure;
        uint64_t bandwidth_bytes; /* a second; UINT64_MAX: any */
        uint64_t max_pending_bytes;
        usec_t max_age_usec, delay_usec, timeout_usec;
};

/* Reads {/etc,/run,/usr/local/lib,/usr/lib}/profilerd/uploads.d/ below root (NULL: "/"). What is
 * wrong with one file costs that target only, after a complaint. *ret is an array. */
int upload_targets_load(const char *root,
                        ConfigComplaint complaint,
                        void *userdata,
                        UploadTarget **ret,
                        size_t *ret_n);
void upload_targets_free(UploadTarget *targets, size_t n);
void upload_target_done(UploadTarget *t);

bool secret_source_is_set(const SecretSource *s);
/* Whether a secret goes to the server. */
bool upload_target_has_secret(const UploadTarget *t);
