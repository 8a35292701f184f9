/* SPDX-License-Identifier: Apache-2.0 */
/* Demangling */

#include <libiberty/demangle.h>
#include <setjmp.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "elf/demangle.h"

typedef struct Output {
        char *text;
        size_t size, capacity, max;
        bool failed;
        jmp_buf enough;
} Output;

/*
 * Substitutions double the output with every few bytes of the input, and libiberty has no way to be
 * told to stop. Its callback interface keeps its state on the stack, so it can be left at once.
 */
static void on_text(const char *text, size_t size, void *userdata) {
        Output *o = userdata;
        size_t n = MIN(size, o->max - o->size);

        if (ARRAY_RESERVE(o->text, o->capacity, o->size + n + 1) < 0) {
                o->failed = true;
                longjmp(o->enough, 1);
        }
        if (n > 0) /* text may be NULL then */
                memcpy(o->text + o->size, text, n);
        o->size += n;
        o->text[o->size] = '\0';
        if (n < size)
                longjmp(o->enough, 1);
}

static bool demangle_to(Output *o, const char *symbol) {
        const int options = DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP;

        if (setjmp(o->enough) != 0)
                return !o->failed;

        /* Rust first: its older mangling is also a valid, but less readable, C++ name. */
        if (rust_demangle_callback(symbol, options, on_text, o))
                return true;
        if (startswith(symbol, "_R"))
                return false;
        o->size = 0; /* what came before the failure */
        return cplus_demangle_v3_callback(symbol, options, on_text, o);
}

char *demangle(const char *symbol, size_t max) {
        Output o = { .max = max };

        /* Go's linker tells functions of two calling conventions apart; programmers do not. */
        if (endswith(symbol, ".abi0") && strlen(symbol) > strlen(".abi0"))
                return strndup(symbol, MIN(strlen(symbol) - strlen(".abi0"), max));

        /* All manglings start with one of these; most symbols of a C program do not. */
        if (!startswith(symbol, "_Z") && !startswith(symbol, "_R"))
                return NULL;

        if (!demangle_to(&o, symbol) || o.size == 0) {
                free(o.text);
                return NULL;
        }
        return o.text;
}
