/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Assets */

#include <string.h>

#include "unit-test.h"

#include "web/assets-table.h"
#include "web/assets.h"

static void test_a_style_is_always_there(void **state) {
        const WebAsset *a = web_asset_find("page.css");

        (void) state;
        assert_non_null(a);
        assert_string_equal(a->type, "text/css; charset=utf-8");
        assert_true(a->size > 0);
        assert_int_equal(a->etag[0], '"');
}

static void test_each_asset_is_found_by_its_name(void **state) {
        (void) state;
        for (size_t i = 0; i < n_web_assets; i++)
                assert_ptr_equal(web_asset_find(web_assets[i].name), &web_assets[i]);
}

static void test_what_is_no_asset_is_not_found(void **state) {
        (void) state;
        assert_null(web_asset_find(""));
        assert_null(web_asset_find("page.cs"));
        assert_null(web_asset_find("../page.css"));
        assert_null(web_asset_find("speedscope/"));
}

/* A browser is told that it must decompress. */
static void test_what_is_said_to_be_gzip_is(void **state) {
        static const uint8_t magic[] = { 0x1f, 0x8b, 8 };

        (void) state;
        for (size_t i = 0; i < n_web_assets; i++) {
                const WebAsset *a = &web_assets[i];

                assert_true(a->size > sizeof(magic));
                assert_int_equal(memcmp(a->data, magic, sizeof(magic)) == 0, a->gzip);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_style_is_always_there),
                cmocka_unit_test(test_each_asset_is_found_by_its_name),
                cmocka_unit_test(test_what_is_no_asset_is_not_found),
                cmocka_unit_test(test_what_is_said_to_be_gzip_is),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
