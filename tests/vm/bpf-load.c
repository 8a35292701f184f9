/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load Test
 *
 * Loads BPF objects into the running kernel, says how many instructions the verifier went through
 * for each program, and samples itself with those that want a perf event. For kernels other than
 * the one of the host that builds: tools/vm-check. bpf-load OBJECT...
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "basic/cgroup-util.h"
#include "basic/util.h"
#include "bpf/sample.h"

enum {
        /* The verifier of Linux gives up at 1 000 000. Each kernel counts a little differently, so
         * there has to be room. */
        VERIFIED_MAX = 50000,
        LOG_STATS = 4, /* BPF_LOG_STATS, include/linux/bpf_verifier.h: one line with the sum */
        LOG_BYTES = 1 << 16,
        CPUS_MAX = 64,
        FREQUENCY_HZ = 199,
        DEPTH = 20,
        RUN_SECONDS = 3,
        SAMPLES_MIN = FREQUENCY_HZ / 4, /* emulated machines are slow */
};

typedef struct Seen {
        unsigned samples, in_user, with_kernel, deep;
} Seen;

static int failed(const char *what, int error) {
        printf("not ok - %s: %s\n", what, strerror(error));
        return EXIT_FAILURE;
}

/* ---- loading ---- */

static bool has_log(struct bpf_program *program) {
        char *log = calloc(1, LOG_BYTES);

        if (!log || bpf_program__set_log_buf(program, log, LOG_BYTES) < 0) {
                free(log);
                return false;
        }
        bpf_program__set_log_level(program, LOG_STATS);
        return true;
}

/* The log says "processed 12345 insns (limit 1000000) …". */
static int check_verified(const char *object, const char *program, const char *log) {
        const char *p = strstr(log, "processed ");
        long verified = p ? atol(p + strlen("processed ")) : -1;

        if (verified < 0) {
                printf("not ok - %s: %s: the verifier did not say what it did\n", object, program);
                return EXIT_FAILURE;
        }
        printf("%s - %s: %s: %ld instructions verified, at most %d\n",
               verified > VERIFIED_MAX ? "not ok" : "ok", object, program, verified, VERIFIED_MAX);
        return verified > VERIFIED_MAX ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int load(const char *name, struct bpf_object *object) {
        struct bpf_program *program;
        int r, status = EXIT_SUCCESS;

        bpf_object__for_each_program(program, object) {
                if (!has_log(program))
                        return failed(name, ENOMEM);
        }
        r = bpf_object__load(object);
        bpf_object__for_each_program(program, object) {
                size_t size;
                char *log = (char *) bpf_program__log_buf(program, &size);

                if (r < 0)
                        printf("# %s: %s\n", bpf_program__name(program), log);
                else
                        status |= check_verified(name, bpf_program__name(program), log);
                bpf_program__set_log_buf(program, NULL, 0);
                free(log);
        }
        return r < 0 ? failed(name, -r) : status;
}

/* ---- sampling ---- */

static int on_sample(void *userdata, void *data, size_t size) {
        const struct sample_record *record = data;
        Seen *seen = userdata;

        if (size < sizeof(*record))
                return 0;
        seen->samples++;
        seen->in_user += !!(record->flags & SAMPLE_IN_USER);
        seen->with_kernel += record->n_kernel > 0;
        seen->deep += record->n_user > DEPTH;
        return 0;
}

static __attribute__((noinline)) void descend(int depth) {
        if (depth > 0) {
                descend(depth - 1);
        } else {
                for (volatile int i = 0; i < 20000; i++)
                        ;
                (void) syscall(SYS_getppid);
        }
        __asm__ volatile("" ::: "memory");
}

/* Our own cgroup, which must not be that of the root. */
static int set_target(struct bpf_object *object) {
        struct bpf_map *map = bpf_object__find_map_by_name(object, "targets");
        const struct target all = { .share = SHARE_ALL };
        char line[256], cgroup[256] = "";
        uint64_t id;
        FILE *f;
        int r;

        f = fopen("/proc/self/cgroup", "re");
        if (!f || !map)
                return -ENOENT;
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, "0::%255s", cgroup) == 1)
                        break;
        fclose(f);
        r = cgroup_get_id(cgroup, &id);
        if (r < 0)
                return r;
        return bpf_map__update_elem(map, &id, sizeof(id), &all, sizeof(all), BPF_ANY);
}

