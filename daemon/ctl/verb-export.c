/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl export, merge: profiles for other tools, and many as one */

#include "ctl/ctl-collect.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-output.h"
#include "view/export-format.h"

static int encoding_error(int error, const char *format) {
        if (error == -EDOM)
                return ctl_error(EXIT_CODE_FAILURE,
                                 "It is a difference of two profiles: some of its values are "
                                 "negative, which this format cannot express.",
                                 "Compare with 'profilerctl diff', or export as pprof.",
                                 "The profile cannot be written as %s.", format);
        if (error == -EFBIG || error == -E2BIG)
                return ctl_error(EXIT_CODE_FAILURE,
                                 "Written out, its stacks are larger than any reader takes.",
                                 "Choose a smaller range with -S and -U, or export as pprof.",
                                 "The profile cannot be written as %s.", format);
        return ctl_error_errno(error, NULL, "The profile cannot be written as %s.", format);
}

static int export_as(const Ctl *c, char **names, ExportFormat format) {
        _cleanup_(report_data_done) ReportData d = {};
        const char *name = export_format_to_string(format);
        _cleanup_free_ char *title = NULL, *data = NULL;
        Output o = {
                .format = name,
                .binary = export_format_is_binary(format),
                .consumer = export_format_consumer(format),
        };
        int r, code;

        r = ctl_check_output(c, name, o.binary);
        if (r != 0)
                return r;
        code = collect_names(c, names, &d, &title);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;

        r = export_encode(format, d.profile, d.value_type, title, &data, &o.size);
        if (r < 0)
                return encoding_error(r, name);
        o.data = data;
        r = ctl_write_output(c, &o, &d);
        return r == EXIT_CODE_OK ? code : r;
}

int verb_export(const Ctl *c, char **names) {
        ExportFormat format = export_format_from_path(c->output);

        if (c->format) {
                format = export_format_from_string(c->format);
                if (format < 0)
                        return ctl_error(EXIT_CODE_USAGE, NULL,
                                         "There are pprof, folded, speedscope, firefox, json and "
                                         "otlp.",
                                         "Unknown format '%s'.", c->format);
        }
        return export_as(c, names, format);
}

int verb_merge(const Ctl *c, char **names) {
        if (!c->output)
                return ctl_error(EXIT_CODE_USAGE, NULL,
                                 "Add '-o FILE'; '-o -' is the standard output.",
                                 "'merge' needs a file to write to.");
        return export_as(c, names, EXPORT_FORMAT_PPROF);
}
