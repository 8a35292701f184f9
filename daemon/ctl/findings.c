/* SPDX-License-Identifier: Apache-2.0 */
/* Findings */

#include <stdarg.h>

#include "basic/array.h"
#include "ctl/ctl-error.h"
#include "ctl/findings.h"

enum {
        FINDING_INDENT = 6, /* columns before the text */
};

static const char *const level_names[_FINDING_LEVEL_MAX] = {
        [FINDING_OK] = "ok",
        [FINDING_WARN] = "warn",
        [FINDING_FAIL] = "fail",
};

void findings_done(Findings *f) {
        for (size_t i = 0; i < f->n; i++) {
                free(f->list[i].text);
                free(f->list[i].fix);
        }
        free(f->list);
        *f = (Findings){};
}

void findings_add(Findings *f, FindingLevel level, const char *fix, const char *format, ...) {
        Finding finding = { .level = level };
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&finding.text, format, ap);
        va_end(ap);
        if (r >= 0 && fix)
                finding.fix = strdup(fix);
        if (r < 0 || (fix && !finding.fix) || ARRAY_RESERVE(f->list, f->capacity, f->n + 1) < 0) {
                if (r >= 0)
                        free(finding.text);
                free(finding.fix);
                f->incomplete = true;
                return;
        }
        f->list[f->n++] = finding;
        f->n_of_level[level]++;
}

static int print_json(const Findings *f, const Ctl *c) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        int r;

        r = json_output_new(&j);
        if (r < 0)
                return ctl_oom();
        json_open_array(j, "findings");
        for (size_t i = 0; i < f->n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "level", level_names[f->list[i].level]);
                json_add_string(j, "text", f->list[i].text);
                json_add_string(j, "fix", f->list[i].fix);
                json_close(j);
        }
        json_close(j);
        json_add_count(j, "warnings", f->n_of_level[FINDING_WARN]);
        json_add_count(j, "failures", f->n_of_level[FINDING_FAIL]);
        return ctl_print_json(c, TAKE_PTR(j));
}

static void print_text(const Findings *f, const Ctl *c) {
        static const TerminalColor colors[_FINDING_LEVEL_MAX] = {
                [FINDING_OK] = TERMINAL_GREEN,
                [FINDING_WARN] = TERMINAL_YELLOW,
                [FINDING_FAIL] = TERMINAL_RED,
        };

        ctl_start_output(c);
        for (size_t i = 0; i < f->n; i++) {
                const Finding *finding = &f->list[i];

                if (c->quiet && finding->level == FINDING_OK)
                        continue;
                printf("%s%-4s%s  ", terminal_color(&c->terminal, colors[finding->level]),
                       level_names[finding->level], terminal_color(&c->terminal, TERMINAL_NORMAL));
                ctl_print_wrapped(c, FINDING_INDENT, FINDING_INDENT, finding->text);
                if (!finding->fix)
                        continue;
                printf("%*sFix: ", FINDING_INDENT, "");
                ctl_print_wrapped(c, FINDING_INDENT + strlen("Fix: "), FINDING_INDENT,
                                  finding->fix);
        }
        if (c->legend)
                printf("%zu %s, %zu %s.\n", f->n_of_level[FINDING_WARN],
                       f->n_of_level[FINDING_WARN] == 1 ? "warning" : "warnings",
                       f->n_of_level[FINDING_FAIL],
                       f->n_of_level[FINDING_FAIL] == 1 ? "failure" : "failures");
}

int findings_print(const Findings *f, const Ctl *c) {
        if (f->incomplete)
                return ctl_oom();
        if (c->json != JSON_MODE_OFF) {
                int r;

                r = print_json(f, c);
                if (r != EXIT_CODE_OK)
                        return r;
        } else
                print_text(f, c);
        return f->n_of_level[FINDING_FAIL] > 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}
