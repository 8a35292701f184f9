/* SPDX-License-Identifier: Apache-2.0 */
/* Late Stacks: samples that wait for the tables of their files */

#include "bpf/unwind-rule.h"
#include "late-stacks.h"
#include "window-fixture.h"

enum { STACK_WORDS = 8 };
#define STACK UINT64_C(0x7fff00001000)

/* A record with all that follows it. */
typedef struct Sample {
        struct sample_record record;
        uint64_t frames[1];
        struct sample_registers registers;
        uint64_t stack[SAMPLE_COPY_PIECE / sizeof(uint64_t) + STACK_WORDS];
} Sample;

typedef struct World {
        WindowFixture *fixture;
        LateStacks *late;
        unsigned n;
        struct sample_record record; /* the last */
        uint64_t frames[8];
        nsec_t weight_nsec;
} World;

static void on_sample(const Process *process,
                      const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        World *w = userdata;

        assert_int_equal(process->pid, FIXTURE_PID);
        assert_string_equal(process->exe, "/usr/bin/program");
        assert_in_range(record->n_user, 1, ELEMENTSOF(w->frames));
        w->n++;
        w->record = *record;
        memcpy(w->frames, frames, record->n_user * sizeof(*frames));
        w->weight_nsec = weight_nsec;
}

static World *world_new(void) {
        World *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        w->fixture = window_fixture_new();
        file_set_pending(w->fixture->program);
        file_set_lost(w->fixture->library, -ENOENT);
        assert_return_code(late_stacks_new(&w->late, on_sample, w), 0);
        return w;
}

static World *world_free(World *w) {
        late_stacks_free(w->late);
        window_fixture_free(w->fixture);
        free(w);
        return NULL;
}
DEFINE_CLEANUP(World *, world_free);

/* Three functions, each with a frame pointer; the kernel's side saw the leaf only. */
static Sample sample_new(void) {
        Sample s = {
                .record = fixture_record(0, 1),
                .frames = { FIXTURE_CODE + 0x10 },
                .registers = { .ip = FIXTURE_CODE + 0x10, .known = 0xffff },
        };
        uint64_t *stack = s.stack + SAMPLE_COPY_PIECE / sizeof(uint64_t);

        s.record.stack_end = STACK_END_NOT_LOADED;
        s.record.n_copied = sizeof(s.stack);
        assert_int_equal(sample_copy_start(STACK), STACK - sizeof(s.stack) + STACK_WORDS * 8);
        s.registers.registers[UNWIND_X86_64_RSP] = STACK;
        s.registers.registers[UNWIND_X86_64_RBP] = STACK + 16;
        stack[2] = STACK + 32;
        stack[3] = FIXTURE_CODE + 0x20;
        stack[4] = 0;
        stack[5] = FIXTURE_LIBRARY + 0x30;
        return s;
}

static int add(World *w, const Sample *s) {
        return late_stacks_add(w->late, &w->fixture->process, &s->record, s->frames, 77);
}

static void test_a_sample_waits_for_the_files_of_its_process(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        const Sample s = sample_new();

        (void) state;
        assert_int_equal(add(w, &s), 0);
        late_stacks_settle(w->late, now_usec(CLOCK_MONOTONIC), false);
        assert_int_equal(w->n, 0);

        file_set_lost(w->fixture->program, -ENOENT);
        late_stacks_settle(w->late, now_usec(CLOCK_MONOTONIC), false);
        assert_int_equal(w->n, 1);
        assert_int_equal(w->weight_nsec, 77);
}

static void test_the_copied_stack_is_walked(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        LateStacksStatistics statistics;
        const Sample s = sample_new();

        (void) state;
        assert_int_equal(add(w, &s), 0);
        late_stacks_settle(w->late, 0, true);
        assert_int_equal(w->n, 1);
        assert_int_equal(w->record.stack_end, STACK_END_COMPLETE);
        assert_int_equal(w->record.n_copied, 0);
        assert_true(w->record.flags & SAMPLE_GUESSED);
        assert_int_equal(w->record.n_user, 3);
        assert_int_equal(w->frames[0], FIXTURE_CODE + 0x10);
        assert_int_equal(w->frames[1], FIXTURE_CODE + 0x20);
        assert_int_equal(w->frames[2], FIXTURE_LIBRARY + 0x30);
        late_stacks_get_statistics(w->late, &statistics);
        assert_int_equal(statistics.walked, 1);
        assert_int_equal(statistics.completed, 1);
}

static void test_nothing_waits_for_ever(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        const Sample s = sample_new();

        (void) state;
        assert_int_equal(add(w, &s), 0);
        late_stacks_settle(w->late, now_usec(CLOCK_MONOTONIC) + LATE_STACKS_WAIT_USEC, false);
        assert_int_equal(w->n, 1);
}

static void test_a_walk_that_leads_nowhere_leaves_the_sample_as_it_was(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Sample s = sample_new();

        (void) state;
        s.registers.registers[UNWIND_X86_64_RBP] = 0x1234;
        assert_int_equal(add(w, &s), 0);
        late_stacks_settle(w->late, 0, true);
        assert_int_equal(w->record.stack_end, STACK_END_NOT_LOADED);
        assert_int_equal(w->record.n_user, 1);
        assert_int_equal(w->frames[0], FIXTURE_CODE + 0x10);
}

static void test_what_waits_is_bounded(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        LateStacksStatistics statistics;
        Sample s = sample_new();

        (void) state;
        for (unsigned i = 0; i < LATE_STACKS_MAX; i++)
                assert_int_equal(add(w, &s), 0);
        assert_int_equal(add(w, &s), -E2BIG);
        late_stacks_get_statistics(w->late, &statistics);
        assert_int_equal(statistics.refused, 1);
        assert_int_equal(statistics.n_waiting, LATE_STACKS_MAX);
        late_stacks_settle(w->late, 0, true);
        assert_int_equal(w->n, LATE_STACKS_MAX);
        assert_int_equal(add(w, &s), 0);

        s.record.n_copied = 0;
        assert_int_equal(add(w, &s), -EINVAL);
}

/* Its program is replaced, or ends, while the sample waits. */
static void test_the_names_of_code_made_at_run_time_wait_with_the_sample(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *code = NULL;
        _cleanup_(world_freep) World *w = world_new();
        const Sample s = sample_new();

        (void) state;
        assert_return_code(code_map_new(&code), 0);
        w->fixture->process.code = code;
        assert_int_equal(add(w, &s), 0);
        w->fixture->process.code = NULL;
        assert_true(code_map_is_shared(code));
        late_stacks_settle(w->late, 0, true);
        assert_int_equal(w->n, 1);
        assert_false(code_map_is_shared(code));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_sample_waits_for_the_files_of_its_process),
                cmocka_unit_test(test_the_copied_stack_is_walked),
                cmocka_unit_test(test_nothing_waits_for_ever),
                cmocka_unit_test(test_a_walk_that_leads_nowhere_leaves_the_sample_as_it_was),
                cmocka_unit_test(test_what_waits_is_bounded),
                cmocka_unit_test(test_the_names_of_code_made_at_run_time_wait_with_the_sample),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
