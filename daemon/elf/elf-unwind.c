/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind Table of an ELF File */

#include <elf.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "elf/cfi-rule.h"
#include "elf/code-scan.h"
#include "elf/eh-frame.h"
#include "elf/elf-unwind.h"
#include "elf/go-stacks.h"

/* Code of an executable section. */
typedef struct Code {
        uint64_t start, end;
        const uint8_t *bytes;
        bool is_plt;
} Code;

/* A described function, and what describes it. */
typedef struct Described {
        EhFunction function;
        EhFrame *frame;
} Described;

enum {
        X86_64_R10 = 10,
        LEA_SIZE = 4,
};

typedef struct ElfUnwind {
        const ElfFile *file;
        uint16_t machine;
        Code *code;
        Described *functions;
        size_t n_code, n_functions, code_capacity;
        EhFrame *eh_frame, *debug_frame;
        GoStacks stacks;
        GoStack go; /* the next of them */
        bool has_go;
        UnwindTable *table;
        IndexUnwind info;

        /* The function whose rows are being told. */
        const Code *in;
        uint64_t end; /* what lies behind is another's */
        bool is_signal;
} ElfUnwind;

static void elf_unwind_done(ElfUnwind *u) {
        free(u->code);
        free(u->functions);
        eh_frame_free(u->eh_frame);
        eh_frame_free(u->debug_frame);
        unwind_table_free(u->table);
}

