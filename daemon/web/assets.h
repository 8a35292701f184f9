/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Assets
 *
 * Files that are served as they are, compiled into the program. The table is made by
 * assets/bundle.py.
 */

#include "basic/util.h"

typedef struct WebAsset {
        const char *name; /* "page.css" is /assets/page.css, "speedscope/x" is /speedscope/x */
        const char *type; /* "text/css; charset=utf-8" */
        const char *etag; /* with its quotes */
        const uint8_t *data;
        size_t size;
        bool gzip; /* the data is compressed */
} WebAsset;

/* NULL: it is not built in. Only page.css and icon.svg are in every build. */
const WebAsset *web_asset_find(const char *name);
