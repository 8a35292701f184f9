/* SPDX-License-Identifier: Apache-2.0 */
/* Rules from Call Frame Information */

#include <elf.h>

#include "elf/byte-reader.h"
#include "elf/cfi-rule.h"

enum {
        OP_DEREF = 0x06,
        OP_CONST1U = 0x08,
        OP_CONST2U = 0x0a,
        OP_AND = 0x1a,
        OP_MUL = 0x1e,
        OP_PLUS = 0x22,
        OP_PLUS_UCONST = 0x23,
        OP_SHL = 0x24,
        OP_GE = 0x2a,
        OP_LIT0 = 0x30,
        OP_LIT31 = 0x4f,
        OP_BREG0 = 0x70,
        OP_BREG31 = 0x8f,
        OP_BREGX = 0x92,

        X86_64_RIP = 16, /* DWARF number of the return address column */
        X86_64_RSP = 7,
        AARCH64_LR = 30,
        AARCH64_SP = 31,

        WORD = 8,
        BLOCK_SAVES_MAX = 12,
};

static int refuse(IndexUnwindLoss loss) {
        return (int) loss + 1;
}

/* DW_OP_breg…: register + offset. */
static bool read_breg(ByteReader *r, uint64_t *ret_number, int64_t *ret_offset) {
        uint8_t op = byte_reader_u8(r);

        if (op >= OP_BREG0 && op <= OP_BREG31)
                *ret_number = op - OP_BREG0;
        else if (op == OP_BREGX)
                *ret_number = byte_reader_uleb(r);
        else
                return false;
        *ret_offset = byte_reader_sleb(r);
        return !r->failed;
}

static bool read_literal(ByteReader *r, uint64_t *ret) {
        uint8_t op = byte_reader_u8(r);

        if (op >= OP_LIT0 && op <= OP_LIT31)
                *ret = op - OP_LIT0;
        else if (op == OP_CONST1U)
                *ret = byte_reader_u8(r);
        else if (op == OP_CONST2U)
                *ret = byte_reader_fixed(r, 2);
        else
                return false;
        return !r->failed;
}

static bool is_op(ByteReader *r, uint8_t op) {
        if (r->at == r->end || *r->at != op)
                return false;
        r->at++;
        return true;
}

/* Nothing, or DW_OP_plus_uconst, up to the end of the expression. */
static bool read_tail(ByteReader *r, int64_t *ret_plus) {
        uint64_t plus = 0;

        if (is_op(r, OP_PLUS_UCONST))
                plus = byte_reader_uleb(r);
        *ret_plus = (int64_t) plus;
        return !r->failed && r->at == r->end && plus <= INT32_MAX;
}

/*
 * breg7 8, breg16 0, lit15, and, lit11, ge, lit3, shl, plus: in the entries of a PLT, 16 bytes
 * each, the index of the function has been pushed from some byte on.
 */
static bool match_plt(ByteReader r, int64_t *ret_aux) {
        uint64_t number, mask, from, shift;
        int64_t offset;

        if (!read_breg(&r, &number, &offset) || number != X86_64_RIP || offset != 0)
                return false;
        if (!read_literal(&r, &mask) || mask != 15 || !is_op(&r, OP_AND))
                return false;
        if (!read_literal(&r, &from) || from > 15 || !is_op(&r, OP_GE))
                return false;
        if (!read_literal(&r, &shift) || shift != 3 || !is_op(&r, OP_SHL) || !is_op(&r, OP_PLUS))
                return false;
        *ret_aux = (int64_t) from;
        return r.at == r.end;
}

/* bregN 0, lit8, mul, plus, deref, plus_uconst: the frame's address lies in an array. */
static bool match_indexed(uint16_t machine, ByteReader r, int *ret_aux, int64_t *ret_plus) {
        uint64_t number, scale;
        int64_t offset;

        if (!read_breg(&r, &number, &offset) || offset != 0)
                return false;
        if (!read_literal(&r, &scale) || scale != WORD || !is_op(&r, OP_MUL) ||
            !is_op(&r, OP_PLUS) || !is_op(&r, OP_DEREF))
                return false;
        *ret_aux = cfi_register_index(machine, number);
        return read_tail(&r, ret_plus) && *ret_aux >= 0;
}