/* All that runs, at our frequency: for programs of sessions. */
static int set_session(struct bpf_object *object) {
        struct bpf_map *map = bpf_object__find_map_by_name(object, "session_events");
        const struct session_event host = { .host = 1 };
        uint64_t period = UINT64_C(1000000000) / FREQUENCY_HZ;

        if (!map)
                return 0;
        return bpf_map__update_elem(map, &period, sizeof(period), &host, sizeof(host), BPF_ANY);
}

static int attach(struct bpf_program *program, struct bpf_link *links[static CPUS_MAX]) {
        int n = libbpf_num_possible_cpus();

        for (int cpu = 0; cpu < n && cpu < CPUS_MAX; cpu++) {
                struct perf_event_attr attr = {
                        .type = PERF_TYPE_SOFTWARE,
                        .config = PERF_COUNT_SW_CPU_CLOCK,
                        .size = sizeof(attr),
                        .sample_freq = FREQUENCY_HZ,
                        .freq = 1,
                };
                int fd = (int) syscall(SYS_perf_event_open, &attr, -1, cpu, -1,
                                       PERF_FLAG_FD_CLOEXEC);

                if (fd < 0 && errno == ENODEV)
                        continue;
                if (fd < 0)
                        return -errno;
                links[cpu] = bpf_program__attach_perf_event(program, fd);
                if (!links[cpu])
                        return -errno;
        }
        return 0;
}

static int sample(struct bpf_object *object, struct bpf_program *program) {
        struct bpf_map *map = bpf_object__find_map_by_name(object, "samples");
        struct bpf_link *links[CPUS_MAX] = {};
        struct ring_buffer *ring;
        Seen seen = {};
        time_t end;
        int r;

        if (!map) /* another kind of program */
                return EXIT_SUCCESS;
        ring = ring_buffer__new(bpf_map__fd(map), on_sample, &seen, NULL);
        if (!ring)
                return failed("the ring of samples", errno);
        r = set_target(object);
        if (r >= 0)
                r = set_session(object);
        if (r < 0)
                return failed("the target", -r);
        r = attach(program, links);
        if (r < 0)
                return failed("attaching", -r);

        end = time(NULL) + RUN_SECONDS;
        while (time(NULL) < end) {
                for (int i = 0; i < 100; i++)
                        descend(DEPTH);
                ring_buffer__consume(ring);
        }
        for (int cpu = 0; cpu < CPUS_MAX; cpu++)
                bpf_link__destroy(links[cpu]);
        ring_buffer__free(ring);

        r = seen.samples >= SAMPLES_MIN && seen.in_user > 0 && seen.with_kernel > 0 &&
            seen.deep > seen.samples / 2;
        printf("%s - %s: %u samples, %u in user mode, %u with kernel frames, %u with the whole "
               "stack\n",
               r ? "ok" : "not ok", bpf_program__name(program), seen.samples, seen.in_user,
               seen.with_kernel, seen.deep);
        return r ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int load_and_sample(const char *path) {
        const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        struct bpf_program *program;
        struct bpf_object *object;
        int status;

        object = bpf_object__open_file(path, NULL);
        if (!object)
                return failed(path, errno);
        status = load(name, object);
        bpf_object__for_each_program(program, object) {
                if (bpf_program__fd(program) >= 0 &&
                    bpf_program__type(program) == BPF_PROG_TYPE_PERF_EVENT)
                        status |= sample(object, program);
        }
        bpf_object__close(object);
        return status;
}

int main(int argc, char *argv[]) {
        int status = EXIT_SUCCESS;

        for (int i = 1; i < argc; i++)
                status |= load_and_sample(argv[i]);
        return status;
}
