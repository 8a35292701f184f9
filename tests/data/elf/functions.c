/* SPDX-License-Identifier: Apache-2.0 */
/* What a symbol table can hold; built by the test that reads it. */

int exported(int x);
int internal_name(int x);
int public_name(int x) __attribute__((alias("internal_name")));
int _weak_name(int x) __attribute__((weak, alias("internal_name")));
int _ZN5space5thingEi(int x);
int _ZN7mycrate4work17h0123456789abcdefE(int x);

static __attribute__((noinline)) int hidden(int x) {
        return x * 3 + 1;
}

int exported(int x) {
        return hidden(x) + 1;
}

int internal_name(int x) {
        return x - 7;
}

int _ZN5space5thingEi(int x) {
        return x ^ 5;
}

int _ZN7mycrate4work17h0123456789abcdefE(int x) {
        return x + 5;
}

static int (*resolve(void))(int) {
        return exported;
}

int chosen(int x) __attribute__((ifunc("resolve")));

/* Hand-written code has no size and labels of its own. */
__asm__(".section .text.zassembly,\"ax\",@progbits\n"
        ".globl unsized\n"
        "unsized:\n"
        "nop\n"
        "inner_label:\n"
        "nop\n"
        "ret\n"
        ".text\n");
