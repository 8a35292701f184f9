/* SPDX-License-Identifier: Apache-2.0 */
/* The pprof Format */

#include <fcntl.h>
#include <sys/mman.h>

#include "basic/file-util.h"
#include "pprof-draft.h"
#include "profile/pprof-check.h"
#include "profile/pprof.h"
#include "unit-test.h"

enum { N_FUNCTIONS = 40, N_SAMPLES = 200 };

typedef struct Blob {
        uint8_t *data;
        size_t size;
} Blob;

static void blob_done(Blob *b) {
        free(b->data);
}

static void encode(Profile *p, Blob *ret) {
        assert_return_code(pprof_encode(p, &ret->data, &ret->size), errno);
}

static Profile *decode(const Blob *b) {
        const char *reason = NULL;
        Profile *p = NULL;

        if (pprof_decode(b->data, b->size, &p, &reason) < 0)
                fail_msg("%s", reason ? reason : "no reason");
        return p;
}

static Profile *new_profile(void) {
        const ProfileValueType types[] = { { "samples", "count" }, { "cpu", "nanoseconds" } };
        const ProfileHeader header = {
                .time_nsec = INT64_C(1700000000000000000),
                .duration_nsec = INT64_C(60000000000),
                .period_type = { "cpu", "nanoseconds" },
                .period = 10101010,
                .default_sample_type = "cpu",
        };
        Profile *p;

        assert_return_code(profile_new(&p, types, 2), errno);
        assert_return_code(profile_set_header(p, &header), errno);
        return p;
}

static uint32_t add_mapping(Profile *p, const char *filename, uint64_t start) {
        const ProfileMapping m = {
                .start = start,
                .limit = start + 0x10000,
                .filename = filename,
                .build_id = "ab12",
                .has_functions = true,
        };
        uint32_t index;

        assert_return_code(profile_add_mapping(p, &m, &index), errno);
        return index;
}

static uint32_t add_location(Profile *p, uint32_t mapping, uint64_t address, unsigned function) {
        char name[32], system_name[32];
        const ProfileFunction f = { .name = name, .system_name = system_name };
        ProfileLine line = { .line = 0 };
        ProfileLocation l = {
                .mapping = mapping, .address = address, .lines = &line, .n_lines = 1
        };
        uint32_t index;

        snprintf(name, sizeof(name), "f%u()", function);
        snprintf(system_name, sizeof(system_name), "_Z1f%u", function);
        assert_return_code(profile_add_function(p, &f, &line.function), errno);
        assert_return_code(profile_add_location(p, &l, &index), errno);
        return index;
}

static void add_sample(Profile *p, const uint32_t *stack, size_t n, int64_t count, int64_t tid) {
        const int64_t values[] = { count, count * 10101010 };
        const ProfileLabel labels[] = { { .key = "tid", .number = tid, .unit = "id" },
                                        { .key = "thread", .string = tid % 2 ? "odd" : "even" } };
        const ProfileSample s = { stack, n, values, labels, ELEMENTSOF(labels) };

        assert_return_code(profile_add_sample(p, &s), errno);
}

/* The same content, put together in the order that step makes. */
static Profile *new_filled_profile(unsigned step) {
        Profile *p = new_profile();
        uint32_t mappings[4];

        mappings[0] = add_mapping(p, "/usr/bin/main", 0);
        for (unsigned i = 0; i < 3; i++) {
                unsigned k = i * step % 3;
                char name[32];

                snprintf(name, sizeof(name), "/usr/lib/lib%u.so", k);
                mappings[1 + k] = add_mapping(p, name, k * 0x1000);
        }
        for (unsigned i = 0; i < N_SAMPLES; i++) {
                unsigned k = i * step % N_SAMPLES;
                uint32_t stack[8];
                size_t n = 1 + k % 8;

                for (unsigned depth = 0; depth < n; depth++) {
                        unsigned f = (k / 8 * (depth + 3)) % N_FUNCTIONS;

                        stack[depth] = add_location(p, mappings[f % 4], 0x3000 + f * 16, f);
                }
                add_sample(p, stack, n, 1 + k % 3, k % 5);
        }
        return p;
}

