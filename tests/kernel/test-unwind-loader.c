/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind Loader: what lies in the maps is what the indexes say */

#include "cgroup-fixture.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include "basic/string-util.h"
#include "capture/unwind-loader.h"
#include "process/maps.h"

enum { PROCESSES_MAX = 64 };
#define BUDGET (UINT64_C(16) << 20)

typedef struct Bed {
        int segments_fd, processes_fd;
        UnwindLoader *loader;
        FileTable *files;
        MappingSet *mappings; /* of this very process */
} Bed;

static int make_segments(void) {
        LIBBPF_OPTS(bpf_map_create_opts, inner, .map_flags = BPF_F_MMAPABLE);
        _cleanup_close_ int template = -EBADF;

        template = bpf_map_create(BPF_MAP_TYPE_ARRAY, "template", 4, UNWIND_CHUNK_BYTES,
                                  UNWIND_SEGMENT_CHUNKS, &inner);
        assert_true(template >= 0);
        LIBBPF_OPTS(bpf_map_create_opts, outer, .inner_map_fd = (uint32_t) template);
        return bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "segments", 4, 4, UNWIND_SEGMENTS_MAX,
                              &outer);
}

static Bed *bed_new(uint64_t budget) {
        _cleanup_close_ int proc_fd = open("/proc/self", O_PATH | O_CLOEXEC);
        Bed *b = calloc(1, sizeof(*b));
        size_t refused;

        assert_non_null(b);
        b->segments_fd = make_segments();
        b->processes_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "processes", 4,
                                         sizeof(struct unwind_process), PROCESSES_MAX, NULL);
        assert_true(b->segments_fd >= 0 && b->processes_fd >= 0);
        assert_int_equal(unwind_loader_new(&b->loader, b->segments_fd, b->processes_fd, budget), 0);
        assert_int_equal(file_table_new(&b->files), 0);
        assert_int_equal(maps_read(proc_fd, b->files, &b->mappings, &refused), 0);
        return b;
}

static Bed *bed_free(Bed *b) {
        unwind_loader_free(b->loader);
        mapping_set_unref(b->mappings);
        file_table_free(b->files);
        close(b->segments_fd);
        close(b->processes_fd);
        free(b);
        return NULL;
}
DEFINE_CLEANUP(Bed *, bed_free);

/* The index of a file, made by the real profilerd-elf. */
static IndexFile *make_index(const char *path) {
        const char *worker = getenv("PROFILERD_ELF");
        char out[] = "/tmp/profilerd-index-XXXXXX", command[512];
        _cleanup_close_ int fd = mkstemp(out);
        IndexFile *index;

        assert_true(fd >= 0);
        assert_non_null(worker);
        snprintf(command, sizeof(command), "%s %s -o %s", worker, path, out);
        assert_int_equal(system(command), 0);
        close(fd);
        fd = open(out, O_RDONLY | O_CLOEXEC);
        unlink(out);
        assert_int_equal(index_file_open(&index, fd, NULL), 0);
        return index;
}

/* The mapping that this process has of libc's code. */
static const Mapping *find_libc(const Bed *b) {
        for (size_t i = 0; i < mapping_set_size(b->mappings); i++) {
                const Mapping *m = mapping_set_get(b->mappings, i);

                if (strstr(file_get_path(m->file), "/libc.so.6"))
                        return m;
        }
        fail_msg("libc is not mapped");
        return NULL;
}

static void give_libc_an_index(Bed *b) {
        const Mapping *m = find_libc(b);
        _cleanup_(index_file_unrefp) IndexFile *index = make_index(file_get_path(m->file));

        file_set_index(m->file, index);
}

/* ---- the maps, as the BPF program reads them ---- */

static struct unwind_chunk chunk_of(const Bed *b, uint32_t number) {
        uint32_t segment = number / UNWIND_SEGMENT_CHUNKS, index = number % UNWIND_SEGMENT_CHUNKS,
                 id;
        _cleanup_close_ int fd = -EBADF;
        struct unwind_chunk chunk;

