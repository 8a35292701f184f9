/* SPDX-License-Identifier: Apache-2.0 */
/* Results in Files */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-output.h"
#include "view/format.h"

enum {
        OUTPUT_MODE = 0666, /* less what the umask takes */
};

static bool is_stdout(const Ctl *c) {
        return !c->output || streq(c->output, "-");
}

int ctl_check_output(const Ctl *c, const char *format, bool binary) {
        if (!is_stdout(c))
                return 0;
        if (c->json != JSON_MODE_OFF)
                return ctl_error(EXIT_CODE_USAGE,
                                 "The result itself goes to the standard output, so nothing else "
                                 "can.",
                                 "Add '-o FILE', or leave --json= out.",
                                 "--json= needs a file to write to.");
        if (binary && c->terminal.is_tty)
                return ctl_error(EXIT_CODE_USAGE, "It would only confuse the terminal.",
                                 "Write to a file with '-o FILE', or into a pipe.",
                                 "%s is binary and is not written to a terminal.", format);
        return 0;
}

/* A new file beside the old one, so that nobody meets half of one; devices and pipes as they are.
 */
static int write_path(const char *path, const void *data, size_t size) {
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        mode_t mask;
        int r;

        if (stat(path, &st) >= 0 && !S_ISREG(st.st_mode)) {
                fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
                return fd < 0 ? -errno : write_all(fd, data, size);
        }

        if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (r >= 0) {
                mask = umask(0);
                umask(mask);
                if (fchmod(fd, OUTPUT_MODE & ~mask) < 0 || rename(temporary, path) < 0)
                        r = -errno;
        }
        if (r < 0)
                (void) unlink(temporary);
        return r;
}

static int print_summary(const Ctl *c, const Output *o, const ReportData *d) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        if (json_output_new(&j) < 0)
                return ctl_oom();
        json_add_string(j, "path", c->output);
        json_add_string(j, "format", o->format);
        json_add_count(j, "size", o->size);
        json_add_count(j, "profiles", d->n_parts);
        json_add_count(j, "unreadable", d->n_failed);
        json_add_count(j, "start_usec", d->start_usec);
        json_add_count(j, "end_usec", d->end_usec);
        return ctl_print_json(c, TAKE_PTR(j));
}

int ctl_write_output(const Ctl *c, const Output *o, const ReportData *d) {
        int r;

        r = ctl_check_output(c, o->format, o->binary);
        if (r != 0)
                return r;
        if (is_stdout(c)) {
                if (fwrite(o->data, 1, o->size, stdout) != o->size)
                        return ctl_error_errno(negative_errno(), NULL,
                                               "The result cannot be written.");
                return EXIT_CODE_OK;
        }

        r = write_path(c->output, o->data, o->size);
        if (r < 0)
                return ctl_error_errno(r, "Name another file with -o.", "%s cannot be written.",
                                       c->output);
        if (c->json != JSON_MODE_OFF)
                return print_summary(c, o, d);
        ctl_hint(c, "Wrote %s (%s, %zu %s). Opens in %s.", c->output, FORMAT_BYTES(o->size),
                 d->n_parts, d->n_parts == 1 ? "profile" : "profiles", o->consumer);
        return EXIT_CODE_OK;
}
