/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jitdump
 *
 * The binary file that a runtime writes about the code it makes and moves, with the time of each:
 * a header and then records, all in host byte order. A process wrote it, so it is a claim about
 * that process's own addresses and nothing else.
 */

#include "process/code-map.h"

enum {
        JITDUMP_HEADER_MAX = 4096,    /* bytes */
        JITDUMP_RECORD_MAX = 4 << 20, /* bytes; one that is longer ends the file */
};

typedef struct JitdumpReader {
        bool started;      /* the header is read */
        bool foreign_time; /* time stamps are of the processor, not of CLOCK_MONOTONIC */
        bool closed;       /* the runtime said so, or what follows makes no sense */
} JitdumpReader;

/*
 * Adds what the complete records say. now_nsec: time of what has no useful time stamp. Returns how
 * many bytes were used: the rest is the beginning of a record. -EBADMSG: no jitdump; -ENOMEM.
 */
ssize_t jitdump_parse(
        JitdumpReader *reader, CodeMap *m, const uint8_t *data, size_t size, nsec_t now_nsec);