        assert_int_equal(bpf_map_lookup_elem(b->segments_fd, &segment, &id), 0);
        fd = bpf_map_get_fd_by_id(id);
        assert_true(fd >= 0);
        assert_int_equal(bpf_map_lookup_elem(fd, &index, &chunk), 0);
        return chunk;
}

static bool find_process(const Bed *b, pid_t pid, struct unwind_process *ret) {
        uint32_t key = (uint32_t) pid;

        return bpf_map_lookup_elem(b->processes_fd, &key, ret) == 0;
}

static struct unwind_mapping mapping_of(const Bed *b, const struct unwind_process *p, uint32_t i) {
        struct unwind_chunk chunk = chunk_of(b, p->mappings + i / UNWIND_MAPPINGS_PER_CHUNK);

        return ((struct unwind_mapping *) &chunk)[i % UNWIND_MAPPINGS_PER_CHUNK];
}

static struct unwind_mapping loaded_libc(const Bed *b, pid_t pid) {
        const Mapping *libc = find_libc(b);
        struct unwind_process p;

        assert_true(find_process(b, pid, &p));
        for (uint32_t i = 0; i < p.n_mappings; i++) {
                struct unwind_mapping m = mapping_of(b, &p, i);

                if (m.start == libc->start)
                        return m;
        }
        fail();
        return (struct unwind_mapping){};
}

/* false: the table has no rule there. */
static bool find_rule(const Bed *b, uint32_t file, uint64_t address, struct unwind_rule *ret) {
        struct unwind_chunk chunk = chunk_of(b, file);
        struct unwind_file f = *(struct unwind_file *) &chunk;
        uint32_t page = (uint32_t) ((address - f.start) >> 12), found = UINT32_MAX;
        struct unwind_page p;

        if (address < f.start || page >= f.n_pages)
                return false;
        chunk = chunk_of(b, f.pages + page / UNWIND_PAGES_PER_CHUNK);
        p = ((struct unwind_page *) &chunk)[page % UNWIND_PAGES_PER_CHUNK];
        for (uint32_t i = p.first_row; i < p.first_row + p.n_rows; i++) {
                struct unwind_row row;

                chunk = chunk_of(b, f.rows + i / UNWIND_ROWS_PER_CHUNK);
                row = ((struct unwind_row *) &chunk)[i % UNWIND_ROWS_PER_CHUNK];
                if (row.offset > (address & 4095))
                        break;
                found = row.rule;
        }
        if (found == UINT32_MAX)
                return false;
        assert_true(found < f.n_rules);
        chunk = chunk_of(b, f.rules + found / UNWIND_RULES_PER_CHUNK);
        *ret = ((struct unwind_rule *) &chunk)[found % UNWIND_RULES_PER_CHUNK];
        return true;
}

/* ---- tests ---- */

static void test_the_tables_say_what_the_index_says(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(BUDGET);
        const Mapping *libc = find_libc(b);
        struct unwind_mapping m;
        size_t n_rules = 0;

        give_libc_an_index(b);
        assert_int_equal(unwind_loader_set_process(b->loader, 42, b->mappings), 1);
        m = loaded_libc(b, 42);
        assert_true(m.file != 0);
        for (uint64_t at = libc->start + 11; at < libc->end; at += 4999) {
                const struct unwind_rule *expected =
                        index_file_find_rule(file_get_index(libc->file), at - m.bias);
                struct unwind_rule rule = {};
                bool found = find_rule(b, m.file, at - m.bias, &rule);

                if (!expected || expected->kind == UNWIND_NOT_COVERED) {
                        assert_true(!found || rule.kind == UNWIND_NOT_COVERED);
                        continue;
                }
                assert_true(found);
                assert_memory_equal(&rule, expected, sizeof(rule));
                n_rules++;
        }
        assert_true(n_rules > 100);
}

