/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the Kernel */

#include "kernel-names.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "open/opener.h"

struct KernelNames {
        char *open_socket;
        Kallsyms *symbols;
        usec_t loaded_usec; /* CLOCK_MONOTONIC, 0: never tried */
        int error;
};

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

const Kallsyms *kernel_names_get(KernelNames *k, const Window *w) {
        const OpenRequest request = { .magic = OPEN_MAGIC, .kind = OPEN_KALLSYMS };
        usec_t now = now_usec(CLOCK_MONOTONIC);
        _cleanup_close_ int fd = -EBADF;

        if (!is_fresh(k, w, now)) {
                k->loaded_usec = now;
                fd = opener_open(k->open_socket, &request);
                k->error = fd < 0 ? fd : kallsyms_load(k->symbols, fd);
                if (k->error < 0)
                        log_debug_errno(k->error, "Kernel frames go without names: %m");
        }
        return k->error < 0 ? NULL : k->symbols;
}

int kernel_names_new(KernelNames **ret, const char *open_socket) {
        _cleanup_(kernel_names_freep) KernelNames *k = NULL;
        int r;

        k = calloc(1, sizeof(*k));
        if (!k)
                return -ENOMEM;
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
        kallsyms_free(k->symbols);
        free(k->open_socket);
        free(k);
        return NULL;
}