static int make_cfa_expression(uint16_t machine, const CfiValue *cfa, struct unwind_rule *rule) {
        ByteReader r = byte_reader(cfa->bytes, cfa->size);
        int64_t offset, plus = 0, from;
        uint64_t number;
        int base, aux = 0;

        if (!read_breg(&r, &number, &offset))
                return refuse(INDEX_UNWIND_ROW_CFA);
        base = cfi_register_index(machine, number);
        if (base < 0)
                return refuse(INDEX_UNWIND_ROW_CFA);

        if (is_op(&r, OP_DEREF)) {
                if (!read_tail(&r, &plus))
                        return refuse(INDEX_UNWIND_ROW_CFA);
                rule->kind = UNWIND_CFA_LOADED;
        } else if (machine == EM_X86_64 && match_plt(r, &from)) {
                rule->kind = UNWIND_CFA_PLT;
                aux = (int) from;
        } else if (match_indexed(machine, r, &aux, &plus)) {
                rule->kind = UNWIND_CFA_INDEXED;
        } else if (read_tail(&r, &plus)) {
                rule->kind = UNWIND_CFA_REGISTER;
                if (__builtin_add_overflow(offset, plus, &offset))
                        return refuse(INDEX_UNWIND_ROW_OFFSET);
                plus = 0;
        } else
                return refuse(INDEX_UNWIND_ROW_CFA);

        if (offset != (int32_t) offset || plus != (int16_t) plus)
                return refuse(INDEX_UNWIND_ROW_OFFSET);
        rule->base = (uint8_t) base;
        rule->aux = (uint8_t) aux;
        rule->offset = (int32_t) offset;
        rule->offset2 = (int16_t) plus;
        return 0;
}

static int make_cfa(uint16_t machine, const CfiState *s, struct unwind_rule *rule) {
        int base;

        if (s->cfa.kind == CFI_EXPRESSION)
                return make_cfa_expression(machine, &s->cfa, rule);
        if (s->cfa.kind != CFI_OFFSET)
                return refuse(INDEX_UNWIND_ROW_CFA);
        base = cfi_register_index(machine, s->cfa_register);
        if (base < 0)
                return refuse(INDEX_UNWIND_ROW_CFA);
        if (s->cfa.value != (int32_t) s->cfa.value)
                return refuse(INDEX_UNWIND_ROW_OFFSET);
        rule->kind = UNWIND_CFA_REGISTER;
        rule->base = (uint8_t) base;
        rule->offset = (int32_t) s->cfa.value;
        return 0;
}

/* Where saved things are: words from the CFA or from a register. */
typedef struct Place {
        int base; /* register, or UNWIND_BLOCK_AT_CFA */
        int32_t word;
} Place;

/* 0, or a refusal. The value is CFI_OFFSET or CFI_EXPRESSION. */
static inline int find_place(uint16_t machine,
                             const struct unwind_rule *rule,
                             const CfiValue *v,
                             IndexUnwindLoss loss,
                             Place *ret) {
        int64_t offset = v->value, plus;
        int base = UNWIND_BLOCK_AT_CFA;

        if (v->kind == CFI_EXPRESSION) {
                ByteReader r = byte_reader(v->bytes, v->size);
                uint64_t number;

                if (!read_breg(&r, &number, &offset) || !read_tail(&r, &plus) ||
                    __builtin_add_overflow(offset, plus, &offset))
                        return refuse(loss);
                base = cfi_register_index(machine, number);
                if (base < 0)
                        return refuse(loss);
                /* The same register is the base of the CFA: seen from there, it is as usual. */
                if (rule->kind == UNWIND_CFA_REGISTER && base == rule->base) {
                        if (__builtin_sub_overflow(offset, rule->offset, &offset))
                                return refuse(INDEX_UNWIND_ROW_OFFSET);
                        base = UNWIND_BLOCK_AT_CFA;
                }
        }
        if (offset % WORD != 0 || offset / WORD != (int16_t) (offset / WORD))
                return refuse(INDEX_UNWIND_ROW_OFFSET);
        *ret = (Place){ .base = base, .word = (int32_t) (offset / WORD) };
        return 0;
}

/* The saved registers that a rule is about, and their block. */
typedef struct Block {
        struct {
                int32_t word;
                int32_t number;
        } saves[BLOCK_SAVES_MAX];
        size_t n;
        int base;
        int32_t low, high; /* words */
} Block;

/* false: it is elsewhere, or too far from the others; nothing was added. */
static bool block_add(Block *b, int number, Place place) {
        int32_t low = b->n > 0 ? MIN(b->low, place.word) : place.word;
        int32_t high = b->n > 0 ? MAX(b->high, place.word) : place.word;

        if ((b->n > 0 && place.base != b->base) || high - low >= UNWIND_BLOCK_WORDS)
                return false;
        b->base = place.base;
        b->low = low;
        b->high = high;
        b->saves[b->n].word = place.word;
        b->saves[b->n++].number = number;
        return true;
}

