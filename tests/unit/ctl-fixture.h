/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A Verb and What It Prints
 *
 * Runs a verb of profilerctl with its two output streams in memory, on a store in a directory of
 * its own.
 */

#include "ctl/ctl.h"
#include "profile/pprof.h"
#include "remove-tree.h"
#include "report-fixture.h"
#include "store/store.h"

#define CTL_FIXTURE_NOW (1000 * USEC_PER_DAY)

typedef struct CtlFixture {
        char directory[sizeof("/tmp/test-ctl-XXXXXX")];
        Ctl ctl;
        char *output, *errors; /* of the last verb */
} CtlFixture;

static inline int ctl_fixture_setup(void **state) {
        CtlFixture *f;

        f = calloc(1, sizeof(*f));
        strcpy(f->directory, "/tmp/test-ctl-XXXXXX");
        if (!mkdtemp(f->directory))
                return -1;
        f->ctl = (Ctl){
                .directory = f->directory,
                .until_usec = USEC_INFINITY,
                .n_lines = CTL_LINES_DEFAULT,
                .legend = true,
                .now_usec = CTL_FIXTURE_NOW,
                .terminal = { .utf8 = true },
        };
        setenv("TZ", "UTC", 1);
        *state = f;
        return 0;
}

static inline int ctl_fixture_teardown(void **state) {
        CtlFixture *f = *state;
        int r;

        r = remove_tree(f->directory);
        free(f->output);
        free(f->errors);
        free(f);
        return r;
}

/* Its exit code; names may be NULL. */
static inline int ctl_fixture_run(CtlFixture *f,
                                  int (*verb)(const Ctl *c, char **names),
                                  char **names) {
        FILE *saved_output = stdout, *saved_errors = stderr;
        size_t n_output, n_errors;
        char *none[] = { NULL };
        int code;

        free(f->output);
        free(f->errors);
        f->output = f->errors = NULL;
        stdout = open_memstream(&f->output, &n_output);
        stderr = open_memstream(&f->errors, &n_errors);
        assert_non_null(stdout);
        assert_non_null(stderr);
        code = verb(&f->ctl, names ?: none);
        fclose(stdout);
        fclose(stderr);
        stdout = saved_output;
        stderr = saved_errors;
        return code;
}

#define RUN(f, verb, ...) ctl_fixture_run(f, verb, (char *[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static inline void assert_contains(const char *text, const char *part) {
        if (!strstr(text, part))
                fail_msg("'%s' is not in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part) {
        if (strstr(text, part))
                fail_msg("'%s' is in:\n%s", part, text);
}

/* A window of a minute that began so many minutes ago: count samples, of 10 ns each. */
static inline void ctl_fixture_store(CtlFixture *f, const char *unit, unsigned ago, int64_t count) {
        usec_t start = CTL_FIXTURE_NOW - ago * USEC_PER_MINUTE;
        _cleanup_(store_freep) Store *s = NULL;
        StoreLimits limits = { UINT64_MAX, 0, USEC_INFINITY };
        StoreEntry e = {
                .unit = (char *) unit,
                .type = (char *) "cpu",
                .start_usec = start,
                .duration_usec = USEC_PER_MINUTE,
                .boot_id = SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0),
        };
        ReportFixture r;
        uint8_t *data;
        size_t size;

        report_fixture_init(&r, start, USEC_PER_MINUTE);
        report_fixture_add(&r, count, "main", 42, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(&r, count, "main", 42, FRAME_COPY, FRAME_WORK, FRAME_MAIN, -1);
        assert_return_code(profile_add_comment(r.profile, "lost-samples: 2"), 0);
        assert_return_code(profile_add_comment(r.profile, "stacks-complete: 3"), 0);
        assert_return_code(profile_add_comment(r.profile, "stacks-broken: 1"), 0);
        assert_return_code(profile_add_comment(r.profile, "stacks-no-table: 1"), 0);
        assert_return_code(profile_add_comment(r.profile, "stacks-guessed: 2"), 0);
        assert_return_code(pprof_encode(r.profile, &data, &size), 0);
        assert_return_code(store_open(&s, f->directory, &limits), 0);
        assert_return_code(store_write(s, &e, data, size, NULL), 0);
        free(data);
        profile_free(r.profile);
}
