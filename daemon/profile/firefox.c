/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firefox Profiler's Format
 *
 * Tables of columns. Functions and frames are the same here, one for each frame of the tree; a
 * resource is a binary.
 */

#include <inttypes.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/call-tree.h"
#include "profile/firefox.h"
#include "profile/string-table.h"
#include "profile/text-writer.h"

enum {
        FIREFOX_GECKO_VERSION = 24,
        FIREFOX_PROCESSED_VERSION = 48, /* the profiler upgrades what is older than itself */
        FIREFOX_RESOURCE_LIBRARY = 1,

        /* Of the categories that add_meta() lists. */
        FIREFOX_USER = 0,
        FIREFOX_KERNEL = 1,
};

typedef struct FirefoxWriter {
        TextWriter text;
        CallTree *tree;
        StringTable *strings;
        uint32_t *frame_names;     /* strings, by frame */
        uint32_t *frame_resources; /* by frame, PROFILE_NONE: none */
        uint32_t *resources;       /* strings */
        size_t n_resources, capacity_resources;
} FirefoxWriter;

static void writer_done(FirefoxWriter *w) {
        text_writer_done(&w->text);
        call_tree_free(w->tree);
        string_table_free(w->strings);
        free(w->frame_names);
        free(w->frame_resources);
        free(w->resources);
}

static int find_resource(FirefoxWriter *w, const char *binary, uint32_t *ret) {
        uint32_t name;
        int r;

        if (isempty(binary)) {
                *ret = PROFILE_NONE;
                return 0;
        }
        r = string_table_intern(w->strings, binary, &name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < w->n_resources; i++)
                if (w->resources[i] == name) {
                        *ret = i;
                        return 0;
                }
        r = ARRAY_RESERVE(w->resources, w->capacity_resources, w->n_resources + 1);
        if (r < 0)
                return r;
        *ret = w->n_resources;
        w->resources[w->n_resources++] = name;
        return 0;
}

static int index_frames(FirefoxWriter *w) {
        const FrameTable *t = call_tree_get_frames(w->tree);
        const char *last = NULL;
        size_t n = frame_table_size(t);

        w->frame_names = calloc(n + 1, sizeof(*w->frame_names));
        w->frame_resources = calloc(n + 1, sizeof(*w->frame_resources));
        if (!w->frame_names || !w->frame_resources)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                Frame f;
                int r;

                frame_table_get(t, i, &f);
                r = string_table_intern(w->strings, f.name, &w->frame_names[i]);
                if (r < 0)
                        return r;
                /* Neighbours mostly are of one binary. */
                if (last && streq(last, f.binary))
                        w->frame_resources[i] = w->frame_resources[i - 1];
                else {
                        r = find_resource(w, f.binary, &w->frame_resources[i]);
                        if (r < 0)
                                return r;
                }
                last = f.binary;
        }
        return 0;
}

/* ---- columns ---- */

/* One cell; the caller's numbers. */
typedef void (*FirefoxCell)(FirefoxWriter *w, size_t i);

static void add_column(FirefoxWriter *w, const char *name, size_t n, FirefoxCell cell) {
        text_addf(&w->text, "\"%s\":[", name);
        for (size_t i = 0; i < n && w->text.error >= 0; i++) {
                if (i > 0)
                        text_add(&w->text, ",");
                cell(w, i);
        }
        text_add(&w->text, "],");
}

static void add_constant(FirefoxWriter *w, const char *name, size_t n, const char *value) {
        text_addf(&w->text, "\"%s\":[", name);
        for (size_t i = 0; i < n && w->text.error >= 0; i++) {
                if (i > 0)
                        text_add(&w->text, ",");
                text_add(&w->text, value);
        }
        text_add(&w->text, "],");
}

static void cell_index(FirefoxWriter *w, size_t i) {
        text_addf(&w->text, "%zu", i);
}

static void cell_frame_category(FirefoxWriter *w, size_t i) {
        Frame f;

        frame_table_get(call_tree_get_frames(w->tree), i, &f);
        text_addf(&w->text, "%d", f.kernel ? FIREFOX_KERNEL : FIREFOX_USER);
}

static void cell_func_name(FirefoxWriter *w, size_t i) {
        text_addf(&w->text, "%" PRIu32, w->frame_names[i]);
}

static void cell_func_resource(FirefoxWriter *w, size_t i) {
        if (w->frame_resources[i] == PROFILE_NONE)
                text_add(&w->text, "-1");
        else
                text_addf(&w->text, "%" PRIu32, w->frame_resources[i]);
}