static int64_t get_total(Profile *p, size_t type) {
        int64_t total = 0;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                total += s.values[type];
        }
        return total;
}

static void print_violation(const char *sentence, void *userdata) {
        print_message("# %s\n", sentence);
}

static void assert_keeps_the_rules(const Blob *b) {
        assert_int_equal(pprof_check(b->data, b->size, print_violation, NULL), 0);
}

/* ---- writing ---- */

static void test_what_we_write_keeps_every_rule(void **state) {
        _cleanup_(profile_freep) Profile *p = new_filled_profile(1);
        _cleanup_(blob_done) Blob b = {};

        assert_return_code(profile_add_comment(p, "unit nginx.service"), errno);
        encode(p, &b);
        assert_keeps_the_rules(&b);
}

static void test_the_order_of_adding_does_not_show(void **state) {
        const unsigned steps[] = { 7, 101, 199 };
        _cleanup_(profile_freep) Profile *p = new_filled_profile(1);
        _cleanup_(blob_done) Blob a = {};

        encode(p, &a);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                _cleanup_(profile_freep) Profile *q = new_filled_profile(steps[i]);
                _cleanup_(blob_done) Blob b = {};

                encode(q, &b);
                assert_int_equal(a.size, b.size);
                assert_memory_equal(a.data, b.data, a.size);
        }
}

/* Without a mapping, names alone tell locations at address 0 apart. */
static void test_locations_without_an_address_have_an_order_too(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile(), *q = new_profile();
        _cleanup_(blob_done) Blob a = {}, b = {};

        for (unsigned i = 0; i < 10; i++) {
                uint32_t x = add_location(p, PROFILE_NONE, 0, i);
                uint32_t y = add_location(q, PROFILE_NONE, 0, 9 - i);

                add_sample(p, &x, 1, 1, 0);
                add_sample(q, &y, 1, 1, 0);
        }
        encode(p, &a);
        encode(q, &b);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
}

static void test_labels_order_samples_of_one_stack(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile(), *q = new_profile();
        _cleanup_(blob_done) Blob a = {}, b = {};
        uint32_t x = add_location(p, PROFILE_NONE, 1, 1), y = add_location(q, PROFILE_NONE, 1, 1);

        for (unsigned i = 0; i < 10; i++) {
                add_sample(p, &x, 1, 1, i);
                add_sample(q, &y, 1, 1, 9 - i);
        }
        encode(p, &a);
        encode(q, &b);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
}

static void test_the_gzip_header_says_nothing_about_when_and_where(void **state) {
        static const uint8_t header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255 };
        _cleanup_(profile_freep) Profile *p = new_filled_profile(1);
        _cleanup_(blob_done) Blob b = {};

        encode(p, &b);
        assert_memory_equal(b.data, header, sizeof(header));
}

static void test_the_main_binary_stays_mapping_1(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile(), *q = NULL;
        _cleanup_(blob_done) Blob b = {};
        ProfileMapping m;
        uint32_t location, lib;

        add_mapping(p, "/usr/bin/zzz", 0);
        lib = add_mapping(p, "/usr/lib/aaa.so", 0);
        location = add_location(p, lib, 0x10, 1);
        add_sample(p, &location, 1, 1, 0);

        encode(p, &b);
        assert_keeps_the_rules(&b);
        q = decode(&b);
        assert_int_equal(profile_n_mappings(q), 2);
        profile_get_mapping(q, 0, &m);
        assert_string_equal(m.filename, "/usr/bin/zzz");
}

static void test_zeros_and_what_only_they_use_are_left_out(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile(), *q = NULL;
        _cleanup_(blob_done) Blob b = {};
        uint32_t used, unused;

        add_mapping(p, "/usr/bin/main", 0);
        used = add_location(p, 0, 0x10, 1);
        unused = add_location(p, add_mapping(p, "/usr/lib/unused.so", 0), 0x20, 2);
        add_sample(p, &used, 1, 1, 0);
        add_sample(p, &unused, 1, 0, 0);

        encode(p, &b);
        assert_keeps_the_rules(&b);
        q = decode(&b);
        assert_int_equal(profile_n_samples(q), 1);
        assert_int_equal(profile_n_locations(q), 1);
        assert_int_equal(profile_n_functions(q), 1);
        assert_int_equal(profile_n_mappings(q), 1);
}

