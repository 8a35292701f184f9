/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session Stream
 *
 * Whether a pipe blocks is a property that all who have it open share, so O_NONBLOCK on it is
 * nothing to rely on. Data goes through a pipe of our own: splice(2) is told for each call not to
 * wait, whatever the other end is like.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "session-stream.h"

enum { STAGE_BYTES = 1 << 14 }; /* in our own pipe at once; it holds 64 KiB */

struct SessionStream {
        int fd;       /* -EBADF: the reader is gone, or all is done */
        int stage[2]; /* reading and writing end */
        size_t n_staged;
        uint8_t *data;
        size_t size, at;
        bool ended;
        uint64_t bytes;
        sd_event_source *source, *linger_source;
};

static void close_all(SessionStream *s) {
        s->source = sd_event_source_disable_unref(s->source);
        s->linger_source = sd_event_source_disable_unref(s->linger_source);
        s->fd = safe_close(s->fd);
        free(s->data);
        s->data = NULL;
        s->size = s->at = 0;
}

static bool has_data(const SessionStream *s) {
        return s->n_staged > 0 || s->at < s->size;
}

/* 0: all there was, or all that fits. */
static int stage(SessionStream *s) {
        ssize_t n;

        if (s->n_staged > 0 || s->at == s->size)
                return 0;
        n = write(s->stage[1], s->data + s->at, MIN(s->size - s->at, (size_t) STAGE_BYTES));
        if (n < 0)
                return errno == EAGAIN ? 0 : negative_errno();
        s->n_staged = (size_t) n;
        s->at += (size_t) n;
        if (s->at == s->size) {
                free(s->data);
                s->data = NULL;
                s->size = s->at = 0;
        }
        return 0;
}

/* -EAGAIN: the pipe is full; 0: nothing is left. */
static int pump(SessionStream *s) {
        while (has_data(s)) {
                ssize_t n;
                int r;

                r = stage(s);
                if (r < 0)
                        return r;
                n = splice(s->stage[0], NULL, s->fd, NULL, s->n_staged, SPLICE_F_NONBLOCK);
                if (n < 0)
                        return negative_errno();
                s->n_staged -= (size_t) n;
                s->bytes += (uint64_t) n;
        }
        return 0;
}

static void work(SessionStream *s) {
        int r = pump(s);

        if (r == -EAGAIN)
                (void) sd_event_source_set_enabled(s->source, SD_EVENT_ON);
        else if (r < 0 || s->ended)
                close_all(s);
        else
                (void) sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
}

static int on_writable(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        work(userdata);
        return 0;
}

static int on_lingered(sd_event_source *source, uint64_t usec, void *userdata) {
        close_all(userdata);
        return 0;
}

int session_stream_write(SessionStream *s, const void *data, size_t size) {
        size_t left = s->size - s->at;
        uint8_t *longer;

        if (s->fd < 0)
                return -EPIPE;
        if (left + size > SESSION_STREAM_BYTES_MAX)
                return 0;
        longer = malloc(left + size + 1);
        if (!longer)
                return -ENOMEM;
        if (left > 0)
                memcpy(longer, s->data + s->at, left);
        memcpy(longer + left, data, size);
        free(s->data);
        s->data = longer;
        s->size = left + size;
        s->at = 0;
        work(s);
        return 1;
}

void session_stream_end(SessionStream *s) {
        s->ended = true;
        if (s->fd < 0)
                return;
        if (!has_data(s)) {
                close_all(s);
                return;
        }
        (void) sd_event_add_time_relative(sd_event_source_get_event(s->source), &s->linger_source,
                                          CLOCK_MONOTONIC, SESSION_STREAM_LINGER_USEC, 0,
                                          on_lingered, s);
}

uint64_t session_stream_get_bytes(const SessionStream *s) {
        return s->bytes;
}

static int check_pipe(int fd) {
        struct stat st;
        int flags;

        if (fstat(fd, &st) < 0)
                return -errno;
        flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;
        return S_ISFIFO(st.st_mode) && (flags & O_ACCMODE) != O_RDONLY ? 0 : -EINVAL;
}

int session_stream_new(SessionStream **ret, sd_event *event, int fd) {
        _cleanup_(session_stream_freep) SessionStream *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s) {
                safe_close(fd);
                return -ENOMEM;
        }
        *s = (SessionStream){ .fd = fd, .stage = { -EBADF, -EBADF } };
        r = check_pipe(fd);
        if (r < 0)
                return r;
        if (pipe2(s->stage, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        r = sd_event_add_io(event, &s->source, fd, EPOLLOUT, on_writable, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

SessionStream *session_stream_free(SessionStream *s) {
        if (!s)
                return NULL;
        close_all(s);
        safe_close(s->stage[0]);
        safe_close(s->stage[1]);
        free(s);
        return NULL;
}
