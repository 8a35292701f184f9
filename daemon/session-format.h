/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Formats of Results: what the daemon itself writes; profilerctl makes more of them. */

#include "profile/profile.h"

#define SESSION_TEXT_BYTES_MAX ((size_t) 64 << 20) /* of folded stacks */

typedef enum SessionFormat {
        SESSION_FORMAT_PPROF,
        SESSION_FORMAT_FOLDED,
        SESSION_FORMAT_JSON,
        _SESSION_FORMAT_MAX,
        _SESSION_FORMAT_INVALID = -EINVAL,
} SessionFormat;

SessionFormat session_format_from_string(const char *s);

/* *ret is a heap block. -EFBIG, -E2BIG: too large for the format. */
int session_format_encode(SessionFormat f, Profile *p, void **ret, size_t *ret_size);