static void test_a_label_of_number_0_survives(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile(), *q = NULL;
        _cleanup_(blob_done) Blob b = {};
        ProfileSample s;

        add_sample(p, NULL, 0, 1, 0);
        encode(p, &b);
        q = decode(&b);
        profile_get_sample(q, 0, &s);
        assert_int_equal(s.n_labels, 2);
        assert_string_equal(s.labels[1].key, "tid");
        assert_string_equal(s.labels[1].unit, "id");
        assert_int_equal(s.labels[1].number, 0);
}

static void test_a_default_type_that_does_not_exist_is_not_written(void **state) {
        _cleanup_(profile_freep) Profile *p = new_filled_profile(1), *q = NULL;
        _cleanup_(blob_done) Blob b = {};
        ProfileHeader h;

        profile_get_header(p, &h);
        h.default_sample_type = "wall";
        assert_return_code(profile_set_header(p, &h), errno);
        encode(p, &b);
        assert_keeps_the_rules(&b);
        q = decode(&b);
        profile_get_header(q, &h);
        assert_string_equal(h.default_sample_type, "");
}

static void test_fields_are_written_as_protobuf_says(void **state) {
        static const uint8_t expected[] = {
                0x08, 0x96, 0x01,                         /* 1: 150 */
                0x12, 0x02, 'h',  'i',                    /* 2: "hi" */
                0x1a, 0x05, 0x0a, 0x03, 0x00, 0xac, 0x02, /* 3: { 1: packed 0, 300 } */
                0x22, 0x00,                               /* 4: "" */
                0x82, 0x01, 0x00,                         /* 16: {} */
        };
        _cleanup_(protobuf_writer_done) ProtobufWriter w = {}, v = {};
        size_t outer, inner;

        protobuf_writer_add_number(&w, 1, 150);
        protobuf_writer_add_number(&w, 9, 0); /* is not written */
        protobuf_writer_add_string(&w, 2, "hi");
        outer = protobuf_writer_begin(&w, 3);
        inner = protobuf_writer_begin(&w, 1);
        protobuf_writer_add_packed(&w, 0);
        protobuf_writer_add_packed(&w, 300);
        protobuf_writer_end(&w, inner);
        protobuf_writer_end(&w, outer);
        protobuf_writer_add_string(&w, 4, "");
        protobuf_writer_end(&w, protobuf_writer_begin(&w, 16));
        assert_int_equal(w.size, sizeof(expected));
        assert_memory_equal(w.data, expected, sizeof(expected));

        /* content whose length needs two bytes moves */
        outer = protobuf_writer_begin(&v, 1);
        for (unsigned i = 0; i < 200; i++)
                protobuf_writer_add_packed(&v, 'x');
        protobuf_writer_end(&v, outer);
        assert_int_equal(v.size, 203);
        assert_memory_equal(v.data, "\x0a\xc8\x01xx", 5);
        assert_int_equal(v.data[202], 'x');
}

/* ---- reading ---- */

static void test_a_round_trip_changes_nothing(void **state) {
        _cleanup_(profile_freep) Profile *p = new_filled_profile(1), *q = NULL;
        _cleanup_(blob_done) Blob a = {}, b = {};

        encode(p, &a);
        q = decode(&a);
        assert_int_equal(profile_n_samples(q), profile_n_samples(p));
        assert_int_equal(get_total(q, 0), get_total(p, 0));
        assert_int_equal(get_total(q, 1), get_total(p, 1));
        encode(q, &b);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
}

