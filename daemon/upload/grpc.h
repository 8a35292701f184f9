/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * gRPC, one message each way
 *
 * The frame around a message, and what its status means: https carries 200 whatever has become of
 * the call.
 */

#include "upload/protocol.h"

enum { GRPC_FRAME_SIZE = 5 }; /* bytes before a message */

/* "UNAVAILABLE"; "status 99". The buffer is for the latter. */
const char *grpc_status_name(int status, char buffer[static 16]);

/* Turns the body of a request, a message, into a frame of it, and adds what gRPC wants to see. */
int grpc_finish_request(UploadRequest *r, const UploadTarget *t, const char *method);

/* The message in an answer. -EBADMSG: it is none, or compressed. */
int grpc_parse_frame(const void *body, size_t size, const uint8_t **ret, size_t *ret_size);

/* strict: only what the specification of OpenTelemetry names is tried again. */
void grpc_judge(const UploadResponse *r, bool strict, UploadJudgement *ret);
