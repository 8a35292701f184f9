/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pprof File as a Tree of Messages
 *
 * protobuf-c makes a heap block of every message and every string; two bytes of input can cost a
 * hundred of memory. Giving it an arena with a limit bounds that, and makes it fast.
 */

#include "profile/pprof-message.h"
#include "profile/gzip.h"
#include "profile/pprof-fields.h"
#include "profile/pprof.h"
#include "profile/protobuf-reader.h"

enum {
        TREE_MAX = 192 << 20, /* bytes of memory; a real profile takes thrice its own size */
};

static void *tree_alloc(void *userdata, size_t size) {
        return arena_alloc(userdata, size);
}

static void tree_free(void *userdata, void *p) {
        (void) userdata;
        (void) p; /* goes with the arena */
}

/* A start time that appears twice: see pprof-tables.c. */
static bool is_concatenated(const uint8_t *data, size_t size) {
        ProtobufReader message = { data, data + size };
        ProtobufField field;
        unsigned n = 0;

        while (protobuf_read_field(&message, &field) > 0)
                n += field.number == PROFILE_TIME_NANOS;
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
        size_t capacity = 0;
        int r;

        *m = (PprofMessage){ .compressed = gzip_is_gzip(data, size) };
        arena_init(&m->arena, TREE_MAX);
        if (!m->compressed)
                return unpack(m, data, size, ret_reason);

        r = gzip_decompress(data, size, PPROF_ENCODED_MAX, &plain, &capacity, &size, ret_reason);
        if (r < 0)
                return r;
        return unpack(m, plain, size, ret_reason);
}

void pprof_message_done(PprofMessage *m) {
        arena_done(&m->arena);
        m->profile = NULL;
}
