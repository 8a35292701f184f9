/* SPDX-License-Identifier: Apache-2.0 */
/* Loading of the Configuration */

#include <sys/statvfs.h>

#include "basic/file-util.h"
#include "config-tree.h"
#include "config.h"

#define MAIN  "/etc/profilerd/profilerd.conf"
#define UNITS "/etc/profilerd/units.d/"
#define GIB   (UINT64_C(1) << 30)

static Config *load(Tree *t) {
        Config *c = NULL;

        assert_int_equal(config_load(&c, t->root, tree_complaint, t), 0);
        assert_non_null(c);
        return c;
}

/* From profilerd.conf with this text alone. */
static Config *load_text(Tree *t, const char *text) {
        tree_put(t, MAIN, text);
        return load(t);
}

static void assert_words(char *const *list, const char *expected) {
        char *copy = strdup(expected);
        size_t n = 0;

        for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "), n++) {
                assert_true(n < strv_length(list));
                assert_string_equal(list[n], word);
        }
        assert_int_equal(strv_length(list), n);
        free(copy);
}

static uint64_t share_of_file_system(Tree *t, double ratio) {
        struct statvfs fs;

        assert_int_equal(statvfs(t->root, &fs), 0);
        return (uint64_t) ((double) ((uint64_t) fs.f_blocks * fs.f_frsize) * ratio);
}

static void assert_defaults(Tree *t, const Config *c) {
        assert_words(c->units, "*.service");
        assert_int_equal(c->frequency_hz, 99);
        assert_int_equal(c->interval_usec, 60 * USEC_PER_SEC);
        assert_true(c->sampling_ratio == 1);
        assert_int_equal(c->types, CONFIG_TYPE(WINDOW_CPU));
        assert_int_equal(c->off_cpu_threshold_usec, 100);
        assert_int_equal(c->off_cpu_frequency_hz, 200);
        assert_int_equal(c->storage.max_use_bytes, GIB);
        assert_int_equal(c->storage.keep_free_bytes, MIN(share_of_file_system(t, 0.15), 4 * GIB));
        assert_int_equal(c->storage.max_retention_usec, USEC_INFINITY);
        assert_int_equal(c->compact_after_usec, USEC_PER_DAY);
        assert_int_equal(c->n_unit_files, 0);
        assert_complaints(t, "");
}

static void test_without_files_every_service_is_profiled(void **state) {
        _cleanup_(config_freep) Config *c = load(*state);

        assert_defaults(*state, c);
}

/* Commented out or not, the shipped file says the defaults, and every key is in it. */
static void test_the_shipped_file_shows_every_key_with_its_default(void **state) {
        static const char *const keys[] = {
                "Units",  "Frequency",          "Interval",        "SamplingRatio",
                "MaxUse", "KeepFree",           "UnwindMemoryMax", "MaxRetentionSec",
                "Type",   "OffCPUThresholdSec", "OffCPUFrequency", "CompactAfter",
                "Lines",
        };
        _cleanup_(config_freep) Config *shipped = NULL, *uncommented = NULL;
        _cleanup_free_ char *text = NULL;
        Tree *t = *state;

        assert_int_equal(
                read_full_file_at(0, TEST_DATA "/../../conf/profilerd.conf", 1 << 16, &text, NULL),
                0);
        shipped = load_text(t, text);
        assert_defaults(t, shipped);

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                char line[64];

                snprintf(line, sizeof(line), "\n#%s=", keys[i]);
                char *comment = strstr(text, line);
                if (comment)
                        memmove(comment + 1, comment + 2, strlen(comment + 2) + 1);
                snprintf(line, sizeof(line), "\n%s=", keys[i]);
                assert_non_null(strstr(text, line));
        }
        uncommented = load_text(t, text);
        assert_defaults(t, uncommented);
}

