/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tree of Configuration Files
 *
 * A root directory of its own for tests, the complaints that reading it made, and what is needed to
 * compare both.
 */

#include <sys/stat.h>

#include "basic/string-util.h"
#include "remove-tree.h"
#include "unit-test.h"

typedef struct Tree {
        char root[64];
        char *complaints; /* "FILE:LINE: SENTENCE\n", FILE without the root */
        char *text;       /* the last that tree_path() made */
} Tree;

static inline int tree_setup(void **state) {
        Tree *t = calloc(1, sizeof(Tree));

        if (!t)
                return -1;
        strcpy(t->root, "/tmp/test-config-XXXXXX");
        t->complaints = strdup("");
        *state = t;
        return t->complaints && mkdtemp(t->root) ? 0 : -1;
}

static inline int tree_teardown(void **state) {
        Tree *t = *state;
        int r = remove_tree(t->root);

        free(t->complaints);
        free(t->text);
        free(t);
        return r;
}

/* Absolute path of a file of the tree, after making the directories above it. */
static inline const char *tree_path(Tree *t, const char *path) {
        free(t->text);
        assert_true(asprintf(&t->text, "%s%s", t->root, path) > 0);
        for (char *p = t->text + strlen(t->root) + 1; (p = strchr(p, '/')); p++) {
                *p = '\0';
                assert_true(mkdir(t->text, 0755) == 0 || errno == EEXIST);
                *p = '/';
        }
        return t->text;
}

static inline void tree_put_bytes(Tree *t, const char *path, const void *data, size_t size) {
        FILE *f = fopen(tree_path(t, path), "we");

        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
}

static inline void tree_put(Tree *t, const char *path, const char *text) {
        tree_put_bytes(t, path, text, strlen(text));
}

static inline void tree_link(Tree *t, const char *path, const char *target) {
        assert_int_equal(symlink(target, tree_path(t, path)), 0);
}

static inline void tree_complaint(const char *file,
                                  unsigned line,
                                  const char *sentence,
                                  void *userdata) {
        Tree *t = userdata;
        char *longer;

        if (startswith(file, t->root))
                file += strlen(t->root);
        assert_true(asprintf(&longer, "%s%s:%u: %s\n", t->complaints, file, line, sentence) > 0);
        free(t->complaints);
        t->complaints = longer;
}

/* The complaints so far are these; they are forgotten. */
static inline void assert_complaints(Tree *t, const char *expected) {
        assert_string_equal(t->complaints, expected);
        t->complaints[0] = '\0';
}
