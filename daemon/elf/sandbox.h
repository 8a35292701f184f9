/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sandbox
 *
 * What a process gives up before it looks at bytes that someone else wrote: every capability, every
 * descriptor but the first few, nearly every system call, and more memory and time than the work
 * can need. A forbidden system call ends the process (SIGSYS). Where memory runs out, it goes
 * first.
 */

#include "basic/util.h"

enum {
        SANDBOX_CPU_SEC = 30,
        SANDBOX_NICE = 10,
};
#define SANDBOX_HEAP_MAX  (UINT64_C(1) << 30)
#define SANDBOX_STACK_MAX (UINT64_C(8) << 20)

/* AddressSanitizer reserves terabytes of addresses for its shadow of the memory. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_LIMITS_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_LIMITS_MEMORY 0
#endif
#endif
#ifndef SANDBOX_LIMITS_MEMORY
#define SANDBOX_LIMITS_MEMORY 1
#endif

/*
 * There is no way back. n_descriptors: those below it are kept; mapped_bytes: how much of files
 * will be mapped; output_bytes: the largest file that may be written.
 */
int sandbox_enter(unsigned n_descriptors, uint64_t mapped_bytes, uint64_t output_bytes);
