/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index Cache
 *
 * A file that is not known by its identity becomes a job, which all who ask for the same file
 * share. A job runs profilerd-elf once for a private copy and its hash (and once for the debug
 * file, if there is one), and, if no index of these contents exists, once more to make it from the
 * copy. Jobs start in the order they came; nothing starts and nothing is called back from within
 * index_cache_load(), all that happens from the event loop.
 *
 * A worker may fail because of what the file contains, and would fail again: after each failure the
 * file is left alone for twice as long as before. That profilerd-elf called a file unreadable is
 * final, and kept on disk.
 */

#include <fcntl.h>

/* Out of memory is an error of the caller's call, not the end of the daemon. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "basic/array.h"
#include "basic/time-util.h"
#include "symbol/elf-worker.h"
#include "symbol/index-cache.h"
#include "symbol/index-directory.h"

enum {
        INDEX_CACHE_WAITERS_MAX = 1 << 16, /* callbacks that are due */
        INDEX_CACHE_FAILURES_MAX = 1024,   /* files whose failure is remembered in memory */
        INDEX_CACHE_DOUBLINGS_MAX = 10,
};
#define INDEX_CACHE_RETRY_USEC USEC_PER_MINUTE

typedef struct Waiter {
        IndexCacheCallback callback;
        void *userdata;
} Waiter;

/* What a job is about. No padding: it is hashed. */
typedef struct JobKey {
        FileIdentity file, debug; /* debug: all 0 without one */
} JobKey;

/* A file that is to be read, and its copy without a name. */
typedef struct JobFile {
        int fd; /* until it is copied */
        int copy_fd;
} JobFile;

/* One file whose index is to be found or made. */
typedef struct Job {
        IndexCache *cache;
        JobKey key;
        bool durable; /* see file_identity_read() */
        bool has_debug;
        bool running;
        JobFile file, debug;
        int output_fd;  /* what the worker writes: our end of a pipe, or the index */
        char *tmp_name; /* of the index while it is made, NULL: it has none */
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];
        ElfWorker *worker;
        Waiter *waiters;
        size_t n_waiters, waiters_capacity;
        UT_hash_handle hh;
} Job;

typedef struct Failure {
        JobKey key;
        int error;
        unsigned n;
        usec_t retry_usec; /* CLOCK_MONOTONIC; not before */
        UT_hash_handle hh;
} Failure;

struct IndexCache {
        sd_event *event;
        sd_event_source *dispatch_source;
        char *worker;
        bool names_only;
        usec_t worker_usec;
        IndexDirectory *directory;
        Job *jobs;         /* by identity; in the order they came, those that run first */
        Failure *failures; /* by identity; in the order of their first failure */
        size_t n_running, n_waiters;
        uint64_t hits, built, failed, unreadable;
        int last_error;
};

/* failures */

static void failure_free(IndexCache *c, Failure *f) {
        HASH_DEL(c->failures, f);
        free(f);
}

static Failure *find_failure(IndexCache *c, const JobKey *key) {
        Failure *f;

        HASH_FIND(hh, c->failures, key, sizeof(JobKey), f);
        return f;
}

/* Without memory for it the file is only tried again too soon. */
static Failure *add_failure(IndexCache *c, const JobKey *key) {
        Failure *f;

        if (HASH_COUNT(c->failures) >= INDEX_CACHE_FAILURES_MAX)
                failure_free(c, c->failures);

        f = calloc(1, sizeof(Failure));
        if (!f)
                return NULL;
        f->key = *key;
        HASH_ADD(hh, c->failures, key, sizeof(JobKey), f);
        if (!f->hh.tbl) {
                free(f);
                return NULL;
        }
        return f;
}

static void note_failure(IndexCache *c, const JobKey *key, int error) {
        Failure *f;

        f = find_failure(c, key) ?: add_failure(c, key);
        if (!f)
                return;

        f->error = error;
        if (error == -EBADMSG)
                f->retry_usec = USEC_INFINITY;
        else
                f->retry_usec = now_usec(CLOCK_MONOTONIC) + (INDEX_CACHE_RETRY_USEC << f->n);
        f->n = MIN(f->n + 1, (unsigned) INDEX_CACHE_DOUBLINGS_MAX);
}

/* jobs */

static void job_file_done(JobFile *f) {
        safe_close(f->copy_fd);
        safe_close(f->fd);
}

