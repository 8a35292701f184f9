/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A merged profile as a file of pprof, as go tool pprof and clients of profefe fetch it. */

#include "web/web-app.h"

int web_respond_merged(WebTask *t, const char *file_name);