static uint64_t slot(uint32_t number, uint64_t value) {
        return value << (4 * number);
}

/*
 * Nothing but the return address is left on the stack. Where GCC has realigned the stack it does
 * not say that the registers have been restored, and still looks for them by the frame pointer
 * that it has restored as well.
 */
static bool is_at_return(const struct unwind_rule *rule) {
        return rule->kind == UNWIND_CFA_REGISTER && rule->base == UNWIND_X86_64_RSP &&
               rule->offset == WORD;
}

static int collect_one(
        uint16_t machine, const CfiState *s, int number, struct unwind_rule *rule, Block *block) {
        const CfiValue *v = &s->registers[number];
        Place place;
        int r;

        switch (v->kind) {
        case CFI_UNSPECIFIED:
        case CFI_SAME:
                return 0;
        case CFI_OFFSET:
        case CFI_EXPRESSION:
                r = find_place(machine, rule, v, INDEX_UNWIND_ROW_SAVED, &place);
                if (r != 0)
                        return r;
                if (place.base != UNWIND_BLOCK_AT_CFA && is_at_return(rule))
                        return 0;
                if (block_add(block, number, place))
                        return 0;
                break;
        case CFI_REGISTER:
                if (cfi_register_index(machine, (uint64_t) v->value) == number)
                        return 0;
                break;
        default:
                break;
        }
        rule->slots |= slot((uint32_t) number, UNWIND_SLOT_LOST);
        return 0;
}

/* The frame pointer first: of what does not fit into a block, callers need that the most. */
static int collect_saved(uint16_t machine,
                         const CfiState *s,
                         struct unwind_rule *rule,
                         Block *block) {
        uint32_t kept = machine == EM_X86_64 ? UNWIND_X86_64_KEPT & ~(1U << UNWIND_X86_64_RSP)
                                             : UNWIND_AARCH64_KEPT & ~(1U << UNWIND_AARCH64_SP);
        int fp = machine == EM_X86_64 ? UNWIND_X86_64_RBP : UNWIND_AARCH64_FP, r;

        r = collect_one(machine, s, fp, rule, block);
        for (uint32_t rest = kept & s->spoken & ~(1U << fp); r == 0 && rest != 0; rest &= rest - 1)
                r = collect_one(machine, s, __builtin_ctz(rest), rule, block);
        return r;
}

static int make_return(uint16_t machine,
                       const CfiState *s,
                       struct unwind_rule *rule,
                       Block *block) {
        const CfiValue *v = &s->return_address;
        Place place;
        int r, number;

        switch (v->kind) {
        case CFI_UNSPECIFIED:
        case CFI_SAME:
                /* On x86-64 it is no register that could still have its value. */
                if (machine != EM_AARCH64)
                        return refuse(INDEX_UNWIND_ROW_RETURN);
                rule->ra_kind = UNWIND_RETURN_IN_REGISTER;
                rule->ra = UNWIND_AARCH64_LR;
                return 0;
        case CFI_REGISTER:
                number = cfi_register_index(machine, (uint64_t) v->value);
                if (number < 0)
                        return refuse(INDEX_UNWIND_ROW_RETURN);
                rule->ra_kind = UNWIND_RETURN_IN_REGISTER;
                rule->ra = (int16_t) number;
                return 0;
        case CFI_OFFSET:
        case CFI_EXPRESSION:
                r = find_place(machine, rule, v, INDEX_UNWIND_ROW_RETURN, &place);
                if (r != 0)
                        return r;
                break;
        default:
                return refuse(INDEX_UNWIND_ROW_RETURN);
        }

        if (block->n == 0 ||
            (place.base == block->base &&
             MAX(block->high, place.word) - MIN(block->low, place.word) < UNWIND_BLOCK_WORDS)) {
                rule->ra_kind = UNWIND_RETURN_IN_BLOCK;
                block->low = block->n > 0 ? MIN(block->low, place.word) : place.word;
                block->high = block->n > 0 ? MAX(block->high, place.word) : place.word;
                block->base = place.base;
                rule->ra = (int16_t) (place.word - block->low);
                rule->n_block = (uint8_t) (block->high - block->low + 1);
                return 0;
        }
        if (place.base != UNWIND_BLOCK_AT_CFA)
                return refuse(INDEX_UNWIND_ROW_RETURN);
        rule->ra_kind = UNWIND_RETURN_AT_CFA;
        rule->ra = (int16_t) place.word;
        return 0;
}