static void test_every_key_is_taken(void **state) {
        _cleanup_(config_freep) Config *c = load_text(*state, "[Profilerd]\n"
                                                              "Units=nginx postgres@.service\n"
                                                              "Frequency=199\n"
                                                              "Interval=1min 30s\n"
                                                              "SamplingRatio=25%\n"
                                                              "Type=offcpu\n"
                                                              "OffCPUThresholdSec=2ms\n"
                                                              "OffCPUFrequency=1000\n"
                                                              "[Storage]\n"
                                                              "MaxUse=512M\n"
                                                              "KeepFree=2G\n"
                                                              "MaxRetentionSec=1week\n");

        assert_complaints(*state, "");
        assert_words(c->units, "nginx.service postgres@*.service");
        assert_int_equal(c->frequency_hz, 199);
        assert_int_equal(c->interval_usec, 90 * USEC_PER_SEC);
        assert_true(c->sampling_ratio == 0.25);
        assert_int_equal(c->types, CONFIG_TYPE(WINDOW_OFF_CPU));
        assert_int_equal(c->off_cpu_threshold_usec, 2 * USEC_PER_MSEC);
        assert_int_equal(c->off_cpu_frequency_hz, 1000);
        assert_int_equal(c->storage.max_use_bytes, GIB / 2);
        assert_int_equal(c->storage.keep_free_bytes, 2 * GIB);
        assert_int_equal(c->storage.max_retention_usec, 7 * USEC_PER_DAY);
}

static void test_units_add_up_and_an_empty_assignment_resets(void **state) {
        _cleanup_(config_freep) Config *sum = NULL, *reset = NULL, *none = NULL;

        sum = load_text(*state, "[Profilerd]\nUnits=a b\nUnits='c.slice' \"d\" \\\n  a\n");
        assert_words(sum->units, "a.service b.service c.slice d.service");
        reset = load_text(*state, "[Profilerd]\nUnits=a\nUnits=\nUnits=b\n");
        assert_words(reset->units, "b.service");
        none = load_text(*state, "[Profilerd]\nUnits=\n");
        assert_words(none->units, "");
        assert_complaints(*state, "");
}

static void test_a_bad_word_of_a_list_costs_itself_a_bad_quote_the_line(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *text = NULL, *complaints = NULL;
        char name[300];

        memset(name, 'a', sizeof(name));
        name[sizeof(name) - 1] = '\0';
        assert_true(asprintf(&text, "[Profilerd]\nUnits=a b/c d\nUnits=e 'f\nUnits=g\nUnits=%s",
                             name) > 0);
        c = load_text(*state, text);
        assert_words(c->units, "a.service d.service g.service");
        assert_true(asprintf(&complaints,
                             MAIN
                             ":2: Invalid unit name 'b/c' in Units=, ignoring.\n" MAIN
                             ":3: Failed to parse Units=e 'f, ignoring: Invalid argument\n" MAIN
                             ":5: Invalid unit name '%s' in Units=, ignoring.\n",
                             name) > 0);
        assert_complaints(*state, complaints);
}

static void test_names_keep_their_escapes(void **state) {
        _cleanup_(config_freep) Config *c =
                load_text(*state, "[Profilerd]\nUnits=a\\x2db.service 'c\\x2dd'\n");

        assert_words(c->units, "a\\x2db.service c\\x2dd.service");
}

static void test_there_is_a_limit_to_the_number_of_patterns(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        fputs("[Profilerd]\nUnits=", f);
        for (unsigned i = 0; i < CONFIG_UNITS_MAX + 2; i++)
                fprintf(f, "u%u ", i);
        fclose(f);

        c = load_text(*state, text);
        assert_int_equal(strv_length(c->units), CONFIG_UNITS_MAX);
        assert_complaints(*state, MAIN ":2: Too many unit names in Units=, ignoring the rest.\n");
}

