/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl uploads: where profiles are sent, and how that goes */

#include "basic/string-util.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-error.h"
#include "ctl/table.h"
#include "view/format.h"

static bool is_wanted(char **names, const UploadStatus *u) {
        return !names[0] || strv_contains(names, u->name);
}

/* States that somebody has to do something about, sooner or later. */
static bool is_in_trouble(const UploadStatus *u) {
        return streq(u->state, "down") || streq(u->state, "unauthorized") ||
               streq(u->state, "misconfigured");
}

static int print_json(const Ctl *c, char **names, const UploadStatus *uploads, size_t n) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        if (json_output_new(&j) < 0)
                return ctl_oom();
        json_open_array(j, "uploads");
        for (size_t i = 0; i < n; i++) {
                const UploadStatus *u = &uploads[i];

                if (!is_wanted(names, u))
                        continue;
                json_open_object(j, NULL);
                json_add_string(j, "name", u->name);
                json_add_string(j, "protocol", u->protocol);
                json_add_string(j, "url", u->url);
                json_add_string(j, "state", u->state);
                json_add_count(j, "pending", u->pending);
                json_add_count(j, "pending_bytes", u->pending_bytes);
                json_add_count(j, "oldest_pending_usec", u->oldest_pending_usec);
                json_add_count(j, "sent", u->sent);
                json_add_count(j, "sent_bytes", u->sent_bytes);
                json_add_count(j, "failures", u->failures);
                json_add_count(j, "rejected", u->rejected);
                json_add_count(j, "expired", u->expired);
                json_add_count(j, "lost", u->lost);
                json_add_string(j, "last_error", u->last_error);
                json_add_count(j, "last_error_usec", u->last_error_usec);
                json_add_count(j, "last_sent_usec", u->last_sent_usec);
                json_add_count(j, "next_try_usec", u->next_try_usec);
                json_close(j);
        }
        json_close(j);
        return ctl_print_json(c, TAKE_PTR(j));
}

static int add_row(const Ctl *c, Table *t, const UploadStatus *u) {
        const char *const cells[] = {
                u->name,
                u->protocol,
                u->state,
                FORMAT_COUNT(u->pending),
                u->oldest_pending_usec > 0 ? FORMAT_AGO(c->now_usec, u->oldest_pending_usec) : "-",
                FORMAT_COUNT(u->sent),
                FORMAT_BYTES(u->sent_bytes),
                FORMAT_COUNT(u->rejected + u->expired + u->lost),
        };
        int r;

        r = table_add_row(t, cells);
        if (r < 0)
                return r;
        return is_in_trouble(u) ? table_set_color(t, 2, TERMINAL_RED) : 0;
}

static int print_table(const Ctl *c, char **names, const UploadStatus *uploads, size_t n) {
        static const struct {
                const char *name;
                unsigned flags;
        } columns[] = {
                { "TARGET", 0 },
                { "PROTOCOL", 0 },
                { "STATE", 0 },
                { "PENDING", TABLE_RIGHT },
                { "OLDEST", TABLE_RIGHT },
                { "SENT", TABLE_RIGHT },
                { "BYTES", TABLE_RIGHT },
                { "DROPPED", TABLE_RIGHT },
        };
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = table_new(&t, &c->terminal, c->legend);
        for (size_t i = 0; i < ELEMENTSOF(columns) && r >= 0; i++)
                r = table_add_column(t, columns[i].name, columns[i].flags);
        for (size_t i = 0; i < n && r >= 0; i++)
                if (is_wanted(names, &uploads[i]))
                        r = add_row(c, t, &uploads[i]);
        return r < 0 ? r : table_print(t, stdout);
}

/* One paragraph for each target that is in trouble, or has dropped something. */
static void print_trouble(const Ctl *c, const UploadStatus *u) {
        printf("\n%s: %s", u->name, isempty(u->last_error) ? u->state : u->last_error);
        if (u->last_error_usec > 0)
                printf(", %s", FORMAT_AGO(c->now_usec, u->last_error_usec));
        printf("\n");
        if (u->next_try_usec > c->now_usec && is_in_trouble(u))
                printf("  next try in %s\n", FORMAT_SPAN(u->next_try_usec - c->now_usec));
        if (u->rejected > 0)
                printf("  %s refused by the server for good\n", FORMAT_COUNT(u->rejected));
        if (u->expired > 0)
                printf("  %s too old, or too many, before they could be sent\n",
                       FORMAT_COUNT(u->expired));
        if (u->lost > 0)
                printf("  %s gone from the store before they could be sent\n",
                       FORMAT_COUNT(u->lost));
}

static int print_text(const Ctl *c, char **names, const UploadStatus *uploads, size_t n) {
        bool in_trouble = false;

        ctl_start_output(c);
        if (print_table(c, names, uploads, n) < 0)
                return ctl_oom();
        for (size_t i = 0; i < n; i++) {
                const UploadStatus *u = &uploads[i];

                if (!is_wanted(names, u))
                        continue;
                if (is_in_trouble(u) || u->rejected + u->expired + u->lost > 0)
                        print_trouble(c, u);
                in_trouble = in_trouble || is_in_trouble(u);
        }
        if (in_trouble)
                ctl_hint(c, "'journalctl -u profilerd-upload' has the whole story; what each state "
                            "means is in profilerd-upload(8).");
        return EXIT_CODE_OK;
}

int verb_uploads(const Ctl *c, char **names) {
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        UploadStatus *uploads;
        size_t n;
        int r;

        if (ctl_bus_new(&b) < 0)
                return ctl_oom();
        r = ctl_bus_list_uploads(b, &uploads, &n);
        if (r == -EHOSTDOWN)
                return ctl_error(EXIT_CODE_NOT_RUNNING, "org.profilerd1.Upload is not on the bus.",
                                 "Describe a server in /etc/profilerd/uploads.d/, then "
                                 "'systemctl enable --now profilerd-upload'.",
                                 "profilerd-upload is not running: no profile is sent anywhere.");
        if (r < 0)
                return ctl_bus_error(b, r, "Asking for the uploads");
        for (char **name = names; *name; name++) {
                bool found = false;

                for (size_t i = 0; i < n; i++)
                        found = found || streq(uploads[i].name, *name);
                if (!found) {
                        upload_statuses_free(uploads, n);
                        return ctl_error(EXIT_CODE_NO_MATCH, NULL,
                                         "'profilerctl uploads' lists what there is.",
                                         "There is no upload target '%s'.", *name);
                }
        }
        r = c->json != JSON_MODE_OFF ? print_json(c, names, uploads, n)
                                     : print_text(c, names, uploads, n);
        upload_statuses_free(uploads, n);
        return r;
}
