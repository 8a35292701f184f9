/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl web: the pages, for the user who calls it */

#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "paths.h"

#define WEB_PROGRAM LIBEXEC_DIR "/profilerd-web"

/* It prints the address with its token, and serves until Ctrl-C. */
int verb_web(const Ctl *c, char **names) {
        _cleanup_free_ char *directory = NULL, *path = NULL;
        _cleanup_(strv_freep) char **units = NULL;
        char *arguments[8] = { (char *) WEB_PROGRAM, (char *) "--private" };
        size_t n = 2;
        int r;

        r = ctl_complete_names(names, &units);
        if (r != 0)
                return r;
        if (asprintf(&directory, "--directory=%s", ctl_store_directory(c->directory)) < 0) {
                directory = NULL;
                return ctl_oom();
        }
        arguments[n++] = directory;
        if (units) {
                if (asprintf(&path, "--path=/unit/%s", units[0]) < 0) {
                        path = NULL;
                        return ctl_oom();
                }
                arguments[n++] = path;
        }
        ctl_hint(c, "Open this address in a browser of this host; over ssh, forward it with "
                    "'ssh -L 8080:ADDRESS:PORT'. Ctrl-C ends.");
        fflush(NULL);
        execv(WEB_PROGRAM, arguments);
        return ctl_error_errno(-errno, "It comes with the package of profilerd.",
                               "%s cannot be started.", WEB_PROGRAM);
}
