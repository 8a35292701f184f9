/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the Kernel */

#include "kernel-names.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "open/opener.h"

struct KernelNames {
        sd_event *event;
        char *open_socket;
        KernelNamesCallback on_ready;
        void *userdata;

        Kallsyms *symbols;
        usec_t loaded_usec; /* CLOCK_MONOTONIC, 0: never tried */
        int error;

        /* While they are read: first profilerd-open is asked, then it goes step by step. */
        int connection, fd;
        KallsymsLoad *load;
        sd_event_source *answer_source, *patience_source, *work_source;
};

static const OpenRequest request = { .magic = OPEN_MAGIC, .kind = OPEN_KALLSYMS };

static bool is_loading(const KernelNames *k) {
        return k->answer_source || k->work_source;
}

/* ---- a load ---- */

static void end_load(KernelNames *k) {
        k->answer_source = sd_event_source_disable_unref(k->answer_source);
        k->patience_source = sd_event_source_disable_unref(k->patience_source);
        k->work_source = sd_event_source_disable_unref(k->work_source);
        k->load = kallsyms_load_free(k->load);
        k->connection = safe_close(k->connection);
        k->fd = safe_close(k->fd);
}

static void finish_load(KernelNames *k, int error) {
        end_load(k);
        k->error = error;
        if (error < 0)
                log_debug_errno(error, "Kernel frames go without names: %m");
        k->on_ready(k->userdata);
}

static int on_work(sd_event_source *source, uint64_t usec, void *userdata) {
        KernelNames *k = userdata;
        int r;

        r = kallsyms_load_step(k->load, k->symbols);
        if (r > 0) {
                (void) sd_event_source_set_time(source, now_usec(CLOCK_MONOTONIC));
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        finish_load(k, r);
        return 0;
}

/* A timer takes turns with other events: as something idle the load might wait for ever, and what
 * is deferred is always the first of its priority. */
static int begin_reading(KernelNames *k, int fd) {
        int r;

        k->fd = fd;
        r = kallsyms_load_begin(&k->load, fd);
        if (r < 0)
                return r;
        return sd_event_add_time(k->event, &k->work_source, CLOCK_MONOTONIC,
                                 now_usec(CLOCK_MONOTONIC), 1, on_work, k);
}

static int on_answer(sd_event_source *source, int connection, uint32_t revents, void *userdata) {
        KernelNames *k = userdata;
        int r;

        r = opener_receive(connection);
        k->answer_source = sd_event_source_disable_unref(k->answer_source);
        k->patience_source = sd_event_source_disable_unref(k->patience_source);
        if (r >= 0)
                r = begin_reading(k, r);
        if (r < 0)
                finish_load(k, r);
        return 0;
}

static int on_patience_ended(sd_event_source *source, uint64_t usec, void *userdata) {
        finish_load(userdata, -ETIMEDOUT);
        return 0;
}

static int ask(KernelNames *k) {
        int r;

        k->connection = opener_send(k->open_socket, &request);
        if (k->connection < 0)
                return k->connection;
        r = sd_event_add_time_relative(k->event, &k->patience_source, CLOCK_MONOTONIC,
                                       OPENER_TIMEOUT_USEC, 0, on_patience_ended, k);
        if (r < 0)
                return r;
        return sd_event_add_io(k->event, &k->answer_source, k->connection, EPOLLIN, on_answer, k);
}

static void begin_load(KernelNames *k, usec_t now) {
        int r;

        k->loaded_usec = now;
        r = opener_open(NULL, &request);
        if (r >= 0)
                r = begin_reading(k, r);
        else if (k->open_socket && (r == -EACCES || r == -EPERM))
                r = ask(k);
        if (r < 0) {
                end_load(k);
                k->error = r;
                log_debug_errno(r, "Kernel frames go without names: %m");
        }
}

static void load_now(KernelNames *k, usec_t now) {
        _cleanup_close_ int fd = -EBADF;
        bool awaited = is_loading(k);

        end_load(k);
        k->loaded_usec = now;
        fd = opener_open(k->open_socket, &request);
        k->error = fd < 0 ? fd : kallsyms_load(k->symbols, fd);
        if (k->error < 0)
                log_debug_errno(k->error, "Kernel frames go without names: %m");
        if (awaited)
                k->on_ready(k->userdata);
}

/* ---- the names ---- */

/* The kernel's own text stays as it is; what lies elsewhere, modules and BPF programs, comes and
 * goes. */
static bool has_passing_code(const KernelNames *k, const Window *w) {
        uint64_t start = kallsyms_get_text(k->symbols), end = kallsyms_get_text_end(k->symbols);

        for (uint32_t i = 0; i < window_n_places(w); i++) {
                const Place *place = window_get_place(w, i);

                if (place->kind == PLACE_KERNEL &&
                    (place->address < start || place->address >= end))
                        return true;
        }
        return false;
}

static bool is_fresh(const KernelNames *k, const Window *w, usec_t now) {
        return k->loaded_usec > 0 && (now < k->loaded_usec + KERNEL_NAMES_RELOAD_USEC ||
                                      (k->error >= 0 && !has_passing_code(k, w)));
}

bool kernel_names_prepare(KernelNames *k, const Window *w) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (!is_loading(k) && !is_fresh(k, w, now))
                begin_load(k, now);
        return !is_loading(k);
}

const Kallsyms *kernel_names_get(KernelNames *k) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        bool tried = k->loaded_usec > 0 && now < k->loaded_usec + KERNEL_NAMES_RELOAD_USEC;

        if (kallsyms_size(k->symbols) == 0 && (is_loading(k) || !tried))
                load_now(k, now);
        return kallsyms_size(k->symbols) > 0 ? k->symbols : NULL;
}

int kernel_names_new(KernelNames **ret,
                     sd_event *event,
                     const char *open_socket,
                     KernelNamesCallback on_ready,
                     void *userdata) {
        _cleanup_(kernel_names_freep) KernelNames *k = NULL;
        int r;

        k = calloc(1, sizeof(*k));
        if (!k)
                return -ENOMEM;
        k->event = sd_event_ref(event);
        k->on_ready = on_ready;
        k->userdata = userdata;
        k->connection = k->fd = -EBADF;
        r = free_and_strdup(&k->open_socket, open_socket);
        if (r < 0)
                return r;
        r = kallsyms_new(&k->symbols);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(k);
        return 0;
}

KernelNames *kernel_names_free(KernelNames *k) {
        if (!k)
                return NULL;
        end_load(k);
        kallsyms_free(k->symbols);
        free(k->open_socket);
        sd_event_unref(k->event);
        free(k);
        return NULL;
}
