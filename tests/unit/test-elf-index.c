/* SPDX-License-Identifier: Apache-2.0 */
/* From an ELF file to its index: on files that the compiler makes, compared with what nm says */

#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "elf-fixture.h"
#include "elf/elf-index.h"
#include "unit-test.h"

static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 42 };

typedef struct Files {
        char dir[64];
        char *full, *stripped;
} Files;

/* A file with all symbols, and one with only those that the linker needs at run time. */
static int setup(void **state) {
        static Files f = { .dir = "/tmp/test-elf-index-XXXXXX" };

        assert_non_null(mkdtemp(f.dir));
        assert_return_code(asprintf(&f.full, "%s/full.so", f.dir), errno);
        assert_return_code(asprintf(&f.stripped, "%s/stripped.so", f.dir), errno);
        if (!run("cc -O1 -shared -fPIC -Wl,--build-id=0x0123456789abcdef -o %s %s/elf/functions.c "
                 "2>&1",
                 f.full, TEST_DATA) ||
            !run("strip -o %s %s", f.stripped, f.full))
                f.full = NULL;
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        Files *f = *state;

        assert_true(run("rm -r %s", f->dir));
        return 0;
}

static IndexFile *index_of(const char *path) {
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int in = -EBADF, out = -EBADF;
        IndexFile *f;

        in = open(path, O_RDONLY | O_CLOEXEC);
        out = memfd_create("index", MFD_CLOEXEC);
        assert_return_code(in, errno);
        assert_return_code(out, errno);
        assert_int_equal(elf_file_open(&elf, in), 0);
        assert_int_equal(elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, out), 0);
        assert_int_equal(index_file_open(&f, out, hash), 0);
        return f;
}

/* What nm says: the address of a symbol, 0: none of that name. */
static uint64_t address_of(const char *path, const char *symbol) {
        _cleanup_free_ char *command = NULL;
        uint64_t found = 0;
        char line[256];
        FILE *nm;

        assert_return_code(asprintf(&command, "nm %s", path), errno);
        nm = popen(command, "r");
        assert_non_null(nm);
        while (fgets(line, sizeof(line), nm)) {
                unsigned long long address;
                char type, name[200];

                if (sscanf(line, "%llx %c %199s", &address, &type, name) == 3 &&
                    streq(name, symbol))
                        found = address;
        }
        pclose(nm);
        return found;
}

static void assert_name(const IndexFile *f,
                        uint64_t address,
                        const char *name,
                        const char *system_name) {
        IndexName n;

        assert_true(index_file_find_name(f, address, &n));
        assert_string_equal(n.name, name);
        assert_string_equal(n.system_name, system_name);
}

static void test_symbols_of_a_real_file(void **state) {
        static const struct {
                const char *symbol, *name, *system_name;
        } cases[] = {
                { "exported", "exported", "exported" },
                { "hidden", "hidden", "hidden" },
                { "internal_name", "public_name", "public_name" }, /* the shorter of two */
                { "_ZN5space5thingEi", "space::thing(int)", "_ZN5space5thingEi" },
                { "_ZN7mycrate4work17h0123456789abcdefE", "mycrate::work",
                  "_ZN7mycrate4work17h0123456789abcdefE" },
                { "resolve", "chosen", "chosen" },
                { "unsized", "unsized", "unsized" },
                { "inner_label", "unsized", "unsized" },
        };
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const Files *files = *state;

        if (!files->full)
                skip();
        f = index_of(files->full);
        assert_int_equal(index_file_get_sources(f) & ~INDEX_SOURCE_PLT, INDEX_SOURCE_SYMTAB);
        assert_string_equal(index_file_get_build_id(f), "0123456789abcdef");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t address = address_of(files->full, cases[i].symbol);

                assert_int_not_equal(address, 0);
                assert_name(f, address, cases[i].name, cases[i].system_name);
        }
}

