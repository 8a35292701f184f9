/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl: what verbs share */

#include "ctl/ctl.h"
#include "ctl/ctl-error.h"
#include "view/format.h"

void ctl_start_output(const Ctl *c) {
        if (c->pager && c->terminal.is_tty && c->page && c->page->pid == 0)
                pager_open(c->page, c->terminal.utf8);
}

void ctl_print_wrapped(const Ctl *c, size_t column, size_t indent, const char *text) {
        bool first = true;

        while (*text != '\0') {
                size_t n = strcspn(text, " "), width = text_columns(text) - text_columns(text + n);

                if (!first && c->terminal.columns > 0 && column + 1 + width > c->terminal.columns) {
                        printf("\n%*s", (int) indent, "");
                        column = indent;
                } else if (!first) {
                        putchar(' ');
                        column++;
                }
                printf("%.*s", (int) n, text);
                column += width;
                text += n + (text[n] == ' ');
                first = false;
        }
        putchar('\n');
}

int ctl_print_json(const Ctl *c, JsonOutput *j) {
        int r;

        ctl_start_output(c);
        r = json_output_print(j, c->json, stdout);
        json_output_free(j);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The result cannot be printed.");
        return EXIT_CODE_OK;
}
