/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl vacuum: how the store takes less */

#include <limits.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "view/format.h"

/* 0 or an exit code. */
static int parse_limits(const Ctl *c, StoreTrim *ret) {
        StoreTrim t = { .max_use_bytes = UINT64_MAX };
        usec_t age;

        if (!c->vacuum_size && !c->vacuum_time && !c->vacuum_files)
                return ctl_error(EXIT_CODE_USAGE, NULL,
                                 "Add --size=500M, --time=7d or --files=100.",
                                 "'vacuum' needs to know what may stay.");
        if (c->vacuum_size && parse_size(c->vacuum_size, &t.max_use_bytes) < 0)
                return ctl_error(EXIT_CODE_USAGE, NULL, "Write '500M' or '2G'.",
                                 "Invalid --size=%s.", c->vacuum_size);
        if (c->vacuum_time) {
                if (parse_timespan(c->vacuum_time, &age) < 0)
                        return ctl_error(EXIT_CODE_USAGE, NULL, "Write '7d' or '12h'.",
                                         "Invalid --time=%s.", c->vacuum_time);
                t.before_usec = age < c->now_usec ? c->now_usec - age : 0;
        }
        if (c->vacuum_files) {
                unsigned n;

                if (parse_unsigned(c->vacuum_files, 1, UINT_MAX, &n) < 0)
                        return ctl_error(EXIT_CODE_USAGE, NULL, "Write a number above 0.",
                                         "Invalid --files=%s.", c->vacuum_files);
                t.max_files = n;
        }
        *ret = t;
        return 0;
}

static int print_vacuumed(const Ctl *c, const StoreVacuum *done) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        if (c->json == JSON_MODE_OFF) {
                printf("Removed %s %s, %s.\n", FORMAT_COUNT(done->n_removed),
                       done->n_removed == 1 ? "profile" : "profiles",
                       FORMAT_BYTES(done->bytes_removed));
                return EXIT_CODE_OK;
        }
        if (json_output_new(&j) < 0)
                return ctl_oom();
        json_add_count(j, "removed", done->n_removed);
        json_add_count(j, "removed_bytes", done->bytes_removed);
        return ctl_print_json(c, TAKE_PTR(j));
}

int verb_vacuum(const Ctl *c, char **names) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        StoreVacuum done = {};
        StoreTrim limits;
        int r, code;

        r = parse_limits(c, &limits);
        if (r != 0)
                return r;
        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        r = store_trim(s, patterns, &limits, &done);
        (void) ctl_warn_unreadable(s);
        if (r < 0)
                code = ctl_error_errno(r, "Try again as root.",
                                       "The profiles cannot be removed, or not all of them.");
        else
                code = EXIT_CODE_OK;
        if (r < 0 && done.n_removed == 0)
                return code;
        r = print_vacuumed(c, &done);
        return code != EXIT_CODE_OK ? code : r;
}