static void test_a_bad_value_keeps_the_old_one(void **state) {
        _cleanup_(config_freep) Config *c = load_text(*state, "[Profilerd]\n"
                                                              "Frequency=49\n"
                                                              "Frequency=abc\n"
                                                              "Frequency=0\n"
                                                              "Frequency=1001\n"
                                                              "Interval=5s\n"
                                                              "Interval=999ms\n"
                                                              "Interval=1d 1us\n"
                                                              "Interval=infinity\n"
                                                              "Interval=5x\n"
                                                              "SamplingRatio=0.5\n"
                                                              "SamplingRatio=1.5\n"
                                                              "[Storage]\n"
                                                              "MaxUse=1M\n"
                                                              "MaxUse=0\n"
                                                              "MaxUse=1 MB\n"
                                                              "MaxUse=101%\n"
                                                              "KeepFree=3M\n"
                                                              "KeepFree=infinity\n"
                                                              "MaxRetentionSec=5s\n"
                                                              "MaxRetentionSec=-1\n");

        assert_int_equal(c->frequency_hz, 49);
        assert_int_equal(c->interval_usec, 5 * USEC_PER_SEC);
        assert_true(c->sampling_ratio == 0.5);
        assert_int_equal(c->storage.max_use_bytes, 1 << 20);
        assert_int_equal(c->storage.keep_free_bytes, 3 << 20);
        assert_int_equal(c->storage.max_retention_usec, 5 * USEC_PER_SEC);

#define INVALID   ", ignoring: Invalid argument\n"
#define OUTSIDE   ", ignoring: Numerical result out of range\n"
#define FAILED(n) MAIN ":" #n ": Failed to parse "
        assert_complaints(
                *state,
                FAILED(3) "Frequency=abc" INVALID FAILED(4) "Frequency=0" OUTSIDE FAILED(
                        5) "Frequency=1001" OUTSIDE FAILED(7) "Interval=999ms" OUTSIDE
                        FAILED(8) "Interval=1d 1us" OUTSIDE FAILED(
                                9) "Interval=infinity" OUTSIDE FAILED(10) "Interval=5x" INVALID
                                FAILED(12) "SamplingRatio=1.5" OUTSIDE FAILED(15) "MaxUse=0" OUTSIDE
                                        FAILED(16) "MaxUse=1 MB" INVALID FAILED(
                                                17) "MaxUse=101%" OUTSIDE
                                                FAILED(19) "KeepFree=infinity" OUTSIDE FAILED(
                                                        21) "MaxRetentionSec=-1" OUTSIDE);
}

static void test_an_empty_value_is_the_default(void **state) {
        _cleanup_(config_freep) Config *c =
                load_text(*state, "[Profilerd]\n"
                                  "Frequency=49\nFrequency=\n"
                                  "Interval=5s\nInterval=\n"
                                  "SamplingRatio=0.5\nSamplingRatio=\n"
                                  "Type=offcpu\nType=\n"
                                  "OffCPUThresholdSec=1s\nOffCPUThresholdSec=\n"
                                  "OffCPUFrequency=7\nOffCPUFrequency=\n"
                                  "[Storage]\n"
                                  "MaxUse=1M\nMaxUse=\n"
                                  "KeepFree=3M\nKeepFree=\n"
                                  "MaxRetentionSec=5s\nMaxRetentionSec=\n");

        assert_defaults(*state, c);
}

static void test_limits_of_the_values_and_their_other_spellings(void **state) {
        _cleanup_(config_freep) Config *low = NULL, *high = NULL;
        Tree *t = *state;

        low = load_text(t, "[Profilerd]\nFrequency=1Hz\nInterval=1\nSamplingRatio=0\n"
                           "[Storage]\nMaxUse=1\nKeepFree=0\nMaxRetentionSec=infinity\n");
        assert_int_equal(low->frequency_hz, 1);
        assert_int_equal(low->interval_usec, USEC_PER_SEC);
        assert_true(low->sampling_ratio == 0);
        assert_int_equal(low->storage.max_use_bytes, 1);
        assert_int_equal(low->storage.keep_free_bytes, 0);
        assert_int_equal(low->storage.max_retention_usec, USEC_INFINITY);

        high = load_text(t, "[Profilerd]\nFrequency=1000 Hz\nInterval=24h\nSamplingRatio=100%\n"
                            "[Storage]\nMaxUse=infinity\nKeepFree=12.5%\nMaxRetentionSec=10y\n");
        assert_int_equal(high->frequency_hz, 1000);
        assert_int_equal(high->interval_usec, USEC_PER_DAY);
        assert_true(high->sampling_ratio == 1);
        assert_int_equal(high->storage.max_use_bytes, UINT64_MAX);
        assert_int_equal(high->storage.keep_free_bytes, share_of_file_system(t, 0.125));
        assert_int_equal(high->storage.max_retention_usec, 3652.5 * USEC_PER_DAY);
        assert_complaints(t, "");
}

