/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf Scan */

#include "upload/protobuf-scan.h"
#include "basic/string-util.h"

enum {
        WIRE_VARINT = 0,
        WIRE_FIXED64 = 1,
        WIRE_LENGTH = 2,
        WIRE_FIXED32 = 5,
};

typedef struct Field {
        uint64_t number;
        unsigned wire;
        uint64_t value;       /* of WIRE_VARINT */
        ProtobufScan content; /* of WIRE_LENGTH */
} Field;

static int read_varint(ProtobufScan *s, uint64_t *ret) {
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64 && s->size > 0; shift += 7) {
                uint8_t byte = *s->data++;

                s->size--;
                value |= (uint64_t) (byte & 0x7f) << shift;
                if (byte < 0x80) {
                        *ret = value;
                        return 0;
                }
        }
        return -EBADMSG;
}

static int skip(ProtobufScan *s, uint64_t n, ProtobufScan *ret) {
        if (n > s->size)
                return -EBADMSG;
        *ret = (ProtobufScan){ s->data, (size_t) n };
        s->data += n;
        s->size -= (size_t) n;
        return 0;
}

/* 1: a field, 0: the end. */
static int read_field(ProtobufScan *s, Field *ret) {
        uint64_t tag, n;
        int r;

        if (s->size == 0)
                return 0;
        r = read_varint(s, &tag);
        if (r < 0)
                return r;
        ret->number = tag >> 3;
        ret->wire = tag & 7;
        switch (ret->wire) {
        case WIRE_VARINT:
                r = read_varint(s, &ret->value);
                break;
        case WIRE_FIXED64:
                r = skip(s, sizeof(uint64_t), &ret->content);
                break;
        case WIRE_FIXED32:
                r = skip(s, sizeof(uint32_t), &ret->content);
                break;
        case WIRE_LENGTH:
                r = read_varint(s, &n);
                if (r >= 0)
                        r = skip(s, n, &ret->content);
                break;
        default:
                r = -EBADMSG;
        }
        return r < 0 ? r : 1;
}

static int find(const ProtobufScan *s, unsigned field, unsigned wire, Field *ret) {
        ProtobufScan rest = *s;
        int r, found = 0;
        Field f;

        while ((r = read_field(&rest, &f)) > 0)
                if (f.number == field && f.wire == wire) {
                        *ret = f;
                        found = 1;
                }
        return r < 0 ? r : found;
}

int protobuf_scan_find(const ProtobufScan *s, unsigned field, ProtobufScan *ret) {
        Field f;
        int r;

        r = find(s, field, WIRE_LENGTH, &f);
        if (r > 0)
                *ret = f.content;
        return r;
}

int protobuf_scan_find_number(const ProtobufScan *s, unsigned field, uint64_t *ret) {
        Field f;
        int r;

        r = find(s, field, WIRE_VARINT, &f);
        if (r > 0)
                *ret = f.value;
        return r;
}

int protobuf_scan_find_text(const ProtobufScan *s, unsigned field, char *ret, size_t ret_size) {
        _cleanup_free_ char *raw = NULL, *clean = NULL;
        ProtobufScan content;
        int r;

        r = protobuf_scan_find(s, field, &content);
        if (r <= 0)
                return r;
        raw = strndup((const char *) content.data, MIN(content.size, ret_size));
        clean = raw ? utf8_sanitize(raw, ret_size - 1) : NULL;
        if (!clean)
                return -ENOMEM;
        (void) snprintf(ret, ret_size, "%s", clean);
        return 1;
}