static void cell_resource_name(FirefoxWriter *w, size_t i) {
        text_addf(&w->text, "%" PRIu32, w->resources[i]);
}

/* Stacks are the nodes of the tree without node 0. */
static void cell_stack_frame(FirefoxWriter *w, size_t i) {
        text_addf(&w->text, "%" PRIu32, call_tree_get(w->tree, i + 1)->frame);
}

static void cell_stack_category(FirefoxWriter *w, size_t i) {
        cell_frame_category(w, call_tree_get(w->tree, i + 1)->frame);
}

static void cell_stack_prefix(FirefoxWriter *w, size_t i) {
        uint32_t parent = call_tree_get(w->tree, i + 1)->parent;

        if (parent == 0)
                text_add(&w->text, "null");
        else
                text_addf(&w->text, "%" PRIu32, parent - 1);
}

static void add_tables(FirefoxWriter *w) {
        size_t n_frames = frame_table_size(call_tree_get_frames(w->tree)),
               n_stacks = call_tree_size(w->tree) - 1;

        text_add(&w->text, "\"stackTable\":{");
        add_column(w, "frame", n_stacks, cell_stack_frame);
        add_column(w, "category", n_stacks, cell_stack_category);
        add_constant(w, "subcategory", n_stacks, "0");
        add_column(w, "prefix", n_stacks, cell_stack_prefix);
        text_addf(&w->text, "\"length\":%zu},\n\"frameTable\":{", n_stacks);

        add_constant(w, "address", n_frames, "-1");
        add_constant(w, "inlineDepth", n_frames, "0");
        add_column(w, "category", n_frames, cell_frame_category);
        add_constant(w, "subcategory", n_frames, "0");
        add_column(w, "func", n_frames, cell_index);
        add_constant(w, "nativeSymbol", n_frames, "null");
        add_constant(w, "innerWindowID", n_frames, "0");
        add_constant(w, "implementation", n_frames, "null");
        add_constant(w, "line", n_frames, "null");
        add_constant(w, "column", n_frames, "null");
        text_addf(&w->text, "\"length\":%zu},\n\"funcTable\":{", n_frames);

        add_column(w, "name", n_frames, cell_func_name);
        add_constant(w, "isJS", n_frames, "false");
        add_constant(w, "relevantForJS", n_frames, "false");
        add_column(w, "resource", n_frames, cell_func_resource);
        add_constant(w, "fileName", n_frames, "null");
        add_constant(w, "lineNumber", n_frames, "null");
        add_constant(w, "columnNumber", n_frames, "null");
        text_addf(&w->text, "\"length\":%zu},\n\"resourceTable\":{", n_frames);

        add_constant(w, "lib", w->n_resources, "null");
        add_column(w, "name", w->n_resources, cell_resource_name);
        add_constant(w, "host", w->n_resources, "null");
        text_add(&w->text, "\"type\":[");
        for (size_t i = 0; i < w->n_resources; i++)
                text_addf(&w->text, i > 0 ? ",%d" : "%d", FIREFOX_RESOURCE_LIBRARY);
        text_addf(&w->text,
                  "],\"length\":%zu},\n\"nativeSymbols\":{\"libIndex\":[],\"address\":[],"
                  "\"name\":[],\"functionSize\":[],\"length\":0},\n",
                  w->n_resources);
}

/* ---- samples ---- */

/* Milliseconds, as the profiler counts. */
static double duration_msec(const Profile *p) {
        ProfileHeader h;

        profile_get_header(p, &h);
        return h.duration_nsec > 0 ? (double) h.duration_nsec / 1e6 : 1000;
}

