/* SPDX-License-Identifier: Apache-2.0 */
/* Call Frame Instructions */

#include <elf.h>

#include "elf/cfi-program.h"
#include "elf/eh-pointer.h"

/* DWARF 5, 7.24, and what GNU and Arm added. The first three carry an operand in the low bits. */
enum {
        CFA_ADVANCE_LOC = 0x40,
        CFA_OFFSET = 0x80,
        CFA_RESTORE = 0xc0,
        CFA_NOP = 0x00,
        CFA_SET_LOC = 0x01,
        CFA_ADVANCE_LOC1 = 0x02,
        CFA_ADVANCE_LOC2 = 0x03,
        CFA_ADVANCE_LOC4 = 0x04,
        CFA_OFFSET_EXTENDED = 0x05,
        CFA_RESTORE_EXTENDED = 0x06,
        CFA_UNDEFINED = 0x07,
        CFA_SAME_VALUE = 0x08,
        CFA_REGISTER = 0x09,
        CFA_REMEMBER_STATE = 0x0a,
        CFA_RESTORE_STATE = 0x0b,
        CFA_DEF_CFA = 0x0c,
        CFA_DEF_CFA_REGISTER = 0x0d,
        CFA_DEF_CFA_OFFSET = 0x0e,
        CFA_DEF_CFA_EXPRESSION = 0x0f,
        CFA_EXPRESSION = 0x10,
        CFA_OFFSET_EXTENDED_SF = 0x11,
        CFA_DEF_CFA_SF = 0x12,
        CFA_DEF_CFA_OFFSET_SF = 0x13,
        CFA_VAL_OFFSET = 0x14,
        CFA_VAL_OFFSET_SF = 0x15,
        CFA_VAL_EXPRESSION = 0x16,
        CFA_ADVANCE_LOC8 = 0x1d,
        CFA_AARCH64_NEGATE_RA_STATE_WITH_PC = 0x2c,
        CFA_AARCH64_NEGATE_RA_STATE = 0x2d,
        CFA_GNU_ARGS_SIZE = 0x2e,
        CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

struct CfiProgram {
        uint16_t machine;
        size_t n_states, n_rows;
        CfiState state;
        CfiState states[CFI_STATES_MAX]; /* remembered */
};

/* One run. */
typedef struct CfiRun {
        CfiProgram *program;
        const CfiFunction *function;
        const CfiState *initial; /* NULL: the instructions of a CIE */
        CfiRowCallback on_row;
        void *userdata;
        ByteReader reader;
        uint64_t location;
} CfiRun;

int cfi_register_index(uint16_t machine, uint64_t number) {
        if (machine == EM_X86_64)
                return number < CFI_REGISTERS ? (int) number : -1;
        return number >= 16 && number < 16 + CFI_REGISTERS ? (int) number - 16 : -1;
}

int cfi_program_new(CfiProgram **ret, uint16_t machine) {
        CfiProgram *p;

        if (machine != EM_X86_64 && machine != EM_AARCH64)
                return -EOPNOTSUPP;
        p = calloc(1, sizeof(CfiProgram));
        if (!p)
                return -ENOMEM;
        p->machine = machine;
        *ret = p;
        return 0;
}

CfiProgram *cfi_program_free(CfiProgram *p) {
        free(p);
        return NULL;
}

/* Where the state keeps a register, to change it; NULL: it is not followed. */
static CfiValue *cfi_run_find(CfiRun *run, uint64_t number) {
        CfiState *state = &run->program->state;
        int i;

        if (number == run->function->return_column)
                return &state->return_address;
        i = cfi_register_index(run->program->machine, number);
        if (i < 0)
                return NULL;
        state->spoken |= 1U << i;
        return &state->registers[i];
}

static void cfi_run_set(CfiRun *run, uint64_t number, CfiKind kind, int64_t value) {
        CfiValue *v = cfi_run_find(run, number);

        if (v)
                *v = (CfiValue){ .kind = kind, .value = value };
}

/* Factored by the alignment of data; wrap-around is refused. */
static int cfi_run_set_factored(CfiRun *run, uint64_t number, CfiKind kind, int64_t factored) {
        int64_t value;

        if (__builtin_mul_overflow(factored, run->function->data_factor, &value))
                return -EBADMSG;
        cfi_run_set(run, number, kind, value);
        return 0;
}

static int cfi_run_set_unsigned(CfiRun *run, uint64_t number, CfiKind kind, uint64_t factored) {
        if (factored > INT64_MAX)
                return -EBADMSG;
        return cfi_run_set_factored(run, number, kind, (int64_t) factored);
}

/* In a CIE, which optimizers of binaries (BOLT) do: to what holds where nothing has been said. */
static void cfi_run_restore(CfiRun *run, uint64_t number) {
        CfiState *s = &run->program->state;
        CfiValue *v = cfi_run_find(run, number);

        if (!v)
                return;
        if (!run->initial)
                *v = (CfiValue){};
        else if (v == &s->return_address)
                *v = run->initial->return_address;
        else
                *v = run->initial->registers[v - s->registers];
}

static int cfi_run_read_expression(CfiRun *run, CfiKind kind, CfiValue *ret) {
        uint64_t size = byte_reader_uleb(&run->reader);
        const uint8_t *bytes = byte_reader_take(&run->reader, size);

        if (!bytes || size > UINT32_MAX)
                return -EBADMSG;
        *ret = (CfiValue){ .kind = kind, .size = (uint32_t) size, .bytes = bytes };
        return 0;
}

static int cfi_run_set_expression(CfiRun *run, CfiKind kind) {
        uint64_t number = byte_reader_uleb(&run->reader);
        CfiValue value, *v;
        int r;

        r = cfi_run_read_expression(run, kind, &value);
        if (r < 0)
                return r;
        v = cfi_run_find(run, number);
        if (v)
                *v = value;
        return 0;
}

static int cfi_run_set_cfa(CfiRun *run, uint64_t number, int64_t value) {
        CfiState *s = &run->program->state;

        s->cfa = (CfiValue){ .kind = CFI_OFFSET, .value = value };
        s->cfa_register = number;
        return 0;
}

static int cfi_run_set_cfa_factored(CfiRun *run, uint64_t number, int64_t factored) {
        int64_t value;

        if (__builtin_mul_overflow(factored, run->function->data_factor, &value))
                return -EBADMSG;
        return cfi_run_set_cfa(run, number, value);
}

static int cfi_run_emit(CfiRun *run, uint64_t start, uint64_t end) {
        CfiProgram *p = run->program;

        if (start >= end)
                return 0;
        if (++p->n_rows > CFI_ROWS_MAX)
                return -EBADMSG;
        return run->on_row(run->userdata, start, end, &p->state);
}

/* Some programs end with rows that lie behind their function: they say nothing. */
static int cfi_run_move(CfiRun *run, uint64_t location) {
        const CfiFunction *f = run->function;
        int r;

        if (!run->initial || location < run->location)
                return -EBADMSG;
        r = cfi_run_emit(run, run->location, MIN(location, f->end));
        if (r < 0)
                return r;
        run->location = location;
        return 0;
}

static int cfi_run_advance(CfiRun *run, uint64_t delta) {
        uint64_t location;

        if (__builtin_mul_overflow(delta, run->function->code_factor, &delta) ||
            __builtin_add_overflow(run->location, delta, &location))
                return -EBADMSG;
        return cfi_run_move(run, location);
}

static int cfi_run_set_location(CfiRun *run) {
        const CfiFunction *f = run->function;
        EhBases bases = { .address = f->address, .bytes = f->bytes, .function = f->start };
        uint64_t location;
        int r;

        /* What text and data start at is no use here: no compiler writes that. */
        if ((f->encoding & EH_PE_RELATION) == EH_PE_TEXTREL ||
            (f->encoding & EH_PE_RELATION) == EH_PE_DATAREL)
                return -EBADMSG;
        r = eh_pointer_read(&run->reader, f->encoding, &bases, &location);
        if (r < 0)
                return r;
        return run->reader.failed ? -EBADMSG : cfi_run_move(run, location);
}

static int cfi_run_remember(CfiRun *run) {
        CfiProgram *p = run->program;

        if (p->n_states >= CFI_STATES_MAX)
                return -EBADMSG;
        p->states[p->n_states++] = p->state;
        return 0;
}

static int cfi_run_recall(CfiRun *run) {
        CfiProgram *p = run->program;

        if (p->n_states == 0)
                return -EBADMSG;
        p->state = p->states[--p->n_states];
        return 0;
}

/* Instructions about the CFA. */
static int cfi_run_cfa(CfiRun *run, uint8_t code) {
        CfiState *s = &run->program->state;
        ByteReader *b = &run->reader;
        uint64_t number, value;

        if (code == CFA_DEF_CFA_EXPRESSION)
                return cfi_run_read_expression(run, CFI_EXPRESSION, &s->cfa);

        /* The other half of an offset that is changed has to be there. */
        if ((code == CFA_DEF_CFA_REGISTER || code == CFA_DEF_CFA_OFFSET ||
             code == CFA_DEF_CFA_OFFSET_SF) &&
            s->cfa.kind != CFI_OFFSET)
                return -EBADMSG;

        switch (code) {
        case CFA_DEF_CFA_REGISTER:
                s->cfa_register = byte_reader_uleb(b);
                return 0;
        case CFA_DEF_CFA_OFFSET_SF:
                return cfi_run_set_cfa_factored(run, s->cfa_register, byte_reader_sleb(b));
        case CFA_DEF_CFA_SF:
                number = byte_reader_uleb(b);
                return cfi_run_set_cfa_factored(run, number, byte_reader_sleb(b));
        default:
                number = code == CFA_DEF_CFA ? byte_reader_uleb(b) : s->cfa_register;
                value = byte_reader_uleb(b);
                return value <= INT64_MAX ? cfi_run_set_cfa(run, number, (int64_t) value)
                                          : -EBADMSG;
        }
}

/* Instructions about a register, whose number is the first operand. */
static int cfi_run_register(CfiRun *run, uint8_t code) {
        ByteReader *b = &run->reader;
        uint64_t number = byte_reader_uleb(b);

        switch (code) {
        case CFA_OFFSET_EXTENDED:
                return cfi_run_set_unsigned(run, number, CFI_OFFSET, byte_reader_uleb(b));
        case CFA_OFFSET_EXTENDED_SF:
                return cfi_run_set_factored(run, number, CFI_OFFSET, byte_reader_sleb(b));
        case CFA_GNU_NEGATIVE_OFFSET_EXTENDED: {
                uint64_t factored = byte_reader_uleb(b);

                if (factored > INT64_MAX)
                        return -EBADMSG;
                return cfi_run_set_factored(run, number, CFI_OFFSET, -(int64_t) factored);
        }
        case CFA_VAL_OFFSET:
                return cfi_run_set_unsigned(run, number, CFI_VAL_OFFSET, byte_reader_uleb(b));
        case CFA_VAL_OFFSET_SF:
                return cfi_run_set_factored(run, number, CFI_VAL_OFFSET, byte_reader_sleb(b));
        case CFA_RESTORE_EXTENDED:
                cfi_run_restore(run, number);
                return 0;
        case CFA_UNDEFINED:
                cfi_run_set(run, number, CFI_UNDEFINED, 0);
                return 0;
        case CFA_SAME_VALUE:
                cfi_run_set(run, number, CFI_SAME, 0);
                return 0;
        default: /* CFA_REGISTER */
                cfi_run_set(run, number, CFI_REGISTER, (int64_t) byte_reader_uleb(b));
                return 0;
        }
}

static int cfi_run_other(CfiRun *run, uint8_t code) {
        ByteReader *b = &run->reader;

        switch (code) {
        case CFA_NOP:
                return 0;
        case CFA_SET_LOC:
                return cfi_run_set_location(run);
        case CFA_ADVANCE_LOC1:
                return cfi_run_advance(run, byte_reader_u8(b));
        case CFA_ADVANCE_LOC2:
                return cfi_run_advance(run, byte_reader_fixed(b, 2));
        case CFA_ADVANCE_LOC4:
                return cfi_run_advance(run, byte_reader_fixed(b, 4));
        case CFA_ADVANCE_LOC8:
                return cfi_run_advance(run, byte_reader_fixed(b, 8));
        case CFA_OFFSET_EXTENDED:
        case CFA_OFFSET_EXTENDED_SF:
        case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        case CFA_VAL_OFFSET:
        case CFA_VAL_OFFSET_SF:
        case CFA_RESTORE_EXTENDED:
        case CFA_UNDEFINED:
        case CFA_SAME_VALUE:
        case CFA_REGISTER:
                return cfi_run_register(run, code);
        case CFA_EXPRESSION:
                return cfi_run_set_expression(run, CFI_EXPRESSION);
        case CFA_VAL_EXPRESSION:
                return cfi_run_set_expression(run, CFI_VAL_EXPRESSION);
        case CFA_DEF_CFA:
        case CFA_DEF_CFA_SF:
        case CFA_DEF_CFA_REGISTER:
        case CFA_DEF_CFA_OFFSET:
        case CFA_DEF_CFA_OFFSET_SF:
        case CFA_DEF_CFA_EXPRESSION:
                return cfi_run_cfa(run, code);
        case CFA_REMEMBER_STATE:
                return cfi_run_remember(run);
        case CFA_RESTORE_STATE:
                return cfi_run_recall(run);
        case CFA_GNU_ARGS_SIZE:
                (void) byte_reader_uleb(b);
                return 0;
        case CFA_AARCH64_NEGATE_RA_STATE:
        case CFA_AARCH64_NEGATE_RA_STATE_WITH_PC:
                /* Signatures are stripped from every return address: nothing to keep. */
                return run->program->machine == EM_AARCH64 ? 0 : -EBADMSG;
        default:
                return -EBADMSG;
        }
}

static int cfi_run(CfiRun *run) {
        CfiProgram *p = run->program;
        ByteReader *b = &run->reader;
        int r = 0;

        p->n_states = 0;
        p->n_rows = 0;
        while (b->at < b->end) {
                uint8_t code = *b->at++, low = code & 0x3f;

                switch (code & 0xc0) {
                case CFA_ADVANCE_LOC:
                        r = cfi_run_advance(run, low);
                        break;
                case CFA_OFFSET:
                        r = cfi_run_set_unsigned(run, low, CFI_OFFSET, byte_reader_uleb(b));
                        break;
                case CFA_RESTORE:
                        cfi_run_restore(run, low);
                        break;
                default:
                        r = cfi_run_other(run, code);
                }
                if (r < 0)
                        return r;
                if (b->failed)
                        return -EBADMSG;
        }
        return 0;
}

int cfi_program_run_common(CfiProgram *p, const CfiFunction *common, CfiState *ret) {
        CfiRun run = {
                .program = p,
                .function = common,
                .reader = byte_reader(common->bytes, common->size),
        };
        int r;

        p->state = (CfiState){};
        r = cfi_run(&run);
        if (r < 0)
                return r;
        *ret = p->state;
        return 0;
}

int cfi_program_run(CfiProgram *p,
                    const CfiFunction *function,
                    const CfiState *initial,
                    CfiRowCallback on_row,
                    void *userdata) {
        CfiRun run = {
                .program = p,
                .function = function,
                .initial = initial,
                .on_row = on_row,
                .userdata = userdata,
                .reader = byte_reader(function->bytes, function->size),
                .location = function->start,
        };
        int r;

        p->state = *initial;
        r = cfi_run(&run);
        if (r < 0)
                return r;
        return cfi_run_emit(&run, run.location, function->end);
}
