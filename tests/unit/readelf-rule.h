/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules in Readelf's Words
 */

#include "index/index-file.h"
#include "readelf-columns.h"

/* How readelf names the registers of a rule, and which of them a callee keeps for its caller. */
typedef struct ReadelfMachine {
        const char *names[UNWIND_REGISTERS];
        uint32_t kept;
} ReadelfMachine;

static const ReadelfMachine readelf_x86_64 = {
        .names = { "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
                   "r12", "r13", "r14", "r15" },
        .kept = UNWIND_X86_64_KEPT & ~(1U << UNWIND_X86_64_RSP),
};
/* A return address that still is in its register, x30, says nothing there. */
static const ReadelfMachine readelf_aarch64 = {
        .names = { "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",
                   "x27", "x28", "x29", "u", "sp" },
        .kept = UNWIND_AARCH64_KEPT & ~(1U << UNWIND_AARCH64_SP),
};

/* What the rule says, in readelf's words. */
static void describe_cfa(const ReadelfMachine *machine,
                         const struct unwind_rule *rule,
                         char *ret,
                         size_t size) {
        if (rule->kind == UNWIND_CFA_REGISTER)
                snprintf(ret, size, "%s%+d", machine->names[rule->base], rule->offset);
        else
                snprintf(ret, size, "exp");
}

static void describe_word(const struct unwind_rule *rule, int word, char *ret, size_t size) {
        if (rule->block_base == UNWIND_BLOCK_AT_CFA)
                snprintf(ret, size, "c%+d", (rule->block + word) * 8);
        else
                snprintf(ret, size, "exp");
}

static void describe_register(const struct unwind_rule *rule, unsigned i, char *ret, size_t size) {
        uint32_t slot = unwind_rule_get_slot(rule, i);

        if (slot == UNWIND_SLOT_SAME)
                snprintf(ret, size, "u");
        else if (slot == UNWIND_SLOT_LOST)
                snprintf(ret, size, "lost");
        else
                describe_word(rule, (int) slot - 1, ret, size);
}

static void describe_return(const ReadelfMachine *machine,
                            const struct unwind_rule *rule,
                            char *ret,
                            size_t size) {
        if (rule->ra_kind == UNWIND_RETURN_IN_BLOCK)
                describe_word(rule, rule->ra, ret, size);
        else if (rule->ra_kind == UNWIND_RETURN_AT_CFA)
                snprintf(ret, size, "c%+d", rule->ra * 8);
        else
                snprintf(ret, size, "%s", machine->names[rule->ra]);
}

/* GCC does not say when a realigned stack has been restored: see elf-unwind.c. */
static bool is_restored(const ReadelfColumns *columns, const char *theirs, const char *ours) {
        const char *cfa = columns_get(columns, "CFA");

        return streq(theirs, "exp") && streq(ours, "u") &&
               (streq(cfa, "rsp+8") || streq(cfa, "r10+0"));
}

static bool is_equal(const char *theirs, const char *ours) {
        /* In another register, which the caller's frame does not have, or too far away. */
        if (streq(ours, "lost"))
                return theirs[0] == 'r' || theirs[0] == 'c';
        return streq(theirs, ours) || (streq(theirs, "s") && streq(ours, "u"));
}