static void test_extreme_numbers_survive(void **state) {
        _cleanup_(profile_freep) Profile *p = new_profile(), *q = NULL;
        const int64_t values[] = { INT64_MIN, INT64_MAX };
        const ProfileMapping m = { .start = 0, .limit = UINT64_MAX, .offset = UINT64_MAX };
        const ProfileLocation l = { .mapping = 0, .address = UINT64_MAX - 1 };
        _cleanup_(blob_done) Blob b = {};
        ProfileSample s = { .n_locations = 1, .values = values };
        ProfileMapping n;
        ProfileLocation k;
        uint32_t index;

        assert_return_code(profile_add_mapping(p, &m, &index), errno);
        assert_return_code(profile_add_location(p, &l, &index), errno);
        s.locations = &index;
        assert_return_code(profile_add_sample(p, &s), errno);
        encode(p, &b);
        q = decode(&b);

        profile_get_sample(q, 0, &s);
        assert_true(s.values[0] == INT64_MIN && s.values[1] == INT64_MAX);
        profile_get_mapping(q, 0, &n);
        assert_true(n.limit == UINT64_MAX && n.offset == UINT64_MAX);
        profile_get_location(q, 0, &k);
        assert_true(k.address == UINT64_MAX - 1);
}

static void test_sums_of_a_merge_are_the_sums_of_its_parts(void **state) {
        _cleanup_(profile_freep) Profile *a = new_filled_profile(1), *b = new_filled_profile(7);
        _cleanup_(profile_freep) Profile *sum = new_profile();
        _cleanup_(blob_done) Blob blob = {};
        int64_t expected = get_total(a, 1) + get_total(b, 1);

        assert_return_code(profile_merge(sum, a), errno);
        assert_return_code(profile_merge(sum, b), errno);
        assert_int_equal(get_total(sum, 1), expected);
        assert_int_equal(profile_n_samples(sum), profile_n_samples(a)); /* equal stacks */
        encode(sum, &blob);
        assert_keeps_the_rules(&blob);
}

static void assert_draft_is_read(const Draft *d, int64_t time) {
        _cleanup_(protobuf_writer_done) ProtobufWriter w;
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileHeader h;
        ProfileSample s;
        ProfileLocation l;

        draft_write(d, &w);
        p = decode(&(Blob){ w.data, w.size });
        profile_get_header(p, &h);
        assert_int_equal(h.time_nsec, time);
        assert_int_equal(profile_n_samples(p), 1);
        profile_get_sample(p, 0, &s);
        assert_int_equal(s.n_locations, 2);
        profile_get_location(p, s.locations[0], &l);
        assert_int_equal(l.address, 0x1100);
        profile_get_location(p, s.locations[1], &l);
        assert_int_equal(l.address, 0x4100);
}

static void test_plain_and_unpacked_protobuf_is_read(void **state) {
        Draft d = draft_of_a_right_file;

        assert_draft_is_read(&d, d.time);
        d.unpacked = 1;
        assert_draft_is_read(&d, d.time);
}

static void test_ids_may_be_any_numbers(void **state) {
        Draft d = draft_of_a_right_file;

        d.l_id[0] = d.location_id[0] = -1; /* 2^64 - 1 */
        d.l_id[1] = d.location_id[1] = 1;
        d.mapping_id[0] = d.l_mapping[0] = 4096;
        d.f_id[0] = d.l_function[0] = 77;
        assert_draft_is_read(&d, d.time);
}

typedef struct Refusal {
        size_t offset; /* of an int64_t in Draft */
        int64_t value;
        const char *reason;
} Refusal;

#define REFUSAL(field, value, reason) \
        { offsetof(Draft, field), (value), (reason) }

