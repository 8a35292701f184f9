/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go Stacks
 *
 * A function that has a frame keeps the caller's frame pointer at its top, below the return address
 * (Go's internal ABI; cmd/internal/obj/x86 writes it so for assembly, too).
 */

#include <elf.h>

#include "basic/string-util.h"
#include "elf/cfi-rule.h"
#include "elf/go-stacks.h"

enum {
        NAME_SIZE_MAX = 64, /* longer ones are not looked for */
        WORD = 8,
        FRAME_BYTES_MAX = 1 << 20,
};

int go_stacks_begin(GoStacks *g, const ElfFile *f) {
        *g = (GoStacks){ .machine = elf_file_get_machine(f) };
        return go_table_find(f, &g->table);
}

/* ---- functions that are known ---- */

static bool is_one_of(const char *name, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(name, names[i]))
                        return true;
        return false;
}

/* Here a stack begins. Above it there is nothing, or what has been left for good. */
static bool is_beginning(const char *name) {
        static const char *const names[] = {
                "runtime.goexit",   "runtime.mstart",  "runtime.mcall",    "runtime.morestack",
                "runtime.rt0_go",   "_rt0_amd64",      "_rt0_amd64_linux", "_rt0_arm64",
                "_rt0_arm64_linux", "runtime.kickoff",
        };

        return is_one_of(name, names, ELEMENTSOF(names));
}

/* It runs a function on the thread's own stack, and leaves the frame pointer as it was. */
static bool is_crossing(const char *name) {
        static const char *const names[] = { "runtime.systemstack", "runtime.asmcgocall" };

        return is_one_of(name, names, ELEMENTSOF(names));
}

/* The same for the vDSO, from a frame of its own. Go 1.16 does not say that they do. */
static bool has_frame_elsewhere(const GoFunction *f, const char *name) {
        static const char *const names[] = { "time.now", "runtime.nanotime1", "runtime.walltime",
                                             "runtime.walltime1" };

        return f->moves_stack || is_one_of(name, names, ELEMENTSOF(names));
}

/* The kernel leaves all registers there; its bytes are known. */
static bool is_signal_return(const char *name) {
        return startswith(name, "runtime.sigreturn");
}

/* Without the suffix that tells the ways to call it apart. "": it is too long, or has none. */
static void get_name(const GoStacks *g, char ret[static NAME_SIZE_MAX]) {
        const char *name = go_table_get_name(&g->table, g->function.name);
        size_t n = name ? strnlen(name, NAME_SIZE_MAX) : NAME_SIZE_MAX;
        char *abi;

        if (n == NAME_SIZE_MAX)
                n = 0;
        memcpy(ret, name ?: "", n);
        ret[n] = '\0';
        abi = strstr(ret, ".abi");
        if (abi)
                *abi = '\0';
}

/* ---- rules ---- */

/* The caller's frame is that of the frame pointer, which need not be on this stack. */
static const struct unwind_rule rule_elsewhere = {
        .kind = UNWIND_CFA_ELSEWHERE,
        .ra_kind = UNWIND_RETURN_IN_BLOCK,
        .base = UNWIND_X86_64_RBP,
        .offset = 2 * WORD,
        .ra = 1,
        .block = -2,
        .block_base = UNWIND_BLOCK_AT_CFA,
        .n_block = 2,
        .slots = UINT64_C(1) << (4 * UNWIND_X86_64_RBP),
};

/* bytes: between the stack pointer and the return address. */
static bool make_rule(const GoStacks *g, int64_t bytes, struct unwind_rule *ret) {
        CfiState s = {
                .cfa = { .kind = CFI_OFFSET, .value = bytes + WORD },
                .cfa_register = UNWIND_X86_64_RSP,
                .spoken = 1U << UNWIND_X86_64_RBP,
                .return_address = { .kind = CFI_OFFSET, .value = -WORD },
        };

        if (bytes < 0 || bytes > FRAME_BYTES_MAX || bytes % WORD != 0)
                return false;
        if (bytes > 0 && g->is_crossing) {
                *ret = rule_elsewhere;
                return true;
        }
        if (bytes > 0)
                s.registers[UNWIND_X86_64_RBP] =
                        (CfiValue){ .kind = CFI_OFFSET, .value = -2 * WORD };
        return cfi_rule_make(g->machine, &s, false, ret) == 0;
}

/* The whole function by one rule. */
static void tell_function(GoStacks *g, const struct unwind_rule *rule, GoStack *ret) {
        *ret = (GoStack){ g->function.start, g->function.end, *rule, true };
        g->end = ret->end;
}

/* false: by none. */
static bool find_known(GoStacks *g, const char *name, GoStack *ret) {
        static const struct unwind_rule end = { .kind = UNWIND_END };

        if (is_beginning(name) || g->function.is_top)
                tell_function(g, &end, ret);
        else if (g->machine == EM_X86_64 && is_crossing(name))
                tell_function(g, &rule_elsewhere, ret);
        else
                return false;
        return true;
}

/* The next stretch of the function. */
static bool next_value(GoStacks *g, GoStack *ret) {
        while (g->values.at) {
                GoValues *v = &g->values;

                if (!go_values_next(v)) {
                        v->at = NULL;
                        break;
                }
                *ret = (GoStack){
                        .start = MAX(v->start, g->end),
                        .end = MIN(v->end, g->function.end),
                        .is_known = g->is_crossing,
                };
                if (ret->start >= ret->end || !make_rule(g, v->value, &ret->rule))
                        continue;
                g->end = ret->end;
                return true;
        }
        return false;
}

bool go_stacks_next(GoStacks *g, GoStack *ret) {
        while (!next_value(g, ret)) {
                char name[NAME_SIZE_MAX];

                if (g->next >= g->table.n_functions)
                        return false;
                if (!go_table_get(&g->table, g->next++, &g->function) || g->function.start < g->end)
                        continue;
                get_name(g, name);
                if (find_known(g, name, ret))
                        return true;
                if (g->machine != EM_X86_64 || is_signal_return(name))
                        continue;
                g->is_crossing = has_frame_elsewhere(&g->function, name);
                go_values_begin(&g->values, &g->table, &g->function, g->function.values_sp);
        }
        return true;
}
