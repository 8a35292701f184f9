/* SPDX-License-Identifier: Apache-2.0 */
/* Call Frame Sections */

#include "elf/eh-frame.h"
#include "basic/array.h"
#include "elf/eh-pointer.h"

enum {
        RADIX_BITS = 11,
        RADIX_SIZE = 1 << RADIX_BITS,
};

/* What functions have in common: a decoded CIE. */
typedef struct Common {
        uint64_t offset; /* in the section */
        bool is_used;
        bool is_bad;
        bool is_signal, has_augmentation_data;
        uint8_t encoding; /* of code addresses */
        uint64_t code_factor, return_column;
        int64_t data_factor;
        CfiState state; /* where its functions begin */
} Common;

struct EhFrame {
        EhFrameInput input;
        uint32_t *losses;
        CfiProgram *program;
        EhFunction *functions;
        size_t n_functions, capacity;
        Common commons[EH_FRAME_COMMONS_MAX];
};

/* One length-prefixed entry of the section. */
typedef struct Entry {
        uint64_t offset;
        ByteReader reader; /* what follows the id */
        bool is_common;
        bool is_terminator;
        uint64_t common; /* offset of a function's CIE */
} Entry;

EhFrame *eh_frame_free(EhFrame *e) {
        if (!e)
                return NULL;

        cfi_program_free(e->program);
        free(e->functions);
        free(e);
        return NULL;
}

/*
 * The entry at offset; *ret_next is where the next one begins. -EBADMSG: its length leads out of
 * the section, so that nothing behind it can be found.
 *
 * In .eh_frame a CIE has the id 0 and a function the distance to its CIE, in 4 bytes even where the
 * length has 64 bits; in .debug_frame the id is all ones and the offset is from the section's
 * start.
 */
static int eh_frame_read_entry(const EhFrame *e, uint64_t offset, Entry *ret, uint64_t *ret_next) {
        ByteReader r = byte_reader(e->input.bytes + offset, e->input.size - (size_t) offset);
        uint64_t length, id, id_at;
        size_t id_size = sizeof(uint32_t);
        const uint8_t *body;

        *ret = (Entry){ .offset = offset };
        length = byte_reader_fixed(&r, 4);
        if (length == UINT32_MAX) {
                length = byte_reader_fixed(&r, 8);
                if (e->input.is_debug_frame)
                        id_size = sizeof(uint64_t);
        }
        body = byte_reader_take(&r, length);
        if (r.failed)
                return -EBADMSG;
        *ret_next = (uint64_t) (r.at - e->input.bytes);

        if (length == 0) {
                ret->is_terminator = true;
                return 0;
        }
        id_at = (uint64_t) (body - e->input.bytes);
        ret->reader = byte_reader(body, (size_t) length);
        id = byte_reader_fixed(&ret->reader, id_size);
        if (!e->input.is_debug_frame) {
                ret->is_common = id == 0;
                ret->common = id_at - (uint64_t) (int64_t) (int32_t) id;
        } else {
                ret->is_common = id == (id_size == 8 ? UINT64_MAX : UINT32_MAX);
                ret->common = id;
        }
        return 0;
}

/* The letters of an augmentation, and the data they speak of. */
static int common_read_augmentation(Common *c, const char *letters, ByteReader *r) {
        ByteReader data = {};
        uint64_t size;

        if (letters[0] == '\0')
                return 0;
        if (letters[0] != 'z')
                return -EBADMSG; /* where the instructions begin cannot be known */

        c->has_augmentation_data = true;
        size = byte_reader_uleb(r);
        data.at = byte_reader_take(r, size);
        if (!data.at)
                return -EBADMSG;
        data.end = data.at + size;

        for (const char *l = letters + 1; *l != '\0'; l++)
                switch (*l) {
                case 'R':
                        c->encoding = byte_reader_u8(&data);
                        break;
                case 'L':
                        (void) byte_reader_u8(&data);
                        break;
                case 'P': {
                        uint8_t encoding = byte_reader_u8(&data);
                        static const EhBases nowhere;
                        EhBases here = nowhere;
                        uint64_t unused;

                        /* Where the personality is does not matter, only how long it is. */
                        here.bytes = data.at;
                        if (eh_pointer_read(&data, encoding & (uint8_t) ~EH_PE_INDIRECT, &here,
                                            &unused) < 0)
                                return -EBADMSG;
                        break;
                }
                case 'S':
                        c->is_signal = true;
                        break;
                case 'B': /* signed with the B key */
                case 'G': /* tagged memory */
                        break;
                default:
                        return -EBADMSG;
                }
        return data.failed ? -EBADMSG : 0;
}

