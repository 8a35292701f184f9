/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protobuf Writer
 *
 * Appends fields to a growing block, in the order of the calls. An allocation that fails is
 * remembered and makes all later calls do nothing: ask once, at the end.
 */

#include "basic/util.h"

typedef struct ProtobufWriter {
        uint8_t *data;
        size_t size, capacity;
        bool failed; /* out of memory */
} ProtobufWriter;

void protobuf_writer_done(ProtobufWriter *w);

/* A varint field. 0 is not written: it is what a reader assumes. Signed numbers are cast. */
void protobuf_writer_add_number(ProtobufWriter *w, unsigned field, uint64_t value);
/* The same, but 0 is written: where it is one of several kinds of value. */
void protobuf_writer_add_explicit(ProtobufWriter *w, unsigned field, uint64_t value);
void protobuf_writer_add_fixed64(ProtobufWriter *w, unsigned field, uint64_t value);
/* Written also if it is empty. */
void protobuf_writer_add_bytes(ProtobufWriter *w, unsigned field, const void *data, size_t size);
void protobuf_writer_add_string(ProtobufWriter *w, unsigned field, const char *s);

/* Between these two stands the content of one message, or of one packed repeated field. Pairs may
 * be nested. */
size_t protobuf_writer_begin(ProtobufWriter *w, unsigned field);
void protobuf_writer_end(ProtobufWriter *w, size_t begin);
/* One number of a packed field. */
void protobuf_writer_add_packed(ProtobufWriter *w, uint64_t value);
/* Fields that another writer has made. */
void protobuf_writer_add_fields(ProtobufWriter *w, const ProtobufWriter *fields);