static void test_all_mappings_are_there_in_order(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(BUDGET);
        struct unwind_process p;

        assert_int_equal(unwind_loader_set_process(b->loader, 42, b->mappings), 1);
        assert_true(find_process(b, 42, &p));
        assert_int_equal(p.n_mappings, mapping_set_size(b->mappings));
        for (uint32_t i = 0; i < p.n_mappings; i++) {
                const Mapping *expected = mapping_set_get(b->mappings, i);
                struct unwind_mapping m = mapping_of(b, &p, i);

                assert_int_equal(m.start, expected->start);
                assert_int_equal(m.end, expected->end);
                assert_int_equal(m.file, 0); /* no index, no table */
        }
}

static void test_a_table_that_comes_late_is_put_in_place(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(BUDGET);

        assert_int_equal(unwind_loader_set_process(b->loader, 42, b->mappings), 1);
        assert_int_equal(loaded_libc(b, 42).file, 0);
        give_libc_an_index(b);
        unwind_loader_add_file(b->loader, find_libc(b)->file);
        assert_true(loaded_libc(b, 42).file != 0);
}

static void test_processes_share_what_they_have_in_common(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(BUDGET);
        UnwindLoaderStatistics one, two;
        struct unwind_process p, q;

        give_libc_an_index(b);
        assert_int_equal(unwind_loader_set_process(b->loader, 1, b->mappings), 1);
        unwind_loader_get_statistics(b->loader, &one);
        assert_int_equal(unwind_loader_set_process(b->loader, 2, b->mappings), 1);
        assert_int_equal(unwind_loader_set_process(b->loader, 2, b->mappings), 0);
        unwind_loader_get_statistics(b->loader, &two);
        assert_int_equal(two.n_processes, 2);
        assert_int_equal(two.n_address_spaces, 1);
        assert_int_equal(two.used_bytes, one.used_bytes);
        assert_true(find_process(b, 1, &p) && find_process(b, 2, &q));
        assert_int_equal(p.mappings, q.mappings);
}

static void test_the_last_process_takes_everything_with_it(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(BUDGET);
        UnwindLoaderStatistics s;
        struct unwind_process p;

        give_libc_an_index(b);
        assert_int_equal(unwind_loader_set_process(b->loader, 1, b->mappings), 1);
        assert_int_equal(unwind_loader_set_process(b->loader, 2, b->mappings), 1);
        unwind_loader_remove_process(b->loader, 1);
        unwind_loader_remove_process(b->loader, 1);
        unwind_loader_get_statistics(b->loader, &s);
        assert_true(s.n_files == 1 && s.used_bytes > 0);
        assert_false(find_process(b, 1, &p));

        unwind_loader_remove_process(b->loader, 2);
        unwind_loader_get_statistics(b->loader, &s);
        assert_int_equal(s.n_processes + s.n_address_spaces + s.n_files, 0);
        assert_int_equal(s.used_bytes, 0);
}

static void test_without_memory_for_a_table_the_rest_works(void **state) {
        /* One segment: room for mappings, not for the table of libc. */
        _cleanup_(bed_freep) Bed *b = bed_new(UINT64_C(1) << 20);
        _cleanup_free_ void *ballast = NULL;
        UnwindLoaderStatistics s;

        for (size_t i = 0; i < mapping_set_size(b->mappings); i++) {
                const Mapping *m = mapping_set_get(b->mappings, i);
                _cleanup_(index_file_unrefp) IndexFile *index = NULL;

                if (file_is_anonymous(m->file) || file_is_vdso(m->file))
                        continue;
                /* Several times libc's table is more than there is. */
                index = make_index("/usr/lib/x86_64-linux-gnu/libcrypto.so.3");
                file_set_index(m->file, index);
        }
        assert_int_equal(unwind_loader_set_process(b->loader, 1, b->mappings), 1);
        unwind_loader_get_statistics(b->loader, &s);
        assert_true(s.refused_files > 0);
        assert_true(s.mapped_bytes <= UINT64_C(1) << 20);
}