static void test_a_stripped_file_has_its_exports(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const Files *files = *state;
        IndexName n;

        if (!files->full)
                skip();
        f = index_of(files->stripped);
        assert_int_equal(index_file_get_sources(f) & ~INDEX_SOURCE_PLT, INDEX_SOURCE_DYNSYM);
        assert_string_equal(index_file_get_build_id(f), "0123456789abcdef");
        assert_name(f, address_of(files->full, "exported"), "exported", "exported");
        assert_name(f, address_of(files->full, "_ZN5space5thingEi"), "space::thing(int)",
                    "_ZN5space5thingEi");
        assert_false(index_file_find_name(f, address_of(files->full, "hidden"), &n));
}

/* Where a byte of the file is when it runs: through the segment that the kernel maps. */
static void test_segments_lead_from_offsets_to_names(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const Files *files = *state;
        const IndexSegment *segment;
        uint64_t address, wanted;

        if (!files->full)
                skip();
        f = index_of(files->full);
        wanted = address_of(files->full, "exported");
        assert_true(index_file_find_address(f, wanted, &segment, &address));
        assert_true(segment->flags & PF_X);
        assert_int_equal(address - wanted, segment->address - segment->file_offset);
        assert_true(index_file_find_address(f, wanted - segment->address + segment->file_offset,
                                            &segment, &address));
        assert_int_equal(address, wanted);
}

static void test_equal_files_make_equal_indexes(void **state) {
        const Files *files = *state;
        char *bytes[2];
        size_t sizes[2];

        if (!files->full)
                skip();
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(elf_file_freep) ElfFile *elf = NULL;
                _cleanup_close_ int in = -EBADF, out = -EBADF;

                in = open(files->full, O_RDONLY | O_CLOEXEC);
                out = memfd_create("index", MFD_CLOEXEC);
                assert_int_equal(elf_file_open(&elf, in), 0);
                assert_int_equal(
                        elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, out), 0);
                assert_int_equal(lseek(out, 0, SEEK_SET), 0);
                assert_int_equal(read_full_fd(out, 1 << 20, &bytes[i], &sizes[i]), 0);
        }
        assert_int_equal(sizes[0], sizes[1]);
        assert_memory_equal(bytes[0], bytes[1], sizes[0]);
        free(bytes[0]);
        free(bytes[1]);
}

/* The table of symbols lies somewhere in each of these parts. */
static void test_a_file_truncated_anywhere_is_survived(void **state) {
        _cleanup_free_ char *bytes = NULL;
        const Files *files = *state;
        size_t size;

        if (!files->full)
                skip();
        assert_int_equal(read_full_file_at(AT_FDCWD, files->full, 1 << 20, &bytes, &size), 0);
        for (size_t n = 0; n < size; n += 61) {
                _cleanup_(elf_file_freep) ElfFile *elf = NULL;
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;
                _cleanup_close_ int out = memfd_create("index", MFD_CLOEXEC);
                _cleanup_free_ void *part = malloc(MAX(n, 1U));

                assert_non_null(part);
                memcpy(part, bytes, n);
                if (elf_file_new_from_memory(&elf, part, n) >= 0 &&
                    elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, out) >= 0)
                        assert_int_equal(index_file_open(&f, out, hash), 0);
        }
}

static void test_what_is_never_run_has_no_index(void **state) {
        Elf64_Ehdr header = {
                .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                             __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB,
                             EV_CURRENT },
                .e_type = ET_REL,
                .e_version = EV_CURRENT,
                .e_ehsize = sizeof(Elf64_Ehdr),
        };
        _cleanup_close_ int out = memfd_create("index", MFD_CLOEXEC);
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;

        assert_int_equal(elf_file_new_from_memory(&elf, &header, sizeof(header)), 0);
        assert_int_equal(elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, out),
                         -ENOEXEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_symbols_of_a_real_file),
                cmocka_unit_test(test_a_stripped_file_has_its_exports),
                cmocka_unit_test(test_segments_lead_from_offsets_to_names),
                cmocka_unit_test(test_equal_files_make_equal_indexes),
                cmocka_unit_test(test_a_file_truncated_anywhere_is_survived),
                cmocka_unit_test(test_what_is_never_run_has_no_index),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, setup, teardown);
}
