/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A pprof File as a Tree of Messages
 *
 * What the decoder and the checker share: the bytes of anyone, unpacked within limits, in the types
 * that protobuf-c generates.
 */

#include "profile/arena.h"
#include "proto/pprof.pb-c.h"

typedef struct PprofMessage {
        Arena arena;
        Pprof__Profile *profile; /* in the arena */
        bool compressed;         /* it was gzip */
} PprofMessage;

/*
 * Accepts gzip and plain protobuf. -EBADMSG: it is neither; -E2BIG: it is larger than
 * PPROF_ENCODED_MAX, or its tree takes too much memory. With both, *ret_reason is a sentence. To be
 * released by pprof_message_done(), also after a failure.
 */
int pprof_message_parse(PprofMessage *m, const void *data, size_t size, const char **ret_reason);
void pprof_message_done(PprofMessage *m);
