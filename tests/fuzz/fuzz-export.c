/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer: Exports
 *
 * Whatever is accepted as pprof can be written in every other format, or is refused for a reason
 * that is in the profile.
 */

#include "profile/firefox.h"
#include "profile/flame.h"
#include "profile/folded.h"
#include "profile/otlp.h"
#include "profile/pprof.h"
#include "profile/profile-json.h"
#include "profile/speedscope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                abort();
}

/* Takes text. */
static void check(int r, char *text, size_t size) {
        require(r == 0 || r == -EDOM || r == -ENODATA || r == -E2BIG || r == -EFBIG);
        if (r == 0)
                require(strlen(text) == size);
        free(text);
}

static int draw(Profile *p, size_t value_type, FlameFormat format, char **ret, size_t *ret_size) {
        FlameOptions o = { .format = format, .title = "title", .subtitle = "", .unit = "count" };
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        int r;

        require(call_tree_new(&t, NULL) == 0);
        r = call_tree_add(t, p, value_type, CALL_TREE_VALUE);
        return r < 0 ? r : flame_encode(t, &o, ret, ret_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(profile_freep) Profile *p = NULL;
        uint8_t *bytes = NULL;
        char *text = NULL;
        size_t n = 0;
        int r;

        if (pprof_decode(data, size, &p, NULL) < 0)
                return 0;
        for (size_t i = 0; i < profile_n_value_types(p); i++) {
                text = NULL;
                r = folded_encode(p, i, &text, &n);
                check(r, text, n);
                text = NULL;
                r = firefox_encode(p, i, "title", &text, &n);
                check(r, text, n);
                text = NULL;
                r = draw(p, i, i % 2 == 0 ? FLAME_HTML : FLAME_SVG, &text, &n);
                check(r, text, n);
                text = NULL;
                r = speedscope_encode(p, i, "title", &text, &n);
                check(r, text, n);
        }
        text = NULL;
        r = profile_json_encode(p, &text, &n);
        check(r, text, n);
        require(otlp_encode(p, &bytes, &n) == 0);
        free(bytes);
        return 0;
}
