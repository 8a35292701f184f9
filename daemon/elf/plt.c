/* SPDX-License-Identifier: Apache-2.0 */
/* Procedure Linkage Table */

#include <elf.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "elf/byte-reader.h"
#include "elf/plt.h"

/* A slot of the global offset table, and the symbol that will be in it. */
typedef struct Slot {
        uint64_t address;
        const char *name; /* borrowed from the file; NULL: ask for resolver */
        uint64_t resolver;
} Slot;

/* A stub's place, and the slot that it jumps through. */
typedef struct Stub {
        uint64_t offset, size; /* in the section */
        uint64_t slot;
        bool is_index; /* slot counts the relocations of .rela.plt */
} Stub;

typedef struct Plt {
        Slot *slots;
        size_t n_slots, capacity;
        Slot *lazy_slots;
        size_t n_lazy, lazy_capacity;
        Slot *resolvers; /* address: of an indirect function, name: its own */
        size_t n_resolvers, resolvers_capacity;
} Plt;

static void plt_done(Plt *p) {
        free(p->slots);
        free(p->lazy_slots);
        free(p->resolvers);
}

/* The symbols that a section of relocations refers to. */
typedef struct Symbols {
        const uint8_t *symbols;
        const char *strings;
        size_t n, strings_size;
} Symbols;

static int symbols_get(const ElfFile *f, size_t section, Symbols *ret) {
        const uint8_t *strings;
        ElfSection s;
        size_t size;
        int r;

        r = elf_file_get_section(f, section, &s);
        if (r < 0)
                return r;
        if (s.type != SHT_DYNSYM && s.type != SHT_SYMTAB)
                return -ENODATA;
        r = elf_file_get_data(f, section, &ret->symbols, &size);
        if (r < 0)
                return r;
        ret->n = size / sizeof(Elf64_Sym);
        r = elf_file_get_data(f, s.link, &strings, &ret->strings_size);
        if (r < 0)
                return r;
        ret->strings = (const char *) strings;
        return 0;
}

/* NULL: no such symbol, or it has no name. */
static const char *symbols_name(const Symbols *s, size_t i, Elf64_Sym *ret) {
        if (i >= s->n)
                return NULL;
        memcpy(ret, s->symbols + i * sizeof(Elf64_Sym), sizeof(Elf64_Sym));
        if (ret->st_name == 0 || ret->st_name >= s->strings_size ||
            !memchr(s->strings + ret->st_name, 0, s->strings_size - ret->st_name))
                return NULL;
        return s->strings + ret->st_name;
}

static int slot_append(Slot **slots, size_t *capacity, size_t *n, const Slot *slot) {
        int r;

        r = ARRAY_RESERVE(*slots, *capacity, *n + 1);
        if (r < 0)
                return r;
        (*slots)[(*n)++] = *slot;
        return 0;
}

