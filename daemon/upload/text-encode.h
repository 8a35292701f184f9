/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bytes as Text: what URLs, headers and JSON can carry. NULL: out of memory. */

#include "basic/util.h"

char *base64_encode(const void *data, size_t size);
/* All but letters, digits and "-._~" as %XX (RFC 3986); keep: further characters that stay. */
char *percent_encode(const char *s, const char *keep);
/* Undoes it; what is no %XX stays as it is. A 0 byte ends the result. */
char *percent_decode(const char *s);
