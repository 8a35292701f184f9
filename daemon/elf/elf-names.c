/* SPDX-License-Identifier: Apache-2.0 */
/* Names of Functions */

#include <elf.h>

#include "basic/array.h"
#include "elf/demangle.h"
#include "elf/elf-names.h"
#include "elf/go-lines.h"
#include "elf/plt.h"
#include "elf/symtab.h"
#include "elf/unpack.h"

/* What the table of symbols borrows from. */
typedef struct Names {
        Symtab *symbols;
        PltSymbols plt;
        uint8_t *mini_data, *go;
        ElfFile *mini;
} Names;

static void names_done(Names *n) {
        symtab_free(n->symbols);
        plt_symbols_done(&n->plt);
        elf_file_free(n->mini);
        free(n->mini_data);
        free(n->go);
}

static int region_append(
        SymtabRegion **regions, size_t *capacity, size_t *n, uint64_t start, uint64_t size) {
        int r;

        if (size == 0 || size > UINT64_MAX - start)
                return 0;
        r = ARRAY_RESERVE(*regions, *capacity, *n + 1);
        if (r < 0)
                return r;
        (*regions)[(*n)++] = (SymtabRegion){ .start = start, .end = start + size };
        return 0;
}

/* Where code is: the executable sections, or the segments of a file that lists no such section. */
static int find_code(const ElfFile *f, SymtabRegion **ret, size_t *ret_n) {
        const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
        _cleanup_free_ SymtabRegion *regions = NULL;
        size_t n = 0, capacity = 0;
        int r;

        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                ElfSection s;

                if (elf_file_get_section(f, i, &s) < 0 || (s.flags & code) != code)
                        continue;
                r = region_append(&regions, &capacity, &n, s.address, s.size);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; capacity == 0 && i < elf_file_n_segments(f); i++) {
                ElfSegment s;

                if (elf_file_get_segment(f, i, &s) < 0 || s.type != PT_LOAD || !(s.flags & PF_X))
                        continue;
                r = region_append(&regions, &capacity, &n, s.address, s.memory_size);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(regions);
        *ret_n = n;
        return 0;
}

/* By section: it is executable. */
static bool *find_code_sections(const ElfFile *f) {
        const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
        size_t n = elf_file_n_sections(f);
        bool *is_code;

        is_code = calloc(n + 1, sizeof(bool));
        for (size_t i = 1; is_code && i < n; i++) {
                ElfSection s;

                is_code[i] = elf_file_get_section(f, i, &s) >= 0 && (s.flags & code) == code;
        }
        return is_code;
}

/* Collects the first section of a type (SHT_SYMTAB, SHT_DYNSYM). 1: done; 0: there is none, or it
 * is broken, which is as good as none: another one may be whole. */
static int collect_symbols(const ElfFile *f, uint32_t type, IndexSource source, Symtab *t) {
        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                SymtabInput input = {
                        .is_64 = elf_file_is_64(f),
                        .is_dynamic = type == SHT_DYNSYM,
                        .machine = elf_file_get_machine(f),
                        .source = source,
                };
                _cleanup_free_ bool *is_code = NULL;
                const uint8_t *strings;
                ElfSection s;
                int r;

                if (elf_file_get_section(f, i, &s) < 0 || s.type != type)
                        continue;
                if (elf_file_get_data(f, i, &input.symbols, &input.symbols_size) < 0 ||
                    elf_file_get_data(f, s.link, &strings, &input.strings_size) < 0)
                        return 0;
                input.strings = (const char *) strings;
                input.is_code = is_code = find_code_sections(f);
                input.n_sections = elf_file_n_sections(f);
                if (!is_code)
                        return -ENOMEM;
                r = symtab_add(t, &input);
                return r < 0 ? r : 1;
        }
        return 0;
}