static int add_resolvers(Plt *p, const Symbols *symbols) {
        int r;

        for (size_t i = 0; i < symbols->n; i++) {
                Elf64_Sym s;
                const char *name = symbols_name(symbols, i, &s);

                if (!name || ELF64_ST_TYPE(s.st_info) != STT_GNU_IFUNC || s.st_shndx == SHN_UNDEF)
                        continue;
                r = slot_append(&p->resolvers, &p->resolvers_capacity, &p->n_resolvers,
                                &(Slot){ .address = s.st_value, .name = name });
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_irelative(uint16_t machine, uint32_t type) {
        return type == (machine == EM_X86_64 ? R_X86_64_IRELATIVE : R_AARCH64_IRELATIVE);
}

static int add_relocations(Plt *p, const ElfFile *f, const ElfSection *section, size_t index) {
        bool is_lazy = streq(section->name, ".rela.plt");
        Symbols symbols = {};
        const uint8_t *data;
        size_t size, n;
        int r;

        /* Relocations without symbols (of static programs) have only resolvers. */
        (void) symbols_get(f, section->link, &symbols);
        if (elf_file_get_data(f, index, &data, &size) < 0)
                return 0;
        n = MIN(size / sizeof(Elf64_Rela), (size_t) PLT_RELOCATIONS_MAX);
        for (size_t i = 0; i < n; i++) {
                Elf64_Rela rela;
                Elf64_Sym unused;
                Slot slot;

                memcpy(&rela, data + i * sizeof(rela), sizeof(rela));
                slot = (Slot){
                        .address = rela.r_offset,
                        .name = symbols_name(&symbols, ELF64_R_SYM(rela.r_info), &unused),
                };
                if (is_irelative(elf_file_get_machine(f), (uint32_t) ELF64_R_TYPE(rela.r_info)))
                        slot.resolver = (uint64_t) rela.r_addend;
                if (is_lazy) {
                        r = slot_append(&p->lazy_slots, &p->lazy_capacity, &p->n_lazy, &slot);
                        if (r < 0)
                                return r;
                }
                if (!slot.name && slot.resolver == 0)
                        continue;
                r = slot_append(&p->slots, &p->capacity, &p->n_slots, &slot);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int slot_compare(const void *a, const void *b) {
        const Slot *x = a, *y = b;

        return x->address < y->address ? -1 : x->address > y->address;
}

static size_t leading_underscores(const char *name) {
        return strspn(name, "_");
}

/* Of several names for one function the best first: as the table of symbols has it. */
static int resolver_compare(const void *a, const void *b) {
        const Slot *x = a, *y = b;
        size_t m = leading_underscores(x->name), n = leading_underscores(y->name);

        if (x->address != y->address)
                return slot_compare(a, b);
        if (m != n)
                return m < n ? -1 : 1;
        m = strlen(x->name);
        n = strlen(y->name);
        return m != n ? (m < n ? -1 : 1) : strcmp(x->name, y->name);
}

/* Leaves the first of those with one address. */
static void drop_repeated(Slot *slots, size_t *n) {
        size_t k = 0;

        for (size_t i = 0; i < *n; i++)
                if (k == 0 || slots[k - 1].address != slots[i].address)
                        slots[k++] = slots[i];
        *n = k;
}

static const Slot *slot_find(const Slot *slots, size_t n, uint64_t address) {
        const Slot key = { .address = address };

        return n > 0 ? bsearch(&key, slots, n, sizeof(Slot), slot_compare) : NULL;
}

static int plt_read_slots(Plt *p, const ElfFile *f) {
        int r;

        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                Symbols symbols;
                ElfSection s;

                if (elf_file_get_section(f, i, &s) < 0)
                        continue;
                if (s.type == SHT_RELA && s.flags & SHF_ALLOC)
                        r = add_relocations(p, f, &s, i);
                else if ((s.type == SHT_DYNSYM || s.type == SHT_SYMTAB) &&
                         symbols_get(f, i, &symbols) >= 0)
                        r = add_resolvers(p, &symbols);
                else
                        continue;
                if (r < 0)
                        return r;
        }
        if (p->n_slots > 0)
                qsort(p->slots, p->n_slots, sizeof(Slot), slot_compare);
        if (p->n_resolvers > 0)
                qsort(p->resolvers, p->n_resolvers, sizeof(Slot), resolver_compare);
        drop_repeated(p->resolvers, &p->n_resolvers);
        return 0;
}

/* ---- instructions ---- */

enum {
        X86_STUB_SIZE = 16,
        X86_SHORT_STUB_SIZE = 8, /* nothing but the jump */
        A64_STUB_MAX = 24,
        A64_BTI_C = 0xd503245f,
        A64_BR_X17 = 0xd61f0220,
};

static uint32_t word_at(const uint8_t *p) {
        ByteReader r = byte_reader(p, sizeof(uint32_t));

        return (uint32_t) byte_reader_fixed(&r, sizeof(uint32_t));
}

/*
 * [endbr64] [bnd] jmp *slot(%rip), or the first half of a lazy pair: [endbr64] push number. The
 * linker's own stub in front pushes from memory and is neither.
 */
static bool decode_x86(const uint8_t *code, size_t left, uint64_t address, Stub *ret) {
        static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
        size_t at = 0;

        if (left >= sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0)
                at = sizeof(endbr64);
        if (left > at && code[at] == 0xf2)
                at++;
        ret->size = MIN(left, (size_t) X86_STUB_SIZE);
        if (left - at >= 6 && code[at] == 0xff && code[at + 1] == 0x25) {
                if (at == 0 && left >= X86_SHORT_STUB_SIZE && code[6] == 0x66 && code[7] == 0x90)
                        ret->size = X86_SHORT_STUB_SIZE;
                ret->slot = address + at + 6 + (uint64_t) (int32_t) word_at(code + at + 2);
                ret->is_index = false;
                return true;
        }
        if (left - at >= 5 && code[at] == 0x68) {
                ret->slot = word_at(code + at + 1);
                ret->is_index = true;
                return true;
        }
        return false;
}

/* [bti c] adrp x16, page; ldr x17, [x16, offset] */
static bool decode_a64(const uint8_t *code, size_t left, uint64_t address, Stub *ret) {
        size_t at = left >= 4 && word_at(code) == A64_BTI_C ? 4 : 0;
        uint32_t adrp, ldr;
        int64_t pages;

        if (left < at + 8)
                return false;
        adrp = word_at(code + at);
        ldr = word_at(code + at + 4);
        if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
                return false;
        pages = (int64_t) ((uint64_t) ((adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3)) << 43) >> 43;
        ret->slot = ((address + at) & ~UINT64_C(0xfff)) + (uint64_t) pages * 4096 +
                    (ldr >> 10 & 0xfff) * 8;
        ret->is_index = false;
        for (at += 8; at < A64_STUB_MAX && left >= at + 4; at += 4)
                if (word_at(code + at) == A64_BR_X17)
                        break;
        ret->size = MIN(at + 4, left);
        return true;
}

/* The next stub from offset on. false: there is none. */
static bool next_stub(uint16_t machine,
                      const ElfSection *s,
                      const uint8_t *code,
                      size_t size,
                      uint64_t offset,
                      Stub *ret) {
        bool is_x86 = machine == EM_X86_64;

        for (; offset < size; offset += is_x86 ? X86_SHORT_STUB_SIZE : sizeof(uint32_t)) {
                ret->offset = offset;
                if ((is_x86 ? decode_x86 : decode_a64)(code + offset, size - offset,
                                                       s->address + offset, ret))
                        return true;
        }
        return false;
}

/* ---- symbols ---- */

static int symbol_append(PltSymbols *s, const char *name, uint64_t address, uint64_t size) {
        char text[PLT_NAME_MAX];
        Elf64_Sym symbol = {
                .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                .st_shndx = SHN_ABS,
                .st_value = address,
                .st_size = size,
        };
        const char *version = strchr(name, '@');
        size_t n;
        int r;

        snprintf(text, sizeof(text), "%.*s@plt",
                 (int) (version ? version - name : PLT_NAME_MAX - 8), name);
        n = strlen(text) + 1;
        if (s->strings_size > UINT32_MAX - n)
                return -E2BIG;
        r = ARRAY_RESERVE(s->strings, s->strings_capacity, s->strings_size + n);
        if (r < 0)
                return r;
        r = ARRAY_RESERVE(s->symbols, s->symbols_capacity, s->symbols_size + sizeof(symbol));
        if (r < 0)
                return r;
        symbol.st_name = (uint32_t) s->strings_size;
        memcpy(s->strings + s->strings_size, text, n);
        memcpy(s->symbols + s->symbols_size, &symbol, sizeof(symbol));
        s->strings_size += n;
        s->symbols_size += sizeof(symbol);
        return 0;
}

static const char *stub_name(const Plt *p, const Stub *stub) {
        const Slot *slot, *resolver;

        if (stub->is_index)
                slot = stub->slot < p->n_lazy ? &p->lazy_slots[stub->slot] : NULL;
        else
                slot = slot_find(p->slots, p->n_slots, stub->slot);
        if (!slot || slot->name)
                return slot ? slot->name : NULL;
        resolver = slot_find(p->resolvers, p->n_resolvers, slot->resolver);
        return resolver ? resolver->name : NULL;
}

static int read_stubs(
        const Plt *p, const ElfFile *f, const ElfSection *s, size_t index, PltSymbols *symbols) {
        const uint8_t *code;
        uint64_t at = 0;
        size_t size;
        Stub stub;
        int r;

        if (elf_file_get_data(f, index, &code, &size) < 0)
                return 0;
        size = MIN(size, (size_t) PLT_SECTION_MAX);
        while (next_stub(elf_file_get_machine(f), s, code, size, at, &stub)) {
                const char *name = stub_name(p, &stub);

                at = stub.offset + stub.size;
                if (!name)
                        continue;
                r = symbol_append(symbols, name, s->address + stub.offset, stub.size);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_plt(const ElfSection *s) {
        return s->flags & SHF_EXECINSTR && (startswith(s->name, ".plt") || streq(s->name, ".iplt"));
}

int plt_read(const ElfFile *f, PltSymbols *ret) {
        uint16_t machine = elf_file_get_machine(f);
        _cleanup_(plt_done) Plt p = {};
        _cleanup_(plt_symbols_done) PltSymbols symbols = {};
        int r;

        *ret = (PltSymbols){};
        if (!elf_file_is_64(f) || (machine != EM_X86_64 && machine != EM_AARCH64))
                return 0;
        /* Offset 0 means "no name" in a symbol. */
        r = ARRAY_RESERVE(symbols.strings, symbols.strings_capacity, 1);
        if (r < 0)
                return r;
        symbols.strings[symbols.strings_size++] = '\0';

        r = plt_read_slots(&p, f);
        if (r < 0)
                return r;
        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                ElfSection s;

                if (elf_file_get_section(f, i, &s) < 0 || !is_plt(&s))
                        continue;
                r = read_stubs(&p, f, &s, i, &symbols);
                if (r < 0)
                        return r == -E2BIG ? 0 : r;
        }

        *ret = symbols;
        symbols = (PltSymbols){};
        return 0;
}

void plt_symbols_done(PltSymbols *s) {
        free(s->symbols);
        free(s->strings);
        *s = (PltSymbols){};
}
