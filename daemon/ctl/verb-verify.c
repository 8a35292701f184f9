/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl verify: are these files what readers of pprof accept? */

#include <fcntl.h>
#include <limits.h>

#include "basic/array.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "profile/pprof-check.h"
#include "view/format.h"

enum {
        VERIFY_SENTENCES_MAX = 20, /* shown of one file: a broken table breaks a rule per entry */
};

typedef struct Verification {
        const Ctl *ctl;
        JsonOutput *json;    /* NULL: text */
        const char *path;    /* the file at hand */
        size_t n_sentences;  /* of it */
        size_t n_files;      /* checked */
        size_t n_broken;     /* of them */
        size_t n_unreadable; /* not checked */
        bool denied;         /* one of these for lack of rights */
} Verification;

static void on_violation(const char *sentence, void *userdata) {
        Verification *v = userdata;

        v->n_sentences++;
        if (v->n_sentences > VERIFY_SENTENCES_MAX)
                return;
        if (v->json)
                json_add_string(v->json, NULL, sentence);
        else
                printf("%sfail%s  %s: %s\n", terminal_color(&v->ctl->terminal, TERMINAL_RED),
                       terminal_color(&v->ctl->terminal, TERMINAL_NORMAL), v->path, sentence);
}

static int check(Verification *v, const uint8_t *data, size_t size) {
        int r;

        v->n_files++;
        v->n_sentences = 0;
        if (v->json) {
                json_open_object(v->json, NULL);
                json_add_string(v->json, "path", v->path);
                json_add_count(v->json, "size", size);
                json_open_array(v->json, "violations");
        }
        r = pprof_check(data, size, on_violation, v);
        if (v->json) {
                json_close(v->json);
                json_add_count(v->json, "n_violations", v->n_sentences);
                json_close(v->json);
        }
        if (r < 0)
                return r;

        if (v->n_sentences > 0)
                v->n_broken++;
        if (v->json)
                return 0;
        if (v->n_sentences > VERIFY_SENTENCES_MAX)
                printf("      %s and %zu more\n", terminal_text(&v->ctl->terminal, "…", "..."),
                       v->n_sentences - VERIFY_SENTENCES_MAX);
        else if (v->n_sentences == 0 && !v->ctl->quiet)
                printf("%sok%s    %s\n", terminal_color(&v->ctl->terminal, TERMINAL_GREEN),
                       terminal_color(&v->ctl->terminal, TERMINAL_NORMAL), v->path);
        return 0;
}

/* dir_fd and path as in openat(); shown: the path for people. */
static int verify_file(Verification *v, int dir_fd, const char *path, const char *shown) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = read_full_file_at(dir_fd, path, CTL_FILE_MAX, &data, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                ctl_warning("%s: %s", shown, strerror(-r));
                v->n_unreadable++;
                v->denied |= r == -EACCES || r == -EPERM;
                return 0;
        }
        v->path = shown;
        return check(v, (const uint8_t *) data, size);
}

/* patterns NULL: the whole store. 0 or an exit code. */
static int verify_units(Verification *v, char **patterns) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry *entries = NULL;
        size_t n, n_unmatched;
        int r;

        r = ctl_store_open(v->ctl, &s);
        if (r != 0)
                return r;
        r = ctl_store_list(v->ctl, s, patterns, v->ctl->type, &entries, &n);
        if (r != 0)
                return r;

        for (size_t i = 0; r == 0 && i < n; i++) {
                char shown[PATH_MAX];

                snprintf(shown, sizeof(shown), "%s/%s", store_get_directory(s), entries[i].path);
                r = verify_file(v, store_get_fd(s), entries[i].path, shown);
        }
        n_unmatched = ctl_warn_unmatched(patterns, entries, n);
        store_entries_free(entries, n);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The profiles cannot be verified.");
        v->n_unreadable += n_unmatched;
        return 0;
}

static int verify_names(Verification *v, char **names) {
        _cleanup_(strv_freep) char **units = NULL, **patterns = NULL;
        int r;

        if (!names[0])
                return verify_units(v, NULL);

        for (char **name = names; *name; name++) {
                if (ctl_name_is_file(*name)) {
                        r = verify_file(v, AT_FDCWD, *name, *name);
                        if (r < 0)
                                return ctl_error_errno(r, NULL, "%s cannot be verified.", *name);
                } else if (strv_extend(&units, *name) < 0)
                        return ctl_oom();
        }
        if (!units)
                return 0;

        r = ctl_complete_names(units, &patterns);
        return r != 0 ? r : verify_units(v, patterns);
}

static int summarize(Verification *v) {
        if (v->json) {
                int r;

                json_close(v->json);
                json_add_count(v->json, "n_files", v->n_files);
                json_add_count(v->json, "n_broken", v->n_broken);
                json_add_count(v->json, "n_unreadable", v->n_unreadable);
                r = ctl_print_json(v->ctl, TAKE_PTR(v->json));
                if (r != 0)
                        return r;
        } else if (v->ctl->legend && !v->ctl->quiet)
                printf("%zu %s, %zu broken.\n", v->n_files, v->n_files == 1 ? "file" : "files",
                       v->n_broken);

        if (v->n_broken > 0)
                return EXIT_CODE_FAILURE;
        if (v->n_files == 0 && v->n_unreadable > 0)
                return v->denied ? EXIT_CODE_DENIED : EXIT_CODE_FAILURE;
        return v->n_unreadable > 0 ? EXIT_CODE_GAPS : EXIT_CODE_OK;
}

int verb_verify(const Ctl *c, char **names) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        Verification v = { .ctl = c };
        int r;

        if (c->json != JSON_MODE_OFF) {
                r = json_output_new(&j);
                if (r < 0)
                        return ctl_oom();
                json_open_array(j, "files");
        } else
                ctl_start_output(c);

        v.json = j;
        r = verify_names(&v, names);
        if (r != 0)
                return r;
        TAKE_PTR(j); /* printing it frees it */
        return summarize(&v);
}