static void test_types_are_a_set_and_an_unknown_one_costs_the_line(void **state) {
        _cleanup_(config_freep) Config *c = load_text(*state, "[Profilerd]\n"
                                                              "Type=offcpu cpu cpu\n"
                                                              "Type=cpu heap\n"
                                                              "OffCPUThresholdSec=2h\n"
                                                              "OffCPUFrequency=10001\n");

        assert_int_equal(c->types, CONFIG_TYPE(WINDOW_CPU) | CONFIG_TYPE(WINDOW_OFF_CPU));
        assert_true(config_wants_type(c, WINDOW_OFF_CPU));
        assert_complaints(
                *state,
                FAILED(3) "Type=cpu heap" INVALID FAILED(4) "OffCPUThresholdSec=2h" OUTSIDE FAILED(
                        5) "OffCPUFrequency=10001" OUTSIDE);
}

static void test_unknown_keys_are_complained_about_and_survive(void **state) {
        _cleanup_(config_freep) Config *c = load_text(*state, "[Profilerd]\nFoo=1\nfrequency=1\n"
                                                              "MaxUse=1\nX-Foo=1\nFrequency=49\n"
                                                              "[Match]\nUnit=a\n");

        assert_int_equal(c->frequency_hz, 49);
        assert_complaints(*state, MAIN
                          ":2: Unknown key 'Foo' in section [Profilerd], ignoring.\n" MAIN
                          ":3: Unknown key 'frequency' in section [Profilerd], ignoring.\n" MAIN
                          ":4: Unknown key 'MaxUse' in section [Profilerd], ignoring.\n" MAIN
                          ":7: Unknown section 'Match'. Ignoring.\n");
}

static void test_drop_ins_come_after_the_main_file_in_order(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;

        tree_put(t, "/usr/lib/profilerd/profilerd.conf", "[Profilerd]\nUnits=packaged\n");
        tree_put(t, "/run/profilerd/profilerd.conf", "[Profilerd]\nUnits=main\nFrequency=1\n");
        tree_put(t, "/usr/lib/profilerd/profilerd.conf.d/20-a.conf",
                 "[Profilerd]\nUnits=two\nFrequency=20\n");
        tree_put(t, "/etc/profilerd/profilerd.conf.d/10-b.conf",
                 "[Profilerd]\nUnits=one\nFrequency=10\n");
        tree_put(t, "/usr/lib/profilerd/profilerd.conf.d/30-c.conf", "[Profilerd]\nUnits=x\n");
        tree_link(t, "/etc/profilerd/profilerd.conf.d/30-c.conf", "/dev/null");
        tree_put(t, "/usr/lib/profilerd/profilerd.conf.d/31-d.conf", "[Profilerd]\nUnits=y\n");
        tree_put(t, "/run/profilerd/profilerd.conf.d/31-d.conf", "");
        tree_put(t, "/usr/lib/profilerd/profilerd.conf.d/32-e.conf", "[Profilerd]\nUnits=z\n");
        tree_link(t, "/run/profilerd/profilerd.conf.d/32-e.conf", "/nonexistent");

        c = load(t);
        assert_words(c->units, "main.service one.service two.service");
        assert_int_equal(c->frequency_hz, 20);
        assert_complaints(t, "");
}

