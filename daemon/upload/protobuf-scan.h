/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protobuf Scan
 *
 * Finds single fields in small answers of servers, without a schema: the last one of a number
 * counts, as readers have it.
 */

#include "basic/util.h"

typedef struct ProtobufScan {
        const uint8_t *data;
        size_t size;
} ProtobufScan;

/* 1: found, 0: there is none, -EBADMSG. */
int protobuf_scan_find(const ProtobufScan *s, unsigned field, ProtobufScan *ret);
int protobuf_scan_find_number(const ProtobufScan *s, unsigned field, uint64_t *ret);
/* Made fit for a terminal, and cut. */
int protobuf_scan_find_text(const ProtobufScan *s, unsigned field, char *ret, size_t ret_size);
