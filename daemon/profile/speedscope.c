/* SPDX-License-Identifier: Apache-2.0 */
/* speedscope's File Format */

#include <inttypes.h>

#include "basic/string-util.h"
#include "profile/frame-table.h"
#include "profile/profile-quality.h"
#include "profile/speedscope.h"
#include "profile/text-writer.h"

#define SPEEDSCOPE_SCHEMA "https://www.speedscope.app/file-format-schema.json"

/* The units that speedscope knows, in its words. */
static const char *unit_name(const char *unit) {
        static const char *const known[] = { "nanoseconds", "microseconds", "milliseconds",
                                             "seconds", "bytes" };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(unit, known[i]))
                        return known[i];
        return "none";
}

static void add_frames(TextWriter *w, const FrameTable *t) {
        for (uint32_t i = 0; i < frame_table_size(t); i++) {
                Frame f;

                frame_table_get(t, i, &f);
                text_add(w, i > 0 ? ",\n{\"name\":" : "\n{\"name\":");
                text_add_json(w, f.name);
                /* speedscope colours by file and shows it beside the name. */
                if (!isempty(f.binary) || !isempty(f.file)) {
                        text_add(w, ",\"file\":");
                        text_add_json(w, !isempty(f.binary) ? f.binary : f.file);
                }
                text_add(w, "}");
        }
}

static int add_stacks(TextWriter *w, Profile *p, const FrameMap *map, size_t value_type) {
        _cleanup_(frame_stack_done) FrameStack stack = {};
        bool first = true;

        for (size_t i = 0; i < profile_n_samples(p) && w->error >= 0; i++) {
                ProfileSample s;
                int r;

                profile_get_sample(p, i, &s);
                if (s.values[value_type] < 0)
                        return -EDOM;
                if (s.values[value_type] == 0)
                        continue;
                r = frame_map_get_stack(map, &s, &stack);
                if (r < 0)
                        return r;
                text_add(w, first ? "\n[" : ",\n[");
                for (size_t k = 0; k < stack.n; k++)
                        text_addf(w, k > 0 ? ",%" PRIu32 : "%" PRIu32, stack.frames[k]);
                text_add(w, "]");
                first = false;
        }
        return w->error;
}

static void add_weights(TextWriter *w, Profile *p, size_t value_type) {
        bool first = true;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;

                profile_get_sample(p, i, &s);
                if (s.values[value_type] == 0)
                        continue;
                text_addf(w, first ? "%" PRIi64 : ",%" PRIi64, s.values[value_type]);
                first = false;
        }
}

static int add_profile(
        TextWriter *w, Profile *p, const FrameMap *map, size_t value_type, const char *title) {
        ProfileValueType t;
        int r;

        profile_get_value_type(p, value_type, &t);
        text_add(w, "{\"type\":\"sampled\",\"name\":");
        text_add_json(w, title);
        text_add(w, ",\"unit\":");
        text_add_json(w, unit_name(t.unit));
        text_addf(w, ",\"startValue\":0,\"endValue\":%" PRIi64 ",\"samples\":[",
                  profile_total(p, value_type));
        r = add_stacks(w, p, map, value_type);
        if (r < 0)
                return r;
        text_add(w, "],\n\"weights\":[");
        add_weights(w, p, value_type);
        text_add(w, "]}");
        return 0;
}

int speedscope_encode(
        Profile *p, size_t value_type, const char *title, char **ret, size_t *ret_size) {
        _cleanup_(frame_table_freep) FrameTable *frames = NULL;
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_(frame_map_done) FrameMap map = {};
        int r;

        r = frame_table_new(&frames);
        if (r < 0)
                return r;
        r = frame_table_add_profile(frames, p, &map);
        if (r < 0)
                return r;

        text_add(&w,
                 "{\"$schema\":\"" SPEEDSCOPE_SCHEMA "\",\"exporter\":\"profilerctl\",\"name\":");
        text_add_json(&w, title);
        text_addf(&w, ",\"activeProfileIndex\":%zu,\n\"shared\":{\"frames\":[", value_type);
        add_frames(&w, frames);
        text_add(&w, "]},\n\"profiles\":[");
        for (size_t i = 0; i < profile_n_value_types(p); i++) {
                ProfileValueType t;

                profile_get_value_type(p, i, &t);
                text_add(&w, i > 0 ? ",\n" : "\n");
                r = add_profile(&w, p, &map, i, t.type);
                if (r < 0)
                        return r;
        }
        text_add(&w, "]}\n");
        return text_writer_take(&w, ret, ret_size);
}