static void test_broken_files_are_refused_with_a_reason(void **state) {
        const Refusal refusals[] = {
                REFUSAL(type[0], 99, "A string index is out of range."),
                REFUSAL(period_unit, -1, "A string index is out of range."),
                REFUSAL(comment, 99, "A string index is out of range."),
                REFUSAL(build_id[1], 99, "A string index is out of range."),
                REFUSAL(name[1], 99, "A string index is out of range."),
                REFUSAL(str[0], 99, "A string index is out of range."),
                REFUSAL(key[0], 0, "A label has no key."),
                REFUSAL(key[1], 5, "A sample has two values for one label."),
                REFUSAL(n_values, 1, "A sample has not one value for each sample type."),
                REFUSAL(location_id[0], 3, "A sample refers to a location that does not exist."),
                REFUSAL(location_id[0], 0, "A sample refers to a location that does not exist."),
                REFUSAL(l_mapping[0], 3, "A location refers to a mapping that does not exist."),
                REFUSAL(l_function[0], 3, "A line refers to a function that does not exist."),
                REFUSAL(l_id[0], 0, "A mapping, location or function has the id 0."),
                REFUSAL(f_id[0], 2, "Two mappings, locations or functions have the same id."),
                REFUSAL(mapping_id[0], 2, "Two mappings, locations or functions have the same id."),
                REFUSAL(limit[0], 0xfff, "A mapping ends before it starts."),
                REFUSAL(join, 1, "Several profiles are joined in it."),
        };

        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                _cleanup_(protobuf_writer_done) ProtobufWriter w;
                Draft d = draft_of_a_right_file;
                const char *reason = "none";
                Profile *p = NULL;

                memcpy((uint8_t *) &d + refusals[i].offset, &refusals[i].value, sizeof(int64_t));
                draft_write(&d, &w);
                assert_int_equal(pprof_decode(w.data, w.size, &p, &reason), -EBADMSG);
                assert_string_equal(reason, refusals[i].reason);
                assert_null(p);
        }
}

static void assert_refused(const void *data, size_t size, int error, const char *expected) {
        const char *reason = "none";
        Profile *p = NULL;

        assert_int_equal(pprof_decode(data, size, &p, &reason), error);
        assert_string_equal(reason, expected);
        assert_int_equal(pprof_decode(data, size, &p, NULL), error);
        assert_null(p);
}

static void test_bytes_that_are_no_profile_are_refused(void **state) {
        _cleanup_(profile_freep) Profile *p = new_filled_profile(1);
        _cleanup_(blob_done) Blob b = {};
        _cleanup_free_ uint8_t *twice = NULL;

        assert_refused("", 0, -EBADMSG, "It is empty.");
        assert_refused("<!DOCTYPE html>", 15, -EBADMSG, "It is not a pprof profile.");
        assert_refused("\x08\x01", 2, -EBADMSG, "It is not a pprof profile.");
        assert_refused("\x0a\x00", 2, -EBADMSG, "The first string is not empty.");
        assert_refused("\x32\x01x", 3, -EBADMSG, "The first string is not empty.");
        assert_refused("\x32\x00", 2, -EBADMSG, "It has no sample type.");

        encode(p, &b);
        twice = malloc(2 * b.size);
        assert_non_null(twice);
        memcpy(twice, b.data, b.size);
        memcpy(twice + b.size, b.data, b.size);
        assert_refused(twice, 2 * b.size, -EBADMSG, "A second gzip member follows the first.");
        assert_refused(twice, b.size + 1, -EBADMSG,
                       "There are bytes behind the end of the gzip data.");
        for (size_t size = 2; size < b.size; size += 97)
                assert_refused(twice, size, -EBADMSG, "The gzip data ends too early.");
        twice[b.size / 2] ^= 0x55;
        assert_int_equal(pprof_decode(twice, b.size, &p, NULL), -EBADMSG);
}

