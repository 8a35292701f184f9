/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Secrets
 *
 * Tokens and passwords, read from a file or from a credential of systemd each time one is needed,
 * and wiped after use. They go into one header of one request: not into logs, URLs or the bus.
 */

#include "upload/target.h"

enum { SECRET_MAX = 16 << 10 }; /* bytes; tokens are below 4 KiB, as servers limit headers */

/* *ret is NULL where the source names nothing. White space at its end is not a part of it.
 * -EBADMSG: it is empty, or has bytes that no header can carry; -E2BIG; and those of reading. */
int secret_read(const SecretSource *s, char **ret);
/* Of all secrets of the target as they are now, to see that one was replaced. */
uint64_t secret_fingerprint(const UploadTarget *t);
char *secret_free(char *secret);
DEFINE_CLEANUP(char *, secret_free);
