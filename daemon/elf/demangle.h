/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Demangling
 *
 * Names as programmers wrote them: C++ with parameters but without the return type, Rust (both
 * manglings) without the hash, Go without the calling convention. libiberty does the work; the
 * output is bounded here, for a short mangled name can stand for an endless one.
 */

#include "basic/util.h"

/*
 * The readable form of a symbol, at most max bytes of it, to be freed: may hold any byte that the
 * symbol held. NULL: the symbol is not mangled, or is broken, or there is no memory.
 */
char *demangle(const char *symbol, size_t max);
