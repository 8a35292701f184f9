/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration Files */

#include <spawn.h>
#include <sys/wait.h>

#include "basic/file-util.h"
#include "config-file.h"
#include "config-tree.h"

#define LONG_SECTION "0123456789012345678901234567890123456789012345678901234567890123456789"

extern char **environ;

static const char *const sections[] = { "One", "Two", LONG_SECTION, NULL };

/* What was read: "LINE [SECTION] KEY=<VALUE>\n" for each assignment. */
typedef struct Result {
        char *text;
        size_t size;
        FILE *stream;
        int error; /* that on_assignment returns */
} Result;

static int on_assignment(const ConfigAssignment *a, void *userdata) {
        Result *r = userdata;

        assert_string_equal(a->file, "/x.conf");
        fprintf(r->stream, "%u [%s] %s=<%s>\n", a->line, a->section, a->key, a->value);
        return r->error;
}

static int read_bytes(Tree *t, Result *result, const char *text, size_t size) {
        ConfigReader reader = { .sections = sections,
                                .on_assignment = on_assignment,
                                .userdata = result,
                                .complaint = tree_complaint,
                                .complaint_userdata = t };
        _cleanup_free_ char *exact = NULL;
        int r;

        /* Of its own size, so that a sanitizer sees what is read behind its end. */
        exact = malloc(size > 0 ? size : 1);
        assert_non_null(exact);
        memcpy(exact, text, size);

        free(result->text);
        result->stream = open_memstream(&result->text, &result->size);
        assert_non_null(result->stream);
        r = config_file_parse("/x.conf", exact, size, &reader);
        fclose(result->stream);
        return r;
}

static void assert_reads(Tree *t, const char *text, const char *expected, const char *complaints) {
        Result result = {};

        assert_int_equal(read_bytes(t, &result, text, strlen(text)), 0);
        assert_string_equal(result.text, expected);
        assert_complaints(t, complaints);
        free(result.text);
}

static void assert_broken(Tree *t, const char *text, size_t size, const char *complaints) {
        Result result = {};

        assert_int_equal(read_bytes(t, &result, text, size), -EBADMSG);
        assert_complaints(t, complaints);
        free(result.text);
}

static void test_assignments_come_with_section_and_line(void **state) {
        assert_reads(*state, "\n[One]\nA=1\n\n  B =  two words \t\n[Two]\r\nC=3\r\n[One]\nD=",
                     "3 [One] A=<1>\n5 [One] B=<two words>\n7 [Two] C=<3>\n9 [One] D=<>\n", "");
        assert_reads(*state, "", "", "");
        assert_reads(*state, "\357\273\277[One]\nA=1", "2 [One] A=<1>\n", "");
}

static void test_only_a_whole_line_is_a_comment(void **state) {
        assert_reads(*state, "# c\n  ; c\n[One]\nA=1 ; no comment\nB=2 # neither\n#C=3\nD=;\n",
                     "4 [One] A=<1 ; no comment>\n5 [One] B=<2 # neither>\n7 [One] D=<;>\n", "");
}

static void test_only_an_equals_sign_separates(void **state) {
        assert_reads(*state, "[One]\nA:B=C:D=E\nLabels=url=http://x/\n",
                     "2 [One] A:B=<C:D=E>\n3 [One] Labels=<url=http://x/>\n", "");
        assert_reads(*state, "[One]\nA:B\n", "", "/x.conf:2: Missing '=', ignoring line.\n");
}

static void test_an_indented_line_is_a_line_of_its_own(void **state) {
        assert_reads(*state, "[One]\nA=1\n  B=2\n  C\n  [Two]\n D=3\n",
                     "2 [One] A=<1>\n3 [One] B=<2>\n6 [Two] D=<3>\n",
                     "/x.conf:4: Missing '=', ignoring line.\n");
}

static void test_a_backslash_continues_a_line(void **state) {
        assert_reads(*state, "[One]\nA=1 \\\n  2\\\n3\nB=4\n",
                     "2 [One] A=<1    2 3>\n5 [One] B=<4>\n", "");
        assert_reads(*state, "[One]\nA=1\\\r\n2\r\n", "2 [One] A=<1 2>\n", "");
        assert_reads(*state, "[One]\nA\\\n=1", "2 [One] A=<1>\n", "");
        /* A row of escaped backslashes is none; the end of the file ends everything. */
        assert_reads(*state, "[One]\nA=1\\\\\nB=2\\\\\\\n3\nC=4\\",
                     "2 [One] A=<1\\\\>\n3 [One] B=<2\\\\ 3>\n5 [One] C=<4>\n", "");
}

