/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Profiles for Exports
 *
 * One as it should be, and one whose names try to break out of whatever they are written into.
 */

#include <jansson.h>

#include "report-fixture.h"

#define HOSTILE_SCRIPT "</script><script>alert(1)</script>"
#define HOSTILE_QUOTES "a\"b'c\\d&e"
#define HOSTILE_FOLDED "one;two three\nfour\t\x01"
#define HOSTILE_BYTES  "bad\xff\xc3utf8"

static inline void export_fixture_init(ReportFixture *f) {
        report_fixture_init(f, 1000 * USEC_PER_SEC, 60 * USEC_PER_SEC);
        report_fixture_add(f, 6, "a", 1, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(f, 3, "a", 1, FRAME_COPY, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(f, 2, "b", 2, FRAME_COPY, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(f, 1, "b", 2, FRAME_NONAME, FRAME_MAIN, -1);
}

static inline void hostile_fixture_init(ReportFixture *f) {
        static const char *const names[] = { HOSTILE_SCRIPT, HOSTILE_QUOTES, HOSTILE_FOLDED,
                                             HOSTILE_BYTES };
        static const ProfileMapping mapping = {
                .start = 0x1000,
                .limit = 0x2000,
                .filename = "/tmp/" HOSTILE_SCRIPT "\n;\"",
        };
        uint32_t stack[ELEMENTSOF(names)], m;
        const int64_t values[] = { 1, 10 };

        report_fixture_init(f, 0, 0);
        assert_return_code(profile_add_mapping(f->profile, &mapping, &m), 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                stack[i] = fixture_location(f->profile, m, 0x1000 + i, names[i], NULL);
        assert_return_code(
                profile_add_sample(f->profile, &(ProfileSample){ .locations = stack,
                                                                 .n_locations = ELEMENTSOF(stack),
                                                                 .values = values }),
                0);
        assert_return_code(profile_add_sample(f->profile, &(ProfileSample){ .values = values }), 0);
        assert_return_code(profile_add_comment(f->profile, HOSTILE_SCRIPT), 0);
}

/* A difference of two profiles, as pprof's -diff_base writes it. */
static inline void negative_fixture_init(ReportFixture *f) {
        report_fixture_init(f, 0, 0);
        report_fixture_add(f, -1, "a", 1, FRAME_WORK, FRAME_MAIN, -1);
}

/* The document, which must be JSON. */
static inline json_t *parse_json(const char *text, size_t size) {
        json_error_t error;
        json_t *j = json_loadb(text, size, 0, &error);

        if (!j)
                fail_msg("line %d: %s\n%.*s", error.line, error.text, (int) size, text);
        return j;
}

static inline json_int_t json_sum(const json_t *array) {
        json_int_t sum = 0;

        for (size_t i = 0; i < json_array_size(array); i++)
                sum += json_integer_value(json_array_get(array, i));
        return sum;
}
