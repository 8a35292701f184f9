/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing pprof, measured
 *
 * What a window costs from its samples to the bytes of its file: interning, adding up, encoding,
 * compressing. The samples are made up: a call tree of a few thousand functions, deep stacks, and
 * a few hot paths that take most of the time.
 */

#include "basic/time-util.h"
#include "figures.h"
#include "profile/pprof.h"

enum {
        SAMPLES = 10 * 1000,
        STACKS = 3000,
        FUNCTIONS = 3000,
        LIBRARIES = 8,
        THREADS = 16,
        DEPTH_MIN = 20,
        DEPTH_MAX = 40,
        NAME_SIZE = 48,
        REPETITIONS = 11,
        WRITE_MSEC_MAX = 8, /* for all of it; the aim is 5 */
        SAMPLE_BYTES_MAX = 12,
};

typedef struct Stack {
        uint32_t functions[DEPTH_MAX]; /* leaf first */
        size_t n;
        unsigned thread;
} Stack;

static char function_names[FUNCTIONS][NAME_SIZE], thread_names[THREADS][NAME_SIZE];

/* The same numbers on every machine. */
static uint32_t next_random(uint64_t *state) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return *state >> 33;
}

/* A stack goes a part of the way with an earlier one, most often nearly all of it, and its own way
 * from there, through functions that a few call and through some that everyone calls. */
static void make_stacks(Stack *stacks, uint64_t *state) {
        for (size_t i = 0; i < STACKS; i++) {
                const Stack *like = &stacks[i > 0 ? next_random(state) % i : 0];
                size_t n = DEPTH_MIN + next_random(state) % (DEPTH_MAX - DEPTH_MIN);
                size_t way = next_random(state) % 8, common = n > way ? n - way : 0;
                uint32_t path[DEPTH_MAX] = {}; /* root first */

                for (size_t k = 0; k < MIN(common, like->n); k++)
                        path[k] = like->functions[like->n - 1 - k];
                for (size_t k = MIN(common, like->n); k < n; k++)
                        path[k] =
                                k == 0 ? 0
                                       : (path[k - 1] * 7 + 1 + next_random(state) % 4) % FUNCTIONS;

                stacks[i].n = n;
                stacks[i].thread = next_random(state) % THREADS;
                for (size_t k = 0; k < n; k++)
                        stacks[i].functions[k] = path[n - 1 - k];
        }
}

/* What the daemon finds ready: names in the index, threads in the records. */
static void make_names(void) {
        for (unsigned i = 0; i < FUNCTIONS; i++)
                snprintf(function_names[i], NAME_SIZE, "module_%u_do_some_work_%x", i % 97, i);
        for (unsigned i = 0; i < THREADS; i++)
                snprintf(thread_names[i], NAME_SIZE, "worker-%u", i);
}

static int add_mappings(Profile *p, uint32_t mappings[static LIBRARIES]) {
        for (unsigned i = 0; i < LIBRARIES; i++) {
                char filename[64], build_id[64];
                const ProfileMapping m = {
                        .start = 0x1000,
                        .limit = 0x1000000,
                        .filename = filename,
                        .build_id = build_id,
                        .has_functions = true,
                };
                int r;

                snprintf(filename, sizeof(filename), "/usr/lib/x86_64-linux-gnu/lib%u.so.1", i);
                snprintf(build_id, sizeof(build_id), "%040x", i * 0x9e3779b1U);
                r = profile_add_mapping(p, &m, &mappings[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_locations(Profile *p, uint32_t locations[static FUNCTIONS]) {
        uint32_t mappings[LIBRARIES];
        int r;

        r = add_mappings(p, mappings);
        for (uint32_t i = 0; r >= 0 && i < FUNCTIONS; i++) {
                uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);
                const ProfileFunction f = {
                        .name = function_names[i],
                        .system_name = function_names[i],
                };
                ProfileLine line = {};
                const ProfileLocation l = {
                        .mapping = mappings[i % LIBRARIES],
                        .address = 0x1000 + hash % 0xff0000,
                        .lines = &line,
                        .n_lines = 1,
                };

                r = profile_add_function(p, &f, &line.function);
                if (r >= 0)
                        r = profile_add_location(p, &l, &locations[i]);
        }
        return r;
}

/* Half of the samples fall on one stack in sixteen. */
static int add_samples(Profile *p,
                       const Stack *stacks,
                       const uint32_t *locations,
                       uint64_t *state) {
        static const int64_t values[] = { 1, 10101010 };

        for (size_t i = 0; i < SAMPLES; i++) {
                bool hot = next_random(state) % 2;
                const Stack *s = &stacks[next_random(state) % (hot ? STACKS / 16 : STACKS)];
                uint32_t stack[DEPTH_MAX];
                const ProfileLabel labels[] = {
                        { .key = "thread", .string = thread_names[s->thread] },
                        { .key = "pid", .number = 1000, .unit = "id" },
                        { .key = "tid", .number = 1000 + s->thread, .unit = "id" },
                };
                const ProfileSample sample = { stack, s->n, values, labels, ELEMENTSOF(labels) };
                int r;

                for (size_t k = 0; k < s->n; k++)
                        stack[k] = locations[s->functions[k]];
                r = profile_add_sample(p, &sample);
                if (r < 0)
                        return r;
        }
        return 0;
}

typedef struct Figures {
        nsec_t add_nsec, encode_nsec;
        size_t n_samples, size;
} Figures;

static int measure(const Stack *stacks, uint64_t state, Figures *ret) {
        const ProfileValueType types[] = { { "samples", "count" }, { "cpu", "nanoseconds" } };
        _cleanup_(profile_freep) Profile *p = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        uint32_t locations[FUNCTIONS];
        nsec_t start, middle;
        int r;

        start = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        r = profile_new(&p, types, ELEMENTSOF(types));
        if (r < 0)
                return r;
        r = add_locations(p, locations);
        if (r < 0)
                return r;
        r = add_samples(p, stacks, locations, &state);
        if (r < 0)
                return r;

        middle = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        r = pprof_encode(p, &data, &ret->size);
        if (r < 0)
                return r;
        ret->encode_nsec = now_nsec(CLOCK_PROCESS_CPUTIME_ID) - middle;
        ret->add_nsec = middle - start;
        ret->n_samples = profile_n_samples(p);
        return 0;
}

static int compare(const void *a, const void *b) {
        const Figures *x = a, *y = b;
        nsec_t m = x->add_nsec + x->encode_nsec, n = y->add_nsec + y->encode_nsec;

        return m < n ? -1 : m > n;
}

int main(void) {
        _cleanup_free_ Stack *stacks = NULL;
        Figures figures[REPETITIONS], *middle = &figures[REPETITIONS / 2];
        bool failed = false;
        uint64_t state = 1;
        double msec;

        stacks = calloc(STACKS, sizeof(Stack));
        if (!stacks)
                return EXIT_FAILURE;
        make_names();
        make_stacks(stacks, &state);
        for (size_t i = 0; i < REPETITIONS; i++)
                if (measure(stacks, state, &figures[i]) < 0)
                        return EXIT_FAILURE;
        qsort(figures, REPETITIONS, sizeof(Figures), compare);

        msec = (double) (middle->add_nsec + middle->encode_nsec) / 1e6;
        failed |= figure_at_most("pprof-write-10000-samples", msec, "ms", WRITE_MSEC_MAX);
        figure("pprof-encoding-alone", (double) middle->encode_nsec / 1e6, "ms");
        failed |= figure_at_most("pprof-size", (double) middle->size / SAMPLES, "bytes/sample",
                                 SAMPLE_BYTES_MAX);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
