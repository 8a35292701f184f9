/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf Writer
 *
 * protobuf-c packs a complete tree of messages; for a profile that tree is ten times the size of
 * the file. This writes the fields as they come. The length of a message stands before it and is
 * known only after it: one byte is kept free, and the rare content of 128 bytes and more moves.
 */

#include "profile/protobuf-writer.h"
#include "basic/array.h"

enum {
        WIRE_VARINT = 0,
        WIRE_FIXED64 = 1,
        WIRE_LENGTH = 2,
        VARINT_MAX = 10, /* bytes of a 64-bit number */
};

void protobuf_writer_done(ProtobufWriter *w) {
        free(w->data);
        *w = (ProtobufWriter){};
}

static bool reserve(ProtobufWriter *w, size_t n) {
        if (w->failed)
                return false;
        if (w->capacity - w->size >= n)
                return true;
        if (ARRAY_RESERVE(w->data, w->capacity, w->size + n) < 0) {
                w->failed = true;
                return false;
        }
        return true;
}

static size_t put_varint(uint8_t *p, uint64_t value) {
        size_t n = 0;

        for (; value >= 0x80; value >>= 7)
                p[n++] = value | 0x80;
        p[n++] = value;
        return n;
}

void protobuf_writer_add_packed(ProtobufWriter *w, uint64_t value) {
        if (reserve(w, VARINT_MAX))
                w->size += put_varint(w->data + w->size, value);
}

static void add_tag(ProtobufWriter *w, unsigned field, unsigned wire_type) {
        protobuf_writer_add_packed(w, (uint64_t) field << 3 | wire_type);
}

void protobuf_writer_add_number(ProtobufWriter *w, unsigned field, uint64_t value) {
        if (value == 0)
                return;
        add_tag(w, field, WIRE_VARINT);
        protobuf_writer_add_packed(w, value);
}

void protobuf_writer_add_explicit(ProtobufWriter *w, unsigned field, uint64_t value) {
        add_tag(w, field, WIRE_VARINT);
        protobuf_writer_add_packed(w, value);
}

void protobuf_writer_add_fixed64(ProtobufWriter *w, unsigned field, uint64_t value) {
        add_tag(w, field, WIRE_FIXED64);
        if (!reserve(w, sizeof(value)))
                return;
        for (size_t i = 0; i < sizeof(value); i++)
                w->data[w->size++] = (uint8_t) (value >> (8 * i));
}

void protobuf_writer_add_fields(ProtobufWriter *w, const ProtobufWriter *fields) {
        w->failed = w->failed || fields->failed;
        if (fields->size == 0 || !reserve(w, fields->size))
                return;
        memcpy(w->data + w->size, fields->data, fields->size);
        w->size += fields->size;
}

void protobuf_writer_add_bytes(ProtobufWriter *w, unsigned field, const void *data, size_t size) {
        add_tag(w, field, WIRE_LENGTH);
        protobuf_writer_add_packed(w, size);
        if (size == 0 || !reserve(w, size))
                return;
        memcpy(w->data + w->size, data, size);
        w->size += size;
}

void protobuf_writer_add_string(ProtobufWriter *w, unsigned field, const char *s) {
        protobuf_writer_add_bytes(w, field, s, strlen(s));
}

size_t protobuf_writer_begin(ProtobufWriter *w, unsigned field) {
        add_tag(w, field, WIRE_LENGTH);
        if (reserve(w, 1))
                w->size++;
        return w->size;
}

void protobuf_writer_end(ProtobufWriter *w, size_t begin) {
        uint8_t length[VARINT_MAX];
        size_t n, content;

        if (w->failed)
                return;

        content = w->size - begin;
        n = put_varint(length, content);
        if (n > 1) {
                if (!reserve(w, n - 1))
                        return;
                memmove(w->data + begin + n - 1, w->data + begin, content);
                w->size += n - 1;
        }
        memcpy(w->data + begin - 1, length, n);
}
