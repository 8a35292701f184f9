/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protobuf Reader
 *
 * The wire format, field by field, without a copy and without a schema. In the header, since a
 * profile is read a million fields at a time.
 */

#include "basic/util.h"

typedef enum ProtobufWire {
        PROTOBUF_VARINT = 0,
        PROTOBUF_FIXED64 = 1,
        PROTOBUF_BYTES = 2,
        PROTOBUF_FIXED32 = 5,
} ProtobufWire;

typedef struct ProtobufReader {
        const uint8_t *data, *end;
} ProtobufReader;

typedef struct ProtobufField {
        uint32_t number;
        ProtobufWire wire;
        uint64_t value;         /* of a varint */
        ProtobufReader content; /* its bytes, of a varint too */
} ProtobufField;

static inline bool protobuf_read_varint(ProtobufReader *r, uint64_t *ret) {
        uint64_t value = 0;

        if (r->data < r->end && *r->data < 0x80) {
                *ret = *r->data++;
                return true;
        }
        for (unsigned shift = 0; shift < 64 && r->data < r->end; shift += 7) {
                uint8_t byte = *r->data++;

                value |= (uint64_t) (byte & 0x7f) << shift;
                if (byte < 0x80) {
                        *ret = value;
                        return true;
                }
        }
        return false;
}

static inline bool protobuf_read_bytes(ProtobufReader *r, uint64_t n, ProtobufReader *ret) {
        if (n > (size_t) (r->end - r->data))
                return false;
        *ret = (ProtobufReader){ r->data, r->data + n };
        r->data += n;
        return true;
}

/* 1: a field, 0: the end, -EBADMSG. */
static inline int protobuf_read_field(ProtobufReader *r, ProtobufField *ret) {
        uint64_t tag, n;
        bool ok;

        if (r->data == r->end)
                return 0;
        if (!protobuf_read_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX)
                return -EBADMSG;
        ret->number = tag >> 3;
        ret->wire = tag & 7;
        switch (ret->wire) {
        case PROTOBUF_VARINT:
                ret->content.data = r->data;
                ok = protobuf_read_varint(r, &ret->value);
                ret->content.end = r->data;
                break;
        case PROTOBUF_BYTES:
                ok = protobuf_read_varint(r, &n) && protobuf_read_bytes(r, n, &ret->content);
                break;
        case PROTOBUF_FIXED64:
                ok = protobuf_read_bytes(r, sizeof(uint64_t), &ret->content);
                break;
        case PROTOBUF_FIXED32:
                ok = protobuf_read_bytes(r, sizeof(uint32_t), &ret->content);
                break;
        default:
                ok = false;
        }
        return ok ? 1 : -EBADMSG;
}
