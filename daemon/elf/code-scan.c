/* SPDX-License-Identifier: Apache-2.0 */
/* Code Scan */

#include <elf.h>

#include "elf/code-scan.h"

enum {
        PLT_ENTRY_SIZE = 16,
};

/* Bytes of the padding instruction at the start, 0: it is none. */
static size_t x86_64_padding(const uint8_t *code, size_t size) {
        size_t i = 0, length;

        /* int3, and the zeros of an assembler that was told nothing */
        if (code[0] == 0xcc || code[0] == 0x00)
                return 1;

        /* Prefixes: operand size, and a segment that has no meaning. */
        while (i < size && (code[i] == 0x66 || code[i] == 0x2e))
                i++;
        if (i < size && code[i] == 0x90)
                return i + 1;
        if (size - i < 3 || code[i] != 0x0f || code[i + 1] != 0x1f)
                return 0;

        switch (code[i + 2]) { /* operand of the long nop */
        case 0x00:
                length = 3;
                break;
        case 0x40:
                length = 4;
                break;
        case 0x44:
                length = 5;
                break;
        case 0x80:
                length = 7;
                break;
        case 0x84:
                length = 8;
                break;
        default:
                return 0;
        }
        return length <= size - i ? i + length : 0;
}

static size_t aarch64_padding(const uint8_t *code, size_t size) {
        static const uint8_t nop[] = { 0x1f, 0x20, 0x03, 0xd5 }, udf[4];

        if (size < sizeof(nop))
                return 0;
        return memcmp(code, nop, sizeof(nop)) == 0 || memcmp(code, udf, sizeof(udf)) == 0
                       ? sizeof(nop)
                       : 0;
}

bool code_is_padding(uint16_t machine, const uint8_t *code, size_t size) {
        for (size_t i = 0, n; i < size; i += n) {
                n = machine == EM_X86_64 ? x86_64_padding(code + i, size - i)
                                         : aarch64_padding(code + i, size - i);
                if (n == 0)
                        return false;
        }
        return true;
}

bool code_is_context_start(uint16_t machine, const uint8_t *code, size_t size) {
        static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
        static const uint8_t start[] = {
                0x48, 0x89, 0xdc,       /* mov %rbx, %rsp */
                0x48, 0x8b, 0x3c, 0x24, /* mov (%rsp), %rdi */
                0x48, 0x85, 0xff,       /* test %rdi, %rdi */
        };

        if (machine != EM_X86_64)
                return false;
        if (size > sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0) {
                code += sizeof(endbr64);
                size -= sizeof(endbr64);
        }
        return size >= sizeof(start) && memcmp(code, start, sizeof(start)) == 0;
}

static bool x86_64_plt_rule(const uint8_t *code, size_t size, struct unwind_rule *ret) {
        static const struct {
                uint8_t bytes[7], size;
                uint8_t pushed; /* before the entry */
                uint8_t pushes_at;
        } forms[] = {
                /* push of the link map; the index is there already; jmp */
                { { 0xff, 0x35 }, 2, 8, 6 },
                /* jmp through the GOT, push of the index, jmp */
                { { 0xff, 0x25 }, 2, 0, 11 },
                /* endbr64, push of the index, jmp */
                { { 0xf3, 0x0f, 0x1e, 0xfa, 0x68 }, 5, 0, 9 },
                /* endbr64, jmp through the GOT */
                { { 0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25 }, 6, 0, 15 },
                { { 0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25 }, 7, 0, 15 },
                { { 0xf2, 0xff, 0x25 }, 3, 0, 15 },
        };

        for (size_t i = 0; i < ELEMENTSOF(forms); i++)
                if (memcmp(code, forms[i].bytes, forms[i].size) == 0) {
                        *ret = (struct unwind_rule){
                                .kind = UNWIND_CFA_PLT,
                                .base = UNWIND_X86_64_RSP,
                                .aux = forms[i].pushes_at,
                                .offset = 8 + forms[i].pushed,
                                .ra_kind = UNWIND_RETURN_IN_BLOCK,
                                .block_base = UNWIND_BLOCK_AT_CFA,
                                .block = -1,
                                .n_block = 1,
                        };
                        return true;
                }
        return false;
}