static void test_comments_do_not_end_a_continuation_but_an_empty_line_does(void **state) {
        assert_reads(*state, "[One]\nA=1 \\\n# a comment \\\n ; another\n2\nB=3\\\n\nC=4\n",
                     "2 [One] A=<1  2>\n6 [One] B=<3>\n8 [One] C=<4>\n", "");
}

/* Distributions build inih with lines of 200 bytes. */
static void test_values_and_names_may_be_long(void **state) {
        _cleanup_free_ char *text = NULL, *expected = NULL;
        char value[9001], key[301];

        memset(value, 'v', sizeof(value) - 1);
        memset(key, 'k', sizeof(key) - 1);
        value[sizeof(value) - 1] = key[sizeof(key) - 1] = '\0';

        assert_true(asprintf(&text, "[%s]\n%s=%s\nB=1\n", LONG_SECTION, key, value) > 0);
        assert_true(asprintf(&expected, "2 [%s] %s=<%s>\n3 [%s] B=<1>\n", LONG_SECTION, key, value,
                             LONG_SECTION) > 0);
        assert_reads(*state, text, expected, "");
}

static void test_unknown_sections_are_skipped_with_a_warning(void **state) {
        assert_reads(*state,
                     "[Three]\nA=1\nrubbish\n[X-Mine]\nB=2\n[One]\nC=3\nX-D=4\n[" LONG_SECTION
                     "7]\nE=5\n",
                     "7 [One] C=<3>\n",
                     "/x.conf:1: Unknown section 'Three'. Ignoring.\n"
                     "/x.conf:9: Unknown section '" LONG_SECTION "7'. Ignoring.\n");
}

static void test_lines_without_sense_are_skipped_with_a_warning(void **state) {
        assert_reads(*state, "A=0\n[One]\nB\n=1\nC=2\nD=\377\n", "5 [One] C=<2>\n",
                     "/x.conf:1: Assignment outside of section. Ignoring.\n"
                     "/x.conf:3: Missing '=', ignoring line.\n"
                     "/x.conf:4: Missing key name before '=', ignoring line.\n"
                     "/x.conf:6: String is not UTF-8 clean, ignoring assignment: D=?\n");
}

static void test_a_broken_section_header_breaks_the_file(void **state) {
        assert_broken(*state, "[One\nA=1\n", 9, "/x.conf:1: Invalid section header '[One'\n");
        assert_broken(*state, "A=1\n[", 5,
                      "/x.conf:1: Assignment outside of section. Ignoring.\n"
                      "/x.conf:2: Invalid section header '['\n");
        assert_broken(*state, "[One] ; c\n", 10, "/x.conf:1: Invalid section header '[One] ; c'\n");
}

static void test_a_nul_byte_breaks_the_file(void **state) {
        static const char text[] = "[One]\nA=1\nB=2\0 3\n";

        assert_broken(*state, text, sizeof(text) - 1, "/x.conf:3: Line contains a NUL byte.\n");
        assert_broken(*state, "\0", 1, "/x.conf:1: Line contains a NUL byte.\n");
}

static void test_a_line_over_the_limit_breaks_the_file(void **state) {
        _cleanup_free_ char *text = malloc(CONFIG_FILE_LINE_MAX + 16);
        Result result = {};

        assert_non_null(text);
        memset(text, 'v', CONFIG_FILE_LINE_MAX + 16);
        memcpy(text, "[One]\nA=", 8);

        assert_int_equal(read_bytes(*state, &result, text, CONFIG_FILE_LINE_MAX + 6), 0);
        assert_int_equal(result.size, strlen("2 [One] A=<>\n") + CONFIG_FILE_LINE_MAX - 2);
        free(result.text);
        assert_broken(*state, text, CONFIG_FILE_LINE_MAX + 7, "/x.conf:2: Line too long.\n");

        /* Continuations count together. */
        memcpy(text + CONFIG_FILE_LINE_MAX / 2, "\\\n", 2);
        assert_broken(*state, text, CONFIG_FILE_LINE_MAX + 8, "/x.conf:2: Line too long.\n");
}

