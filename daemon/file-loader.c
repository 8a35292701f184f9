/* SPDX-License-Identifier: Apache-2.0 */
/* File Loader */

#include <utlist.h>

#include "file-loader.h"
#include "process/file-open.h"

/* What a callback of the cache is about. */
typedef struct LoadRequest {
        FileLoader *loader;
        File *file;
        struct LoadRequest *prev, *next;
} LoadRequest;

struct FileLoader {
        IndexCache *cache;
        LoadRequest *requests;
        unsigned retries;
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
        l->retries = FILE_LOADER_RETRIES;
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

static void on_index(IndexFile *index, int error, void *userdata) {
        LoadRequest *request = userdata;
        FileLoader *l = request->loader;

        settle(request->file, index, error);
        l->on_loaded(request->file, l->userdata);
        request_free(request);
}

static int load(FileLoader *l, File *file, int fd) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        LoadRequest *request;
        int r;

        request = malloc(sizeof(*request));
        if (!request) {
                safe_close(fd);
                return -ENOMEM;
        }
        *request = (LoadRequest){ .loader = l, .file = file_ref(file) };
        DL_APPEND(l->requests, request);

        r = index_cache_load(l->cache, fd, on_index, request, &index);
        if (r == 0) {
                file_set_pending(file);
                return 0;
        }
        request_free(request);
        if (r > 0) {
                file_set_index(file, index);
                l->on_loaded(file, l->userdata);
        }
        return r;
}

void file_loader_load(FileLoader *l, File *file, pid_t pid, uint64_t start, uint64_t end) {
        int fd, r;

        if (file_get_state(file) == FILE_LOST) {
                if (l->retries == 0)
                        return;
                l->retries--;
        } else if (file_get_state(file) != FILE_NEW)
                return;

        fd = file_open(file, pid, start, end);
        if (fd < 0) {
                file_set_lost(file, fd);
                return;
        }
        r = load(l, file, fd);
        if (r < 0)
                settle(file, NULL, r);
}

void file_loader_refill(FileLoader *l) {
        l->retries = FILE_LOADER_RETRIES;
}

IndexCache *file_loader_get_cache(FileLoader *l) {
        return l->cache;
}
