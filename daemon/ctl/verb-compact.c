/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl compact: history in fewer files */

#include "basic/parse.h"
#include "basic/string-util.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-compact.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/progress.h"
#include "paths.h"
#include "view/format.h"

#define COMPACT_AFTER_DEFAULT USEC_PER_DAY

static void on_problem(const char *path, int error, const char *reason) {
        (void) error;
        ctl_warning("%s: %s; left as it is.", path, reason);
}

static bool on_progress(size_t done, size_t n, void *userdata) {
        Progress *p = userdata;

        p->n = n;
        return progress_step(p, done);
}

/* So much, while the daemon writes on, too. */
static uint64_t room_of(const DaemonStatus *s) {
        if (s->store_max_use_bytes == 0 || s->store_max_use_bytes == UINT64_MAX)
                return UINT64_MAX;
        return s->store_max_use_bytes > s->store_use_bytes
                       ? (s->store_max_use_bytes - s->store_use_bytes) / 2
                       : 0;
}

/* The age: --time=, else what the daemon is configured to; the default for another store. Only the
 * daemon knows how much room there is. 0 or an exit code. */
static int find_limits(const Ctl *c, usec_t *ret, uint64_t *ret_room_bytes) {
        _cleanup_(daemon_status_done) DaemonStatus status = {};
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        int r;

        *ret = COMPACT_AFTER_DEFAULT;
        *ret_room_bytes = UINT64_MAX;
        if (c->vacuum_time && parse_timespan(c->vacuum_time, ret) < 0)
                return ctl_error(EXIT_CODE_USAGE, NULL, "Write '7d' or '12h'.",
                                 "Invalid --time=%s.", c->vacuum_time);
        if (c->directory)
                return 0;
        if (ctl_bus_new(&b) < 0)
                return ctl_oom();
        r = ctl_bus_get_status(b, &status);
        if (r >= 0)
                *ret_room_bytes = room_of(&status);
        if (c->vacuum_time)
                return 0;
        /* It may say that nothing is ever to be compacted. */
        if (r < 0)
                return ctl_error_errno(r, "Start profilerd, or say it by --time=.",
                                       "CompactAfter= is not known: the daemon does not answer.");
        if (status.compact_after_usec > 0)
                *ret = status.compact_after_usec;
        return 0;
}

static int print_result(const Ctl *c, const CompactResult *done) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        if (c->json == JSON_MODE_OFF) {
                if (c->quiet)
                        return EXIT_CODE_OK;
                printf("%s %s of %s became %s of %s.\n", FORMAT_COUNT(done->n_replaced),
                       done->n_replaced == 1 ? "file" : "files", FORMAT_BYTES(done->bytes_replaced),
                       FORMAT_COUNT(done->n_written), FORMAT_BYTES(done->bytes_written));
                if (done->n_removed > 0)
                        printf("Removed %s that had become part of others before, %s.\n",
                               FORMAT_COUNT(done->n_removed), FORMAT_BYTES(done->bytes_removed));
                return EXIT_CODE_OK;
        }
        if (json_output_new(&j) < 0)
                return ctl_oom();
        json_add_count(j, "replaced", done->n_replaced);
        json_add_count(j, "replaced_bytes", done->bytes_replaced);
        json_add_count(j, "written", done->n_written);
        json_add_count(j, "written_bytes", done->bytes_written);
        json_add_count(j, "removed", done->n_removed);
        json_add_count(j, "removed_bytes", done->bytes_removed);
        json_add_count(j, "failed", done->n_failed);
        return ctl_print_json(c, TAKE_PTR(j));
}

static int say_failure(const Ctl *c, int r) {
        if (r == -EBUSY)
                return ctl_error(EXIT_CODE_FAILURE, "Only one can do it at a time.",
                                 "Wait until it is done; 'systemctl status profilerd-compact' "
                                 "shows the one of the timer.",
                                 "The store is being compacted already.");
        if (r == -EINTR) {
                ctl_hint(c, "Interrupted; what was written until then is complete.");
                return EXIT_CODE_INTERRUPTED;
        }
        if (r == -ENOSPC || r == -EDQUOT)
                return ctl_error(EXIT_CODE_FAILURE, "The disk is full.",
                                 "Make room, or remove old profiles with 'profilerctl vacuum'.",
                                 "Not all of the history could be compacted; nothing is lost.");
        return ctl_error_errno(r, "Try again as root.",
                               "Not all of the history could be compacted; nothing is lost.");
}

int verb_compact(const Ctl *c, char **names) {
        CompactRequest q = { .now_usec = c->now_usec,
                             .on_problem = on_problem,
                             .on_progress = on_progress };
        _cleanup_(progress_done) Progress progress = { .interrupt = { .fd = -EBADF } };
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(store_pins_freep) StorePins *pins = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        CompactResult done = {};
        int r, code = EXIT_CODE_OK;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = find_limits(c, &q.after_usec, &q.room_bytes);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        r = store_pins_read(UPLOAD_STATE_DIR "/" STORE_PINS_NAME, &pins);
        if (r < 0 && r != -ENOENT && !c->directory)
                return ctl_error_errno(r,
                                       "Restart profilerd-upload.service, which writes the file "
                                       "anew; where nothing is uploaded any more, remove it.",
                                       "What is still to be uploaded is not known: %s.",
                                       UPLOAD_STATE_DIR "/" STORE_PINS_NAME);
        q.pins = pins;
        progress_init(&progress, c, 0, "files");
        q.userdata = &progress;
        r = compact_store(s, patterns, &q, &done);
        progress_done(&progress);
        if (r < 0)
                code = say_failure(c, r);
        else if (ctl_warn_unreadable(s) || done.n_failed > 0)
                code = EXIT_CODE_GAPS;
        if (r < 0 && done.n_written == 0 && done.n_removed == 0)
                return code;
        r = print_result(c, &done);
        return r != EXIT_CODE_OK ? r : code;
}