struct unwind_rule cfi_rule_for_restored(const struct unwind_rule *rule) {
        return (struct unwind_rule){
                .kind = rule->kind,
                .base = rule->base,
                .aux = rule->aux,
                .offset = rule->offset,
                .offset2 = rule->offset2,
                .ra_kind = UNWIND_RETURN_IN_BLOCK,
                .block_base = UNWIND_BLOCK_AT_CFA,
                .block = -1,
                .n_block = 1,
        };
}

struct unwind_rule cfi_rule_for_signal(uint16_t machine) {
        return (struct unwind_rule){
                .kind = UNWIND_SIGNAL,
                .base = machine == EM_X86_64 ? UNWIND_X86_64_RSP : UNWIND_AARCH64_SP,
                .offset = machine == EM_X86_64 ? UNWIND_X86_64_SIGNAL_OFFSET
                                               : UNWIND_AARCH64_SIGNAL_OFFSET,
        };
}

/* Expression: register + offset, where rsp itself is the register. */
static bool is_at_rsp(const CfiValue *v, int64_t offset) {
        ByteReader r = byte_reader(v->bytes, v->size);
        uint64_t number;
        int64_t found;

        return v->kind == CFI_EXPRESSION && read_breg(&r, &number, &found) &&
               number == X86_64_RSP && found == offset && r.at == r.end;
}

/*
 * Trampolines. On x86-64 libc describes the kernel's frame register by register; a few of them
 * tell whether it is the layout that we know. On aarch64 the vDSO only describes a frame record
 * that does not lead to the interrupted registers: there the layout is the kernel's in any case.
 */
static bool match_signal(uint16_t machine, const CfiState *s) {
        const int64_t words = UNWIND_X86_64_SIGNAL_OFFSET;

        if (machine == EM_AARCH64)
                return s->cfa.kind != CFI_EXPRESSION;
        return is_at_rsp(&s->return_address, words + 16 * WORD) &&
               is_at_rsp(&s->registers[UNWIND_X86_64_RSP], words + 15 * WORD) &&
               is_at_rsp(&s->registers[UNWIND_X86_64_RBP], words + 10 * WORD) &&
               is_at_rsp(&s->registers[UNWIND_X86_64_RBX], words + 11 * WORD) &&
               is_at_rsp(&s->registers[12], words + 4 * WORD);
}

/* The stack pointer of the caller is the CFA, or the rule is about something else than a call. */
static bool is_cfa_the_stack_pointer(uint16_t machine, const CfiState *s) {
        const CfiValue *v =
                &s->registers[machine == EM_X86_64 ? UNWIND_X86_64_RSP : UNWIND_AARCH64_SP];

        return v->kind == CFI_UNSPECIFIED || v->kind == CFI_SAME ||
               (v->kind == CFI_VAL_OFFSET && v->value == 0);
}

static int make_rule(uint16_t machine,
                     const CfiState *state,
                     bool is_signal,
                     struct unwind_rule *rule) {
        Block block = { .base = UNWIND_BLOCK_AT_CFA };
        int r;

        if (state->return_address.kind == CFI_UNDEFINED) {
                rule->kind = UNWIND_END;
                return 0;
        }
        if (is_signal && match_signal(machine, state)) {
                *rule = cfi_rule_for_signal(machine);
                return 0;
        }
        if (is_signal || !is_cfa_the_stack_pointer(machine, state))
                return refuse(INDEX_UNWIND_ROW_CFA);

        r = make_cfa(machine, state, rule);
        if (r != 0)
                return r;
        r = collect_saved(machine, state, rule, &block);
        if (r != 0)
                return r;
        r = make_return(machine, state, rule, &block);
        if (r != 0)
                return r;

        if (block.n > 0)
                rule->n_block = (uint8_t) (block.high - block.low + 1);
        rule->block_base = (uint8_t) (rule->n_block > 0 ? block.base : UNWIND_BLOCK_AT_CFA);
        rule->block = (int16_t) (rule->n_block > 0 ? block.low : 0);
        for (size_t i = 0; i < block.n; i++)
                rule->slots |= slot((uint32_t) block.saves[i].number,
                                    (uint64_t) (block.saves[i].word - block.low + 1));
        return 0;
}

int cfi_rule_make(uint16_t machine,
                  const CfiState *state,
                  bool is_signal,
                  struct unwind_rule *ret) {
        struct unwind_rule rule = {};
        int r;

        r = make_rule(machine, state, is_signal, &rule);
        *ret = r == 0 ? rule : (struct unwind_rule){ .kind = UNWIND_REFUSED };
        return r;
}
