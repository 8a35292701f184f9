/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What assets/bundle.py writes, sorted by name. */

#include "web/assets.h"

extern const WebAsset web_assets[];
extern const size_t n_web_assets;