static Job *job_free(Job *j) {
        if (!j)
                return NULL;

        elf_worker_free(j->worker);
        index_directory_discard(j->cache->directory, j->tmp_name);
        free(j->tmp_name);
        safe_close(j->output_fd);
        job_file_done(&j->file);
        job_file_done(&j->debug);
        free(j->waiters);
        free(j);
        return NULL;
}
DEFINE_CLEANUP(Job *, job_free);

static int job_add_waiter(Job *j, IndexCacheCallback callback, void *userdata) {
        int r;

        if (j->cache->n_waiters >= INDEX_CACHE_WAITERS_MAX)
                return -EBUSY;
        r = ARRAY_RESERVE(j->waiters, j->waiters_capacity, j->n_waiters + 1);
        if (r < 0)
                return r;
        j->waiters[j->n_waiters++] = (Waiter){ callback, userdata };
        j->cache->n_waiters++;
        return 0;
}

static int job_link(const Job *j, const uint8_t *hash) {
        if (!j->durable)
                return 0;
        return index_directory_link(j->cache->directory, &j->key.file,
                                    j->has_debug ? &j->key.debug : NULL, hash);
}

static void schedule(IndexCache *c) {
        (void) sd_event_source_set_enabled(c->dispatch_source, SD_EVENT_ONESHOT);
}

/* The job is off the books before anybody hears of it: a callback may ask for the next file. */
static void job_finish(Job *job, IndexFile *index, int error) {
        _cleanup_(job_freep) Job *j = job;
        IndexCache *c = j->cache;
        Failure *f;

        HASH_DEL(c->jobs, j);
        c->n_running -= j->running;
        c->n_waiters -= j->n_waiters;
        if (error < 0) {
                c->failed++;
                if (error == -EBADMSG)
                        c->unreadable++;
                else
                        c->last_error = error;
                note_failure(c, &j->key, error);
                if (error == -EBADMSG)
                        (void) job_link(j, NULL);
        } else {
                f = find_failure(c, &j->key);
                if (f)
                        failure_free(c, f);
                (void) job_link(j, j->hash);
        }
        schedule(c);

        for (size_t i = 0; i < j->n_waiters; i++)
                j->waiters[i].callback(index, error, j->waiters[i].userdata);
}

/* Last run: the index. */

static int job_take_index(Job *j, IndexFile **ret) {
        int r;

        r = index_directory_put(j->cache->directory, j->output_fd, j->tmp_name, j->hash, ret);
        if (r == -EBADMSG || r == -ESTALE)
                return -EIO; /* says nothing about the file, but much about the worker */
        if (r < 0)
                return r;
        free(TAKE_PTR(j->tmp_name));
        return 0;
}

static void on_indexed(ElfWorker *w, int error, void *userdata) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        Job *j = userdata;
        int r = error;

        j->worker = elf_worker_free(w);
        if (r >= 0)
                r = job_take_index(j, &index);
        if (r >= 0)
                j->cache->built++;
        job_finish(j, index, r);
}

