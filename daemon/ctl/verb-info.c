/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl info: all that a profile says about itself */

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>

#include "basic/string-util.h"
#include "ctl/ctl-collect.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "view/format.h"

enum {
        INFO_MAPPINGS_MAX = 10, /* as text, without --all */
        INFO_LABEL_WIDTH = 12,
};

/* Text of anyone, for a terminal. */
static void print_text(const char *label, const char *value) {
        _cleanup_free_ char *clean = utf8_sanitize(value, strlen(value));

        printf("%*s: %s\n", INFO_LABEL_WIDTH, label, clean ?: "?");
}

static void print_times(const Ctl *c, const Profile *p) {
        ProfileHeader h;
        usec_t start;

        profile_get_header(p, &h);
        start = h.time_nsec > 0 ? (usec_t) h.time_nsec / NSEC_PER_USEC : 0;
        if (start > 0)
                printf("%*s: %s (%s)\n", INFO_LABEL_WIDTH, "Time",
                       FORMAT_TIME(start, FORMAT_TIME_ZONE), FORMAT_AGO(c->now_usec, start));
        if (h.duration_nsec > 0)
                printf("%*s: %s\n", INFO_LABEL_WIDTH, "Duration",
                       FORMAT_SPAN((usec_t) h.duration_nsec / NSEC_PER_USEC));
        if (h.period > 0) {
                char text[256];

                snprintf(text, sizeof(text), "%" PRIi64 " %.64s of %.64s", h.period,
                         h.period_type.unit, h.period_type.type);
                print_text("Period", text);
        }
}

static void print_values(Profile *p) {
        for (size_t i = 0; i < profile_n_value_types(p); i++) {
                ProfileValueType t;
                char text[256];

                profile_get_value_type(p, i, &t);
                snprintf(text, sizeof(text), "%.64s, %" PRIi64 " %.64s", t.type,
                         profile_total(p, i), t.unit);
                print_text("Value", text);
        }
}

static void print_mappings(const Ctl *c, const Profile *p) {
        size_t n = profile_n_mappings(p);

        for (uint32_t i = 0; i < n; i++) {
                ProfileMapping m;
                char text[512];

                if (i == INFO_MAPPINGS_MAX && !c->all) {
                        printf("%*s  … and %zu more; --all lists them\n", INFO_LABEL_WIDTH, "",
                               n - i);
                        break;
                }
                profile_get_mapping(p, i, &m);
                snprintf(text, sizeof(text), "%.300s%s%.100s",
                         isempty(m.filename) ? "[anonymous]" : m.filename,
                         isempty(m.build_id) ? "" : ", build id ", m.build_id);
                print_text("Binary", text);
        }
}

static void print_info(const Ctl *c, const char *path, uint64_t size, Profile *p) {
        ProfileFrames frames;

        print_text("Path", path);
        if (size > 0)
                printf("%*s: %s\n", INFO_LABEL_WIDTH, "Size", FORMAT_BYTES(size));
        print_times(c, p);
        print_values(p);
        printf("%*s: %zu different stacks, %zu addresses, %zu functions\n", INFO_LABEL_WIDTH,
               "Contents", profile_n_samples(p), profile_n_locations(p), profile_n_functions(p));
        profile_count_frames(p, &frames);
        printf("%*s: %s of the frames\n", INFO_LABEL_WIDTH, "Named",
               FORMAT_SHARE(frames.named, frames.frames));
        print_mappings(c, p);
        for (size_t i = 0; i < profile_n_comments(p); i++)
                print_text("Comment", profile_get_comment(p, i));
}