static int add_samples(FirefoxWriter *w, const Profile *p) {
        size_t n = call_tree_size(w->tree), n_samples = 0, k = 0;
        TextWriter *t = &w->text;

        for (size_t i = 0; i < n; i++) {
                int64_t self = call_tree_get(w->tree, i)->self[CALL_TREE_VALUE];

                if (self < 0)
                        return -EDOM;
                n_samples += self > 0;
        }

        text_add(t, "\"samples\":{\"weightType\":\"samples\",\"stack\":[");
        for (size_t i = 0; i < n; i++)
                if (call_tree_get(w->tree, i)->self[CALL_TREE_VALUE] > 0) {
                        text_add(t, k++ > 0 ? "," : "");
                        if (i == 0)
                                text_add(t, "null");
                        else
                                text_addf(t, "%zu", i - 1);
                }
        text_add(t, "],\"weight\":[");
        k = 0;
        for (size_t i = 0; i < n; i++)
                if (call_tree_get(w->tree, i)->self[CALL_TREE_VALUE] > 0)
                        text_addf(t, k++ > 0 ? ",%" PRIi64 : "%" PRIi64,
                                  call_tree_get(w->tree, i)->self[CALL_TREE_VALUE]);
        text_add(t, "],\"time\":[");
        for (size_t i = 0; i < n_samples; i++)
                text_addf(t, i > 0 ? ",%.6f" : "%.6f",
                          duration_msec(p) * (double) i / (double) n_samples);
        text_addf(t, "],\"length\":%zu},\n", n_samples);
        return t->error;
}

static void add_meta(FirefoxWriter *w, const Profile *p, const char *title) {
        TextWriter *t = &w->text;
        ProfileHeader h;

        profile_get_header(p, &h);
        text_add(t, "{\"meta\":{\"product\":");
        text_add_json(t, title);
        text_addf(t, ",\"importedFrom\":\"profilerd\",\"version\":%d,", FIREFOX_GECKO_VERSION);
        text_addf(t, "\"preprocessedProfileVersion\":%d,", FIREFOX_PROCESSED_VERSION);
        text_addf(t, "\"startTime\":%.3f,", h.time_nsec > 0 ? (double) h.time_nsec / 1e6 : 0.0);
        text_addf(t, "\"interval\":%.6f,", h.period > 0 ? (double) h.period / 1e6 : 1.0);
        text_add(t, "\"processType\":0,\"stackwalk\":1,\"debug\":false,\"symbolicated\":true,"
                    "\"oscpu\":\"Linux\",\"platform\":\"Linux\",\"toolkit\":\"\","
                    "\"extensions\":{\"length\":0,\"baseURL\":[],\"id\":[],\"name\":[]},"
                    "\"usesOnlyOneStackType\":true,\"doesNotUseFrameImplementation\":true,"
                    "\"sourceCodeIsNotOnSearchfox\":true,\"markerSchema\":[],"
                    "\"categories\":["
                    "{\"name\":\"User\",\"color\":\"grey\",\"subcategories\":[\"Other\"]},"
                    "{\"name\":\"Kernel\",\"color\":\"orange\",\"subcategories\":[\"Other\"]}]},\n"
                    "\"libs\":[],\"pages\":[],\"counters\":[],\"profilerOverhead\":[],\n");
}

static int add_thread(FirefoxWriter *w, const Profile *p, const char *title) {
        TextWriter *t = &w->text;
        int r;

        text_add(t, "\"threads\":[{\"processType\":\"default\",\"processStartupTime\":0,"
                    "\"processShutdownTime\":null,\"registerTime\":0,\"unregisterTime\":null,"
                    "\"pausedRanges\":[],\"isMainThread\":true,\"pid\":\"0\",\"tid\":0,"
                    "\"name\":");
        text_add_json(t, title);
        text_add(t, ",\"processName\":");
        text_add_json(t, title);
        text_add(t, ",\"markers\":{\"data\":[],\"name\":[],\"startTime\":[],\"endTime\":[],"
                    "\"phase\":[],\"category\":[],\"length\":0},\n");
        r = add_samples(w, p);
        if (r < 0)
                return r;
        add_tables(w);
        text_add(t, "\"stringArray\":[");
        for (size_t i = 0; i < string_table_size(w->strings); i++) {
                text_add(t, i > 0 ? ",\n" : "\n");
                text_add_json(t, string_table_get(w->strings, i));
        }
        text_add(t, "]}]}\n");
        return 0;
}

int firefox_encode(Profile *p, size_t value_type, const char *title, char **ret, size_t *ret_size) {
        _cleanup_(writer_done) FirefoxWriter w = {};
        int r;

        r = string_table_new(&w.strings);
        if (r < 0)
                return r;
        r = call_tree_new(&w.tree, NULL);
        if (r < 0)
                return r;
        r = call_tree_add(w.tree, p, value_type, CALL_TREE_VALUE);
        if (r < 0)
                return r;
        r = index_frames(&w);
        if (r < 0)
                return r;

        add_meta(&w, p, title);
        r = add_thread(&w, p, title);
        if (r < 0)
                return r;
        return text_writer_take(&w.text, ret, ret_size);
}
