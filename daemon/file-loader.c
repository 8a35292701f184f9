/* SPDX-License-Identifier: Apache-2.0 */
/* File Loader */

#include <utlist.h>

#include "file-loader.h"
#include "process/debug-file.h"
#include "process/file-open.h"

/* What a callback of the cache is about. */
typedef struct LoadRequest {
        FileLoader *loader;
        File *file;
        pid_t pid; /* has it at [start, end) */
        uint64_t start, end;
        struct LoadRequest *prev, *next;
} LoadRequest;

struct FileLoader {
        IndexCache *cache;
        LoadRequest *requests;
        unsigned retries;
        uint64_t n_served;          /* files of a user's file system */
        usec_t now_usec, look_usec; /* CLOCK_MONOTONIC; who has not looked since then may */
        FileLoaderCallback on_loaded;
        void *userdata;
};

static void request_free(LoadRequest *request) {
        DL_DELETE(request->loader->requests, request);
        file_unref(request->file);
        free(request);
}

int file_loader_new(FileLoader **ret,
                    sd_event *event,
                    const char *cache_directory,
                    const char *worker,
                    FileLoaderCallback on_loaded,
                    void *userdata) {
        _cleanup_(file_loader_freep) FileLoader *l = NULL;
        int r;

        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->on_loaded = on_loaded;
        l->userdata = userdata;
        file_loader_refill(l);
        r = index_cache_new(&l->cache, event, cache_directory, worker, INDEX_CACHE_WORKER_USEC);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

FileLoader *file_loader_free(FileLoader *l) {
        if (!l)
                return NULL;
        index_cache_free(l->cache);
        while (l->requests)
                request_free(l->requests);
        free(l);
        return NULL;
}

static void settle(File *file, IndexFile *index, int error) {
        if (index)
                file_set_index(file, index);
        else if (error == -EBADMSG)
                file_set_refused(file, error);
        else
                file_set_lost(file, error);
}

static int request_new(FileLoader *l, const LoadRequest *about, LoadRequest **ret) {
        LoadRequest *request;

        request = malloc(sizeof(*request));
        if (!request)
                return -ENOMEM;
        *request = *about;
        request->loader = l;
        request->file = file_ref(about->file);
        DL_APPEND(l->requests, request);
        *ret = request;
        return 0;
}

/* ---- the debug file ---- */

/* Without it the file keeps what it has. */
static void on_better_index(IndexFile *index, int error, void *userdata) {
        LoadRequest *request = userdata;
        FileLoader *l = request->loader;

        file_set_index(request->file, index ?: file_get_index(request->file));
        l->on_loaded(request->file, l->userdata);
        request_free(request);
}

static void load_with_debug(FileLoader *l, const LoadRequest *about, int fd, int debug_fd) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        LoadRequest *request;
        int r;

        if (request_new(l, about, &request) < 0) {
                safe_close(fd);
                safe_close(debug_fd);
                return;
        }
        r = index_cache_load_with_debug(l->cache, fd, debug_fd, on_better_index, request, &index);
        if (r == 0) {
                file_set_improving(about->file);
                return;
        }
        if (r > 0)
                file_set_index(about->file, index);
        request_free(request);
}

/* Of a file that has an index. */
static void look_for_debug(FileLoader *l, const LoadRequest *about) {
        const IndexFile *index = file_get_index(about->file);
        const DebugFileQuery query = {
                .pid = about->pid,
                .path = file_get_path(about->file),
                .build_id = index_file_get_build_id(index),
                .link = index_file_get_debug_link(index),
        };
        int debug_fd, fd;

        file_set_looked(about->file, MAX(l->now_usec, (usec_t) 1));
        if (file_is_vdso(about->file) || index_file_get_sources(index) & INDEX_SOURCE_DEBUG_FILE)
                return;
        debug_fd = debug_file_open(&query);
        if (debug_fd < 0)
                return;
        fd = file_open(about->file, about->pid, about->start, about->end);
        if (fd >= 0)
                load_with_debug(l, about, fd, debug_fd);
        else
                safe_close(debug_fd);
}

static bool is_due_for_look(const FileLoader *l, const File *file) {
        return !file_is_waiting(file) &&
               (file_get_looked(file) < l->look_usec ||
                file_get_looked(file) + FILE_LOADER_LOOK_USEC < l->now_usec);
}

/* ---- the file ---- */

static void on_index(IndexFile *index, int error, void *userdata) {
        LoadRequest *request = userdata;
        FileLoader *l = request->loader;

        settle(request->file, index, error);
        if (index)
                look_for_debug(l, request);
        l->on_loaded(request->file, l->userdata);
        request_free(request);
}

static int load(FileLoader *l, const LoadRequest *about, int fd) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        LoadRequest *request;
        int r;

        r = request_new(l, about, &request);
        if (r < 0) {
                safe_close(fd);
                return r;
        }
        r = index_cache_load(l->cache, fd, on_index, request, &index);
        if (r == 0) {
                file_set_pending(about->file);
                return 0;
        }
        if (r > 0) {
                file_set_index(about->file, index);
                look_for_debug(l, request);
                l->on_loaded(about->file, l->userdata);
        }
        request_free(request);
        return r;
}

void file_loader_load(FileLoader *l, File *file, pid_t pid, uint64_t start, uint64_t end) {
        const LoadRequest about = { .file = file, .pid = pid, .start = start, .end = end };
        int fd, r;

        switch (file_get_state(file)) {
        case FILE_INDEXED:
                if (is_due_for_look(l, file))
                        look_for_debug(l, &about);
                return;
        case FILE_NEW:
                break;
        case FILE_LOST:
                if (l->retries == 0)
                        return;
                l->retries--;
                break;
        default:
                return;
        }

        fd = file_open(file, pid, start, end);
        if (fd == -EREMOTE && file_get_state(file) == FILE_NEW)
                l->n_served++;
        r = fd < 0 ? fd : load(l, &about, fd);
        if (r >= 0)
                return;
        if (fd < 0)
                file_set_lost(file, fd);
        else
                settle(file, NULL, r);
        l->on_loaded(file, l->userdata);
}

void file_loader_refill(FileLoader *l) {
        l->retries = FILE_LOADER_RETRIES;
        l->now_usec = now_usec(CLOCK_MONOTONIC);
}

void file_loader_look_again(FileLoader *l) {
        l->look_usec = now_usec(CLOCK_MONOTONIC);
}

void file_loader_set_lines(FileLoader *l, bool lines) {
        index_cache_set_lines(l->cache, lines);
}

uint64_t file_loader_get_n_served(const FileLoader *l) {
        return l->n_served;
}

IndexCache *file_loader_get_cache(FileLoader *l) {
        return l->cache;
}