static int eh_frame_read_common(EhFrame *e, uint64_t offset, Common *ret) {
        CfiFunction function = {};
        const char *letters, *end;
        uint64_t next;
        uint8_t version;
        ByteReader *r;
        Entry entry;
        int error;

        *ret = (Common){ .offset = offset, .is_used = true, .encoding = EH_PE_ABSPTR };
        if (offset >= e->input.size)
                return -EBADMSG;
        error = eh_frame_read_entry(e, offset, &entry, &next);
        if (error < 0)
                return error;
        if (!entry.is_common || entry.is_terminator)
                return -EBADMSG;

        r = &entry.reader;
        version = byte_reader_u8(r);
        letters = (const char *) r->at;
        end = memchr(letters, '\0', byte_reader_left(r));
        if (!end || (version != 1 && version != 3 && version != 4))
                return -EBADMSG;
        r->at = (const uint8_t *) end + 1;

        /* Sizes of an address and of a segment selector. */
        if (version == 4 && (byte_reader_u8(r) != sizeof(uint64_t) || byte_reader_u8(r) != 0))
                return -EBADMSG;
        ret->code_factor = byte_reader_uleb(r);
        ret->data_factor = byte_reader_sleb(r);
        ret->return_column = version == 1 ? byte_reader_u8(r) : byte_reader_uleb(r);
        error = common_read_augmentation(ret, letters, r);
        if (error < 0 || r->failed)
                return -EBADMSG;

        function.bytes = r->at;
        function.size = byte_reader_left(r);
        function.code_factor = ret->code_factor;
        function.data_factor = ret->data_factor;
        function.return_column = ret->return_column;
        return cfi_program_run_common(e->program, &function, &ret->state);
}

/* Files have few CIEs, or one for each object file in the order of its functions. */
static const Common *eh_frame_get_common(EhFrame *e, uint64_t offset) {
        Common *c = &e->commons[(offset / 4 * 0x9e3779b1U >> 16) % EH_FRAME_COMMONS_MAX];

        if (!c->is_used || c->offset != offset)
                c->is_bad = eh_frame_read_common(e, offset, c) < 0;
        return c->is_bad ? NULL : c;
}

/* The code that a function entry is about; its reader is left behind it. */
static int eh_frame_read_range(
        const EhFrame *e, const Common *c, ByteReader *r, uint64_t *ret_start, uint64_t *ret_size) {
        EhBases bases = {
                .address = e->input.address,
                .bytes = e->input.bytes,
                .text = e->input.text,
                .data = e->input.data,
        };
        int error;

        error = eh_pointer_read(r, c->encoding, &bases, ret_start);
        if (error < 0)
                return error;
        /* The size is as wide, but relative to nothing. */
        error = eh_pointer_read(r, c->encoding & EH_PE_FORMAT, &bases, ret_size);
        if (error < 0)
                return error;
        if (r->failed || *ret_size > UINT64_MAX - *ret_start)
                return -EBADMSG;
        return 0;
}

static int eh_frame_add_function(EhFrame *e, Entry *entry) {
        uint64_t start, size;
        const Common *c;
        int r;

        c = eh_frame_get_common(e, entry->common);
        if (!c) {
                e->losses[INDEX_UNWIND_BAD_CIE]++;
                return 0;
        }
        if (eh_frame_read_range(e, c, &entry->reader, &start, &size) < 0 || size > UINT32_MAX) {
                e->losses[INDEX_UNWIND_BAD_FDE]++;
                return 0;
        }
        if (size == 0)
                return 0; /* what a linker leaves of code that it has removed */
        if (e->n_functions >= EH_FRAME_FUNCTIONS_MAX) {
                e->losses[INDEX_UNWIND_FUNCTION_MAX]++;
                return 0;
        }

        r = ARRAY_RESERVE(e->functions, e->capacity, e->n_functions + 1);
        if (r < 0)
                return r;
        e->functions[e->n_functions++] = (EhFunction){
                .start = start,
                .size = (uint32_t) size,
                .offset = (uint32_t) entry->offset,
        };
        return 0;
}

