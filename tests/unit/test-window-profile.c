/* SPDX-License-Identifier: Apache-2.0 */
/* From Window to Profile */

#include "basic/string-util.h"
#include "profile/pprof-check.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "unit-test.h"
#include "window-fixture.h"
#include "window-profile.h"

static const char kernel_text[] = "ffffffff81000000 T _stext\n"
                                  "ffffffff81000000 T _text\n"
                                  "ffffffff81000010 T do_syscall_64\n"
                                  "ffffffff81000100 t vfs_read\n"
                                  "ffffffff81000200 T schedule\n"
                                  "ffffffff81000300 t __schedule\n"
                                  "ffffffff81000400 t bpf_trace_run4\n"
                                  "ffffffff82000000 T _etext\n"
                                  "ffffffffc0201000 t ext4_sync\t[ext4]\n"
                                  "ffffffffc0201100 t ext4_end\t[ext4]\n";

static const WindowProfileContext defaults = {
        .unit = "test.service",
        .invocation_id.bytes = { 0xab },
        .boot_id.bytes = { 0xcd },
        .host = "host",
        .frequency_hz = 99,
        .duration_usec = 60 * USEC_PER_SEC,
        .kernel_build_id = "",
};

static Profile *make(const WindowFixture *f,
                     const WindowProfileContext *context,
                     WindowNames *names) {
        _cleanup_free_ uint8_t *data = NULL;
        WindowNames unused;
        Profile *p;
        size_t size;

        assert_return_code(window_make_profile(f->window, context, &p, names ?: &unused), 0);
        /* Whatever the test is about, every reader must take it. */
        assert_return_code(pprof_encode(p, &data, &size), 0);
        assert_int_equal(pprof_check(data, size, NULL, NULL), 0);
        return p;
}

/* The location of a frame of the only sample. */
static ProfileLocation location_of(Profile *p, size_t frame) {
        ProfileLocation location;
        ProfileSample s;

        assert_int_equal(profile_n_samples(p), 1);
        profile_get_sample(p, 0, &s);
        assert_true(frame < s.n_locations);
        profile_get_location(p, s.locations[frame], &location);
        return location;
}

static void assert_function(Profile *p,
                            const ProfileLocation *l,
                            const char *name,
                            const char *system_name) {
        ProfileFunction function;

        assert_int_equal(l->n_lines, 1);
        profile_get_function(p, l->lines[0].function, &function);
        assert_string_equal(function.name, name);
        assert_string_equal(function.system_name, system_name);
}

static void assert_mapping(Profile *p,
                           const ProfileLocation *l,
                           uint64_t start,
                           uint64_t limit,
                           const char *filename,
                           const char *build_id) {
        ProfileMapping m;

        assert_true(l->mapping != PROFILE_NONE);
        profile_get_mapping(p, l->mapping, &m);
        assert_int_equal(m.start, start);
        assert_int_equal(m.limit, limit);
        assert_string_equal(m.filename, filename);
        assert_string_equal(m.build_id, build_id);
        assert_true(l->address >= m.start && l->address < m.limit);
}

/* ---- files ---- */

