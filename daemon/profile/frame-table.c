/* SPDX-License-Identifier: Apache-2.0 */
/* Frame Table */

#include "profile/frame-table.h"
#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/profile-quality.h"
#include "profile/string-table.h"
#include "profile/table.h"

/* Fields are compared as bytes: there is no padding. */
typedef struct FrameKey {
        uint32_t name, binary; /* indices of strings */
        uint32_t kernel, named;
} FrameKey;

typedef struct FrameEntry {
        FrameKey key;
        uint32_t file;
        uint32_t index;
        UT_hash_handle hh;
} FrameEntry;

struct FrameTable {
        StringTable *strings;
        FrameEntry *by_key;
        FrameEntry **entries;
        size_t n_entries, capacity;
};

FrameTable *frame_table_free(FrameTable *t) {
        if (!t)
                return NULL;
        HASH_CLEAR(hh, t->by_key);
        for (size_t i = 0; i < t->n_entries; i++)
                free(t->entries[i]);
        free(t->entries);
        string_table_free(t->strings);
        free(t);
        return NULL;
}

int frame_table_new(FrameTable **ret) {
        _cleanup_(frame_table_freep) FrameTable *t = NULL;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        r = string_table_new(&t->strings);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

size_t frame_table_size(const FrameTable *t) {
        return t->n_entries;
}

void frame_table_get(const FrameTable *t, uint32_t index, Frame *ret) {
        const FrameEntry *e = t->entries[index];

        *ret = (Frame){
                .name = string_table_get(t->strings, e->key.name),
                .binary = string_table_get(t->strings, e->key.binary),
                .file = string_table_get(t->strings, e->file),
                .kernel = e->key.kernel,
                .named = e->key.named,
        };
}

static int add_entry(FrameTable *t, const FrameKey *key, uint32_t file, uint32_t *ret) {
        FrameEntry *e;
        int r;

        r = ARRAY_RESERVE(t->entries, t->capacity, t->n_entries + 1);
        if (r < 0)
                return r;
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        *e = (FrameEntry){ .key = *key, .file = file, .index = t->n_entries };
        HASH_ADD(hh, t->by_key, key, sizeof(e->key), e);
        if (!e->hh.tbl) {
                free(e);
                return -ENOMEM;
        }
        t->entries[t->n_entries++] = e;
        *ret = e->index;
        return 0;
}

static int intern(FrameTable *t, const Frame *f, uint32_t *ret) {
        FrameKey key = { .kernel = f->kernel, .named = f->named };
        FrameEntry *e = NULL;
        uint32_t file;
        int r;

        r = string_table_intern(t->strings, f->name, &key.name);
        if (r >= 0)
                r = string_table_intern(t->strings, f->binary, &key.binary);
        if (r >= 0)
                r = string_table_intern(t->strings, f->file, &file);
        if (r < 0)
                return r;

        HASH_FIND(hh, t->by_key, &key, sizeof(key), e);
        if (!e)
                return add_entry(t, &key, file, ret);
        *ret = e->index;
        return 0;
}

/* line NULL: the address has no name. */
static void make_frame(const Profile *p,
                       uint32_t mapping,
                       const ProfileLine *line,
                       char unknown[static PROFILE_UNKNOWN_MAX],
                       Frame *ret) {
        ProfileMapping m = { .filename = "" };
        ProfileFunction f;
        const char *name;

        if (mapping != PROFILE_NONE)
                profile_get_mapping(p, mapping, &m);
        *ret = (Frame){
                .name = profile_unknown_name(&m, 0, unknown),
                .binary = profile_mapping_display_name(&m),
                .file = "",
                .kernel = profile_mapping_is_kernel(&m),
        };
        if (!line)
                return;
        name = profile_function_display_name(p, line->function);
        if (isempty(name))
                return;
        profile_get_function(p, line->function, &f);
        ret->name = name;
        ret->file = f.filename;
        ret->named = true;
}

static int add_location(FrameTable *t, const Profile *p, uint32_t i, FrameMap *m) {
        ProfileLocation l;
        size_t n;
        int r;

        profile_get_location(p, i, &l);
        n = MAX(l.n_lines, (size_t) 1);
        r = ARRAY_RESERVE(m->frames, m->capacity, m->n_frames + n);
        if (r < 0)
                return r;
        for (size_t j = 0; j < n; j++) {
                char unknown[PROFILE_UNKNOWN_MAX];
                Frame f;

                make_frame(p, l.mapping, l.n_lines > 0 ? &l.lines[j] : NULL, unknown, &f);
                r = intern(t, &f, &m->frames[m->n_frames]);
                if (r < 0)
                        return r;
                m->n_frames++;
        }
        m->first[i + 1] = m->n_frames;
        return 0;
}

int frame_table_add_profile(FrameTable *t, const Profile *p, FrameMap *ret) {
        size_t n = profile_n_locations(p);

        *ret = (FrameMap){ .first = calloc(n + 1, sizeof(*ret->first)) };
        if (!ret->first)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r;

                r = add_location(t, p, i, ret);
                if (r < 0)
                        return r;
        }
        return 0;
}

void frame_map_done(FrameMap *m) {
        free(m->frames);
        free(m->first);
        *m = (FrameMap){};
}

void frame_stack_done(FrameStack *s) {
        free(s->frames);
        free(s->inlined);
        *s = (FrameStack){};
}

int frame_map_get_stack(const FrameMap *m, const ProfileSample *s, FrameStack *stack) {
        stack->n = 0;
        for (size_t i = s->n_locations; i-- > 0;) {
                uint32_t l = s->locations[i];
                int r;

                r = ARRAY_RESERVE(stack->frames, stack->capacity,
                                  stack->n + (m->first[l + 1] - m->first[l]));
                if (r < 0)
                        return r;
                r = ARRAY_RESERVE(stack->inlined, stack->capacity_inlined,
                                  stack->n + (m->first[l + 1] - m->first[l]));
                if (r < 0)
                        return r;
                for (size_t j = m->first[l + 1]; j-- > m->first[l];) {
                        stack->inlined[stack->n] = j + 1 < m->first[l + 1];
                        stack->frames[stack->n++] = m->frames[j];
                }
        }
        return 0;
}
