/* SPDX-License-Identifier: Apache-2.0 */
/* Jitdump */

#include "symbol/jitdump.h"

enum {
        JITDUMP_MAGIC = 0x4a695444, /* "JiTD" */
        JITDUMP_VERSION = 1,
        JITDUMP_ARCH_TIMESTAMP = 1 << 0, /* Header.flags */

        RECORD_LOAD = 0,
        RECORD_MOVE = 1,
        RECORD_CLOSE = 3, /* debug info (2) and unwinding info (4) are not read */
};

typedef struct Header {
        uint32_t magic, version, size, machine, reserved, pid;
        uint64_t time, flags;
} Header;
_Static_assert(sizeof(Header) == 40, "as it is in the file");

typedef struct RecordHeader {
        uint32_t id, size;
        uint64_t time;
} RecordHeader;
_Static_assert(sizeof(RecordHeader) == 16, "as it is in the file");

/* The name follows, with its NUL, and then the code. */
typedef struct Load {
        RecordHeader header;
        uint32_t pid, tid;
        uint64_t address, code_address, code_size, code_index;
} Load;
_Static_assert(sizeof(Load) == 56, "as it is in the file");

typedef struct Move {
        RecordHeader header;
        uint32_t pid, tid;
        uint64_t address, old_address, new_address, code_size, code_index;
} Move;
_Static_assert(sizeof(Move) == 64, "as it is in the file");

/* Bytes used, 0: it is not complete. */
static ssize_t parse_header(JitdumpReader *reader, const uint8_t *data, size_t size) {
        Header h;

        if (size < sizeof(h))
                return 0;
        memcpy(&h, data, sizeof(h));
        if (h.magic != JITDUMP_MAGIC || h.version != JITDUMP_VERSION || h.size < sizeof(h) ||
            h.size > JITDUMP_HEADER_MAX)
                return -EBADMSG;
        if (size < h.size)
                return 0;
        reader->foreign_time = h.flags & JITDUMP_ARCH_TIMESTAMP;
        reader->started = true;
        return h.size;
}

static int add_load(CodeMap *m, const uint8_t *data, size_t size, nsec_t time) {
        const char *name = (const char *) data + sizeof(Load);
        Load load;

        if (size <= sizeof(load))
                return 0;
        memcpy(&load, data, sizeof(load));
        return code_map_add(m, load.code_address, load.code_size, time, name,
                            strnlen(name, size - sizeof(load)));
}

/* The same code with the same name elsewhere. */
static int add_move(CodeMap *m, const uint8_t *data, size_t size, nsec_t time) {
        char name[CODE_MAP_NAME_MAX + 1];
        const char *known;
        Move move;

        if (size < sizeof(move))
                return 0;
        memcpy(&move, data, sizeof(move));
        known = code_map_find_last(m, move.old_address);
        if (!known)
                return 0;
        snprintf(name, sizeof(name), "%s", known); /* adding moves what is borrowed */
        return code_map_add(m, move.new_address, move.code_size, time, name, strlen(name));
}

static int parse_record(JitdumpReader *reader,
                        CodeMap *m,
                        const RecordHeader *h,
                        const uint8_t *data,
                        nsec_t now_nsec) {
        /* A time in the future would make the name one that is never valid. */
        nsec_t time = reader->foreign_time ? now_nsec : MIN(h->time, now_nsec);
        int r = 0;

        switch (h->id) {
        case RECORD_LOAD:
                r = add_load(m, data, h->size, time);
                break;
        case RECORD_MOVE:
                r = add_move(m, data, h->size, time);
                break;
        case RECORD_CLOSE:
                reader->closed = true;
                break;
        }
        return r == -ENOMEM ? r : 0;
}

ssize_t jitdump_parse(
        JitdumpReader *reader, CodeMap *m, const uint8_t *data, size_t size, nsec_t now_nsec) {
        size_t at = 0;
        ssize_t n;
        int r;

        if (!reader->started) {
                n = parse_header(reader, data, size);
                if (n <= 0)
                        return n;
                at = (size_t) n;
        }
        while (!reader->closed && size - at >= sizeof(RecordHeader)) {
                RecordHeader h;

                memcpy(&h, data + at, sizeof(h));
                if (h.size < sizeof(h) || h.size > JITDUMP_RECORD_MAX) {
                        reader->closed = true;
                        break;
                }
                if (size - at < h.size)
                        break;
                r = parse_record(reader, m, &h, data + at, now_nsec);
                if (r < 0)
                        return r;
                at += h.size;
        }
        return (ssize_t) at;
}
