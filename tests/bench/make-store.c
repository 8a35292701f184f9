/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Store to Measure
 *
 *     make-store DIRECTORY UNITS MINUTES END
 *
 * Writes profiles of a minute each as the daemon would have: the last of them ends at END (seconds
 * since 1970). The first unit keeps a processor busy, the second takes half of one, the third a
 * third, and so on, as the services of a host do. Each has its own binaries and functions; the
 * stacks are those of one program, a few of them hot. The same arguments give the same bytes.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "profile/pprof.h"
#include "store/store.h"

enum {
        FREQUENCY_HZ = 99,
        WINDOW_SECONDS = 60,
        STACKS = 1200,
        FUNCTIONS = 1500,
        LIBRARIES = 6,
        THREADS = 8,
        DEPTH_MIN = 12,
        DEPTH_MAX = 36,
        UNITS_MAX = 1000,
        RESTART_WINDOWS = 700, /* of one start of a unit */
        SAMPLES_MIN = 5,
};

typedef struct Stack {
        uint32_t functions[DEPTH_MAX]; /* leaf first */
        size_t n;
} Stack;

typedef struct Program {
        unsigned unit;
        Stack stacks[STACKS];
        char names[FUNCTIONS][64];
} Program;

static uint32_t next_random(uint64_t *state) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return *state >> 33;
}

/* A stack goes a part of the way with an earlier one, and its own way from there. */
static void make_stacks(Program *p, uint64_t *state) {
        for (size_t i = 0; i < STACKS; i++) {
                const Stack *like = &p->stacks[i > 0 ? next_random(state) % i : 0];
                size_t n = DEPTH_MIN + next_random(state) % (DEPTH_MAX - DEPTH_MIN);
                size_t way = next_random(state) % 8, common = MIN(n > way ? n - way : 0, like->n);
                uint32_t path[DEPTH_MAX] = {}; /* root first */

                for (size_t k = 0; k < n; k++)
                        if (k < common)
                                path[k] = like->functions[like->n - 1 - k];
                        else if (k > 0)
                                path[k] =
                                        (path[k - 1] * 7 + 1 + next_random(state) % 4) % FUNCTIONS;
                p->stacks[i].n = n;
                for (size_t k = 0; k < n; k++)
                        p->stacks[i].functions[k] = path[n - 1 - k];
        }
}

static void make_program(Program *p, unsigned unit) {
        static const char *const verbs[] = { "read", "parse", "hash", "find", "write", "lock" };
        static const char *const nouns[] = { "row", "page", "header", "tuple", "socket", "key" };
        uint64_t state = unit + 1;

        p->unit = unit;
        for (unsigned i = 0; i < FUNCTIONS; i++)
                snprintf(p->names[i], sizeof(p->names[i]), "%s_%s_%u", verbs[i % 6],
                         nouns[i / 6 % 6], unit * 10000 + i);
        make_stacks(p, &state);
}

static int add_locations(const Program *p, Profile *to, uint32_t locations[static FUNCTIONS]) {
        uint32_t mappings[LIBRARIES];
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < LIBRARIES; i++) {
                char filename[64], build_id[64];

                snprintf(filename, sizeof(filename),
                         i == 0 ? "/usr/sbin/unit%u" : "/usr/lib/x86_64-linux-gnu/lib%u-%u.so.1",
                         p->unit, i);
                snprintf(build_id, sizeof(build_id), "%040x", (p->unit * 8 + i) * 0x9e3779b1U);
                r = profile_add_mapping(to,
                                        &(ProfileMapping){ .start = 0x1000,
                                                           .limit = 0x1000000,
                                                           .filename = filename,
                                                           .build_id = build_id,
                                                           .has_functions = true },
                                        &mappings[i]);
        }
        for (uint32_t i = 0; r >= 0 && i < FUNCTIONS; i++) {
                const ProfileFunction f = { .name = p->names[i], .system_name = p->names[i] };
                ProfileLine line = {};
                const ProfileLocation l = {
                        .mapping = mappings[i % LIBRARIES],
                        .address = 0x1000 + i * UINT64_C(0x9e3779b97f4a7c15) % 0xff0000,
                        .lines = &line,
                        .n_lines = 1,
                };

                r = profile_add_function(to, &f, &line.function);
                if (r >= 0)
                        r = profile_add_location(to, &l, &locations[i]);
        }
        return r;
}

