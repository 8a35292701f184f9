/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pprof File as a Tree of Messages
 *
 * protobuf-c makes a heap block of every message and every string; two bytes of input can cost a
 * hundred of memory. Giving it an arena with a limit bounds that, and makes it fast.
 */

#include "profile/pprof-message.h"
#include "profile/gzip.h"
#include "profile/pprof.h"

enum {
        TREE_MAX = 192 << 20, /* bytes of memory; a real profile takes thrice its own size */

        FIELD_TIME_NANOS = 9,
        WIRE_VARINT = 0,
        WIRE_64_BIT = 1,
        WIRE_LENGTH = 2,
        WIRE_32_BIT = 5,
};

static void *tree_alloc(void *userdata, size_t size) {
        return arena_alloc(userdata, size);
}

static void tree_free(void *userdata, void *p) {
        (void) userdata;
        (void) p; /* goes with the arena */
}

static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret) {
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
                uint8_t byte = *(*p)++;

                value |= (uint64_t) (byte & 0x7f) << shift;
                if (byte < 0x80) {
                        *ret = value;
                        return true;
                }
        }
        return false;
}

/*
 * Two profiles one behind the other are a valid message, in which numbers of the second replace
 * those of the first. A start time that appears twice gives them away.
 */
static bool is_concatenated(const uint8_t *p, size_t size) {
        const uint8_t *end = p + size;
        uint64_t tag, value;
        unsigned n = 0;

        while (p < end && read_varint(&p, end, &tag)) {
                if (tag >> 3 == FIELD_TIME_NANOS)
                        n++;
                switch (tag & 7) {
                case WIRE_VARINT:
                        if (!read_varint(&p, end, &value))
                                return false;
                        continue;
                case WIRE_64_BIT:
                        value = 8;
                        break;
                case WIRE_32_BIT:
                        value = 4;
                        break;
                case WIRE_LENGTH:
                        if (!read_varint(&p, end, &value))
                                return false;
                        break;
                default:
                        return false;
                }
                if (value > (uint64_t) (end - p))
                        return false;
                p += value;
        }
        return n > 1;
}

static int unpack(PprofMessage *m, const uint8_t *data, size_t size, const char **ret_reason) {
        ProtobufCAllocator allocator = { tree_alloc, tree_free, &m->arena };

        if (size == 0) {
                *ret_reason = "It is empty.";
                return -EBADMSG;
        }
        if (size > PPROF_ENCODED_MAX) {
                *ret_reason = "It is larger than a profile may be.";
                return -E2BIG;
        }

        m->profile = pprof__profile__unpack(&allocator, size, data);
        if (!m->profile && m->arena.limited) {
                *ret_reason = "It has more parts than a profile may have.";
                return -E2BIG;
        }
        if (!m->profile && m->arena.failed)
                return -ENOMEM;
        if (!m->profile) {
                *ret_reason = "It is not a pprof profile.";
                return -EBADMSG;
        }
        if (is_concatenated(data, size)) {
                *ret_reason = "Several profiles are joined in it.";
                return -EBADMSG;
        }
        return 0;
}

int pprof_message_parse(PprofMessage *m, const void *data, size_t size, const char **ret_reason) {
        _cleanup_free_ uint8_t *plain = NULL;
        int r;

        *m = (PprofMessage){ .compressed = gzip_is_gzip(data, size) };
        arena_init(&m->arena, TREE_MAX);
        if (!m->compressed)
                return unpack(m, data, size, ret_reason);

        r = gzip_decompress(data, size, PPROF_ENCODED_MAX, &plain, &size, ret_reason);
        if (r < 0)
                return r;
        return unpack(m, plain, size, ret_reason);
}

void pprof_message_done(PprofMessage *m) {
        arena_done(&m->arena);
        m->profile = NULL;
}