static void test_a_bomb_is_refused_before_it_goes_off(void **state) {
        const size_t plain_size = (size_t) PPROF_ENCODED_MAX + (1 << 20);
        _cleanup_(blob_done) Blob b = {};
        void *zeros;

        /* A mapping of nothing costs no memory until it is written. */
        zeros = mmap(NULL, plain_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(zeros != MAP_FAILED);
        assert_return_code(gzip_compress(zeros, plain_size, &b.data, &b.size), errno);
        munmap(zeros, plain_size);
        assert_true(b.size < 2 << 20);
        assert_refused(b.data, b.size, -E2BIG, "It unpacks to more than a profile may hold.");
}

/* Two bytes of input are a message of a hundred bytes of memory. */
static void test_a_file_of_empty_messages_does_not_take_all_memory(void **state) {
        const size_t size = 64 << 20;
        _cleanup_free_ uint8_t *data = NULL;

        data = malloc(size);
        assert_non_null(data);
        for (size_t i = 0; i < size; i += 2) {
                data[i] = 0x12; /* a sample */
                data[i + 1] = 0;
        }
        assert_refused(data, size, -E2BIG, "It has more parts than a profile may have.");
}

static void test_a_stack_may_not_be_endless(void **state) {
        _cleanup_(protobuf_writer_done) ProtobufWriter w;
        size_t begin, inner;

        draft_write(&draft_of_a_right_file, &w);
        begin = protobuf_writer_begin(&w, 2);
        inner = protobuf_writer_begin(&w, 1);
        for (size_t i = 0; i <= PROFILE_STACK_MAX; i++)
                protobuf_writer_add_packed(&w, 1);
        protobuf_writer_end(&w, inner);
        inner = protobuf_writer_begin(&w, 2);
        protobuf_writer_add_packed(&w, 1);
        protobuf_writer_add_packed(&w, 1);
        protobuf_writer_end(&w, inner);
        protobuf_writer_end(&w, begin);
        assert_refused(w.data, w.size, -E2BIG, "A sample has too many locations.");
}

static void test_a_file_is_read_from_disk(void **state) {
        char directory[] = "/tmp/test-pprof-XXXXXX";
        _cleanup_(profile_freep) Profile *p = new_filled_profile(1), *q = NULL;
        _cleanup_(blob_done) Blob b = {};
        _cleanup_close_ int fd = -EBADF;
        int r, missing;

        encode(p, &b);
        assert_non_null(mkdtemp(directory));
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_return_code(write_file_atomic(fd, "x.pb.gz", b.data, b.size, 0600), errno);
        r = pprof_read_file(fd, "x.pb.gz", &q, NULL);
        missing = pprof_read_file(fd, "y.pb.gz", &p, NULL);
        unlinkat(fd, "x.pb.gz", 0);
        rmdir(directory);

        assert_return_code(r, errno);
        assert_int_equal(missing, -ENOENT);
        assert_int_equal(get_total(q, 1), get_total(p, 1));
}

/* Written by Go's runtime/pprof: 10 ms per sample, two labelled halves of a busy loop. */
static void test_a_profile_of_go_is_read(void **state) {
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileHeader h;

        assert_return_code(
                pprof_read_file(AT_FDCWD, TEST_DATA "/../fuzz/corpus/pprof/go-cpu.pb.gz", &p, NULL),
                errno);
        profile_get_header(p, &h);
        assert_int_equal(h.period, 10000000);
        assert_string_equal(h.period_type.type, "cpu");
        assert_int_equal(profile_n_value_types(p), 2);
        assert_true(get_total(p, 0) > 0);
        assert_int_equal(get_total(p, 1), get_total(p, 0) * h.period);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_we_write_keeps_every_rule),
                cmocka_unit_test(test_the_order_of_adding_does_not_show),
                cmocka_unit_test(test_locations_without_an_address_have_an_order_too),
                cmocka_unit_test(test_labels_order_samples_of_one_stack),
                cmocka_unit_test(test_the_gzip_header_says_nothing_about_when_and_where),
                cmocka_unit_test(test_the_main_binary_stays_mapping_1),
                cmocka_unit_test(test_zeros_and_what_only_they_use_are_left_out),
                cmocka_unit_test(test_a_label_of_number_0_survives),
                cmocka_unit_test(test_a_default_type_that_does_not_exist_is_not_written),
                cmocka_unit_test(test_fields_are_written_as_protobuf_says),
                cmocka_unit_test(test_a_round_trip_changes_nothing),
                cmocka_unit_test(test_extreme_numbers_survive),
                cmocka_unit_test(test_sums_of_a_merge_are_the_sums_of_its_parts),
                cmocka_unit_test(test_plain_and_unpacked_protobuf_is_read),
                cmocka_unit_test(test_ids_may_be_any_numbers),
                cmocka_unit_test(test_broken_files_are_refused_with_a_reason),
                cmocka_unit_test(test_bytes_that_are_no_profile_are_refused),
                cmocka_unit_test(test_a_bomb_is_refused_before_it_goes_off),
                cmocka_unit_test(test_a_file_of_empty_messages_does_not_take_all_memory),
                cmocka_unit_test(test_a_stack_may_not_be_endless),
                cmocka_unit_test(test_a_file_is_read_from_disk),
                cmocka_unit_test(test_a_profile_of_go_is_read),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