static int code_compare(const void *a, const void *b) {
        const Code *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

static int elf_unwind_find_code(ElfUnwind *u) {
        const uint64_t wanted = SHF_ALLOC | SHF_EXECINSTR;
        size_t n = 0;
        int r;

        for (size_t i = 1; i < elf_file_n_sections(u->file); i++) {
                const uint8_t *bytes;
                ElfSection s;
                size_t size;

                if (elf_file_get_section(u->file, i, &s) < 0 || (s.flags & wanted) != wanted ||
                    elf_file_get_data(u->file, i, &bytes, &size) < 0 ||
                    size > UINT64_MAX - s.address)
                        continue;
                r = ARRAY_RESERVE(u->code, u->code_capacity, u->n_code + 1);
                if (r < 0)
                        return r;
                u->code[u->n_code++] = (Code){
                        .start = s.address,
                        .end = s.address + size,
                        .bytes = bytes,
                        .is_plt = startswith(s.name, ".plt") || startswith(s.name, ".iplt"),
                };
        }
        if (u->n_code == 0)
                return 0;

        /* Sections that overlap are not what a linker makes: the first has the code. */
        qsort(u->code, u->n_code, sizeof(Code), code_compare);
        for (size_t i = 0; i < u->n_code; i++)
                if (n == 0 || u->code[i].start >= u->code[n - 1].end) {
                        u->code[n++] = u->code[i];
                        u->info.code_bytes += u->code[i].end - u->code[i].start;
                }
        u->n_code = n;
        return 0;
}

static uint64_t elf_unwind_find_address(const ElfUnwind *u, const char *name) {
        for (size_t i = 1; i < elf_file_n_sections(u->file); i++) {
                ElfSection s;

                if (elf_file_get_section(u->file, i, &s) >= 0 && streq(s.name, name))
                        return s.address;
        }
        return 0;
}

/* *ret stays NULL where there is no such section, or it cannot be read. */
static int elf_unwind_open_frame(ElfUnwind *u, const char *name, EhFrame **ret) {
        for (size_t i = 1; i < elf_file_n_sections(u->file); i++) {
                EhFrameInput input = { .machine = u->machine };
                ElfSection s;
                int r;

                if (elf_file_get_section(u->file, i, &s) < 0 || !streq(s.name, name))
                        continue;
                r = elf_file_get_data(u->file, i, &input.bytes, &input.size);
                if (r == -ENODATA) /* a separate debug file has the section without its bytes */
                        continue;
                if (r >= 0) {
                        input.address = s.address;
                        input.text = elf_unwind_find_address(u, ".text");
                        input.data = elf_unwind_find_address(u, ".got");
                        input.is_debug_frame = streq(name, ".debug_frame");
                        r = eh_frame_new(ret, &input, u->info.losses);
                }
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        u->info.losses[INDEX_UNWIND_BAD_SECTION]++;
                return 0;
        }
        return 0;
}

/* All functions in the order of their addresses. */
static int elf_unwind_list_functions(ElfUnwind *u) {
        const EhFunction *eh = NULL, *debug = NULL;
        size_t n_eh = 0, n_debug = 0, i = 0;

        if (u->eh_frame)
                eh = eh_frame_get_functions(u->eh_frame, &n_eh);
        if (u->debug_frame)
                debug = eh_frame_get_functions(u->debug_frame, &n_debug);
        if (n_eh + n_debug == 0)
                return 0;
        u->functions = malloc((n_eh + n_debug) * sizeof(Described));
        if (!u->functions)
                return -ENOMEM;

        for (size_t k = 0; k < n_debug; k++) {
                uint64_t end = debug[k].start + debug[k].size;

                while (i < n_eh && eh[i].start + eh[i].size <= debug[k].start)
                        u->functions[u->n_functions++] = (Described){ eh[i++], u->eh_frame };
                if (i == n_eh || eh[i].start >= end)
                        u->functions[u->n_functions++] = (Described){ debug[k], u->debug_frame };
        }
        while (i < n_eh)
                u->functions[u->n_functions++] = (Described){ eh[i++], u->eh_frame };
        return 0;
}

/* Adds a rule. A full table of rules costs the row, not the function. */
static int elf_unwind_add(ElfUnwind *u,
                          uint64_t start,
                          uint64_t end,
                          const struct unwind_rule *rule) {
        static const struct unwind_rule refused = { .kind = UNWIND_REFUSED };
        int r;

        r = unwind_table_add(u->table, start, end, rule);
        if (r != -ENOSPC)
                return r;
        u->info.losses[INDEX_UNWIND_ROW_RULES]++;
        return unwind_table_add(u->table, start, end, &refused);
}

/*
 * GCC, having realigned the stack, leaves the function by "pop %rbp; lea -8(%r10), %rsp; ret", and
 * does not say that rbp is the caller's at the lea: its old value would be looked for by the new.
 */
static bool ends_with_restored_frame(const ElfUnwind *u,
                                     uint64_t start,
                                     uint64_t end,
                                     const CfiState *s) {
        static const uint8_t lea[LEA_SIZE] = { 0x49, 0x8d, 0x62, 0xf8 };

        return u->machine == EM_X86_64 && s->registers[UNWIND_X86_64_RBP].kind == CFI_EXPRESSION &&
               s->cfa.kind == CFI_OFFSET && s->cfa_register == X86_64_R10 &&
               end - start > sizeof(lea) &&
               memcmp(u->in->bytes + (end - u->in->start) - sizeof(lea), lea, sizeof(lea)) == 0;
}

static int on_row(void *userdata, uint64_t start, uint64_t end, const CfiState *state) {
        ElfUnwind *u = userdata;
        struct unwind_rule rule;
        int r;

        if (start >= u->end)
                return 0;
        end = MIN(end, u->end);
        r = cfi_rule_make(u->machine, state, u->is_signal, &rule);
        if (r > 0)
                u->info.losses[r - 1]++;
        if (r > 0 || !ends_with_restored_frame(u, start, end, state))
                return elf_unwind_add(u, start, end, &rule);

        r = elf_unwind_add(u, start, end - LEA_SIZE, &rule);
        if (r < 0)
                return r;
        rule = cfi_rule_for_restored(&rule);
        return elf_unwind_add(u, end - LEA_SIZE, end, &rule);
}

static int elf_unwind_add_plt(ElfUnwind *u, const Code *code, uint64_t at, uint64_t end) {
        struct unwind_rule rule;
        size_t size;
        int r;

        for (; code_find_plt_rule(u->machine, code->bytes + (at - code->start), (size_t) (end - at),
                                  &size, &rule);
             at += size) {
                r = elf_unwind_add(u, at, at + size, &rule);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Code without a description. Its bytes are in front of `end`. */
static int elf_unwind_add_code_of_gap(ElfUnwind *u,
                                      const Code *code,
                                      uint64_t start,
                                      uint64_t end) {
        const struct unwind_rule rule = cfi_rule_for_signal(u->machine);
        const uint8_t *bytes = code->bytes + (start - code->start);
        size_t size = (size_t) (end - start), from = 0, at, n;
        int r;

        if (size == 0)
                return 0;
        if (code_is_padding(u->machine, bytes, size)) {
                unwind_table_extend(u->table, start, end);
                return 0;
        }
        if (code->is_plt)
                return elf_unwind_add_plt(u, code, start, end);
        while (code_find_trampoline(u->machine, bytes, size, from, &at, &n)) {
                /* A handler returns to its first byte, and the rule of a return address is that of
                 * the byte in front of it. */
                r = elf_unwind_add(u, start + at - (at > from), start + at + n, &rule);
                if (r < 0)
                        return r;
                from = at + n;
        }
        return 0;
}

/* The same, but for Go's functions. */
static int elf_unwind_add_gap(ElfUnwind *u, const Code *code, uint64_t start, uint64_t end) {
        int r;

        while (u->has_go && u->go.start < end) {
                const GoStack g = u->go;
                uint64_t limit = MIN(g.end, end);

                u->has_go = go_stacks_next(&u->stacks, &u->go);
                if (g.start < start)
                        continue;
                r = elf_unwind_add_code_of_gap(u, code, start, g.start);
                if (r < 0)
                        return r;
                r = elf_unwind_add(u, g.start, limit, &g.rule);
                if (r < 0)
                        return r;
                start = limit;
        }
        return elf_unwind_add_code_of_gap(u, code, start, end);
}

/* A function that is damaged is lost as a whole: no rule is better than a wrong one. */
static int elf_unwind_add_function(ElfUnwind *u,
                                   const Code *code,
                                   const Described *d,
                                   uint64_t end) {
        static const struct unwind_rule refused = { .kind = UNWIND_REFUSED };
        UnwindMark mark = unwind_table_get_mark(u->table);
        int r;

        u->in = code;
        u->end = end;
        r = eh_frame_run(d->frame, &d->function, on_row, u, &u->is_signal);
        if (r >= 0) {
                u->info.n_functions++;
                return 0;
        }
        unwind_table_return(u->table, &mark);
        if (r != -EBADMSG)
                return r;
        return elf_unwind_add(u, d->function.start, end, &refused);
}

/* A function without a caller: what returns to its first byte is looked for in front of that. */
static int elf_unwind_add_end(
        ElfUnwind *u, const Code *code, uint64_t at, uint64_t start, uint64_t end) {
        static const struct unwind_rule rule = { .kind = UNWIND_END };
        int r;

        start -= start > at;
        r = elf_unwind_add_gap(u, code, at, start);
        if (r < 0)
                return r;
        u->info.n_functions++;
        return elf_unwind_add(u, start, end, &rule);
}

/* The functions that begin in one section, from *i on. */
static int elf_unwind_add_code(ElfUnwind *u, const Code *code, size_t *i) {
        uint64_t at = code->start;
        int r;

        for (; *i < u->n_functions; (*i)++) {
                const Described *d = &u->functions[*i], *next = d + 1;
                uint64_t end = d->function.start + d->function.size;

                if (d->function.start >= code->end)
                        break;
                if (d->function.start < code->start || end > code->end) {
                        u->info.losses[INDEX_UNWIND_NOT_CODE]++;
                        continue;
                }
                if (*i + 1 < u->n_functions && next->function.start < end)
                        end = next->function.start;
                if (end == d->function.start)
                        continue;

                /* What follows is looked at next, and is hardly ever in the cache. */
                __builtin_prefetch(code->bytes + (end - code->start));
                if (code_is_context_start(u->machine,
                                          code->bytes + (d->function.start - code->start),
                                          (size_t) (end - d->function.start))) {
                        r = elf_unwind_add_end(u, code, at, d->function.start, end);
                } else {
                        r = elf_unwind_add_gap(u, code, at, d->function.start);
                        if (r >= 0 && u->has_go && u->go.is_known &&
                            u->go.start == d->function.start)
                                r = elf_unwind_add_gap(u, code, d->function.start, end);
                        else if (r >= 0)
                                r = elf_unwind_add_function(u, code, d, end);
                }
                if (r < 0)
                        return r;
                at = end;
        }
        return elf_unwind_add_gap(u, code, at, code->end);
}

static int elf_unwind_fill(ElfUnwind *u) {
        size_t i = 0;
        int r;

        for (size_t k = 0; k < u->n_code; k++) {
                r = elf_unwind_add_code(u, &u->code[k], &i);
                if (r == -E2BIG) {
                        u->info.losses[INDEX_UNWIND_FUNCTION_MAX] +=
                                (uint32_t) (u->n_functions - i);
                        return 0;
                }
                if (r < 0)
                        return r;
        }
        u->info.losses[INDEX_UNWIND_NOT_CODE] += (uint32_t) (u->n_functions - i);
        return 0;
}

int elf_unwind_read(const ElfFile *f, UnwindTable **ret, IndexUnwind *ret_info) {
        _cleanup_(elf_unwind_done) ElfUnwind u = {
                .file = f,
                .machine = elf_file_get_machine(f),
        };
        size_t n_pages;
        int r;

        *ret = NULL;
        *ret_info = (IndexUnwind){};
        if ((u.machine != EM_X86_64 && u.machine != EM_AARCH64) || !elf_file_is_64(f))
                return 0;

        r = elf_unwind_find_code(&u);
        if (r < 0)
                return r;
        r = elf_unwind_open_frame(&u, ".eh_frame", &u.eh_frame);
        if (r < 0)
                return r;
        r = elf_unwind_open_frame(&u, ".debug_frame", &u.debug_frame);
        if (r < 0)
                return r;
        r = elf_unwind_list_functions(&u);
        if (r < 0)
                return r;
        u.has_go = go_stacks_begin(&u.stacks, f) >= 0 && go_stacks_next(&u.stacks, &u.go);
        r = unwind_table_new(&u.table);
        if (r < 0)
                return r;
        r = elf_unwind_fill(&u);
        if (r < 0)
                return r;
        r = unwind_table_finish(u.table);
        if (r < 0)
                return r;

        u.info.start = unwind_table_get_start(u.table);
        u.info.covered_bytes = unwind_table_get_covered(u.table);
        *ret_info = u.info;
        (void) unwind_table_get_pages(u.table, &n_pages);
        if (n_pages > 0)
                *ret = TAKE_PTR(u.table);
        return 0;
}
