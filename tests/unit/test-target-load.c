/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Loading of Upload Targets */

#include "config-tree.h"
#include "upload/target.h"

#define PATH "/etc/profilerd/uploads.d/a.conf"

typedef struct Loaded {
        UploadTarget *targets;
        size_t n;
} Loaded;

static void loaded_done(Loaded *l) {
        upload_targets_free(l->targets, l->n);
}

static void load(Tree *t, Loaded *l) {
        assert_return_code(upload_targets_load(t->root, tree_complaint, t, &l->targets, &l->n), 0);
}

static void test_all_that_can_be_said_of_a_target(void **state) {
        _cleanup_(loaded_done) Loaded l = {};
        Tree *t = *state;
        const UploadTarget *a;

        tree_put(t, PATH,
                 "[Upload]\nProtocol=http\nURL=https://h/{unit}\nMethod=POST\nHeader=X-A: b\n"
                 "Header=X-C: d\nUnits=nginx 'db*'\nLabels=a=b 'c={host} x'\n"
                 "BearerTokenFile=/t\nCAFile=/ca\nClientCertificateFile=/c\nClientKeyFile=/k\n"
                 "VerifyPeer=no\nProxy=none\nBandwidthMax=1M\nMaxAgeSec=2h\nDelaySec=5s\n"
                 "TimeoutSec=1min\nMaxPending=10M\n");
        load(t, &l);
        assert_complaints(t, "");
        assert_int_equal(l.n, 1);
        a = &l.targets[0];
        assert_string_equal(a->name, "a");
        assert_string_equal(a->method, "POST");
        assert_int_equal(strv_length(a->headers), 2);
        assert_string_equal(a->units[0], "nginx.service");
        assert_string_equal(a->labels[1].value, "{host} x");
        assert_string_equal(a->bearer_token.file, "/t");
        assert_string_equal(a->proxy, "");
        assert_false(a->verify_peer);
        assert_int_equal(a->bandwidth_bytes, 1 << 20);
        assert_int_equal(a->max_age_usec, 2 * USEC_PER_HOUR);
        assert_int_equal(a->delay_usec, 5 * USEC_PER_SEC);
        assert_int_equal(a->timeout_usec, USEC_PER_MINUTE);
        assert_int_equal(a->max_pending_bytes, 10 << 20);
}

static void test_defaults_are_safe(void **state) {
        _cleanup_(loaded_done) Loaded l = {};
        Tree *t = *state;

        tree_put(t, PATH, "[Upload]\nProtocol=profefe\nURL=http://h:10100///\n");
        load(t, &l);
        assert_int_equal(l.n, 1);
        assert_string_equal(l.targets[0].url, "http://h:10100");
        assert_true(l.targets[0].verify_peer);
        assert_false(l.targets[0].insecure);
        assert_null(l.targets[0].units);
        assert_null(l.targets[0].proxy);
        assert_true(l.targets[0].max_age_usec > USEC_PER_DAY);
}

/* Half of what was meant may be the opposite of it. */
static void test_a_vital_line_that_is_wrong_costs_the_target(void **state) {
        static const char *const lines[] = {
                "URL=ftp://h/",       "URL=https://u:p@h/{unit}", "URL=https://{unit}.h/",
                "URL=https:///x",     "URL=https://h/a b",        "Units='x",
                "VerifyPeer=perhaps", "BearerTokenFile=token",    "PasswordCredential=../x",
                "User=a:b",           "Proxy=http://u:p@proxy",   "Transport=carrier-pigeon",
        };
        Tree *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(loaded_done) Loaded l = {};
                char text[256];

                snprintf(text, sizeof(text), "[Upload]\nProtocol=http\nURL=https://h/{unit}\n%s\n",
                         lines[i]);
                tree_put(t, PATH, text);
                load(t, &l);
                assert_int_equal(l.n, 0);
                assert_non_null(strstr(t->complaints, "ignoring the target"));
                t->complaints[0] = '\0';
        }
}

static void test_another_line_that_is_wrong_costs_that_line(void **state) {
        _cleanup_(loaded_done) Loaded l = {};
        Tree *t = *state;

        tree_put(t, PATH,
                 "[Upload]\nProtocol=http\nURL=https://h/{unit}\nDelaySec=never\nHeader=no\n"
                 "Labels=9=x\nFoo=bar\nBandwidthMax=1\n");
        load(t, &l);
        assert_int_equal(l.n, 1);
        assert_complaints(t, PATH
                          ":4: Failed to parse DelaySec=never, ignoring: Invalid argument\n" PATH
                          ":5: Failed to parse Header=no, ignoring: Invalid argument\n" PATH
                          ":6: Failed to parse Labels=9=x, ignoring: Invalid argument\n" PATH
                          ":7: Unknown key 'Foo' in section [Upload], ignoring.\n" PATH
                          ":8: Failed to parse BandwidthMax=1, ignoring: Numerical result "
                          "out of range\n");
}

static void test_a_secret_does_not_go_in_the_clear_by_accident(void **state) {
        _cleanup_(loaded_done) Loaded l = {}, again = {};
        Tree *t = *state;

        tree_put(t, PATH, "[Upload]\nProtocol=http\nURL=http://h/{unit}\nPasswordFile=/p\n");
        load(t, &l);
        assert_int_equal(l.n, 0);
        tree_put(t, PATH,
                 "[Upload]\nProtocol=http\nURL=http://h/{unit}\nPasswordFile=/p\nInsecure=yes\n");
        load(t, &again);
        assert_int_equal(again.n, 1);
}

static void test_a_file_in_etc_replaces_or_masks_one_in_usr(void **state) {
        _cleanup_(loaded_done) Loaded l = {};
        Tree *t = *state;

        tree_put(t, "/usr/lib/profilerd/uploads.d/a.conf",
                 "[Upload]\nProtocol=http\nURL=https://usr/{unit}\n");
        tree_put(t, "/usr/lib/profilerd/uploads.d/b.conf",
                 "[Upload]\nProtocol=http\nURL=https://usr/{unit}\n");
        tree_put(t, PATH, "[Upload]\nProtocol=http\nURL=https://etc/{unit}\n");
        tree_link(t, "/etc/profilerd/uploads.d/b.conf", "/dev/null/none");
        load(t, &l);
        assert_int_equal(l.n, 1);
        assert_string_equal(l.targets[0].url, "https://etc/{unit}");
}

static void test_there_are_only_so_many_targets(void **state) {
        _cleanup_(loaded_done) Loaded l = {};
        Tree *t = *state;
        char path[128];

        for (unsigned i = 0; i < UPLOAD_TARGETS_MAX + 2; i++) {
                snprintf(path, sizeof(path), "/etc/profilerd/uploads.d/%02u.conf", i);
                tree_put(t, path, "[Upload]\nProtocol=http\nURL=https://h/{unit}\n");
        }
        load(t, &l);
        assert_int_equal(l.n, UPLOAD_TARGETS_MAX);
        assert_non_null(strstr(t->complaints, "Too many targets"));
}

#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TREE_TEST(test_all_that_can_be_said_of_a_target),
                TREE_TEST(test_defaults_are_safe),
                TREE_TEST(test_a_vital_line_that_is_wrong_costs_the_target),
                TREE_TEST(test_another_line_that_is_wrong_costs_that_line),
                TREE_TEST(test_a_secret_does_not_go_in_the_clear_by_accident),
                TREE_TEST(test_a_file_in_etc_replaces_or_masks_one_in_usr),
                TREE_TEST(test_there_are_only_so_many_targets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
