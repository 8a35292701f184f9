/* SPDX-License-Identifier: Apache-2.0 */
/* Assets */

#include <stdlib.h>
#include <string.h>

#include "web/assets-table.h"
#include "web/assets.h"

static int compare_name(const void *key, const void *element) {
        const WebAsset *a = element;

        return strcmp(key, a->name);
}

const WebAsset *web_asset_find(const char *name) {
        return bsearch(name, web_assets, n_web_assets, sizeof(*web_assets), compare_name);
}
