/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go Stacks
 *
 * The table (Go's src/runtime/symtab.go, pcHeader and functab) is a header, and from one of its
 * offsets on pairs of 32-bit numbers: where a function starts in the text, and where it is
 * described.
 */

#include <elf.h>

#include "basic/string-util.h"
#include "elf/byte-reader.h"
#include "elf/go-stacks.h"

enum {
        MAGIC_1_18 = 0xfffffff0u,
        MAGIC_1_20 = 0xfffffff1u,
        NAME_MAX_SIZE = 64, /* bytes of a name that are looked at */
        ENTRY_SIZE = 8,
};

typedef struct GoTable {
        const uint8_t *bytes;
        size_t size;
        uint64_t text;
        uint64_t n_functions, names, functions; /* offsets in the table */
} GoTable;

static bool read_header(GoTable *t) {
        ByteReader r = byte_reader(t->bytes, t->size);
        uint64_t magic = byte_reader_fixed(&r, 4), text;
        const uint8_t *sizes;

        (void) byte_reader_take(&r, 2);
        sizes = byte_reader_take(&r, 2); /* of the smallest instruction, of a pointer */
        if (!sizes || sizes[1] != 8 || (magic != MAGIC_1_18 && magic != MAGIC_1_20))
                return false;
        t->n_functions = byte_reader_fixed(&r, 8);
        (void) byte_reader_fixed(&r, 8); /* files */
        text = byte_reader_fixed(&r, 8);
        t->names = byte_reader_fixed(&r, 8);
        for (int i = 0; i < 3; i++)
                (void) byte_reader_fixed(&r, 8); /* units, files, tables of program counters */
        t->functions = byte_reader_fixed(&r, 8);
        /* The linker of a position-independent program leaves it to the dynamic linker. */
        if (text != 0)
                t->text = text;
        return !r.failed && t->functions <= t->size && t->names <= t->size &&
               t->n_functions < (t->size - t->functions) / ENTRY_SIZE;
}

static uint32_t number_at(const GoTable *t, uint64_t offset) {
        ByteReader r = offset <= t->size ? byte_reader(t->bytes + offset, t->size - offset)
                                         : byte_reader(t->bytes, 0);

        return (uint32_t) byte_reader_fixed(&r, 4);
}

/* false: it has none, or one that is too long to be looked for. */
static bool get_name(const GoTable *t, uint64_t i, char ret[static NAME_MAX_SIZE]) {
        uint64_t entry = t->functions + i * ENTRY_SIZE;
        /* Of the description, the name is the second number. */
        uint64_t name = t->names + number_at(t, t->functions + number_at(t, entry + 4) + 4);
        const char *s = (const char *) t->bytes + name;
        size_t n;

        if (name >= t->size)
                return false;
        n = strnlen(s, MIN(t->size - (size_t) name, (size_t) NAME_MAX_SIZE));
        if (n == NAME_MAX_SIZE || n == t->size - name)
                return false;
        memcpy(ret, s, n + 1);
        return true;
}

/* Here a stack begins. Above it there is nothing, or what has been left for good. */
static bool is_beginning(const char *name) {
        static const char *const names[] = {
                "runtime.goexit",   "runtime.mstart",  "runtime.mcall",    "runtime.morestack",
                "runtime.rt0_go",   "_rt0_amd64",      "_rt0_amd64_linux", "_rt0_arm64",
                "_rt0_arm64_linux", "runtime.kickoff",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(name, names[i]))
                        return true;
        return false;
}

/* It runs a function on the thread's own stack, and leaves the frame pointer as it was. */
static bool is_crossing(const char *name) {
        return streq(name, "runtime.systemstack") || streq(name, "runtime.asmcgocall");
}

static bool make_rule(uint16_t machine, char *name, struct unwind_rule *ret) {
        char *abi = strstr(name, ".abi");

        if (abi)
                *abi = '\0';
        if (is_beginning(name)) {
                *ret = (struct unwind_rule){ .kind = UNWIND_END };
                return true;
        }
        if (machine != EM_X86_64 || !is_crossing(name))
                return false;
        *ret = (struct unwind_rule){
                .kind = UNWIND_CFA_ELSEWHERE,
                .ra_kind = UNWIND_RETURN_IN_BLOCK,
                .base = UNWIND_X86_64_RBP,
                .offset = 16,
                .ra = 1,
                .block = -2,
                .block_base = UNWIND_BLOCK_AT_CFA,
                .n_block = 2,
                .slots = UINT64_C(1) << (4 * UNWIND_X86_64_RBP),
        };
        return true;
}

size_t go_stacks_find(const uint8_t *table,
                      size_t size,
                      uint64_t text,
                      uint16_t machine,
                      GoStack ret[static GO_STACKS_MAX]) {
        GoTable t = { .bytes = table, .size = size, .text = text };
        size_t n = 0;

        if (!read_header(&t))
                return 0;

        for (uint64_t i = 0; i < t.n_functions && n < GO_STACKS_MAX; i++) {
                uint64_t entry = t.functions + i * ENTRY_SIZE;
                uint64_t start = t.text + number_at(&t, entry);
                uint64_t end = t.text + number_at(&t, entry + ENTRY_SIZE);
                char name[NAME_MAX_SIZE];

                if (end <= start || (n > 0 && start < ret[n - 1].end) || !get_name(&t, i, name) ||
                    !make_rule(machine, name, &ret[n].rule))
                        continue;
                ret[n].start = start;
                ret[n++].end = end;
        }
        return n;
}
