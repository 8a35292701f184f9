/* SPDX-License-Identifier: Apache-2.0 */
/* Late Stacks */

#include <utlist.h>

#include "basic/array.h"
#include "late-stacks.h"
#include "unwind/unwinder.h"

#if defined(__aarch64__)
#define MACHINE UNWIND_AARCH64
#else
#define MACHINE UNWIND_X86_64
#endif

_Static_assert(offsetof(struct unwind_state, window) == sizeof(struct sample_registers),
               "registers are copied as they are");

/* A sample that waits. */
typedef struct LateStack {
        Process process; /* a copy: its mappings, code and exe are our own */
        usec_t added_usec;
        nsec_t weight_nsec;
        size_t size;
        struct LateStack *prev, *next;
        struct sample_record record;
        uint64_t words[]; /* frames, registers, stack */
} LateStack;

struct LateStacks {
        LateStacksCallback callback;
        void *userdata;
        LateStack *waiting;
        size_t n_waiting, bytes;
        UnwindMapping *mappings; /* room for those of one process */
        size_t mappings_capacity;
        uint64_t walked, completed, refused;
};

int late_stacks_new(LateStacks **ret, LateStacksCallback callback, void *userdata) {
        LateStacks *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->callback = callback;
        l->userdata = userdata;
        *ret = l;
        return 0;
}

static void late_stack_free(LateStacks *l, LateStack *s) {
        DL_DELETE(l->waiting, s);
        l->n_waiting--;
        l->bytes -= s->size;
        mapping_set_unref(s->process.mappings);
        code_map_unref(s->process.code);
        free(s->process.exe);
        free(s);
}

LateStacks *late_stacks_free(LateStacks *l) {
        if (!l)
                return NULL;
        while (l->waiting)
                late_stack_free(l, l->waiting);
        free(l->mappings);
        free(l);
        return NULL;
}

static size_t n_frames(const struct sample_record *r) {
        return (size_t) r->n_kernel + r->n_user;
}

int late_stacks_add(LateStacks *l,
                    const Process *process,
                    const struct sample_record *record,
                    const uint64_t *frames,
                    nsec_t weight_nsec) {
        size_t bytes = n_frames(record) * sizeof(uint64_t) + sizeof(struct sample_registers) +
                       record->n_copied;
        _cleanup_free_ char *exe = NULL;
        LateStack *s;

        if (record->n_copied == 0 || !process->mappings)
                return -EINVAL;
        if (l->n_waiting >= LATE_STACKS_MAX ||
            l->bytes + sizeof(*s) + bytes > LATE_STACKS_BYTES_MAX) {
                l->refused++;
                return -E2BIG;
        }
        if (process->exe) {
                exe = strdup(process->exe);
                if (!exe)
                        return -ENOMEM;
        }
        s = malloc(sizeof(*s) + bytes);
        if (!s)
                return -ENOMEM;

        *s = (LateStack){
                .process = *process,
                .added_usec = now_usec(CLOCK_MONOTONIC),
                .weight_nsec = weight_nsec,
                .size = sizeof(*s) + bytes,
                .record = *record,
        };
        s->process.mappings = mapping_set_ref(process->mappings);
        s->process.code = process->code ? code_map_ref(process->code) : NULL;
        s->process.exe = TAKE_PTR(exe);
        memcpy(s->words, frames, bytes);
        DL_APPEND(l->waiting, s);
        l->n_waiting++;
        l->bytes += s->size;
        return 0;
}

/* ---- walking ---- */

typedef struct StackCopy {
        uint64_t start;
        size_t size;
        const uint8_t *bytes;
} StackCopy;

static int read_copy(void *userdata, uint64_t address, void *buffer, size_t size) {
        const StackCopy *c = userdata;

        if (address < c->start || address - c->start > c->size ||
            size > c->size - (address - c->start))
                return -EFAULT;
        memcpy(buffer, c->bytes + (address - c->start), size);
        return 0;
}