static void test_addresses_are_those_of_the_elf_file(void **state) {
        const uint64_t frames[] = { FIXTURE_CODE + 0x110, FIXTURE_CODE + 0x20 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileLocation l;
        ProfileMapping m;
        WindowNames names;

        assert_int_equal(fixture_add(f, frames, 2, 10), 0);
        fixture_settle(f->program);
        p = make(f, &defaults, &names);

        l = location_of(p, 0);
        assert_int_equal(l.address, FIXTURE_ADDRESS + 0x110);
        assert_function(p, &l, "second", "_second");
        assert_mapping(p, &l, FIXTURE_ADDRESS, FIXTURE_ADDRESS + FIXTURE_CODE_SIZE,
                       "/usr/bin/program", "abcd");
        l = location_of(p, 1);
        assert_int_equal(l.address, FIXTURE_ADDRESS + 0x1f);
        assert_function(p, &l, "first", "_first");
        profile_get_mapping(p, 0, &m);
        assert_int_equal(m.offset, FIXTURE_OFFSET);
        assert_true(m.has_functions);
        assert_false(m.has_filenames || m.has_line_numbers || m.has_inline_frames);
        assert_int_equal(names.frames, 2);
        assert_int_equal(names.named, 2);
}

/* One location, several lines: innermost first, and what the mapping claims is true of all of it.
 */
static void test_inlined_functions_are_lines_of_one_location(void **state) {
        const uint64_t frames[] = { FIXTURE_CODE + 0x18 };
        const uint64_t more[] = { FIXTURE_CODE + 0x110 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        _cleanup_(profile_freep) Profile *p = NULL, *q = NULL;
        WindowProfileContext context = defaults;
        ProfileFunction function;
        ProfileLocation l;
        ProfileMapping m;

        context.lines = true;
        assert_int_equal(fixture_add(f, frames, 1, 10), 0);
        fixture_settle(f->program);
        p = make(f, &context, NULL);
        l = location_of(p, 0);
        assert_int_equal(l.n_lines, 2);
        assert_int_equal(l.lines[0].line, 3);
        profile_get_function(p, l.lines[0].function, &function);
        assert_string_equal(function.name, "inlined");
        assert_string_equal(function.filename, "/first.h");
        assert_int_equal(l.lines[1].line, 12);
        profile_get_function(p, l.lines[1].function, &function);
        assert_string_equal(function.name, "first");
        assert_string_equal(function.system_name, "_first");
        assert_string_equal(function.filename, "/first.c");
        profile_get_mapping(p, 0, &m);
        assert_true(m.has_functions && m.has_filenames && m.has_line_numbers &&
                    m.has_inline_frames);

        /* One place without a line is enough. */
        assert_int_equal(fixture_add(f, more, 1, 10), 0);
        q = make(f, &context, NULL);
        profile_get_mapping(q, 0, &m);
        assert_true(m.has_functions && m.has_inline_frames);
        assert_false(m.has_filenames || m.has_line_numbers);
}

/* Others can name it later: the mapping, its build id and the address are there. */
static void test_an_address_without_a_name_keeps_its_mapping(void **state) {
        const uint64_t frames[] = { FIXTURE_CODE + 0x10, FIXTURE_CODE + 0x5000 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileLocation l;
        ProfileMapping m;
        WindowNames names;

        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(fixture_add(f, frames, 2, 10), 0);
        fixture_settle(f->program);
        p = make(f, &defaults, &names);

        l = location_of(p, 1);
        assert_int_equal(l.n_lines, 0);
        assert_int_equal(l.address, FIXTURE_ADDRESS + 0x4fff);
        assert_mapping(p, &l, FIXTURE_ADDRESS, FIXTURE_ADDRESS + FIXTURE_CODE_SIZE,
                       "/usr/bin/program", "abcd");
        profile_get_mapping(p, l.mapping, &m);
        assert_false(m.has_functions);
        assert_int_equal(names.frames, 6);
        assert_int_equal(names.named, 3);
}

static void test_a_file_without_an_index_has_offsets(void **state) {
        const uint64_t frames[] = { FIXTURE_LIBRARY + 0x10 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileLocation l;

        assert_int_equal(fixture_add(f, frames, 1, 10), 0);
        file_set_lost(f->library, -ENOENT);
        p = make(f, &defaults, NULL);
        l = location_of(p, 0);
        assert_int_equal(l.n_lines, 0);
        assert_int_equal(l.address, FIXTURE_OFFSET + 0x10);
        assert_mapping(p, &l, 0, UINT64_C(1) << 56, "/usr/lib/library.so.1", "");
}

static void test_memory_and_nothing_are_told_apart(void **state) {
        const uint64_t jit = UINT64_C(0x7e0000000000), frames[] = { jit + 8, 0x1234 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileLocation l;

        (void) fixture_map(f, jit, &(FileId){}, "");
        assert_int_equal(fixture_add(f, frames, 2, 10), 0);
        p = make(f, &defaults, NULL);
        l = location_of(p, 0);
        assert_mapping(p, &l, 0, UINT64_C(1) << 56, "//anon", "");
        assert_int_equal(l.address, jit + 8);
        l = location_of(p, 1);
        assert_int_equal(l.mapping, PROFILE_NONE);
        assert_int_equal(l.address, 0x1233);
}

/* pprof's readers refuse a location with neither a line nor an address. */
static void test_a_jump_through_null_has_an_address(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        _cleanup_(profile_freep) Profile *p = NULL;
        const uint64_t frames[] = { 0, 1 };

        assert_int_equal(fixture_add(f, frames, 2, 10), 0);
        p = make(f, &defaults, NULL);
        assert_int_equal(location_of(p, 0).address, 1);
}

static void test_the_main_executable_is_mapping_0(void **state) {
        const uint64_t frames[] = { FIXTURE_LIBRARY + 0x10, FIXTURE_CODE + 0x10 };
        const char *const paths[] = { "/usr/bin/program", "/usr/lib/library.so.1", "/gone", NULL };
        const char *const expected[] = { "/usr/bin/program", "/usr/lib/library.so.1",
                                         "/usr/bin/program", "/usr/bin/program" };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();

        assert_int_equal(fixture_add(f, frames, 2, 10), 0);
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                WindowProfileContext context = defaults;
                _cleanup_(profile_freep) Profile *p = NULL;
                ProfileMapping m;

                context.main_exe = paths[i];
                p = make(f, &context, NULL);
                profile_get_mapping(p, 0, &m);
                assert_string_equal(m.filename, expected[i]);
        }
}

static void test_the_kernel_is_mapping_0_only_where_there_is_no_file(void **state) {
        const uint64_t frames[] = { FIXTURE_KERNEL, FIXTURE_CODE + 0x10 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(1, 1);
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileMapping m;

        f->process.exe = (free(f->process.exe), NULL);
        assert_int_equal(window_add(f->window, &f->process, &record, frames, 1), 0);
        p = make(f, &defaults, NULL);
        profile_get_mapping(p, 0, &m);
        assert_string_equal(m.filename, "/usr/bin/program");
}

/* The main process slept, its children worked: the profile is of the main program all the same. */
static void test_a_main_executable_without_a_sample_is_mapping_0(void **state) {
        const uint64_t frames[] = { FIXTURE_LIBRARY + 0x10 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        const Mapping *main_mapping = mapping_set_find(f->process.mappings, FIXTURE_CODE);
        WindowProfileContext context = defaults;
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileMapping m;

        assert_non_null(main_mapping);
        assert_int_equal(fixture_add(f, frames, 1, 10), 0);
        context.main_exe = "/usr/bin/program";
        context.main_mapping = main_mapping;
        p = make(f, &context, NULL);
        profile_get_mapping(p, 0, &m);
        assert_string_equal(m.filename, "/usr/bin/program");
        assert_int_equal(profile_n_mappings(p), 2);
}

/* ---- the kernel ---- */

static void test_kernel_frames_have_their_own_mapping(void **state) {
        const uint64_t frames[] = { FIXTURE_KERNEL + 0x110, UINT64_C(0xffffffffc0201009),
                                    FIXTURE_CODE + 0x10 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(2, 1);
        _cleanup_(kallsyms_freep) Kallsyms *kernel = NULL;
        _cleanup_(profile_freep) Profile *p = NULL;
        WindowProfileContext context = defaults;
        ProfileLocation l;

        assert_return_code(kallsyms_new(&kernel), 0);
        assert_return_code(kallsyms_parse(kernel, kernel_text, strlen(kernel_text)), 0);
        context.kernel = kernel;
        context.kernel_build_id = "beef";
        assert_int_equal(window_add(f->window, &f->process, &record, frames, 1), 0);
        p = make(f, &context, NULL);

        l = location_of(p, 0);
        assert_function(p, &l, "vfs_read", "vfs_read");
        assert_mapping(p, &l, FIXTURE_KERNEL, UINT64_MAX, "[kernel.kallsyms]", "beef");
        l = location_of(p, 1);
        assert_function(p, &l, "ext4_sync [ext4]", "ext4_sync");
        assert_mapping(p, &l, FIXTURE_KERNEL, UINT64_MAX, "[kernel.kallsyms]", "beef");
        l = location_of(p, 2);
        assert_mapping(p, &l, 0, UINT64_C(1) << 56, "/usr/bin/program", "");
}

/* arm64 has its modules there. */
/* Of a thread that waits. */
static Profile *make_wait(WindowFixture *f,
                          const uint64_t *frames,
                          uint16_t n_kernel,
                          uint8_t flags) {
        struct sample_record record = fixture_record(n_kernel, 1);
        _cleanup_(kallsyms_freep) Kallsyms *kernel = NULL;
        WindowProfileContext context = defaults;

        record.flags = SAMPLE_OFF_CPU | flags;
        assert_return_code(kallsyms_new(&kernel), 0);
        assert_return_code(kallsyms_parse(kernel, kernel_text, strlen(kernel_text)), 0);
        context.kernel = kernel;
        assert_int_equal(window_add(f->window, &f->process, &record, frames, 5000), 0);
        return make(f, &context, NULL);
}

static void test_the_leaf_of_a_wait_is_who_called_the_scheduler(void **state) {
        const uint64_t frames[] = { FIXTURE_KERNEL + 0x410, FIXTURE_KERNEL + 0x310,
                                    FIXTURE_KERNEL + 0x210, FIXTURE_KERNEL + 0x110,
                                    FIXTURE_CODE + 0x10 };
        _cleanup_(window_fixture_freep) WindowFixture *f =
                window_fixture_new_of_type(WINDOW_OFF_CPU);
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileLocation l;
        ProfileSample s;

        p = make_wait(f, frames, 4, 0);
        profile_get_sample(p, 0, &s);
        assert_int_equal(s.n_locations, 2);
        l = location_of(p, 0);
        assert_function(p, &l, "vfs_read", "vfs_read");
}

static void test_a_profile_of_waits_says_so_and_has_the_state_of_the_thread(void **state) {
        const uint64_t frames[] = { FIXTURE_KERNEL + 0x110, FIXTURE_CODE + 0x10 };
        _cleanup_(window_fixture_freep) WindowFixture *f =
                window_fixture_new_of_type(WINDOW_OFF_CPU);
        _cleanup_(profile_freep) Profile *p = NULL;
        const char *thread_state = NULL;
        ProfileValueType type;
        ProfileSample s;

        p = make_wait(f, frames, 1, SAMPLE_UNINTERRUPTIBLE);
        profile_get_value_type(p, 1, &type);
        assert_string_equal(type.type, "offcpu");
        assert_string_equal(type.unit, "nanoseconds");
        profile_get_sample(p, 0, &s);
        assert_int_equal(s.n_locations, 2); /* without a scheduler there is nothing to leave out */
        assert_int_equal(s.values[1], 5000);
        for (size_t i = 0; i < s.n_labels; i++)
                if (streq(s.labels[i].key, "state"))
                        thread_state = s.labels[i].string;
        assert_non_null(thread_state);
        assert_string_equal(thread_state, "D");
}

static void test_what_lies_below_the_kernel_is_a_module(void **state) {
        const uint64_t frames[] = { UINT64_C(0xffff800000000010) };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(1, 0);
        _cleanup_(kallsyms_freep) Kallsyms *kernel = NULL;
        _cleanup_(profile_freep) Profile *p = NULL;
        WindowProfileContext context = defaults;
        ProfileLocation l;

        assert_return_code(kallsyms_new(&kernel), 0);
        assert_return_code(kallsyms_parse(kernel, kernel_text, strlen(kernel_text)), 0);
        context.kernel = kernel;
        context.kernel_build_id = "beef";
        assert_int_equal(window_add(f->window, &f->process, &record, frames, 1), 0);
        p = make(f, &context, NULL);
        l = location_of(p, 0);
        assert_mapping(p, &l, UINT64_C(1) << 63, FIXTURE_KERNEL, "[kernel.modules]", "");
}

static void test_without_symbols_the_kernel_has_addresses(void **state) {
        const uint64_t frames[] = { FIXTURE_KERNEL + 0x110 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(1, 0);
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileLocation l;

        assert_int_equal(window_add(f->window, &f->process, &record, frames, 1), 0);
        p = make(f, &defaults, NULL);
        l = location_of(p, 0);
        assert_int_equal(l.n_lines, 0);
        assert_mapping(p, &l, UINT64_C(1) << 63, UINT64_MAX, "[kernel.kallsyms]", "");
}

/* ---- what is said beside the stacks ---- */

static const ProfileLabel *find_label(const ProfileSample *s, const char *key) {
        for (size_t i = 0; i < s->n_labels; i++)
                if (streq(s->labels[i].key, key))
                        return &s->labels[i];
        fail_msg("There is no label '%s'.", key);
        return NULL;
}

static void test_samples_carry_thread_and_configured_labels(void **state) {
        ConfigLabel labels[] = { { (char *) "team", (char *) "blue" },
                                 { (char *) "tier", (char *) "web" } };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(0, 1);
        _cleanup_(profile_freep) Profile *p = NULL;
        WindowProfileContext context = defaults;
        uint64_t address = FIXTURE_CODE;
        ProfileSample s;

        record.tid++;
        memcpy(record.comm, "sixteen-letters!", SAMPLE_COMM_MAX); /* and no NUL */
        context.labels = labels;
        context.n_labels = ELEMENTSOF(labels);
        assert_int_equal(window_add(f->window, &f->process, &record, &address, 1), 0);
        p = make(f, &context, NULL);

        profile_get_sample(p, 0, &s);
        assert_int_equal(s.n_labels, 5);
        assert_string_equal(find_label(&s, "thread")->string, "sixteen-letters!");
        assert_int_equal(find_label(&s, "pid")->number, FIXTURE_PID);
        assert_int_equal(find_label(&s, "tid")->number, FIXTURE_PID + 1);
        assert_string_equal(find_label(&s, "team")->string, "blue");
        assert_string_equal(find_label(&s, "tier")->string, "web");
}

static void test_a_stack_that_ended_early_says_why(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(0, 1);
        _cleanup_(profile_freep) Profile *p = NULL;
        uint64_t address = FIXTURE_CODE;
        size_t n_labels = 0;
        ProfileSample s;

        assert_int_equal(fixture_add(f, &address, 1, 1), 0);
        record.stack_end = STACK_END_NO_RULE;
        assert_int_equal(window_add(f->window, &f->process, &record, &address, 1), 0);
        p = make(f, &defaults, NULL);

        assert_int_equal(profile_n_samples(p), 2);
        for (size_t i = 0; i < 2; i++) {
                profile_get_sample(p, i, &s);
                n_labels += s.n_labels;
                if (s.n_labels == 4)
                        assert_string_equal(find_label(&s, PROFILE_STACK_END_LABEL)->string,
                                            "no-rule");
        }
        assert_int_equal(n_labels, 7);
}

static void test_values_are_count_and_time(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        _cleanup_(profile_freep) Profile *p = NULL;
        uint64_t address = FIXTURE_CODE;
        ProfileValueType type;
        ProfileHeader h;

        assert_int_equal(fixture_add(f, &address, 1, 10), 0);
        assert_int_equal(fixture_add(f, &address, 1, 32), 0);
        p = make(f, &defaults, NULL);

        assert_int_equal(profile_n_value_types(p), 2);
        profile_get_value_type(p, 0, &type);
        assert_string_equal(type.type, "samples");
        assert_string_equal(type.unit, "count");
        profile_get_value_type(p, 1, &type);
        assert_string_equal(type.type, "cpu");
        assert_string_equal(type.unit, "nanoseconds");
        assert_int_equal(profile_total(p, 0), 2);
        assert_int_equal(profile_total(p, 1), 42);
        profile_get_header(p, &h);
        assert_int_equal(h.time_nsec, 1000 * NSEC_PER_SEC);
        assert_int_equal(h.duration_nsec, 60 * NSEC_PER_SEC);
        assert_int_equal(h.period, NSEC_PER_SEC / 99);
        assert_string_equal(h.period_type.type, "cpu");
        assert_string_equal(h.default_sample_type, "cpu");
}

static void test_comments_say_whose_profile_it_is_and_how_good(void **state) {
        const struct {
                const char *key, *value;
        } expected[] = {
                { "unit", "test.service" }, { "invocation-id", "ab000000000000000000000000000000" },
                { "host", "host" },         { "boot-id", "cd000000000000000000000000000000" },
                { "samples", "2" },         { "lost-samples", "0" },
                { "stacks-complete", "1" }, { "stacks-truncated", "0" },
                { "stacks-broken", "1" },   { "stacks-none", "0" },
                { "stacks-guessed", "1" },  { "frames", "2" },
                { "frames-named", "0" },    { "stacks-no-memory", "1" },
                { "slice", "our.slice" },
        };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(0, 1);
        _cleanup_(profile_freep) Profile *p = NULL;
        WindowProfileContext context = defaults;
        uint64_t address = FIXTURE_CODE;

        assert_int_equal(fixture_add(f, &address, 1, 1), 0);
        record.stack_end = STACK_END_NO_MEMORY;
        record.flags |= SAMPLE_GUESSED;
        assert_int_equal(window_add(f->window, &f->process, &record, &address, 1), 0);
        context.slice = "our.slice";
        p = make(f, &context, NULL);
        assert_int_equal(profile_n_comments(p), ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                assert_string_equal(profile_get_note(p, expected[i].key), expected[i].value);
}

/* Two processes that map the same file elsewhere are in the same places of it. */
static void test_stacks_that_end_up_equal_are_one_sample(void **state) {
        const uint64_t here = FIXTURE_CODE + 0x10, there = UINT64_C(0x7d0000000000);
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        _cleanup_(profile_freep) Profile *p = NULL;
        uint64_t moved = there + 0x10;

        assert_int_equal(fixture_add(f, &here, 1, 1), 0);
        (void) fixture_map(f, there, file_get_id(f->program), "/usr/bin/program");
        assert_int_equal(fixture_add(f, &moved, 1, 2), 0);
        p = make(f, &defaults, NULL);
        assert_int_equal(profile_n_samples(p), 1);
        assert_int_equal(profile_total(p, 0), 2);
        assert_int_equal(profile_n_locations(p), 1);
}

static void test_equal_windows_make_equal_bytes(void **state) {
        const uint64_t frames[] = { FIXTURE_CODE + 0x10, FIXTURE_LIBRARY + 0x20, 0x1234 };
        uint8_t *data[2];
        size_t size[2];

        for (size_t i = 0; i < 2; i++) {
                _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
                _cleanup_(profile_freep) Profile *p = NULL;

                for (uint16_t n = 1; n <= 3; n++)
                        assert_int_equal(fixture_add(f, frames, n, n), 0);
                fixture_settle(f->program);
                p = make(f, &defaults, NULL);
                assert_return_code(pprof_encode(p, &data[i], &size[i]), 0);
        }
        assert_int_equal(size[0], size[1]);
        assert_memory_equal(data[0], data[1], size[0]);
        free(data[0]);
        free(data[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses_are_those_of_the_elf_file),
                cmocka_unit_test(test_inlined_functions_are_lines_of_one_location),
                cmocka_unit_test(test_an_address_without_a_name_keeps_its_mapping),
                cmocka_unit_test(test_a_file_without_an_index_has_offsets),
                cmocka_unit_test(test_memory_and_nothing_are_told_apart),
                cmocka_unit_test(test_a_jump_through_null_has_an_address),
                cmocka_unit_test(test_the_main_executable_is_mapping_0),
                cmocka_unit_test(test_the_kernel_is_mapping_0_only_where_there_is_no_file),
                cmocka_unit_test(test_a_main_executable_without_a_sample_is_mapping_0),
                cmocka_unit_test(test_kernel_frames_have_their_own_mapping),
                cmocka_unit_test(test_the_leaf_of_a_wait_is_who_called_the_scheduler),
                cmocka_unit_test(test_a_profile_of_waits_says_so_and_has_the_state_of_the_thread),
                cmocka_unit_test(test_what_lies_below_the_kernel_is_a_module),
                cmocka_unit_test(test_without_symbols_the_kernel_has_addresses),
                cmocka_unit_test(test_samples_carry_thread_and_configured_labels),
                cmocka_unit_test(test_a_stack_that_ended_early_says_why),
                cmocka_unit_test(test_values_are_count_and_time),
                cmocka_unit_test(test_comments_say_whose_profile_it_is_and_how_good),
                cmocka_unit_test(test_stacks_that_end_up_equal_are_one_sample),
                cmocka_unit_test(test_equal_windows_make_equal_bytes),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
