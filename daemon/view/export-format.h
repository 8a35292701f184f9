/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Formats of profilerctl export: the writers by name, by the ending of a file, and their limits. */

#include "profile/profile.h"

typedef enum ExportFormat {
        EXPORT_FORMAT_PPROF,
        EXPORT_FORMAT_FOLDED,
        EXPORT_FORMAT_SPEEDSCOPE,
        EXPORT_FORMAT_FIREFOX,
        EXPORT_FORMAT_JSON,
        EXPORT_FORMAT_OTLP,
        _EXPORT_FORMAT_MAX,
        _EXPORT_FORMAT_INVALID = -EINVAL,
} ExportFormat;

ExportFormat export_format_from_string(const char *s);
const char *export_format_to_string(ExportFormat f);
/* What the ending of the name promises; pprof if it says nothing. NULL: no name. */
ExportFormat export_format_from_path(const char *path);
bool export_format_is_binary(ExportFormat f);
/* Where such a file is opened. */
const char *export_format_consumer(ExportFormat f);

/* *ret is a heap block. -EDOM: the format knows no negative values; -EFBIG, -E2BIG: too large. */
int export_encode(ExportFormat f,
                  Profile *p,
                  size_t value_type,
                  const char *title,
                  char **ret,
                  size_t *ret_size);