static void test_complaints_are_short_and_fit_for_a_terminal(void **state) {
        Tree *t = *state;
        char text[5000];

        assert_reads(t, "[a\033[31m]\n", "", "/x.conf:1: Unknown section 'a?[31m'. Ignoring.\n");

        memset(text, 'a', sizeof(text));
        text[0] = '[';
        text[sizeof(text) - 2] = ']';
        text[sizeof(text) - 1] = '\0';
        Result result = {};
        assert_int_equal(read_bytes(t, &result, text, strlen(text)), 0);
        assert_int_equal(strlen(t->complaints), CONFIG_SENTENCE_MAX + strlen("/x.conf:1: \n"));
        free(result.text);
}

static void test_an_error_of_the_callback_ends_the_reading(void **state) {
        Result result = { .error = -ENOMEM };

        assert_int_equal(read_bytes(*state, &result, "[One]\nA=1\nB=2\n[x\n", 17), -ENOMEM);
        assert_string_equal(result.text, "2 [One] A=<1>\n");
        assert_complaints(*state, "");
        free(result.text);
}

static void test_an_unreadable_file_is_complained_about(void **state) {
        Tree *t = *state;
        ConfigReader reader = { .sections = sections,
                                .complaint = tree_complaint,
                                .complaint_userdata = t };
        const char *path = tree_path(t, "/missing");

        assert_int_equal(config_file_read(path, &reader), -ENOENT);
        assert_complaints(t, "/missing:0: Failed to read file: No such file or directory\n");
        assert_int_equal(config_file_read(t->root, &reader), -EISDIR);
        assert_complaints(t, ":0: Failed to read file: Is a directory\n");
}

static void test_the_first_main_file_that_exists_is_found(void **state) {
        static const char *const paths[] = { "/usr/lib/profilerd/p.conf",
                                             "/usr/local/lib/profilerd/p.conf",
                                             "/run/profilerd/p.conf", "/etc/profilerd/p.conf" };
        Tree *t = *state;
        char *found = NULL;

        assert_int_equal(config_file_find(t->root, "p.conf", &found), -ENOENT);
        /* A link that leads nowhere does not exist. */
        tree_link(t, "/etc/profilerd/p.conf", "/nonexistent");
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                unlink(tree_path(t, paths[i]));
                tree_put(t, paths[i], "");
                assert_int_equal(config_file_find(t->root, "p.conf", &found), 0);
                assert_string_equal(found, tree_path(t, paths[i]));
                free(found);
        }
}

#define DROPIN "/profilerd/profilerd.conf.d/"

/* Every rule of the order at once. */
static void put_dropins(Tree *t) {
        tree_put(t, "/usr/lib/profilerd/profilerd.conf", "");
        tree_put(t, "/usr/lib" DROPIN "10-a.conf", "");
        tree_put(t, "/etc" DROPIN "10-a.conf", "");
        tree_put(t, "/run" DROPIN "05-b.conf", "");
        tree_put(t, "/usr/local/lib" DROPIN "05-b.conf", "");
        tree_put(t, "/usr/local/lib" DROPIN "90-c.conf", "");
        tree_put(t, "/usr/lib" DROPIN "90-c.conf", "");
        tree_put(t, "/etc" DROPIN "10.conf", "");
        tree_put(t, "/etc" DROPIN "Z.conf", "");
        tree_put(t, "/usr/lib" DROPIN "a.conf", "");
        tree_put(t, "/usr/lib" DROPIN "20-m.conf", "");
        tree_link(t, "/etc" DROPIN "20-m.conf", "/dev/null");
        tree_put(t, "/usr/lib" DROPIN ".30-hidden.conf", "");
        tree_put(t, "/usr/lib" DROPIN "30-other.txt", "");
        tree_put(t, "/usr/lib" DROPIN "30-backup.conf~", "");
        tree_put(t, "/usr/lib" DROPIN "30-new.conf.dpkg-new", "");
}

static const char *const order[] = {
        "/run" DROPIN "05-b.conf",  "/etc" DROPIN "10-a.conf",           "/etc" DROPIN "10.conf",
        "/etc" DROPIN "20-m.conf",  "/usr/local/lib" DROPIN "90-c.conf", "/etc" DROPIN "Z.conf",
        "/usr/lib" DROPIN "a.conf",
};

static void test_drop_ins_are_sorted_by_name_over_all_directories(void **state) {
        _cleanup_(strv_freep) char **paths = NULL;
        Tree *t = *state;

        put_dropins(t);
        assert_int_equal(config_file_list(t->root, "profilerd.conf.d", &paths), 0);
        assert_int_equal(strv_length(paths), ELEMENTSOF(order));
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                assert_string_equal(paths[i], tree_path(t, order[i]));
}