static void format_hash(const uint8_t *hash, char ret[static 2 * INDEX_CONTENT_HASH_SIZE + 1]) {
        for (size_t i = 0; i < INDEX_CONTENT_HASH_SIZE; i++)
                snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

static int job_start_index(Job *j) {
        char hex[2 * INDEX_CONTENT_HASH_SIZE + 1];
        const char *command[] = { j->cache->worker, "--index", hex, NULL, NULL, NULL };
        size_t n = 3;
        int fd;

        if (j->has_debug)
                command[n++] = "--debug";
        if (j->cache->names_only)
                command[n++] = "--no-lines";

        format_hash(j->hash, hex);
        fd = index_directory_create(j->cache->directory, &j->tmp_name);
        if (fd < 0)
                return fd;
        safe_close(j->output_fd);
        j->output_fd = fd;

        return elf_worker_start(&j->worker, j->cache->event,
                                &(ElfWorkerTask){
                                        .command = command,
                                        .input_fd = j->file.copy_fd,
                                        .output_fd = j->output_fd,
                                        .third_fd = j->debug.copy_fd,
                                        .timeout_usec = j->cache->worker_usec,
                                },
                                on_indexed, j);
}

/* First runs: the copies and their hash. */

static int job_start_copy(Job *j, JobFile *f);

/* What was read while somebody wrote it is no file that ever was, and not to be known as one. */
static int check_unchanged(int fd, const FileIdentity *identity) {
        FileIdentity now;
        bool durable;
        int r;

        r = file_identity_read(fd, &now, &durable);
        if (r < 0)
                return r;
        return memcmp(&now, identity, sizeof(now)) == 0 ? 0 : -ESTALE;
}

/* The hash of the second copy stands for both. */
static int job_take_hash(Job *j, JobFile *f) {
        uint8_t hash[INDEX_CONTENT_HASH_SIZE + 1];
        ssize_t n;
        int r;

        n = read(j->output_fd, hash, sizeof(hash));
        if (n < 0)
                return -errno;
        if (n != INDEX_CONTENT_HASH_SIZE)
                return -EIO;
        r = check_unchanged(f->fd, f == &j->file ? &j->key.file : &j->key.debug);
        if (r < 0)
                return r;

        memcpy(j->hash, hash, INDEX_CONTENT_HASH_SIZE);
        f->fd = safe_close(f->fd);
        return 0;
}

static void on_copied(ElfWorker *w, int error, void *userdata) {
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        Job *j = userdata;
        JobFile *f = j->file.fd >= 0 ? &j->file : &j->debug;
        int r = error;

        j->worker = elf_worker_free(w);
        if (r >= 0)
                r = job_take_hash(j, f);
        if (r >= 0 && j->debug.fd >= 0)
                r = job_start_copy(j, &j->debug);
        else if (r >= 0) {
                r = index_directory_find_content(j->cache->directory, j->hash, &index);
                if (r > 0) {
                        j->cache->hits++;
                        job_finish(j, index, 0);
                        return;
                }
                r = job_start_index(j);
        }
        if (r < 0)
                job_finish(j, NULL, r);
}

static int job_start_copy(Job *j, JobFile *f) {
        char argument[sizeof("--copy=") + 2 * INDEX_CONTENT_HASH_SIZE] = "--copy";
        const char *const command[] = { j->cache->worker, argument, NULL };
        _cleanup_close_ int write_fd = -EBADF;
        int fds[2];

        if (f == &j->debug) {
                strcat(argument, "=");
                format_hash(j->hash, argument + strlen(argument));
        }
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        safe_close(j->output_fd);
        j->output_fd = fds[0];
        write_fd = fds[1];

        /* A worker that leaves the pipe open behind it does not make us wait. */
        if (fcntl(j->output_fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        f->copy_fd = index_directory_create_private(j->cache->directory);
        if (f->copy_fd < 0)
                return f->copy_fd;

        return elf_worker_start(&j->worker, j->cache->event,
                                &(ElfWorkerTask){
                                        .command = command,
                                        .input_fd = f->fd,
                                        .output_fd = write_fd,
                                        .third_fd = f->copy_fd,
                                        .timeout_usec = j->cache->worker_usec,
                                },
                                on_copied, j);
}

/* the cache */

static Job *next_queued(IndexCache *c) {
        Job *j = c->jobs;

        while (j && j->running)
                j = j->hh.next;
        return j;
}

static int on_dispatch(sd_event_source *s, void *userdata) {
        IndexCache *c = userdata;

        while (c->n_running < INDEX_CACHE_WORKERS_MAX) {
                Job *j = next_queued(c);
                int r;

                if (!j)
                        break;
                j->running = true;
                c->n_running++;
                r = job_start_copy(j, &j->file);
                if (r < 0) {
                        /* Its callbacks may take their time: one failure in one turn of the loop.
                         */
                        job_finish(j, NULL, r);
                        break;
                }
        }
        return 0;
}

int index_cache_new(IndexCache **ret,
                    sd_event *event,
                    const char *directory,
                    const char *worker,
                    usec_t worker_usec) {
        _cleanup_(index_cache_freep) IndexCache *c = NULL;
        int r;

        c = calloc(1, sizeof(IndexCache));
        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        c->worker_usec = worker_usec;
        c->worker = strdup(worker);
        if (!c->worker)
                return -ENOMEM;
        r = index_directory_new(&c->directory, directory);
        if (r < 0)
                return r;

        r = sd_event_add_defer(event, &c->dispatch_source, on_dispatch, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(c->dispatch_source, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

void index_cache_set_lines(IndexCache *c, bool lines) {
        c->names_only = !lines;
        index_directory_set_lines(c->directory, lines);
}

IndexCache *index_cache_free(IndexCache *c) {
        if (!c)
                return NULL;

        for (Job *j = c->jobs, *next; j; j = next) {
                next = j->hh.next;
                HASH_DEL(c->jobs, j);
                job_free(j);
        }
        while (c->failures)
                failure_free(c, c->failures);
        sd_event_source_disable_unref(c->dispatch_source);
        index_directory_free(c->directory);
        free(c->worker);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}

/* Takes the descriptors if it succeeds. */
static int add_job(
        IndexCache *c, int *fd, int *debug_fd, const JobKey *key, bool durable, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;

        if (HASH_COUNT(c->jobs) - c->n_running >= INDEX_CACHE_QUEUE_MAX)
                return -EBUSY;

        j = calloc(1, sizeof(Job));
        if (!j)
                return -ENOMEM;
        j->cache = c;
        j->key = *key;
        j->durable = durable;
        j->has_debug = *debug_fd >= 0;
        j->file = (JobFile){ .fd = TAKE_FD(*fd), .copy_fd = -EBADF };
        j->debug = (JobFile){ .fd = TAKE_FD(*debug_fd), .copy_fd = -EBADF };
        j->output_fd = -EBADF;
        HASH_ADD(hh, c->jobs, key, sizeof(JobKey), j);
        if (!j->hh.tbl)
                return -ENOMEM;

        *ret = TAKE_PTR(j);
        return 0;
}

static int read_key(int fd, int debug_fd, JobKey *ret, bool *ret_durable) {
        bool debug_durable = true;
        int r;

        *ret = (JobKey){};
        r = file_identity_read(fd, &ret->file, ret_durable);
        if (r >= 0 && debug_fd >= 0)
                r = file_identity_read(debug_fd, &ret->debug, &debug_durable);
        *ret_durable = *ret_durable && debug_durable;
        return r;
}

/* debug_fd -EBADF: without a debug file. */
static int load(IndexCache *c,
                int fd_to_take,
                int debug_fd_to_take,
                IndexCacheCallback callback,
                void *userdata,
                IndexFile **ret_index) {
        _cleanup_close_ int fd = fd_to_take, debug_fd = debug_fd_to_take;
        const Failure *f;
        bool durable;
        JobKey key;
        Job *j;
        int r;

        r = read_key(fd, debug_fd, &key, &durable);
        if (r < 0)
                return r;

        f = find_failure(c, &key);
        if (f && now_usec(CLOCK_MONOTONIC) < f->retry_usec)
                return f->error;

        if (durable) {
                r = index_directory_find(c->directory, &key.file, debug_fd >= 0 ? &key.debug : NULL,
                                         ret_index);
                if (r < 0)
                        return r;
                if (r > 0) {
                        c->hits++;
                        return 1;
                }
        }

        HASH_FIND(hh, c->jobs, &key, sizeof(JobKey), j);
        if (j)
                return job_add_waiter(j, callback, userdata);

        r = add_job(c, &fd, &debug_fd, &key, durable, &j);
        if (r < 0)
                return r;
        r = job_add_waiter(j, callback, userdata);
        if (r < 0) {
                HASH_DEL(c->jobs, j);
                job_free(j);
                return r;
        }
        schedule(c);
        return 0;
}

int index_cache_load(
        IndexCache *c, int fd, IndexCacheCallback callback, void *userdata, IndexFile **ret_index) {
        return load(c, fd, -EBADF, callback, userdata, ret_index);
}

int index_cache_load_with_debug(IndexCache *c,
                                int fd,
                                int debug_fd,
                                IndexCacheCallback callback,
                                void *userdata,
                                IndexFile **ret_index) {
        return load(c, fd, debug_fd, callback, userdata, ret_index);
}

bool index_cache_is_idle(const IndexCache *c) {
        return !c->jobs;
}

void index_cache_get_statistics(const IndexCache *c, IndexCacheStatistics *ret) {
        *ret = (IndexCacheStatistics){
                .hits = c->hits,
                .built = c->built,
                .failed = c->failed,
                .unreadable = c->unreadable,
                .last_error = c->last_error,
                .n_queued = HASH_COUNT(c->jobs) - c->n_running,
                .n_running = c->n_running,
        };
}

int index_cache_trim(IndexCache *c, uint64_t max) {
        return index_directory_trim(c->directory, max);
}