static int list_mappings(LateStacks *l, MappingSet *set) {
        size_t n = mapping_set_size(set);
        int r;

        r = ARRAY_RESERVE(l->mappings, l->mappings_capacity, n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                const Mapping *m = mapping_set_get(set, i);

                l->mappings[i] = (UnwindMapping){
                        .start = m->start,
                        .end = m->end,
                        .offset = m->offset,
                        .index = file_get_index(m->file),
                };
        }
        return 0;
}

/* The copy may be too short, or tables be missing still: then the reason is what it was. */
static uint8_t end_of(enum unwind_result result, uint8_t before) {
        switch (result) {
        case UNWIND_COMPLETE:
                return STACK_END_COMPLETE;
        case UNWIND_STEPPED:
                return STACK_END_TRUNCATED;
        case UNWIND_NO_RULE:
                return STACK_END_NO_RULE;
        case UNWIND_NOT_CODE:
        case UNWIND_UNKNOWN_CODE:
                return STACK_END_NO_TABLE;
        default:
                return before;
        }
}

/* A walk that did not come further leaves the sample as it is. */
static bool walk(LateStacks *l, const LateStack *s, struct sample_record *record, uint64_t *user) {
        const struct sample_registers *registers = (const void *) &s->words[n_frames(&s->record)];
        struct unwind_state state = {};
        StackCopy copy = { .size = s->record.n_copied, .bytes = (const uint8_t *) (registers + 1) };
        Unwinder unwinder = { .machine = MACHINE, .read = read_copy, .userdata = &copy };
        UnwindEnd end;

        if (list_mappings(l, s->process.mappings) < 0)
                return false;
        unwinder.mappings = l->mappings;
        unwinder.n_mappings = mapping_set_size(s->process.mappings);
        memcpy(&state, registers, sizeof(*registers));
        copy.start = sample_copy_start(state.registers[unwind_sp(MACHINE)]);

        end = unwinder_walk(&unwinder, &state, user, SAMPLE_USER_FRAMES_MAX);
        l->walked++;
        if (end.result != UNWIND_COMPLETE && end.result != UNWIND_STEPPED &&
            end.n_frames <= s->record.n_user)
                return false;
        record->stack_end = end_of(end.result, record->stack_end);
        record->n_user = (uint16_t) end.n_frames;
        record->flags &= (uint8_t) ~SAMPLE_GUESSED;
        record->flags |= end.n_guessed > 0 ? SAMPLE_GUESSED : 0;
        l->completed += end.result == UNWIND_COMPLETE;
        return true;
}

static void deliver(LateStacks *l, const LateStack *s) {
        uint64_t frames[SAMPLE_KERNEL_FRAMES_MAX + SAMPLE_USER_FRAMES_MAX];
        struct sample_record record = s->record;
        size_t n_kernel = record.n_kernel;

        memcpy(frames, s->words, n_kernel * sizeof(uint64_t));
        record.n_copied = 0;
        if (!walk(l, s, &record, frames + n_kernel))
                memcpy(frames + n_kernel, s->words + n_kernel, record.n_user * sizeof(uint64_t));
        l->callback(&s->process, &record, frames, s->weight_nsec, l->userdata);
}

static bool is_waiting(const LateStack *s, usec_t now) {
        if (now >= s->added_usec + LATE_STACKS_WAIT_USEC)
                return false;
        for (size_t i = 0; i < mapping_set_size(s->process.mappings); i++)
                if (file_get_state(mapping_set_get(s->process.mappings, i)->file) == FILE_PENDING)
                        return true;
        return false;
}

void late_stacks_settle(LateStacks *l, usec_t now, bool all) {
        LateStack *s, *next;

        DL_FOREACH_SAFE (l->waiting, s, next) {
                if (!all && is_waiting(s, now))
                        continue;
                deliver(l, s);
                late_stack_free(l, s);
        }
}

void late_stacks_get_statistics(const LateStacks *l, LateStacksStatistics *ret) {
        *ret = (LateStacksStatistics){
                .walked = l->walked,
                .completed = l->completed,
                .refused = l->refused,
                .n_waiting = l->n_waiting,
        };
}
