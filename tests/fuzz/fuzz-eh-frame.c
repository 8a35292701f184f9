/* SPDX-License-Identifier: Apache-2.0 */
/* Call frame sections: whatever they say, each row becomes a rule that an index may hold */

#include <assert.h>
#include <elf.h>

#include "elf/cfi-rule.h"
#include "elf/eh-frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Fuzz {
        uint16_t machine;
        bool is_signal;
        uint64_t end;
} Fuzz;

static int check_row(void *userdata, uint64_t start, uint64_t end, const CfiState *state) {
        Fuzz *f = userdata;
        struct unwind_rule rule;
        int r;

        assert(start < end && end <= f->end);
        r = cfi_rule_make(f->machine, state, f->is_signal, &rule);
        assert(r >= 0 && r <= _INDEX_UNWIND_LOSS_MAX);
        assert((r > 0) == (rule.kind == UNWIND_REFUSED));
        assert(rule.base < UNWIND_REGISTERS && rule.n_block <= UNWIND_BLOCK_WORDS);
        for (uint32_t i = 0; i < UNWIND_REGISTERS; i++)
                assert(unwind_rule_get_slot(&rule, i) <= rule.n_block ||
                       unwind_rule_get_slot(&rule, i) == UNWIND_SLOT_LOST);
        return 0;
}

/* The first byte chooses the machine and the kind of section. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint32_t losses[_INDEX_UNWIND_LOSSES] = {};
        _cleanup_(eh_frame_freep) EhFrame *e = NULL;
        const EhFunction *functions;
        EhFrameInput input;
        Fuzz f = {};
        size_t n;

        if (size == 0)
                return 0;
        f.machine = data[0] & 1 ? EM_AARCH64 : EM_X86_64;
        input = (EhFrameInput){
                .bytes = data + 1,
                .size = size - 1,
                .address = 0x10000,
                .text = 0x1000,
                .data = 0x20000,
                .machine = f.machine,
                .is_debug_frame = data[0] & 2,
        };
        if (eh_frame_new(&e, &input, losses) < 0)
                return 0;

        functions = eh_frame_get_functions(e, &n);
        for (size_t i = 0; i < n; i++) {
                assert(i == 0 || functions[i].start >= functions[i - 1].start);
                f.end = functions[i].start + functions[i].size;
                (void) eh_frame_run(e, &functions[i], check_row, &f, &f.is_signal);
        }
        return 0;
}
