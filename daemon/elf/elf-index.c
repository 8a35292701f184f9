/* SPDX-License-Identifier: Apache-2.0 */
/* From an ELF file to its index */

#include <elf.h>

#include "basic/array.h"
#include "elf/demangle.h"
#include "elf/elf-index.h"
#include "elf/elf-unwind.h"
#include "elf/index-writer.h"
#include "elf/symtab.h"

static int index_segments(const ElfFile *f, IndexWriter *w) {
        int r;

        for (size_t i = 0; i < elf_file_n_segments(f); i++) {
                ElfSegment s;

                r = elf_file_get_segment(f, i, &s);
                if (r < 0)
                        return r;
                if (s.type != PT_LOAD || s.memory_size == 0)
                        continue;

                r = index_writer_add_segment(w,
                                             &(IndexSegment){
                                                     .file_offset = s.file_offset,
                                                     .address = s.address,
                                                     .file_size = MIN(s.file_size, s.memory_size),
                                                     .memory_size = s.memory_size,
                                                     .flags = s.flags,
                                             });
                if (r < 0)
                        return r == -EINVAL ? -EBADMSG : r;
        }
        return 0;
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

/* Collects the first section of a type (SHT_SYMTAB, SHT_DYNSYM). A broken one is as good as none:
 * the other one may be whole. */
static int collect_symbols(const ElfFile *f, uint32_t type, Symtab *t) {
        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                SymtabInput input = {
                        .is_64 = elf_file_is_64(f),
                        .is_dynamic = type == SHT_DYNSYM,
                        .machine = elf_file_get_machine(f),
                };
                const uint8_t *strings;
                ElfSection s;

                if (elf_file_get_section(f, i, &s) < 0 || s.type != type)
                        continue;
                if (elf_file_get_data(f, i, &input.symbols, &input.symbols_size) < 0 ||
                    elf_file_get_data(f, s.link, &strings, &input.strings_size) < 0)
                        return 0;
                input.strings = (const char *) strings;
                return symtab_add(t, &input);
        }
        return 0;
}

static int index_functions(const ElfFile *f, IndexWriter *w, uint32_t *ret_sources) {
        _cleanup_(symtab_freep) Symtab *t = NULL;
        _cleanup_free_ SymtabRegion *regions = NULL;
        uint32_t sources = 0;
        size_t n_regions;
        int r;

        r = find_code(f, &regions, &n_regions);
        if (r < 0)
                return r;
        r = symtab_new(&t, regions, n_regions);
        if (r < 0)
                return r;
        r = collect_symbols(f, SHT_SYMTAB, t);
        if (r < 0)
                return r;
        r = collect_symbols(f, SHT_DYNSYM, t);
        if (r < 0)
                return r;
        r = symtab_finish(t);
        if (r < 0)
                return r;

        for (size_t i = 0; i < symtab_size(t); i++) {
                _cleanup_free_ char *symbol = NULL, *readable = NULL;
                SymtabFunction function;

                symtab_get(t, i, &function);
                symbol = strndup(function.name, function.name_size);
                if (!symbol)
                        return -ENOMEM;
                readable = demangle(symbol, INDEX_NAME_MAX);
                r = index_writer_add_function(w, function.address, function.size,
                                              readable ?: symbol, symbol);
                if (r < 0)
                        return r;
                sources |= function.is_dynamic ? INDEX_SOURCE_DYNSYM : INDEX_SOURCE_SYMTAB;
        }

        *ret_sources = sources;
        return 0;
}

/* The tables are large: they are not copied, but live until they are written. */
static int index_unwind_and_finish(const ElfFile *f,
                                   IndexWriter *w,
                                   const IndexIdentity *identity) {
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        IndexUnwindTable table = {};
        IndexUnwind info;
        int r;

        r = elf_unwind_read(f, &t, &info);
        if (r < 0)
                return r;
        table.info = &info;
        if (t) {
                table.pages = unwind_table_get_pages(t, &table.n_pages);
                table.rows = unwind_table_get_rows(t, &table.n_rows);
                table.rules = unwind_table_get_rules(t, &table.n_rules);
        }
        index_writer_set_unwind(w, &table);
        return index_writer_finish(w, identity);
}

int elf_index_write(const ElfFile *f, const uint8_t hash[static INDEX_CONTENT_HASH_SIZE], int fd) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        IndexIdentity identity = {
                .machine = elf_file_get_machine(f),
                .type = elf_file_get_type(f),
        };
        int r;

        if (identity.type != ET_EXEC && identity.type != ET_DYN)
                return -ENOEXEC;
        memcpy(identity.content_hash, hash, INDEX_CONTENT_HASH_SIZE);
        identity.build_id_size = elf_file_get_build_id(f, identity.build_id, INDEX_BUILD_ID_MAX);

        r = index_writer_new(&w, fd);
        if (r < 0)
                return r;
        r = index_segments(f, w);
        if (r < 0)
                return r;
        r = index_functions(f, w, &identity.sources);
        if (r < 0)
                return r;
        return index_unwind_and_finish(f, w, &identity);
}