static void info_to_json(JsonOutput *j, const char *path, uint64_t size, Profile *p) {
        ProfileFrames frames;
        ProfileHeader h;

        profile_get_header(p, &h);
        profile_count_frames(p, &frames);
        json_open_object(j, NULL);
        json_add_string(j, "path", path);
        if (size > 0)
                json_add_count(j, "size", size);
        else
                json_add_null(j, "size");
        json_add_integer(j, "start_usec", h.time_nsec / (int64_t) NSEC_PER_USEC);
        json_add_integer(j, "duration_usec", h.duration_nsec / (int64_t) NSEC_PER_USEC);
        json_add_integer(j, "period", h.period);
        json_open_array(j, "values");
        for (size_t i = 0; i < profile_n_value_types(p); i++) {
                ProfileValueType t;

                profile_get_value_type(p, i, &t);
                json_open_object(j, NULL);
                json_add_string(j, "type", t.type);
                json_add_string(j, "unit", t.unit);
                json_add_integer(j, "total", profile_total(p, i));
                json_close(j);
        }
        json_close(j);
        json_add_count(j, "stacks", profile_n_samples(p));
        json_add_count(j, "locations", profile_n_locations(p));
        json_add_count(j, "functions", profile_n_functions(p));
        json_add_count(j, "frames", frames.frames);
        json_add_count(j, "frames_named", frames.named);
        json_open_array(j, "binaries");
        for (uint32_t i = 0; i < profile_n_mappings(p); i++) {
                ProfileMapping m;

                profile_get_mapping(p, i, &m);
                json_open_object(j, NULL);
                json_add_string(j, "path", m.filename);
                json_add_string(j, "build_id", m.build_id);
                json_close(j);
        }
        json_close(j);
        json_open_array(j, "comments");
        for (size_t i = 0; i < profile_n_comments(p); i++)
                json_add_string(j, NULL, profile_get_comment(p, i));
        json_close(j);
        json_close(j);
}

typedef struct InfoSink {
        JsonOutput *json; /* NULL: text */
        size_t n, n_failed;
} InfoSink;

static int add_file(const Ctl *c,
                    InfoSink *sink,
                    int dir_fd,
                    const char *path,
                    const char *shown,
                    uint64_t size) {
        _cleanup_(profile_freep) Profile *p = NULL;
        const char *reason = NULL;
        int r;

        r = pprof_read_file(dir_fd, path, &p, &reason);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                ctl_warning("%s: %s; left out.", shown,
                            r == -EBADMSG && reason ? reason : strerror(-r));
                sink->n_failed++;
                return 0;
        }
        if (sink->json)
                info_to_json(sink->json, shown, size, p);
        else {
                if (sink->n == 0)
                        ctl_start_output(c);
                else
                        putchar('\n');
                print_info(c, shown, size, p);
        }
        sink->n++;
        return 0;
}

/* Without a range the newest profile of each unit. */
static int add_units(const Ctl *c, InfoSink *sink, char **names) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry *entries = NULL;
        Ctl newest = *c;
        int r, code;
        size_t n;

        if (!c->since && !c->until && c->n_newest == 0)
                newest.n_newest = 1;
        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        code = collect_entries(&newest, s, patterns, c->type, &entries, &n);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        r = 0;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                char shown[PATH_MAX];

                snprintf(shown, sizeof(shown), "%s/%s", store_get_directory(s), entries[i].path);
                r = add_file(c, sink, store_get_fd(s), entries[i].path, shown,
                             entries[i].size_bytes);
        }
        store_entries_free(entries, n);
        return r < 0 ? ctl_oom() : code;
}

static int add_names(const Ctl *c, InfoSink *sink, char **names) {
        _cleanup_(strv_freep) char **units = NULL;
        int r;

        for (char **name = names; *name; name++) {
                r = ctl_name_is_file(*name) ? add_file(c, sink, AT_FDCWD, *name, *name, 0)
                                            : strv_extend(&units, *name);
                if (r < 0)
                        return ctl_oom();
        }
        return units ? add_units(c, sink, units) : EXIT_CODE_OK;
}

int verb_info(const Ctl *c, char **names) {
        InfoSink sink = {};
        int r, code;

        if (c->json != JSON_MODE_OFF) {
                if (json_output_new(&sink.json) < 0)
                        return ctl_oom();
                json_open_array(sink.json, "profiles");
        }
        code = add_names(c, &sink, names);
        if (sink.n_failed > 0 && code == EXIT_CODE_OK)
                code = sink.n > 0 ? EXIT_CODE_GAPS : EXIT_CODE_FAILURE;
        if (!sink.json)
                return code;
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS) {
                json_output_free(sink.json);
                return code;
        }
        json_close(sink.json);
        r = ctl_print_json(c, sink.json);
        return r != EXIT_CODE_OK ? r : code;
}
