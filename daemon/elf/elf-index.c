/* SPDX-License-Identifier: Apache-2.0 */
/* From an ELF file to its index */

#include <elf.h>

#include "elf/elf-debug.h"
#include "elf/elf-index.h"
#include "elf/elf-lines.h"
#include "elf/elf-names.h"
#include "elf/elf-unwind.h"
#include "elf/index-writer.h"

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

/* The tables are large: they are not copied, but live until they are written. */
static int index_tables_and_finish(const ElfIndexInput *input,
                                   IndexWriter *w,
                                   int fd,
                                   const IndexIdentity *identity) {
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        _cleanup_(line_table_freep) LineTable *lines = NULL;
        IndexUnwindTable table = {};
        IndexUnwind info;
        int r;

        r = elf_unwind_read(input->file, &t, &info);
        if (r < 0)
                return r;
        table.info = &info;
        if (t) {
                table.pages = unwind_table_get_pages(t, &table.n_pages);
                table.rows = unwind_table_get_rows(t, &table.n_rows);
                table.rules = unwind_table_get_rules(t, &table.n_rules);
        }
        index_writer_set_unwind(w, &table);
        r = elf_lines_read(input, w, fd, &lines);
        if (r < 0)
                return r;
        return index_writer_finish(w, identity);
}

int elf_index_write(const ElfIndexInput *input, int fd) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        const ElfFile *f = input->file;
        IndexIdentity identity = {
                .machine = elf_file_get_machine(f),
                .type = elf_file_get_type(f),
        };
        IndexDebugLink link;
        int r;

        if (identity.type != ET_EXEC && identity.type != ET_DYN)
                return -ENOEXEC;
        memcpy(identity.content_hash, input->hash, INDEX_CONTENT_HASH_SIZE);
        identity.build_id_size = elf_file_get_build_id(f, identity.build_id, INDEX_BUILD_ID_MAX);

        r = index_writer_new(&w, fd);
        if (r < 0)
                return r;
        r = index_segments(f, w);
        if (r < 0)
                return r;
        r = elf_names_write(f, input->debug, w, &identity.sources);
        if (r < 0)
                return r;
        if (input->debug)
                identity.sources |= INDEX_SOURCE_DEBUG_FILE;
        if (elf_debug_read_link(f, &link))
                index_writer_set_debug_link(w, &link);
        return index_tables_and_finish(input, w, fd, &identity);
}
