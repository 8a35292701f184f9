/* SPDX-License-Identifier: Apache-2.0 */
/* Symbol Table */

#include <ctype.h>
#include <elf.h>

#include "basic/array.h"
#include "elf/symtab.h"

/* How much a symbol has to say. Lower classes name only what higher ones leave. */
typedef enum SymbolClass {
        CLASS_SIZED,
        CLASS_UNSIZED,
        CLASS_LABEL,
        CLASS_DROPPED,
} SymbolClass;

/* The smaller, the better. */
typedef enum SymbolBinding {
        BINDING_GLOBAL,
        BINDING_WEAK,
        BINDING_LOCAL,
} SymbolBinding;

/* There may be millions: 24 bytes each. */
typedef struct Symbol {
        uint64_t address;
        uint64_t size;
        uint32_t name; /* offset in the strings of its input */
        uint16_t name_size;
        uint8_t input; /* index */
        uint8_t class : 2;
        uint8_t binding : 2;
        uint8_t is_untyped : 1;
        uint8_t is_dynamic : 1;
} Symbol;
_Static_assert(sizeof(Symbol) == 24, "symbols are many");

struct Symtab {
        SymtabInput inputs[SYMTAB_INPUTS_MAX];
        size_t n_inputs;
        SymtabRegion *regions;
        Symbol *symbols;
        size_t n_regions, n_symbols, symbols_capacity;
};

Symtab *symtab_free(Symtab *t) {
        if (!t)
                return NULL;

        free(t->regions);
        free(t->symbols);
        free(t);
        return NULL;
}

static int region_compare(const void *a, const void *b) {
        const SymtabRegion *x = a, *y = b;

        return x->start < y->start ? -1 : x->start > y->start;
}

int symtab_new(Symtab **ret, const SymtabRegion *regions, size_t n_regions) {
        _cleanup_(symtab_freep) Symtab *t = NULL;
        uint64_t end = 0;

        t = calloc(1, sizeof(Symtab));
        if (!t)
                return -ENOMEM;
        t->regions = calloc(MAX(n_regions, 1U), sizeof(SymtabRegion));
        if (!t->regions)
                return -ENOMEM;

        if (n_regions > 0)
                memcpy(t->regions, regions, n_regions * sizeof(SymtabRegion));
        qsort(t->regions, n_regions, sizeof(SymtabRegion), region_compare);

        /* Honest sections do not overlap; of others the first has the common part. */
        for (size_t i = 0; i < n_regions; i++) {
                SymtabRegion region = {
                        .start = MAX(t->regions[i].start, end),
                        .end = t->regions[i].end,
                };

                if (region.start >= region.end)
                        continue;
                t->regions[t->n_regions++] = region;
                end = region.end;
        }

        *ret = TAKE_PTR(t);
        return 0;
}

