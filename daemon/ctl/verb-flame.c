/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl flame: a flame graph in one file */

#include "ctl/ctl-collect.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-flame.h"

static int flame_difference(const Ctl *c, char **names) {
        _cleanup_(comparison_done) Comparison k = {};
        int r, code;

        code = compare_collect(c, names, &k);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        r = flame_write_comparison(c, &k);
        return r == EXIT_CODE_OK ? code : r;
}

int verb_flame(const Ctl *c, char **names) {
        _cleanup_(report_data_done) ReportData d = {};
        _cleanup_free_ char *title = NULL;
        int r, code;

        r = flame_check_options(c);
        if (r != 0)
                return r;
        if (compare_is_wanted(c))
                return flame_difference(c, names);

        code = collect_names(c, names, &d, &title);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        r = flame_write(c, &d, title);
        return r == EXIT_CODE_OK ? code : r;
}