/* Mappings of nothing, which take the room that tables would need. */
static void set_ballast(Bed *b, pid_t pid, uint64_t n) {
        _cleanup_(mapping_set_unrefp) MappingSet *ballast = NULL;
        _cleanup_(file_unrefp) File *file = NULL;

        assert_int_equal(mapping_set_new(&ballast), 0);
        assert_int_equal(file_table_get(b->files, &(FileId){}, "", &file), 0);
        for (uint64_t i = 0; i < n; i++) {
                const Mapping m = { 2 * i << 12, (2 * i + 1) << 12, 2 * i << 12, file };

                assert_int_equal(mapping_set_add(&ballast, &m), 0);
        }
        assert_int_equal(unwind_loader_set_process(b->loader, pid, ballast), 1);
}

static void test_what_was_refused_is_loaded_when_there_is_room(void **state) {
        /* One segment, and 32 bytes a mapping. */
        _cleanup_(bed_freep) Bed *b = bed_new(UINT64_C(1) << 20);
        UnwindLoaderStatistics s;

        set_ballast(b, 1, MAPPING_SET_MAX);
        set_ballast(b, 3, MAPPING_SET_MAX - 1000);
        assert_int_equal(unwind_loader_set_process(b->loader, 2, b->mappings), 1);
        give_libc_an_index(b);
        unwind_loader_add_file(b->loader, find_libc(b)->file);
        unwind_loader_retry(b->loader);
        unwind_loader_get_statistics(b->loader, &s);
        assert_int_equal(s.refused_files, 1);
        assert_int_equal(s.n_refused_files, 1);
        assert_true(s.is_short);
        assert_int_equal(loaded_libc(b, 2).file, 0);
        assert_int_equal(loaded_libc(b, 2).absence, UNWIND_REFUSED_TABLE);

        unwind_loader_remove_process(b->loader, 1);
        unwind_loader_retry(b->loader);
        unwind_loader_get_statistics(b->loader, &s);
        assert_int_equal(s.n_refused_files, 0);
        assert_false(s.is_short);
        assert_true(loaded_libc(b, 2).file != 0);
}

static void test_what_was_refused_is_loaded_when_the_budget_grows(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(0);
        UnwindLoaderStatistics s;

        give_libc_an_index(b);
        assert_int_equal(unwind_loader_set_process(b->loader, 1, b->mappings), -ENOSPC);
        unwind_loader_retry(b->loader);
        unwind_loader_get_statistics(b->loader, &s);
        assert_false(s.is_short); /* nothing is what was asked for */

        unwind_loader_set_max(b->loader, BUDGET);
        unwind_loader_retry(b->loader);
        assert_int_equal(unwind_loader_set_process(b->loader, 1, b->mappings), 1);
        assert_true(loaded_libc(b, 1).file != 0);
}

static void test_too_many_processes_are_refused_and_counted(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(BUDGET);
        UnwindLoaderStatistics s;
        int refused = 0;

        for (pid_t pid = 1; pid <= 2 * PROCESSES_MAX; pid++)
                refused += unwind_loader_set_process(b->loader, pid, b->mappings) < 0;
        unwind_loader_get_statistics(b->loader, &s);
        assert_int_equal(refused, PROCESSES_MAX);
        assert_int_equal(s.refused_processes, PROCESSES_MAX);
        assert_int_equal(s.n_processes, PROCESSES_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_tables_say_what_the_index_says),
                cmocka_unit_test(test_all_mappings_are_there_in_order),
                cmocka_unit_test(test_a_table_that_comes_late_is_put_in_place),
                cmocka_unit_test(test_processes_share_what_they_have_in_common),
                cmocka_unit_test(test_the_last_process_takes_everything_with_it),
                cmocka_unit_test(test_without_memory_for_a_table_the_rest_works),
                cmocka_unit_test(test_what_was_refused_is_loaded_when_there_is_room),
                cmocka_unit_test(test_what_was_refused_is_loaded_when_the_budget_grows),
                cmocka_unit_test(test_too_many_processes_are_refused_and_counted),
        };
        const char *missing = missing_for_kernel_tests();

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