/* The region that holds an address; NULL: none does, it is no code. */
static const SymtabRegion *symtab_find_region(const Symtab *t, uint64_t address) {
        size_t low = 0, high = t->n_regions;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (t->regions[middle].end <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < t->n_regions && t->regions[low].start <= address ? &t->regions[low] : NULL;
}

static void symbol_read(const SymtabInput *input, size_t i, Elf64_Sym *ret) {
        Elf32_Sym s;

        /* The section may lie at any offset of the file: not aligned. */
        if (input->is_64) {
                memcpy(ret, input->symbols + i * sizeof(Elf64_Sym), sizeof(Elf64_Sym));
                return;
        }
        memcpy(&s, input->symbols + i * sizeof(Elf32_Sym), sizeof(Elf32_Sym));
        *ret = (Elf64_Sym){
                .st_name = s.st_name,
                .st_info = s.st_info,
                .st_other = s.st_other,
                .st_shndx = s.st_shndx,
                .st_value = s.st_value,
                .st_size = s.st_size,
        };
}

/* Bytes before the "@VERSION" or "@@VERSION" at the end of a name. */
static size_t name_without_version(const char *name, size_t size) {
        const char *at;
        size_t i;

        at = memchr(name, '@', size);
        if (!at || at == name)
                return size;

        i = (size_t) (at - name) + 1;
        if (i < size && name[i] == '@')
                i++;
        if (i == size)
                return size;
        for (; i < size; i++)
                if (!isalnum((unsigned char) name[i]) && !strchr("_.-+", name[i]))
                        return size;
        return (size_t) (at - name);
}

/* "$x", "$d.12" and the like mark where code and data change. */
static bool name_is_mapping_symbol(uint16_t machine, const char *name, size_t size) {
        if (machine != EM_AARCH64 && machine != EM_ARM && machine != EM_RISCV)
                return false;
        return size >= 2 && name[0] == '$' && strchr("adtx", name[1]) &&
               (size == 2 || name[2] == '.' || machine == EM_RISCV);
}

/* false: the symbol names no code. */
static bool symbol_decode(const Symtab *t,
                          const SymtabInput *input,
                          const Elf64_Sym *s,
                          Symbol *ret) {
        unsigned type = ELF64_ST_TYPE(s->st_info), binding = ELF64_ST_BIND(s->st_info);
        const SymtabRegion *region;
        uint64_t address = s->st_value;
        size_t left, size;
        const char *name;

        if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
                return false;
        if (s->st_shndx == SHN_UNDEF || s->st_name == 0 || s->st_name >= input->strings_size)
                return false;
        if (type == STT_NOTYPE && s->st_shndx >= SHN_LORESERVE && s->st_shndx != SHN_XINDEX)
                return false; /* a number, no address */
        if (type == STT_NOTYPE && input->is_code && s->st_shndx < SHN_LORESERVE &&
            (s->st_shndx >= input->n_sections || !input->is_code[s->st_shndx]))
                return false;
        if (input->machine == EM_ARM && type != STT_NOTYPE)
                address &= ~UINT64_C(1); /* Thumb code */
        region = symtab_find_region(t, address);
        if (!region)
                return false;

        name = input->strings + s->st_name;
        left = input->strings_size - s->st_name;
        size = strnlen(name, MIN(left, (size_t) SYMTAB_NAME_MAX));
        if (size == 0 || size == left || name_is_mapping_symbol(input->machine, name, size))
                return false;
        if (type == STT_NOTYPE && name[0] == '.')
                return false; /* the tool chain's own marks: ".L12", ".annobin_init.c" */

        *ret = (Symbol){
                .address = address,
                .size = MIN(s->st_size, region->end - address),
                .name = s->st_name,
                .name_size = (uint16_t) (input->is_made ? size : name_without_version(name, size)),
                .input = (uint8_t) t->n_inputs,
                .is_dynamic = input->is_dynamic,
                .binding = binding == STB_LOCAL  ? BINDING_LOCAL
                           : binding == STB_WEAK ? BINDING_WEAK
                                                 : BINDING_GLOBAL,
                .is_untyped = type == STT_NOTYPE,
        };
        if (ret->size > 0)
                ret->class = CLASS_SIZED;
        else if (ret->is_untyped && ret->binding == BINDING_LOCAL)
                ret->class = CLASS_LABEL;
        else
                ret->class = CLASS_UNSIZED;
        return true;
}

int symtab_add(Symtab *t, const SymtabInput *input) {
        size_t n = input->symbols_size / (input->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
        int r;

        if (t->n_inputs >= SYMTAB_INPUTS_MAX)
                return -E2BIG;
        t->inputs[t->n_inputs] = *input;
        t->inputs[t->n_inputs].is_code = NULL;
        for (size_t i = 0; i < n; i++) {
                Elf64_Sym s;
                Symbol symbol;

                symbol_read(input, i, &s);
                if (!symbol_decode(t, input, &s, &symbol))
                        continue;
                if (t->n_symbols >= INDEX_FUNCTIONS_MAX)
                        return -E2BIG;
                r = ARRAY_RESERVE(t->symbols, t->symbols_capacity, t->n_symbols + 1);
                if (r < 0)
                        return r;
                t->symbols[t->n_symbols++] = symbol;
        }
        t->n_inputs++;
        return 0;
}

static const char *symbol_name(const Symtab *t, const Symbol *s) {
        return t->inputs[s->input].strings + s->name;
}

static size_t leading_underscores(const char *name, size_t size) {
        size_t n = 0;

        while (n < size && name[n] == '_')
                n++;
        return n;
}

#define COMPARE(a, b)                              \
        do {                                       \
                if ((a) != (b))                    \
                        return (a) < (b) ? -1 : 1; \
        } while (false)

/*
 * By address; of those at one address the best name first. An untyped symbol beside a function is a
 * mark of the linker, not its name.
 */
static int symbol_compare(const void *a, const void *b, void *userdata) {
        const Symbol *x = a, *y = b;
        const char *p, *q;
        const Symtab *t = userdata;
        int r;

        COMPARE(x->address, y->address);
        COMPARE(x->is_untyped, y->is_untyped);
        COMPARE(x->binding == BINDING_LOCAL, y->binding == BINDING_LOCAL);
        COMPARE(x->class, y->class);

        p = symbol_name(t, x);
        q = symbol_name(t, y);
        COMPARE(leading_underscores(p, x->name_size), leading_underscores(q, y->name_size));
        COMPARE(x->binding, y->binding);
        COMPARE(x->name_size, y->name_size);
        r = memcmp(p, q, x->name_size);
        if (r != 0)
                return r;
        COMPARE(x->is_dynamic, y->is_dynamic);
        COMPARE(y->size, x->size);
        return 0;
}

/* Leaves the best symbol of those at an address, and the longest, should that one reach further. */
static void symtab_drop_aliases(Symtab *t) {
        size_t n = 0;

        for (size_t i = 0, end; i < t->n_symbols; i = end) {
                Symbol best = t->symbols[i], longest = best;

                for (end = i; end < t->n_symbols && t->symbols[end].address == best.address; end++)
                        if (t->symbols[end].size > longest.size)
                                longest = t->symbols[end];

                if (best.size == 0 && longest.size > 0) {
                        best.size = longest.size;
                        best.class = CLASS_SIZED;
                }
                /* symtab_cut_overlaps() wants the longer one first. */
                if (longest.size > best.size)
                        t->symbols[n++] = longest;
                t->symbols[n++] = best;
        }
        t->n_symbols = n;
}

/* Drops the symbols from class on that lie in what higher classes name. */
static void symtab_drop_covered(Symtab *t, SymbolClass class) {
        uint64_t covered = 0;
        size_t n = 0;

        for (size_t i = 0; i < t->n_symbols; i++) {
                Symbol *s = &t->symbols[i];

                if (s->class >= class && s->address < covered)
                        continue;
                if (s->class < class)
                        covered = MAX(covered, s->address + s->size);
                t->symbols[n++] = *s;
        }
        t->n_symbols = n;
}

/* Symbols without size reach to the next one of their class or above. */
static void symtab_extend(Symtab *t, SymbolClass class) {
        uint64_t next = UINT64_MAX;

        for (size_t i = t->n_symbols; i > 0; i--) {
                Symbol *s = &t->symbols[i - 1];

                if (s->class == class) {
                        uint64_t end = MIN(next, symtab_find_region(t, s->address)->end);

                        s->size = end - s->address;
                        if (s->is_dynamic)
                                s->size = MIN(s->size, (uint64_t) SYMTAB_DYNAMIC_UNSIZED_MAX);
                }
                if (s->class <= class)
                        next = s->address;
        }
}

static int piece_append(Symbol **pieces,
                        size_t *capacity,
                        size_t *n,
                        const Symbol *s,
                        uint64_t start,
                        uint64_t end) {
        int r;

        if (*n >= INDEX_FUNCTIONS_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(*pieces, *capacity, *n + 1);
        if (r < 0)
                return r;
        (*pieces)[*n] = *s;
        (*pieces)[*n].address = start;
        (*pieces)[(*n)++].size = end - start;
        return 0;
}

/*
 * Cuts overlaps. Symbols that have begun and not ended lie on a stack, the one that began last on
 * top: it names the bytes up to its own end or the next beginning. Each symbol is pushed and popped
 * once, so nesting of any depth costs no more.
 */
static int symtab_cut_overlaps(Symtab *t) {
        _cleanup_free_ Symbol *pieces = NULL;
        _cleanup_free_ uint32_t *stack = NULL;
        size_t n = 0, capacity = 0, depth = 0;
        uint64_t at = 0;
        int r;

        stack = calloc(t->n_symbols, sizeof(uint32_t));
        if (!stack)
                return -ENOMEM;

        for (size_t i = 0; i <= t->n_symbols; i++) {
                uint64_t next = i < t->n_symbols ? t->symbols[i].address : UINT64_MAX;

                while (depth > 0 && at < next) {
                        const Symbol *top = &t->symbols[stack[depth - 1]];
                        uint64_t end = MIN(top->address + top->size, next);

                        if (end > at) {
                                r = piece_append(&pieces, &capacity, &n, top, at, end);
                                if (r < 0)
                                        return r;
                                at = end;
                        }
                        if (end < next)
                                depth--;
                }
                at = next;
                if (i < t->n_symbols)
                        stack[depth++] = (uint32_t) i;
        }

        free(t->symbols);
        t->symbols = TAKE_PTR(pieces);
        t->n_symbols = n;
        return 0;
}

int symtab_finish(Symtab *t) {
        if (t->n_symbols == 0)
                return 0;

        qsort_r(t->symbols, t->n_symbols, sizeof(Symbol), symbol_compare, t);
        symtab_drop_aliases(t);
        for (SymbolClass class = CLASS_UNSIZED; class <= CLASS_LABEL; class ++) {
                symtab_drop_covered(t, class);
                symtab_extend(t, class);
        }
        return symtab_cut_overlaps(t);
}

size_t symtab_size(const Symtab *t) {
        return t->n_symbols;
}

void symtab_get(const Symtab *t, size_t i, SymtabFunction *ret) {
        const Symbol *s = &t->symbols[i];

        assert(i < t->n_symbols);
        *ret = (SymtabFunction){
                .address = s->address,
                .size = s->size,
                .name = symbol_name(t, s),
                .name_size = s->name_size,
                .source = t->inputs[s->input].source,
        };
}