static void test_unit_files_are_read_in_the_order_of_their_names(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;
        ConfigUnit *u;

        tree_put(t, "/usr/lib/profilerd/units.d/10-a.conf",
                 "[Match]\nUnit=a b@\nUnit=c.slice\n[Profile]\nEnable=no\n");
        tree_put(t, UNITS "05-b.conf",
                 "[Match]\nUnit=d\n[Profile]\nEnable=yes\nFrequency=49Hz\nInterval=10s\n"
                 "Labels=team=data \"site=Berlin 2\"\nLabels=_a1='x=y'\n");
        tree_put(t, "/usr/lib/profilerd/units.d/05-b.conf", "[Match]\nUnit=masked\n");
        tree_link(t, UNITS "20-c.conf", "/dev/null");

        c = load(t);
        assert_complaints(t, "");
        assert_int_equal(c->n_unit_files, 2);

        u = c->unit_files;
        assert_string_equal(u->path, tree_path(t, UNITS "05-b.conf"));
        assert_words(u->patterns, "d.service");
        assert_true(u->has_enable && u->enable);
        assert_int_equal(u->frequency_hz, 49);
        assert_int_equal(u->interval_usec, 10 * USEC_PER_SEC);
        assert_int_equal(u->n_labels, 3);
        assert_string_equal(u->labels[1].key, "site");
        assert_string_equal(u->labels[1].value, "Berlin 2");
        assert_string_equal(u->labels[2].key, "_a1");
        assert_string_equal(u->labels[2].value, "x=y");

        u = c->unit_files + 1;
        assert_words(u->patterns, "a.service b@*.service c.slice");
        assert_true(u->has_enable && !u->enable);
        assert_int_equal(u->frequency_hz, 0);
        assert_int_equal(u->interval_usec, 0);
        assert_int_equal(u->n_labels, 0);
}

static void test_a_unit_file_without_match_is_ignored_with_a_complaint(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;

        tree_put(t, UNITS "1.conf", "[Profile]\nEnable=yes\n");
        tree_put(t, UNITS "2.conf", "[Match]\nUnit=a\nUnit=\n");
        tree_put(t, UNITS "3.conf", "# nothing\n");
        c = load(t);
        assert_int_equal(c->n_unit_files, 0);
        assert_complaints(t, UNITS "1.conf:0: No Unit= in section [Match], ignoring file.\n" UNITS
                                   "2.conf:0: No Unit= in section [Match], ignoring file.\n");
}

static void test_an_empty_value_in_a_unit_file_is_as_unset(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;

        tree_put(t, UNITS "1.conf",
                 "[Match]\nUnit=a\n[Profile]\nEnable=no\nEnable=\nFrequency=9\nFrequency=\n"
                 "Interval=2s\nInterval=\nLabels=a=b c=d\nLabels=\nLabels=e=f\n");
        c = load(t);
        assert_complaints(t, "");
        assert_false(c->unit_files[0].has_enable);
        assert_int_equal(c->unit_files[0].frequency_hz, 0);
        assert_int_equal(c->unit_files[0].interval_usec, 0);
        assert_int_equal(c->unit_files[0].n_labels, 1);
        assert_string_equal(c->unit_files[0].labels[0].key, "e");
}

static void test_labels_that_profiles_cannot_carry_are_refused(void **state) {
        static const char *const words[] = { "thread=1", "pid=1", "tid=1",      "pprof::base=1",
                                             "=1",       "1a=1",  "a-b=1",      "a.b=1",
                                             "a",        "a=",    "\303\251=1", "\"a b=1\"" };
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *text = NULL;
        Tree *t = *state;
        size_t size, n = 0;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        fputs("[Match]\nUnit=a\n[Profile]\n", f);
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                fprintf(f, "Labels=%s\n", words[i]);
        fputs("Labels='a\nLabels=Pid=1 threads=2 Pid=3\n", f);
        fclose(f);
        tree_put(t, UNITS "1.conf", text);

        c = load(t);
        for (const char *p = t->complaints; (p = strchr(p, '\n')); p++)
                n++;
        assert_int_equal(n, ELEMENTSOF(words) + 1);
        assert_non_null(strstr(t->complaints,
                               UNITS "1.conf:7: Invalid label 'pprof::base=1', ignoring.\n"));
        assert_int_equal(c->unit_files[0].n_labels, 2);
        assert_string_equal(c->unit_files[0].labels[0].value, "3");
}

