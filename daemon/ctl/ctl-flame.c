/* SPDX-License-Identifier: Apache-2.0 */
/* Flame Graphs */

#include <regex.h>

#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-flame.h"
#include "ctl/ctl-output.h"
#include "ctl/report-print.h"
#include "profile/flame.h"

typedef struct Filters {
        regex_t focus, hide;
        bool has_focus, has_hide;
} Filters;

static void filters_done(Filters *f) {
        if (f->has_focus)
                regfree(&f->focus);
        if (f->has_hide)
                regfree(&f->hide);
}

static bool matches_focus(const Frame *frame, void *userdata) {
        const Filters *f = userdata;

        return regexec(&f->focus, frame->name, 0, NULL, 0) == 0;
}

static bool matches_hide(const Frame *frame, void *userdata) {
        const Filters *f = userdata;

        return regexec(&f->hide, frame->name, 0, NULL, 0) == 0;
}

static int compile(regex_t *regex, const char *option, const char *pattern) {
        char why[256];
        int r;

        r = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
        if (r == 0)
                return 0;
        regerror(r, regex, why, sizeof(why));
        return ctl_error(EXIT_CODE_USAGE, why,
                         "It is an extended regular expression, as for 'grep -E'.", "Invalid %s%s.",
                         option, pattern);
}

/* 0 or an exit code. */
static int filters_init(const Ctl *c, Filters *f) {
        int r;

        if (c->focus) {
                r = compile(&f->focus, "--focus=", c->focus);
                if (r != 0)
                        return r;
                f->has_focus = true;
        }
        if (c->hide) {
                r = compile(&f->hide, "--hide=", c->hide);
                if (r != 0)
                        return r;
                f->has_hide = true;
        }
        return 0;
}

static bool is_svg(const Ctl *c) {
        return c->output && endswith(c->output, ".svg");
}

int flame_check_options(const Ctl *c) {
        _cleanup_(filters_done) Filters f = {};
        int r;

        if (!c->output)
                return ctl_error(EXIT_CODE_USAGE, NULL,
                                 "Add '-o x.html' or '-o x.svg'; '-o -' is the standard output.",
                                 "A flame graph needs a file to write to.");
        r = ctl_check_output(c, "HTML", true);
        if (r != 0)
                return r;
        return filters_init(c, &f);
}

static int make_error(int error, const Ctl *c) {
        if (error == -ENODATA)
                return ctl_error(EXIT_CODE_NO_MATCH,
                                 c->focus ? "No stack has a function that --focus= matches."
                                          : "All values are 0.",
                                 NULL, "There is nothing to draw.");
        if (error == -E2BIG || error == -EFBIG)
                return ctl_error(EXIT_CODE_FAILURE, "Its stacks are too many.",
                                 "Choose a smaller range with -S and -U, or use --focus=.",
                                 "The flame graph cannot be drawn.");
        return ctl_error_errno(error, NULL, "The flame graph cannot be drawn.");
}

static int write_tree(const Ctl *c, CallTree *t, FlameOptions *o, ReportData *d) {
        Output out = { .format = is_svg(c) ? "svg" : "html", .consumer = "any web browser" };
        _cleanup_free_ char *text = NULL;
        ProfileValueType type;
        ReportRow *rows = NULL;
        int r;

        profile_get_value_type(d->profile, d->value_type, &type);
        o->unit = type.unit;
        o->format = is_svg(c) ? FLAME_SVG : FLAME_HTML;
        /* The table is of the whole profile. */
        if (!c->focus && !c->hide) {
                r = profile_report_rows(d->profile, d->value_type, REPORT_BY_FUNCTION, &rows,
                                        &o->n_rows);
                if (r < 0)
                        return make_error(r, c);
                o->rows = rows;
        }
        r = flame_encode(t, o, &text, &out.size);
        report_rows_free(rows, o->n_rows);
        if (r < 0)
                return make_error(r, c);
        out.data = text;
        return ctl_write_output(c, &out, d);
}

static int new_tree(const Ctl *c, Filters *f, CallTree **ret) {
        CallTreeOptions options = {
                .invert = c->invert,
                .focus = f->has_focus ? matches_focus : NULL,
                .hide = f->has_hide ? matches_hide : NULL,
                .userdata = f,
        };

        return call_tree_new(ret, &options);
}

int flame_write(const Ctl *c, ReportData *d, const char *title) {
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        _cleanup_free_ char *subtitle = NULL;
        _cleanup_(filters_done) Filters f = {};
        FlameOptions o = { .title = title };
        int r;

        r = filters_init(c, &f);
        if (r != 0)
                return r;
        r = new_tree(c, &f, &t);
        if (r >= 0)
                r = call_tree_add(t, d->profile, d->value_type, CALL_TREE_VALUE);
        if (r < 0)
                return make_error(r, c);
        o.subtitle = subtitle = report_describe(NULL, NULL, d);
        return subtitle ? write_tree(c, t, &o, d) : ctl_oom();
}

int flame_write_comparison(const Ctl *c, Comparison *k) {
        _cleanup_free_ char *before = NULL, *after = NULL, *subtitle = NULL;
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        _cleanup_(filters_done) Filters f = {};
        FlameOptions o = { .title = k->title, .diff = &k->rule };
        int r;

        r = filters_init(c, &f);
        if (r != 0)
                return r;
        r = new_tree(c, &f, &t);
        if (r >= 0)
                r = call_tree_add(t, k->before.profile, k->before.value_type, CALL_TREE_BASE);
        if (r >= 0)
                r = call_tree_add(t, k->after.profile, k->after.value_type, CALL_TREE_VALUE);
        if (r < 0)
                return make_error(r, c);

        before = report_describe(NULL, NULL, &k->before);
        after = report_describe(NULL, NULL, &k->after);
        if (!before || !after ||
            asprintf(&subtitle, "Before: %s. After: %s%s", before, after,
                     c->normalize ? ". Shares of each total are compared" : "") < 0) {
                subtitle = NULL;
                return ctl_oom();
        }
        o.subtitle = subtitle;
        return write_tree(c, t, &o, &k->after);
}
