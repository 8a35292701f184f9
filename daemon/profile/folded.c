/* SPDX-License-Identifier: Apache-2.0 */
/* Folded Stacks */

#include <inttypes.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/call-tree.h"
#include "profile/folded.h"
#include "profile/text-writer.h"

/* ';' and the end of the line are the grammar; a reader cannot tell them from those of a name. */
static void add_safe(TextWriter *w, const char *s) {
        for (; *s != '\0'; s++) {
                unsigned char c = *s;

                if (c == ';')
                        c = ':';
                else if (c < 0x20 || c == 0x7f)
                        c = '?';
                text_add_bytes(w, (const char *) &c, 1);
        }
}

static void add_frame(TextWriter *w, const Frame *f) {
        if (!f->named && !isempty(f->binary)) {
                text_add(w, "[");
                add_safe(w, f->binary);
                text_add(w, "]");
        } else
                add_safe(w, f->name);
        if (f->kernel)
                text_add(w, "_[k]");
}

static int add_line(TextWriter *w, const CallTree *t, uint32_t node, FrameStack *path) {
        const CallNode *n = call_tree_get(t, node);
        int r;

        path->n = 0;
        for (uint32_t i = node; i != 0; i = call_tree_get(t, i)->parent) {
                r = ARRAY_RESERVE(path->frames, path->capacity, path->n + 1);
                if (r < 0)
                        return r;
                path->frames[path->n++] = call_tree_get(t, i)->frame;
        }

        if (path->n == 0)
                text_add(w, "[none]"); /* a sample without a stack still is a sample */
        for (size_t i = path->n; i-- > 0;) {
                Frame f;

                frame_table_get(call_tree_get_frames(t), path->frames[i], &f);
                add_frame(w, &f);
                if (i > 0)
                        text_add(w, ";");
        }
        text_addf(w, " %" PRIi64 "\n", n->self[CALL_TREE_VALUE]);
        return w->error;
}

int folded_encode(Profile *p, size_t value_type, char **ret, size_t *ret_size) {
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_(frame_stack_done) FrameStack path = {};
        int r;

        r = call_tree_new(&t, NULL);
        if (r < 0)
                return r;
        r = call_tree_add(t, p, value_type, CALL_TREE_VALUE);
        if (r < 0)
                return r;

        for (size_t i = 0; i < call_tree_size(t); i++) {
                int64_t self = call_tree_get(t, i)->self[CALL_TREE_VALUE];

                if (self < 0)
                        return -EDOM;
                if (self == 0)
                        continue;
                r = add_line(&w, t, i, &path);
                if (r < 0)
                        return r;
        }
        return text_writer_take(&w, ret, ret_size);
}