/*
 * adrp x16; ldr x17, [x16, …]; add x16, x16, …; br x17: no entry touches the stack. The header
 * does, and is left out: only the dynamic linker runs it.
 */
static bool aarch64_plt_rule(const uint8_t *code,
                             size_t size,
                             size_t *ret_size,
                             struct unwind_rule *ret) {
        static const uint8_t stp[] = { 0xf0, 0x7b, 0xbf, 0xa9 }, br[] = { 0x20, 0x02, 0x1f, 0xd6 };

        if (size >= 2 * PLT_ENTRY_SIZE && memcmp(code, stp, sizeof(stp)) == 0) {
                *ret_size = 2 * PLT_ENTRY_SIZE;
                *ret = (struct unwind_rule){ .kind = UNWIND_NOT_COVERED };
                return true;
        }
        if (memcmp(code + PLT_ENTRY_SIZE - sizeof(br), br, sizeof(br)) != 0)
                return false;
        *ret = (struct unwind_rule){
                .kind = UNWIND_CFA_REGISTER,
                .base = UNWIND_AARCH64_SP,
                .ra_kind = UNWIND_RETURN_IN_REGISTER,
                .ra = UNWIND_AARCH64_LR,
                .block_base = UNWIND_BLOCK_AT_CFA,
        };
        return true;
}

bool code_find_plt_rule(uint16_t machine,
                        const uint8_t *code,
                        size_t size,
                        size_t *ret_size,
                        struct unwind_rule *ret) {
        if (size < PLT_ENTRY_SIZE)
                return false;
        *ret_size = PLT_ENTRY_SIZE;
        return machine == EM_X86_64 ? x86_64_plt_rule(code, size, ret)
                                    : aarch64_plt_rule(code, size, ret_size, ret);
}

/* What follows the opcode of the load is the same in both ways to write it. */
static bool x86_64_trampoline(
        const uint8_t *code, size_t size, size_t from, size_t *ret_offset, size_t *ret_size) {
        static const uint8_t tail[] = { 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 }; /* 15; syscall */
        static const uint8_t rax[] = { 0x48, 0xc7, 0xc0 };
        static const uint8_t eax[] = { 0xb8 };

        for (size_t at = from; at < size;) {
                const uint8_t *p = memmem(code + at, size - at, tail, sizeof(tail));
                size_t before;

                if (!p)
                        return false;
                at = (size_t) (p - code);
                before = at - from;
                if (before >= sizeof(rax) && memcmp(p - sizeof(rax), rax, sizeof(rax)) == 0)
                        before = sizeof(rax);
                else if (before >= sizeof(eax) && memcmp(p - sizeof(eax), eax, sizeof(eax)) == 0)
                        before = sizeof(eax);
                else {
                        at++;
                        continue;
                }
                *ret_offset = at - before;
                *ret_size = before + sizeof(tail);
                return true;
        }
        return false;
}

static bool aarch64_trampoline(
        const uint8_t *code, size_t size, size_t from, size_t *ret_offset, size_t *ret_size) {
        static const uint8_t whole[] = {
                0x68, 0x11, 0x80, 0xd2, /* mov x8, 139 */
                0x01, 0x00, 0x00, 0xd4, /* svc 0 */
        };
        const uint8_t *p =
                from < size ? memmem(code + from, size - from, whole, sizeof(whole)) : NULL;

        if (!p)
                return false;
        *ret_offset = (size_t) (p - code);
        *ret_size = sizeof(whole);
        return true;
}

bool code_find_trampoline(uint16_t machine,
                          const uint8_t *code,
                          size_t size,
                          size_t from,
                          size_t *ret_offset,
                          size_t *ret_size) {
        return machine == EM_X86_64 ? x86_64_trampoline(code, size, from, ret_offset, ret_size)
                                    : aarch64_trampoline(code, size, from, ret_offset, ret_size);
}