static int eh_frame_read_functions(EhFrame *e) {
        uint64_t next;
        int r;

        for (uint64_t at = 0; at < e->input.size; at = next) {
                Entry entry;

                if (eh_frame_read_entry(e, at, &entry, &next) < 0) {
                        e->losses[INDEX_UNWIND_BAD_SECTION]++;
                        return 0;
                }
                /* A terminator may stand between the parts of several object files. */
                if (entry.is_terminator || entry.is_common)
                        continue;
                r = eh_frame_add_function(e, &entry);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_sorted(const EhFunction *f, size_t n) {
        for (size_t i = 1; i < n; i++)
                if (f[i].start < f[i - 1].start)
                        return false;
        return true;
}

/* Stable, and in time that does not depend on the order that somebody chose. */
static int eh_frame_sort(EhFrame *e) {
        _cleanup_free_ EhFunction *spare = NULL;
        EhFunction *from = e->functions, *to;
        uint64_t min = UINT64_MAX, max = 0;
        size_t n = e->n_functions;

        if (is_sorted(from, n))
                return 0;
        spare = malloc(n * sizeof(EhFunction));
        if (!spare)
                return -ENOMEM;
        to = spare;
        for (size_t i = 0; i < n; i++) {
                min = MIN(min, from[i].start);
                max = MAX(max, from[i].start);
        }

        for (unsigned shift = 0; shift < 64 && (max - min) >> shift != 0; shift += RADIX_BITS) {
                size_t at[RADIX_SIZE] = {}, sum = 0;
                EhFunction *swap = from;

                for (size_t i = 0; i < n; i++)
                        at[(from[i].start - min) >> shift & (RADIX_SIZE - 1)]++;
                for (size_t i = 0; i < RADIX_SIZE; i++) {
                        size_t count = at[i];

                        at[i] = sum;
                        sum += count;
                }
                for (size_t i = 0; i < n; i++)
                        to[at[(from[i].start - min) >> shift & (RADIX_SIZE - 1)]++] = from[i];
                from = to;
                to = swap;
        }
        if (from != e->functions)
                memcpy(e->functions, from, n * sizeof(EhFunction));
        return 0;
}

int eh_frame_new(EhFrame **ret, const EhFrameInput *input, uint32_t *losses) {
        _cleanup_(eh_frame_freep) EhFrame *e = NULL;
        int r;

        if (input->size > UINT32_MAX)
                return -E2BIG;
        e = calloc(1, sizeof(EhFrame));
        if (!e)
                return -ENOMEM;
        e->input = *input;
        e->losses = losses;
        r = cfi_program_new(&e->program, input->machine);
        if (r < 0)
                return r;
        r = eh_frame_read_functions(e);
        if (r < 0)
                return r;
        r = eh_frame_sort(e);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(e);
        return 0;
}

const EhFunction *eh_frame_get_functions(const EhFrame *e, size_t *ret_n) {
        *ret_n = e->n_functions;
        return e->functions;
}

/* It has been read before: only what follows the range can be wrong still. */
static int eh_frame_read_function(EhFrame *e,
                                  const EhFunction *f,
                                  CfiFunction *ret,
                                  const Common **ret_common) {
        uint64_t next, start, size;
        const Common *c;
        ByteReader *b;
        Entry entry;
        int r;

        r = eh_frame_read_entry(e, f->offset, &entry, &next);
        if (r < 0)
                return r;
        c = eh_frame_get_common(e, entry.common);
        if (!c)
                return -EBADMSG;
        b = &entry.reader;
        r = eh_frame_read_range(e, c, b, &start, &size);
        if (r < 0)
                return r;
        if (c->has_augmentation_data)
                (void) byte_reader_take(b, byte_reader_uleb(b));
        if (b->failed)
                return -EBADMSG;

        *ret = (CfiFunction){
                .start = start,
                .end = start + size,
                .bytes = b->at,
                .size = byte_reader_left(b),
                .address = e->input.address + (uint64_t) (b->at - e->input.bytes),
                .code_factor = c->code_factor,
                .data_factor = c->data_factor,
                .return_column = c->return_column,
                .encoding = c->encoding,
        };
        *ret_common = c;
        return 0;
}

int eh_frame_run(EhFrame *e,
                 const EhFunction *f,
                 CfiRowCallback on_row,
                 void *userdata,
                 bool *ret_is_signal) {
        CfiFunction function;
        const Common *c;
        int r;

        r = eh_frame_read_function(e, f, &function, &c);
        if (r < 0) {
                e->losses[INDEX_UNWIND_BAD_FDE]++;
                return r;
        }
        /* Before the rows are told. */
        *ret_is_signal = c->is_signal;
        r = cfi_program_run(e->program, &function, &c->state, on_row, userdata);
        if (r == -EBADMSG)
                e->losses[INDEX_UNWIND_BAD_PROGRAM]++;
        return r;
}