static void test_a_name_is_taken_also_by_a_link_that_leads_nowhere(void **state) {
        _cleanup_(strv_freep) char **paths = NULL;
        Tree *t = *state;

        tree_put(t, "/usr/lib/profilerd/units.d/a.conf", "");
        tree_link(t, "/run/profilerd/units.d/a.conf", "/nonexistent");
        assert_int_equal(config_file_list(t->root, "units.d", &paths), 0);
        assert_int_equal(strv_length(paths), 1);
        assert_string_equal(paths[0], tree_path(t, "/run/profilerd/units.d/a.conf"));
}

static void test_no_directory_is_an_empty_list(void **state) {
        _cleanup_(strv_freep) char **paths = NULL;
        Tree *t = *state;

        assert_int_equal(config_file_list(t->root, "units.d", &paths), 0);
        assert_non_null(paths);
        assert_int_equal(strv_length(paths), 0);
}

/* What systemd-analyze prints for the tree, or NULL where there is no such tool. */
static char *run_cat_config(Tree *t) {
        _cleanup_free_ char *root = NULL;
        posix_spawn_file_actions_t actions;
        char *output = NULL;
        int fds[2], status;
        pid_t pid;

        assert_true(asprintf(&root, "--root=%s", t->root) > 0);
        char *argv[] = { (char *) "systemd-analyze", root, (char *) "cat-config",
                         (char *) "profilerd/profilerd.conf", NULL };

        assert_int_equal(pipe(fds), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
        posix_spawn_file_actions_addclose(&actions, fds[0]);
        posix_spawn_file_actions_addclose(&actions, fds[1]);
        if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0) {
                close(fds[1]);
                assert_int_equal(read_full_fd(fds[0], 1 << 20, &output, NULL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_int_equal(status, 0);
        } else
                close(fds[1]);
        close(fds[0]);
        posix_spawn_file_actions_destroy(&actions);
        return output;
}

static void test_systemd_reads_the_same_files_in_the_same_order(void **state) {
        _cleanup_(strv_freep) char **paths = NULL;
        _cleanup_free_ char *main_file = NULL, *output = NULL;
        Tree *t = *state;
        size_t n = 0;

        put_dropins(t);
        output = run_cat_config(t);
        if (!output)
                skip();
        assert_int_equal(config_file_find(t->root, "profilerd.conf", &main_file), 0);
        assert_int_equal(config_file_list(t->root, "profilerd.conf.d", &paths), 0);

        for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
                assert_true(startswith(line, "# /"));
                assert_string_equal(line + 2, n == 0 ? main_file : paths[n - 1]);
                n++;
        }
        assert_int_equal(n, 1 + strv_length(paths));
}

#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TREE_TEST(test_assignments_come_with_section_and_line),
                TREE_TEST(test_only_a_whole_line_is_a_comment),
                TREE_TEST(test_only_an_equals_sign_separates),
                TREE_TEST(test_an_indented_line_is_a_line_of_its_own),
                TREE_TEST(test_a_backslash_continues_a_line),
                TREE_TEST(test_comments_do_not_end_a_continuation_but_an_empty_line_does),
                TREE_TEST(test_values_and_names_may_be_long),
                TREE_TEST(test_unknown_sections_are_skipped_with_a_warning),
                TREE_TEST(test_lines_without_sense_are_skipped_with_a_warning),
                TREE_TEST(test_a_broken_section_header_breaks_the_file),
                TREE_TEST(test_a_nul_byte_breaks_the_file),
                TREE_TEST(test_a_line_over_the_limit_breaks_the_file),
                TREE_TEST(test_complaints_are_short_and_fit_for_a_terminal),
                TREE_TEST(test_an_error_of_the_callback_ends_the_reading),
                TREE_TEST(test_an_unreadable_file_is_complained_about),
                TREE_TEST(test_the_first_main_file_that_exists_is_found),
                TREE_TEST(test_drop_ins_are_sorted_by_name_over_all_directories),
                TREE_TEST(test_a_name_is_taken_also_by_a_link_that_leads_nowhere),
                TREE_TEST(test_no_directory_is_an_empty_list),
                TREE_TEST(test_systemd_reads_the_same_files_in_the_same_order),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
