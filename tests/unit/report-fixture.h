/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A Profile for Reports
 *
 * main calls work, work calls copy in the kernel; one address has no name. Values: samples, cpu.
 */

#include "basic/time-util.h"
#include "profile/profile.h"
#include "unit-test.h"

enum {
        FRAME_MAIN,
        FRAME_WORK,
        FRAME_COPY,   /* in the kernel */
        FRAME_NONAME, /* in libz */
        FRAME_INLINE, /* two lines: "inner" inlined into "outer" */
        _FRAME_MAX,
};

typedef struct ReportFixture {
        Profile *profile;
        uint32_t frames[_FRAME_MAX];
} ReportFixture;

static inline uint32_t fixture_location(
        Profile *p, uint32_t mapping, uint64_t address, const char *a, const char *b) {
        const char *const names[] = { a, b };
        ProfileLine lines[2] = {};
        uint32_t location;
        size_t n = 0;

        for (; n < 2 && names[n]; n++) {
                ProfileFunction f = { .name = names[n],
                                      .system_name = names[n],
                                      .filename = "/src/work.c" };

                assert_return_code(profile_add_function(p, &f, &lines[n].function), 0);
                lines[n].line = (int64_t) (address & 0xff);
        }
        assert_return_code(profile_add_location(p,
                                                &(ProfileLocation){ .mapping = mapping,
                                                                    .address = address,
                                                                    .lines = lines,
                                                                    .n_lines = n },
                                                &location),
                           0);
        return location;
}

static inline void report_fixture_init(ReportFixture *f, usec_t start_usec, usec_t duration_usec) {
        static const ProfileValueType types[] = { { "samples", "count" },
                                                  { "cpu", "nanoseconds" } };
        ProfileHeader header = {
                .time_nsec = (int64_t) (start_usec * NSEC_PER_USEC),
                .duration_nsec = (int64_t) (duration_usec * NSEC_PER_USEC),
                .period_type = { "cpu", "nanoseconds" },
                .period = 10,
                .default_sample_type = "cpu",
        };
        static const ProfileMapping mappings[] = {
                { .start = 0x1000, .limit = 0x9000, .filename = "/usr/bin/worker" },
                { .start = 0x1000, .limit = 0x9000, .filename = "/usr/lib/libz.so.1" },
                { .start = UINT64_C(0xffffffff81000000),
                  .limit = UINT64_C(0xffffffff82000000),
                  .filename = "[kernel.kallsyms]" },
        };
        uint32_t m[ELEMENTSOF(mappings)];

        assert_return_code(profile_new(&f->profile, types, ELEMENTSOF(types)), 0);
        assert_return_code(profile_set_header(f->profile, &header), 0);
        for (size_t i = 0; i < ELEMENTSOF(mappings); i++)
                assert_return_code(profile_add_mapping(f->profile, &mappings[i], &m[i]), 0);

        f->frames[FRAME_MAIN] = fixture_location(f->profile, m[0], 0x1001, "main", NULL);
        f->frames[FRAME_WORK] = fixture_location(f->profile, m[0], 0x1002, "work", NULL);
        f->frames[FRAME_COPY] =
                fixture_location(f->profile, m[2], UINT64_C(0xffffffff81000003), "copy", NULL);
        f->frames[FRAME_NONAME] = fixture_location(f->profile, m[1], 0x1004, NULL, NULL);
        f->frames[FRAME_INLINE] = fixture_location(f->profile, m[0], 0x1005, "inner", "outer");
}

/* count samples of 10 ns each; the stack as FRAME_…, leaf first, ended by -1. */
static inline void report_fixture_add(
        ReportFixture *f, int64_t count, const char *thread, int64_t pid, ...) {
        const int64_t values[] = { count, count * 10 };
        const ProfileLabel labels[] = { { .key = "pid", .number = pid, .unit = "id" },
                                        { .key = "thread", .string = thread } };
        uint32_t stack[16];
        size_t n = 0;
        va_list ap;
        int frame;

        va_start(ap, pid);
        while ((frame = va_arg(ap, int)) >= 0)
                stack[n++] = f->frames[frame];
        va_end(ap);

        assert_return_code(
                profile_add_sample(f->profile, &(ProfileSample){ .locations = stack,
                                                                 .n_locations = n,
                                                                 .values = values,
                                                                 .labels = labels,
                                                                 .n_labels = thread ? 2 : 0 }),
                0);
}