static int add_samples(const Program *p,
                       Profile *to,
                       const uint32_t *locations,
                       unsigned n_samples,
                       uint64_t *state) {
        static const int64_t values[] = { 1, 1000000000 / FREQUENCY_HZ };

        for (unsigned i = 0; i < n_samples; i++) {
                bool hot = next_random(state) % 4 > 0;
                const Stack *s = &p->stacks[next_random(state) % (hot ? STACKS / 16 : STACKS)];
                unsigned thread = next_random(state) % THREADS;
                uint32_t stack[DEPTH_MAX];
                char name[16];
                const ProfileLabel labels[] = {
                        { .key = "thread", .string = name },
                        { .key = "pid", .number = 1000 + p->unit, .unit = "pid" },
                        { .key = "tid", .number = 1000 + p->unit + thread, .unit = "tid" },
                };
                int r;

                snprintf(name, sizeof(name), "worker-%u", thread);
                for (size_t k = 0; k < s->n; k++)
                        stack[k] = locations[s->functions[k]];
                r = profile_add_sample(
                        to, &(ProfileSample){ stack, s->n, values, labels, ELEMENTSOF(labels) });
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_notes(const Program *p, Profile *to, unsigned n_samples, unsigned invocation) {
        char line[128];
        int r;

        snprintf(line, sizeof(line), "unit: unit%u.service", p->unit);
        r = profile_add_comment(to, line);
        if (r < 0)
                return r;
        snprintf(line, sizeof(line), "invocation-id: %032x", p->unit * 1000 + invocation);
        r = profile_add_comment(to, line);
        if (r < 0)
                return r;
        snprintf(line, sizeof(line), "samples: %u", n_samples);
        r = profile_add_comment(to, line);
        if (r < 0)
                return r;
        snprintf(line, sizeof(line), "stacks-complete: %u", n_samples);
        return profile_add_comment(to, line);
}

static int make_window(const Program *p, usec_t start_usec, Profile **ret) {
        static const ProfileValueType types[] = { { "samples", "count" },
                                                  { "cpu", "nanoseconds" } };
        const ProfileHeader header = {
                .time_nsec = (int64_t) (start_usec * NSEC_PER_USEC),
                .duration_nsec = (int64_t) (WINDOW_SECONDS * NSEC_PER_SEC),
                .period_type = { "cpu", "nanoseconds" },
                .period = 1000000000 / FREQUENCY_HZ,
                .default_sample_type = "cpu",
        };
        unsigned window = start_usec / USEC_PER_SEC / WINDOW_SECONDS;
        unsigned n = MAX(FREQUENCY_HZ * WINDOW_SECONDS / (p->unit + 1), SAMPLES_MIN);
        uint64_t state = UINT64_C(0x9e3779b97f4a7c15) * (window + 1) + p->unit;
        _cleanup_(profile_freep) Profile *profile = NULL;
        uint32_t locations[FUNCTIONS];
        int r;

        r = profile_new(&profile, types, ELEMENTSOF(types));
        if (r >= 0)
                r = profile_set_header(profile, &header);
        if (r >= 0)
                r = add_locations(p, profile, locations);
        if (r >= 0)
                r = add_samples(p, profile, locations, n, &state);
        if (r >= 0)
                r = add_notes(p, profile, n, window / RESTART_WINDOWS);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(profile);
        return 0;
}

/* Without the waiting for the disk of store_write(). */
static int write_window(const Program *p, int unit_fd, usec_t start_usec) {
        const StoreEntry entry = {
                .type = (char *) "cpu",
                .boot_id = SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0),
                .start_usec = start_usec,
                .duration_usec = WINDOW_SECONDS * USEC_PER_SEC,
        };
        _cleanup_free_ char *name = store_format_name(&entry);
        _cleanup_(profile_freep) Profile *profile = NULL, *compact = NULL;
        static const ProfileValueType types[] = { { "samples", "count" },
                                                  { "cpu", "nanoseconds" } };
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t size;
        int r;

        r = make_window(p, start_usec, &profile);
        if (r >= 0)
                r = profile_new(&compact, types, ELEMENTSOF(types));
        /* A merge takes over what samples use, as the daemon writes no more. */
        if (r >= 0)
                r = profile_merge(compact, profile);
        if (r >= 0)
                r = pprof_encode(compact, &data, &size);
        if (r < 0 || !name)
                return r < 0 ? r : -ENOMEM;
        fd = openat(unit_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        return fd < 0 ? -errno : write_all(fd, data, size);
}

static int write_unit(int dir_fd, unsigned unit, unsigned n_windows, usec_t end_usec) {
        _cleanup_free_ Program *p = calloc(1, sizeof(*p));
        _cleanup_close_ int fd = -EBADF;
        char directory[64];
        int r = 0;

        if (!p)
                return -ENOMEM;
        make_program(p, unit);
        snprintf(directory, sizeof(directory), "unit%u.service", unit);
        fd = mkdir_open(dir_fd, directory, 0750);
        if (fd < 0)
                return fd;
        for (unsigned i = 0; r >= 0 && i < n_windows; i++)
                r = write_window(p, fd,
                                 end_usec - (n_windows - i) * (WINDOW_SECONDS * USEC_PER_SEC));
        return r;
}

int main(int argc, char *argv[]) {
        unsigned n_units, n_windows;
        _cleanup_close_ int fd = -EBADF;
        usec_t end_usec;
        int r = 0;

        if (argc != 5) {
                fprintf(stderr, "make-store DIRECTORY UNITS MINUTES END\n");
                return EXIT_FAILURE;
        }
        n_units = MIN(strtoul(argv[2], NULL, 10), (unsigned long) UNITS_MAX);
        n_windows = strtoul(argv[3], NULL, 10);
        end_usec = strtoull(argv[4], NULL, 10) * USEC_PER_SEC;
        fd = mkdir_open(AT_FDCWD, argv[1], 0750);
        if (fd < 0)
                r = fd;
        for (unsigned unit = 0; r >= 0 && unit < n_units; unit++)
                r = write_unit(fd, unit, n_windows, end_usec);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
