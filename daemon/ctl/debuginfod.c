/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debuginfod
 *
 * The library is loaded when it is needed: few need it, and it brings a client for HTTP with it.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/debuginfod.h"

enum { URLS_FILE_MAX = 64 << 10 };

#define DEBUGINFOD_DIRECTORY "/etc/debuginfod"
#define URLS_VARIABLE        "DEBUGINFOD_URLS"

typedef int (*ProgressFunction)(void *client, long a, long b);
typedef void *(*GetUserdata)(void *client);

/* What of the library is used. */
struct Debuginfod {
        void *library, *client;
        void *(*begin)(void);
        void (*end)(void *client);
        void (*set_progress)(void *client, ProgressFunction f);
        void (*set_userdata)(void *client, void *userdata);
        int (*find_debuginfo)(void *client, const unsigned char *id, int size, char **ret_path);
        DebuginfodProgress progress;
        void *userdata;
};

static int load_functions(Debuginfod *d) {
        const struct {
                const char *name;
                void **function;
        } functions[] = {
                { "debuginfod_begin", (void **) &d->begin },
                { "debuginfod_end", (void **) &d->end },
                { "debuginfod_set_progressfn", (void **) &d->set_progress },
                { "debuginfod_set_user_data", (void **) &d->set_userdata },
                { "debuginfod_find_debuginfo", (void **) &d->find_debuginfo },
        };

        /* Global, for on_progress() to find the one function that it needs. */
        d->library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_GLOBAL);
        if (!d->library)
                return -ENOPKG;
        for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
                *functions[i].function = dlsym(d->library, functions[i].name);
                if (!*functions[i].function)
                        return -ENOPKG;
        }
        return 0;
}

/* b 0: a is the number of an attempt, not of bytes. */
static int on_progress(void *client, long a, long b) {
        GetUserdata get_userdata = (GetUserdata) dlsym(RTLD_DEFAULT, "debuginfod_get_user_data");
        Debuginfod *d = get_userdata ? get_userdata(client) : NULL;

        if (!d || !d->progress)
                return 0;
        return d->progress(b > 0 ? (uint64_t) MAX(a, 0L) : 0, b > 0 ? (uint64_t) b : 0,
                           d->userdata);
}

static int append_file(const char *path, char **urls) {
        _cleanup_free_ char *text = NULL, *joined = NULL;
        size_t size;
        int r;

        r = read_full_file_at(AT_FDCWD, path, URLS_FILE_MAX, &text, &size);
        if (r < 0)
                return r;
        for (char *p = text; *p; p++)
                if (*p == '\n' || *p == '\r' || *p == '\t')
                        *p = ' ';
        if (asprintf(&joined, "%s%s%s", *urls ?: "", *urls ? " " : "", strstrip(text)) < 0)
                return -ENOMEM;
        return free_and_strdup(urls, joined);
}

int debuginfod_find_servers(const char *directory, char **ret) {
        _cleanup_free_ char *pattern = NULL, *urls = NULL;
        const char *set = getenv(URLS_VARIABLE);
        glob_t found;

        /* Set, even to nothing, is a decision. */
        if (set) {
                urls = strdup(set);
                if (!urls)
                        return -ENOMEM;
        } else {
                if (asprintf(&pattern, "%s/*.urls", directory) < 0)
                        return -ENOMEM;
                if (glob(pattern, 0, NULL, &found) == 0) {
                        for (size_t i = 0; i < found.gl_pathc; i++)
                                (void) append_file(found.gl_pathv[i], &urls);
                        globfree(&found);
                }
        }
        if (isempty(urls) || strspn(urls, " ") == strlen(urls))
                return -ENODATA;
        *ret = TAKE_PTR(urls);
        return 0;
}

int debuginfod_new(Debuginfod **ret, DebuginfodProgress progress, void *userdata) {
        _cleanup_(debuginfod_freep) Debuginfod *d = NULL;
        _cleanup_free_ char *urls = NULL;
        int r;

        r = debuginfod_find_servers(DEBUGINFOD_DIRECTORY, &urls);
        if (r < 0)
                return r;
        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        r = load_functions(d);
        if (r < 0)
                return r;
        /* The library reads it when it begins; sudo has taken it away. */
        if (setenv(URLS_VARIABLE, urls, 1) < 0)
                return -errno;
        d->client = d->begin();
        if (!d->client)
                return -ENOMEM;
        d->progress = progress;
        d->userdata = userdata;
        d->set_userdata(d->client, d);
        d->set_progress(d->client, on_progress);
        *ret = TAKE_PTR(d);
        return 0;
}

Debuginfod *debuginfod_free(Debuginfod *d) {
        if (!d)
                return NULL;
        if (d->client)
                d->end(d->client);
        /* The library is not unloaded: what it brought may have left threads and handlers. */
        free(d);
        return NULL;
}

int debuginfod_fetch(Debuginfod *d, const char *build_id) {
        char *path = NULL;
        int fd;

        fd = d->find_debuginfo(d->client, (const unsigned char *) build_id, 0, &path);
        free(path);
        return fd == -ENOSYS ? -ENODATA : fd;
}