static void test_there_is_a_limit_to_the_number_of_labels(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *text = NULL;
        Tree *t = *state;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        fputs("[Match]\nUnit=a\n[Profile]\nLabels=", f);
        for (unsigned i = 0; i < 33; i++)
                fprintf(f, "l%u=x ", i);
        fclose(f);
        tree_put(t, UNITS "1.conf", text);

        c = load(t);
        assert_int_equal(c->unit_files[0].n_labels, 32);
        assert_complaints(t, UNITS "1.conf:4: Too many labels, ignoring 'l32=x'.\n");
}

static void test_a_broken_file_anywhere_leaves_no_object(void **state) {
        static const char *const paths[] = { MAIN, "/usr/lib/profilerd/profilerd.conf.d/1.conf",
                                             "/usr/lib/profilerd/units.d/1.conf" };
        Tree *t = *state;
        Config *c = NULL;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                tree_put(t, paths[i], "[Profilerd]\nUnits=a\n[Match]\nUnit=a\n[Broken\n");
                assert_int_equal(config_load(&c, t->root, tree_complaint, t), -EBADMSG);
                assert_null(c);
                assert_non_null(strstr(t->complaints, ":5: Invalid section header '[Broken'\n"));
                assert_non_null(strstr(t->complaints, paths[i]));
                t->complaints[0] = '\0';
                tree_put(t, paths[i], "");
        }
        /* Without anybody who listens, too. */
        tree_put(t, MAIN, "[Broken\n");
        assert_int_equal(config_load(&c, t->root, NULL, NULL), -EBADMSG);
}

static void test_a_directory_in_place_of_a_file_is_an_error(void **state) {
        Tree *t = *state;
        Config *c = NULL;

        tree_path(t, UNITS "1.conf/x");
        assert_int_equal(config_load(&c, t->root, tree_complaint, t), -EISDIR);
        assert_complaints(t, UNITS "1.conf:0: Failed to read file: Is a directory\n");
        assert_null(c);
}

static void test_one_file_alone_is_read_without_the_tree(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Config *none = NULL;
        Tree *t = *state;

        tree_put(t, "/x.conf", "[Profilerd]\nFrequency=7\n");
        assert_int_equal(config_load_file(&c, tree_path(t, "/x.conf"), tree_complaint, t), 0);
        assert_int_equal(c->frequency_hz, 7);
        assert_words(c->units, "*.service");
        assert_int_equal(config_load_file(&none, tree_path(t, "/y.conf"), tree_complaint, t),
                         -ENOENT);
        assert_complaints(t, "/y.conf:0: Failed to read file: No such file or directory\n");
}

#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TREE_TEST(test_without_files_every_service_is_profiled),
                TREE_TEST(test_the_shipped_file_shows_every_key_with_its_default),
                TREE_TEST(test_every_key_is_taken),
                TREE_TEST(test_units_add_up_and_an_empty_assignment_resets),
                TREE_TEST(test_a_bad_word_of_a_list_costs_itself_a_bad_quote_the_line),
                TREE_TEST(test_names_keep_their_escapes),
                TREE_TEST(test_there_is_a_limit_to_the_number_of_patterns),
                TREE_TEST(test_a_bad_value_keeps_the_old_one),
                TREE_TEST(test_an_empty_value_is_the_default),
                TREE_TEST(test_limits_of_the_values_and_their_other_spellings),
                TREE_TEST(test_types_are_a_set_and_an_unknown_one_costs_the_line),
                TREE_TEST(test_unknown_keys_are_complained_about_and_survive),
                TREE_TEST(test_drop_ins_come_after_the_main_file_in_order),
                TREE_TEST(test_unit_files_are_read_in_the_order_of_their_names),
                TREE_TEST(test_a_unit_file_without_match_is_ignored_with_a_complaint),
                TREE_TEST(test_an_empty_value_in_a_unit_file_is_as_unset),
                TREE_TEST(test_labels_that_profiles_cannot_carry_are_refused),
                TREE_TEST(test_there_is_a_limit_to_the_number_of_labels),
                TREE_TEST(test_a_broken_file_anywhere_leaves_no_object),
                TREE_TEST(test_a_directory_in_place_of_a_file_is_an_error),
                TREE_TEST(test_one_file_alone_is_read_without_the_tree),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