/* A small ELF file with the symbols that .dynsym lacks, packed into a section of the file. */
static int collect_mini_debug(Names *n, const ElfFile *f) {
        const uint8_t *data;
        size_t size, i;
        int r;

        r = elf_file_find_section(f, ".gnu_debugdata", &i);
        if (r >= 0)
                r = elf_file_get_data(f, i, &data, &size);
        if (r < 0)
                return 0;
        r = unpack_xz(data, size, MINI_DEBUG_MAX, &n->mini_data, &size);
        if (r >= 0)
                r = elf_file_new_from_memory(&n->mini, n->mini_data, size);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return collect_symbols(n->mini, SHT_SYMTAB, INDEX_SOURCE_MINI_DEBUG, n->symbols);
}

/* Of a stripped Go program: the runtime's own table. */
static int collect_go(Names *n, const ElfFile *f) {
        const char *names;
        size_t size;
        GoTable t;
        int r;

        if (go_table_find(f, &t) < 0)
                return 0;
        names = go_table_get_name(&t, 0);
        if (!names)
                return 0;
        r = go_lines_make_symbols(&t, &n->go, &size);
        if (r < 0)
                return r;
        r = symtab_add(n->symbols, &(SymtabInput){
                                           .symbols = n->go,
                                           .strings = names - 1,
                                           .symbols_size = size,
                                           .strings_size = t.size - t.names + 1,
                                           .is_64 = true,
                                           .is_made = true,
                                           .machine = elf_file_get_machine(f),
                                           .source = INDEX_SOURCE_GO,
                                   });
        return r < 0 ? r : 1;
}

static int collect_stubs(Names *n, const ElfFile *f) {
        int r;

        r = plt_read(f, &n->plt);
        if (r < 0 || n->plt.symbols_size == 0)
                return r;
        return symtab_add(n->symbols, &(SymtabInput){
                                              .symbols = n->plt.symbols,
                                              .strings = n->plt.strings,
                                              .symbols_size = n->plt.symbols_size,
                                              .strings_size = n->plt.strings_size,
                                              .is_64 = true,
                                              .is_made = true,
                                              .machine = elf_file_get_machine(f),
                                              .source = INDEX_SOURCE_PLT,
                                      });
}

static int collect(Names *n, const ElfFile *f, const ElfFile *debug) {
        int r;

        r = collect_symbols(f, SHT_SYMTAB, INDEX_SOURCE_SYMTAB, n->symbols);
        if (r == 0 && debug)
                r = collect_symbols(debug, SHT_SYMTAB, INDEX_SOURCE_DEBUG_FILE, n->symbols);
        if (r == 0)
                r = collect_mini_debug(n, f);
        if (r == 0)
                r = collect_go(n, f);
        if (r >= 0)
                r = collect_symbols(f, SHT_DYNSYM, INDEX_SOURCE_DYNSYM, n->symbols);
        if (r >= 0)
                r = collect_stubs(n, f);
        return r;
}

static int write_names(const Symtab *t, IndexWriter *w, uint32_t *ret_sources) {
        uint32_t sources = 0;
        int r;

        for (size_t i = 0; i < symtab_size(t); i++) {
                _cleanup_free_ char *symbol = NULL, *readable = NULL;
                SymtabFunction function;

                symtab_get(t, i, &function);
                symbol = strndup(function.name, function.name_size);
                if (!symbol)
                        return -ENOMEM;
                readable = demangle(symbol, INDEX_READABLE_MAX);
                r = index_writer_add_function(w, function.address, function.size,
                                              readable ?: symbol, symbol);
                if (r < 0)
                        return r;
                sources |= function.source;
        }
        *ret_sources = sources;
        return 0;
}

int elf_names_write(const ElfFile *f, const ElfFile *debug, IndexWriter *w, uint32_t *ret) {
        _cleanup_(names_done) Names n = {};
        _cleanup_free_ SymtabRegion *regions = NULL;
        size_t n_regions;
        int r;

        r = find_code(f, &regions, &n_regions);
        if (r < 0)
                return r;
        r = symtab_new(&n.symbols, regions, n_regions);
        if (r < 0)
                return r;
        r = collect(&n, f, debug);
        if (r < 0)
                return r;
        r = symtab_finish(n.symbols);
        if (r < 0)
                return r;
        return write_names(n.symbols, w, ret);
}
