/* SPDX-License-Identifier: Apache-2.0 */
/* Unwinder */

#include "unwind/unwinder.h"

#define UNWIND_READ(context, buffer, size, address) \
        unwinder_read((context), (address), (buffer), (size))

static inline int unwinder_read(void *context, uint64_t address, void *buffer, size_t size) {
        const Unwinder *u = context;

        return u->read(u->userdata, address, buffer, size);
}

#include "bpf/unwind-step.h"

static const UnwindMapping *unwinder_find_mapping(const Unwinder *u, uint64_t address) {
        size_t low = 0, high = u->n_mappings;

        while (low < high) {
                size_t i = low + (high - low) / 2;

                if (address < u->mappings[i].start)
                        high = i;
                else if (address >= u->mappings[i].end)
                        low = i + 1;
                else
                        return &u->mappings[i];
        }
        return NULL;
}

/* NULL: nothing covers the address. */
static const struct unwind_rule *find_rule(const UnwindMapping *m, uint64_t address) {
        const IndexSegment *segment;
        uint64_t elf_address;

        if (!m->index || !index_file_find_address(m->index, address - m->start + m->offset,
                                                  &segment, &elf_address))
                return NULL;
        return index_file_find_rule(m->index, elf_address);
}

static bool is_covered(const Unwinder *u, uint64_t address) {
        const UnwindMapping *m = unwinder_find_mapping(u, address);
        const struct unwind_rule *rule = m ? find_rule(m, address) : NULL;

        return rule && rule->kind != UNWIND_NOT_COVERED;
}

/* As unwind_guess_leaf() of bpf/unwind-guess.h, where code cannot be read: assembly that saves
 * nothing has its return address on top. */
static bool leave_assembly(const Unwinder *u, struct unwind_state *s) {
        uint64_t sp = s->registers[UNWIND_X86_64_RSP], ip;

        if (u->machine != UNWIND_X86_64 || s->is_return ||
            u->read(u->userdata, sp, &ip, sizeof(ip)) < 0 || !is_covered(u, ip - 1))
                return false;
        s->registers[UNWIND_X86_64_RSP] = sp + sizeof(ip);
        s->ip = ip;
        s->is_return = 1;
        return true;
}

static enum unwind_result unwinder_step(const Unwinder *u,
                                        struct unwind_state *s,
                                        bool *ret_guessed) {
        const UnwindMapping *m = unwinder_find_mapping(u, unwind_pc(s));
        const struct unwind_rule *rule;
        int r;

        *ret_guessed = false;
        if (!m)
                return UNWIND_NOT_CODE;
        rule = find_rule(m, unwind_pc(s));
        if (rule) {
                r = unwind_step_by_rule(rule, s, u->machine, (void *) u);
                if (r != UNWIND_UNKNOWN_CODE)
                        return (enum unwind_result) r;
        }
        *ret_guessed = true;
        if (m->index && index_file_get_unwind(m->index)->n_pages > 0 && leave_assembly(u, s))
                return UNWIND_STEPPED;
        return (enum unwind_result) unwind_step_by_frame_pointer(s, u->machine, (void *) u);
}

UnwindEnd unwinder_walk(const Unwinder *u, struct unwind_state *s, uint64_t *frames, size_t max) {
        UnwindEnd end = { .result = UNWIND_STEPPED };

        while (end.n_frames < max) {
                bool guessed;

                frames[end.n_frames++] = s->ip;
                end.result = unwinder_step(u, s, &guessed);
                if (end.result != UNWIND_STEPPED)
                        break;
                /* A frame too few is better than one that never was. */
                if (!unwinder_find_mapping(u, unwind_pc(s))) {
                        end.result = UNWIND_NOT_CODE;
                        break;
                }
                end.n_guessed += guessed;
        }
        return end;
}
