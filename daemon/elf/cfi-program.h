/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Call Frame Instructions
 *
 * Runs the little program that a compiler leaves beside each function (DWARF 5, 6.4.2) and tells,
 * for each stretch of the function's code, where the caller's frame and registers are. It says
 * what the program says; whether a rule can express it is for elf/cfi-rule.h.
 */

#include "basic/util.h"

enum {
        CFI_REGISTERS = 16,     /* those of bpf/unwind-rule.h */
        CFI_STATES_MAX = 64,    /* depth of DW_CFA_remember_state */
        CFI_ROWS_MAX = 1 << 20, /* of one function */
};

typedef enum CfiKind {
        CFI_UNSPECIFIED, /* the program never spoke of it */
        CFI_SAME,
        CFI_UNDEFINED,
        CFI_OFFSET,     /* saved at CFA + value */
        CFI_VAL_OFFSET, /* is CFA + value */
        CFI_REGISTER,   /* is in the register with the DWARF number value */
        CFI_EXPRESSION, /* saved at the address that the expression yields */
        CFI_VAL_EXPRESSION,
} CfiKind;

typedef struct CfiValue {
        CfiKind kind;
        uint32_t size; /* of the expression */
        union {
                int64_t value;
                const uint8_t *bytes; /* the expression, borrowed from the section */
        };
} CfiValue;

/* One row of the table: what holds for a stretch of code. */
typedef struct CfiState {
        CfiValue cfa; /* CFI_OFFSET: cfa_register + value, CFI_EXPRESSION: is what it yields */
        uint64_t cfa_register; /* DWARF number */
        uint32_t spoken;       /* bit i: registers[i] may be other than CFI_UNSPECIFIED */
        CfiValue return_address;
        CfiValue registers[CFI_REGISTERS];
} CfiState;

typedef struct CfiProgram CfiProgram;

/* What a function and its CIE say beside the instructions. */
typedef struct CfiFunction {
        uint64_t start, end;
        const uint8_t *bytes; /* instructions */
        size_t size;
        uint64_t address; /* of the first instruction byte, for DW_CFA_set_loc */
        uint64_t code_factor;
        int64_t data_factor;
        uint64_t return_column;
        uint8_t encoding; /* of addresses, DW_EH_PE_… */
} CfiFunction;

/* Stretches come in order, without gaps; never empty. < 0 ends the run. */
typedef int (*CfiRowCallback)(void *userdata, uint64_t start, uint64_t end, const CfiState *state);

/* machine: EM_X86_64 or EM_AARCH64, others are -EOPNOTSUPP. */
int cfi_program_new(CfiProgram **ret, uint16_t machine);
CfiProgram *cfi_program_free(CfiProgram *p);
DEFINE_CLEANUP(CfiProgram *, cfi_program_free);

/* The instructions of a CIE: *ret is where its functions begin. -EBADMSG: damaged or unknown. */
int cfi_program_run_common(CfiProgram *p, const CfiFunction *common, CfiState *ret);

/*
 * -EBADMSG: damaged, unknown, or beyond a limit. Rows that were told before that are true as far
 * as one can know, but it is better not to believe them.
 */
int cfi_program_run(CfiProgram *p,
                    const CfiFunction *function,
                    const CfiState *initial,
                    CfiRowCallback on_row,
                    void *userdata);

/* Index of a DWARF register number among CFI_REGISTERS, -1: it is not followed. */
int cfi_register_index(uint16_t machine, uint64_t number);
