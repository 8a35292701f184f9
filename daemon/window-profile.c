/* SPDX-License-Identifier: Apache-2.0 */
/* From Window to Profile */

#include <inttypes.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/profile-symbols.h"
#include "stack-end.h"
#include "window-profile.h"

/* End of the user half of the address space on every 64-bit machine we know (five-level paging). */
#define USER_ADDRESS_END (UINT64_C(1) << 56)
/* Start of the kernel half. */
#define KERNEL_ADDRESS_START (UINT64_C(1) << 63)

#define KERNEL_MAPPING  "[kernel.kallsyms]"
#define MODULES_MAPPING "[kernel.modules]"

enum { NAMES_COMMENTS_MAX = 256 }; /* comments of a profile, beyond which none is about names */

/* How many of a mapping's locations have a name, and in all of their frames a file and a line. */
typedef struct MappingNames {
        uint32_t n_locations, n_named, n_files, n_lines;
        bool has_inlines; /* all that was inlined is known */
} MappingNames;

typedef struct Builder {
        const Window *window;
        const WindowProfileContext *context;
        Profile *profile;
        uint32_t *locations; /* by place; PROFILE_NONE: not made yet */
        bool *named;         /* by place */
        MappingNames *mappings;
        size_t mappings_capacity;
} Builder;

static void builder_done(Builder *b) {
        profile_free(b->profile);
        free(b->locations);
        free(b->named);
        free(b->mappings);
}

/* ---- locations ---- */

/* The lines of a location, innermost first; what they say of the mapping is counted. */
static int add_lines(
        Builder *b, const IndexFrame *frames, size_t n, ProfileLine *lines, MappingNames *names) {
        bool has_files = n > 0, has_lines = n > 0;
        int r;

        for (size_t i = 0; i < n; i++) {
                r = profile_add_function(b->profile,
                                         &(ProfileFunction){
                                                 .name = frames[i].name,
                                                 .system_name = frames[i].system_name,
                                                 .filename = frames[i].file,
                                         },
                                         &lines[i].function);
                if (r < 0)
                        return r;
                lines[i].line = frames[i].line;
                has_files &= !isempty(frames[i].file);
                has_lines &= frames[i].line != 0;
        }
        if (names) {
                names->n_locations++;
                names->n_named += n > 0;
                names->n_files += has_files;
                names->n_lines += has_lines;
        }
        return 0;
}

/* One location with its frames, or none. */
static int add_location(Builder *b,
                        const ProfileMapping *mapping,
                        uint64_t address,
                        const IndexFrame *frames,
                        size_t n_frames,
                        uint32_t place) {
        ProfileLocation location = { .mapping = PROFILE_NONE, .address = address };
        ProfileLine lines[INDEX_FRAMES_MAX];
        size_t n_before;
        int r;

        assert(n_frames <= ELEMENTSOF(lines));

        if (mapping) {
                n_before = profile_n_mappings(b->profile);
                r = profile_add_mapping(b->profile, mapping, &location.mapping);
                if (r < 0)
                        return r;
                r = ARRAY_RESERVE(b->mappings, b->mappings_capacity, location.mapping + 1);
                if (r < 0)
                        return r;
                if (location.mapping >= n_before)
                        b->mappings[location.mapping] = (MappingNames){};
        }
        r = add_lines(b, frames, n_frames, lines, mapping ? &b->mappings[location.mapping] : NULL);
        if (r < 0)
                return r;
        location.lines = lines;
        location.n_lines = n_frames;
        b->named[place] = n_frames > 0;
        return profile_add_location(b->profile, &location, &b->locations[place]);
}

/*
 * The kernel's own text and all above it is one mapping; what lies below (modules, on some
 * machines) another, so that every address is inside its mapping.
 */
static int add_kernel_place(Builder *b, const Place *p, uint32_t place) {
        uint64_t text = b->context->kernel ? kallsyms_get_text(b->context->kernel) : 0;
        ProfileMapping mapping = {
                .start = text ? text : KERNEL_ADDRESS_START,
                .limit = UINT64_MAX,
                .filename = KERNEL_MAPPING,
                .build_id = b->context->kernel_build_id,
        };
        _cleanup_free_ char *name = NULL;
        IndexFrame frame = {};
        KernelSymbol symbol;

        if (p->address < mapping.start) {
                mapping.limit = mapping.start;
                mapping.start = MIN(KERNEL_ADDRESS_START, p->address);
                mapping.filename = MODULES_MAPPING;
                mapping.build_id = "";
        }
        if (!b->context->kernel || !kallsyms_find(b->context->kernel, p->address, &symbol))
                return add_location(b, &mapping, p->address, NULL, 0, place);

        frame.name = frame.system_name = symbol.name;
        if (symbol.module) {
                if (asprintf(&name, "%s [%s]", symbol.name, symbol.module) < 0)
                        return -ENOMEM;
                frame.name = name;
        }
        return add_location(b, &mapping, p->address, &frame, 1, place);
}

static void describe_segment(IndexFile *index, const IndexSegment *segment, ProfileMapping *m) {
        m->start = segment->address;
        m->limit = segment->address + segment->memory_size;
        m->offset = segment->file_offset;
        m->build_id = index_file_get_build_id(index);
}

static int add_file_place(Builder *b, const Place *p, uint32_t place) {
        IndexFile *index = file_get_index(p->file);
        ProfileMapping mapping = { .limit = USER_ADDRESS_END, .filename = file_get_path(p->file) };
        const IndexSegment *segment;
        ProfileLocation location;
        IndexFrame frames[INDEX_FRAMES_MAX];
        uint64_t address;
        size_t n;
        int r;

        if (!index || !index_file_find_address(index, p->address, &segment, &address))
                return add_location(b, &mapping, p->address, NULL, 0, place);

        describe_segment(index, segment, &mapping);
        n = index_file_find_frames(index, address, frames);
        if (!b->context->lines && n > 0) {
                frames[0] = frames[n - 1];
                frames[0].file = NULL;
                frames[0].line = 0;
                n = 1;
        }
        r = add_location(b, &mapping, address, frames, n, place);
        if (r < 0)
                return r;
        profile_get_location(b->profile, b->locations[place], &location);
        b->mappings[location.mapping].has_inlines =
                b->context->lines && index_file_get_line_info(index)->state == INDEX_LINES_WHOLE;
        return 0;
}

static int add_memory_place(Builder *b, const Place *p, uint32_t place) {
        ProfileMapping memory = { .limit = USER_ADDRESS_END, .filename = file_get_path(p->file) };
        CodeEntry entry;
        IndexFrame frame;

        if (!p->code || !code_map_find(p->code, p->address, p->epoch, &entry))
                return add_location(b, &memory, p->address, NULL, 0, place);
        frame = (IndexFrame){ .name = entry.name, .system_name = entry.name };
        return add_location(b, &memory, p->address, &frame, 1, place);
}

static int add_place(Builder *b, uint32_t place) {
        const Place *p = window_get_place(b->window, place);

        if (b->locations[place] != PROFILE_NONE)
                return 0;

        switch ((PlaceKind) p->kind) {
        case PLACE_KERNEL:
                return add_kernel_place(b, p, place);
        case PLACE_FILE:
                return add_file_place(b, p, place);
        case PLACE_MEMORY:
                return add_memory_place(b, p, place);
        case PLACE_UNMAPPED:
                break;
        }
        /* To pprof an address of 0 is none; a jump through a null pointer leads there. */
        return add_location(b, NULL, MAX(p->address, UINT64_C(1)), NULL, 0, place);
}

static int add_unsampled_mapping(Builder *b, const Mapping *m) {
        ProfileMapping mapping = { .limit = USER_ADDRESS_END, .filename = file_get_path(m->file) };
        IndexFile *index = file_get_index(m->file);
        const IndexSegment *segment;
        uint32_t i;
        int r;

        if (index && index_file_find_code(index, m->offset, m->end - m->start, &segment))
                describe_segment(index, segment, &mapping);
        r = profile_add_mapping(b->profile, &mapping, &i);
        if (r < 0)
                return r;
        r = ARRAY_RESERVE(b->mappings, b->mappings_capacity, i + 1);
        if (r >= 0)
                b->mappings[i] = (MappingNames){};
        return r;
}

/* Mapping 0 is the unit's main executable: pprof shows it as the file that the profile is of. */
static int add_main_mapping_first(Builder *b) {
        File *file = NULL;

        if (b->context->main_exe)
                file = window_find_file(b->window, b->context->main_exe);
        if (!file && b->context->main_mapping)
                return add_unsampled_mapping(b, b->context->main_mapping);
        if (!file)
                file = window_find_file(b->window, window_get_heaviest_exe(b->window));
        for (uint32_t i = 0; i < window_n_places(b->window); i++) {
                const Place *place = window_get_place(b->window, i);

                /* Of processes that nothing is known of, any file is better than the kernel. */
                if (file ? place->file == file : place->kind == PLACE_FILE)
                        return add_place(b, i);
        }
        return 0;
}

/* ---- samples ---- */

enum { LABELS_OF_STACK = 5, SCHEDULER_PLACES_MAX = 10 };

/* A thread that waits has called the scheduler, which has called us: all of them have the same
 * leaves, and what tells them apart is who called schedule(). */
static uint32_t count_scheduler_places(const Builder *b, const WindowStack *s) {
        KernelSymbol symbol;

        if (s->state == 0 || !b->context->kernel)
                return 0;
        for (uint32_t i = 0; i + 1 < s->n_places && i < SCHEDULER_PLACES_MAX; i++) {
                uint32_t place = window_get_stack_place(b->window, s, i);
                const Place *p = window_get_place(b->window, place);

                if (p->kind != PLACE_KERNEL)
                        break;
                if (kallsyms_find(b->context->kernel, p->address, &symbol) &&
                    streq(symbol.name, "schedule"))
                        return i + 1;
        }
        return 0;
}

static int add_stack(Builder *b, const WindowStack *s, ProfileLabel *labels, WindowNames *names) {
        int64_t values[1 + _WINDOW_TYPE_MAX] = { (int64_t) s->count };
        _cleanup_free_ uint32_t *locations = NULL;
        char comm[SAMPLE_COMM_MAX + 1] = {}, state[] = { s->state, '\0' };
        uint32_t first = count_scheduler_places(b, s), n = s->n_places - first;
        int r;

        locations = malloc((n + 1) * sizeof(*locations));
        if (!locations)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++) {
                uint32_t place = window_get_stack_place(b->window, s, first + i);

                r = add_place(b, place);
                if (r < 0)
                        return r;
                locations[i] = b->locations[place];
                names->frames += s->count;
                names->named += b->named[place] ? s->count : 0;
        }

        values[window_is_mixed(b->window) && s->state != 0 ? 2 : 1] = (int64_t) s->weight_nsec;
        memcpy(comm, s->comm, sizeof(s->comm));
        labels[0] = (ProfileLabel){ .key = "thread", .string = comm };
        labels[1] = (ProfileLabel){ .key = "pid", .number = s->pid, .unit = "pid" };
        labels[2] = (ProfileLabel){ .key = "tid", .number = s->tid, .unit = "tid" };
        /* An empty text is no label: only what is worth a look has one. */
        labels[3] = (ProfileLabel){
                .key = PROFILE_STACK_END_LABEL,
                .string = s->stack_end == STACK_END_COMPLETE || s->stack_end == STACK_END_NONE
                                  ? ""
                                  : stack_end_to_string(s->stack_end),
        };
        labels[4] = (ProfileLabel){ .key = "state", .string = state };
        return profile_add_sample(b->profile,
                                  &(ProfileSample){
                                          .locations = locations,
                                          .n_locations = n,
                                          .values = values,
                                          .labels = labels,
                                          .n_labels = LABELS_OF_STACK + b->context->n_labels,
                                  });
}

static int add_stacks(Builder *b, WindowNames *names) {
        _cleanup_free_ ProfileLabel *labels = NULL;
        int r;

        labels = calloc(LABELS_OF_STACK + b->context->n_labels, sizeof(*labels));
        if (!labels)
                return -ENOMEM;
        for (size_t i = 0; i < b->context->n_labels; i++)
                labels[LABELS_OF_STACK + i] = (ProfileLabel){
                        .key = b->context->labels[i].key,
                        .string = b->context->labels[i].value,
                };

        for (const WindowStack *s = window_next_stack(b->window, NULL); s;
             s = window_next_stack(b->window, s)) {
                r = add_stack(b, s, labels, names);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- header and comments ---- */

static int set_header(Builder *b) {
        const char *type = window_type_to_string(window_get_type(b->window));
        ProfileHeader header = {
                .time_nsec = (int64_t) (window_get_start(b->window) * NSEC_PER_USEC),
                .duration_nsec = (int64_t) (b->context->duration_usec * NSEC_PER_USEC),
                .period_type = { type, "nanoseconds" },
                .period = window_get_type(b->window) == WINDOW_CPU
                                  ? (int64_t) (NSEC_PER_SEC / b->context->frequency_hz)
                                  : 1,
                .default_sample_type = type,
        };

        return profile_set_header(b->profile, &header);
}

static int add_text(Builder *b, const char *key, const char *value) {
        _cleanup_free_ char *line = NULL;

        if (asprintf(&line, "%s: %s", key, value) < 0)
                return -ENOMEM;
        return profile_add_comment(b->profile, line);
}

static int add_number(Builder *b, const char *key, uint64_t value) {
        _cleanup_free_ char *line = NULL;

        if (asprintf(&line, "%s: %" PRIu64, key, value) < 0)
                return -ENOMEM;
        return profile_add_comment(b->profile, line);
}

static uint64_t count_broken(const WindowTotals *totals) {
        uint64_t n = 0;

        for (unsigned end = 0; end < _STACK_END_MAX; end++)
                n += stack_end_is_broken(end) ? totals->stack_ends[end] : 0;
        return n;
}

/* Those that there were. */
static int add_broken(Builder *b, const WindowTotals *totals) {
        int r = 0;

        for (unsigned end = 0; end < _STACK_END_MAX && r >= 0; end++) {
                char key[64];

                if (!stack_end_is_broken(end) || totals->stack_ends[end] == 0)
                        continue;
                snprintf(key, sizeof(key), "stacks-%s", stack_end_to_string(end));
                r = add_number(b, key, totals->stack_ends[end]);
        }
        return r;
}

static int add_comments(Builder *b, const WindowNames *names) {
        char invocation[SD_ID128_STRING_MAX], boot[SD_ID128_STRING_MAX];
        const struct {
                const char *key, *value;
        } texts[] = {
                { "unit", b->context->unit },
                { "invocation-id", sd_id128_to_string(b->context->invocation_id, invocation) },
                { "host", b->context->host },
                { "boot-id", sd_id128_to_string(b->context->boot_id, boot) },
                { "slice", b->context->slice },
        };
        WindowTotals totals;
        int r;

        window_get_totals(b->window, &totals);
        const struct {
                const char *key;
                uint64_t value;
        } numbers[] = {
                { "samples", totals.samples },
                { "lost-samples", totals.lost },
                { "stacks-complete", totals.stack_ends[STACK_END_COMPLETE] },
                { "stacks-truncated", totals.stack_ends[STACK_END_TRUNCATED] },
                { "stacks-broken", count_broken(&totals) },
                { "stacks-none", totals.stack_ends[STACK_END_NONE] },
                { "stacks-guessed", totals.guessed },
                { "frames", names->frames },
                { "frames-named", names->named },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                if (!texts[i].value)
                        continue;
                r = add_text(b, texts[i].key, texts[i].value);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                r = add_number(b, numbers[i].key, numbers[i].value);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < strv_length(b->context->comments); i++) {
                r = profile_add_comment(b->profile, b->context->comments[i]);
                if (r < 0)
                        return r;
        }
        return add_broken(b, &totals);
}

/* Which lines there are of a file, or why not all of them; NULL: it says nothing of them. */
static const char *describe_lines(const Builder *b, const IndexFile *index) {
        if (!index || !b->context->lines)
                return NULL;
        switch ((IndexLinesState) index_file_get_line_info(index)->state) {
        case INDEX_LINES_WHOLE:
                return "lines";
        case INDEX_LINES_TIME:
                return "lines-cut-by-time";
        case INDEX_LINES_MEMORY:
                return "lines-cut-by-memory";
        case INDEX_LINES_LIMIT:
                return "lines-cut-by-size";
        case INDEX_LINES_DAMAGED:
                return "lines-damaged";
        default:
                return NULL;
        }
}

static void append_word(char *text, const char *word) {
        strcat(text, text[0] != '\0' ? "+" : "");
        strcat(text, word);
}

/* Which names there could be, for whoever misses some. */
static int add_names_comment(Builder *b, const Place *p) {
        static const struct {
                uint32_t source;
                const char *name;
        } sources[] = {
                { INDEX_SOURCE_SYMTAB, "symtab" },
                { INDEX_SOURCE_DEBUG_FILE, "debug-file" },
                { INDEX_SOURCE_MINI_DEBUG, "gnu_debugdata" },
                { INDEX_SOURCE_GO, "gopclntab" },
                { INDEX_SOURCE_DYNSYM, "dynsym" },
        };
        const IndexFile *index = p->file ? file_get_index(p->file) : NULL;
        _cleanup_free_ char *value = NULL;
        const char *lines;
        char text[128] = "";

        if (p->kind == PLACE_MEMORY)
                strcat(text, p->code && code_map_size(p->code) > 0 ? "runtime" : "none");
        for (size_t i = 0; index && i < ELEMENTSOF(sources); i++)
                if (index_file_get_sources(index) & sources[i].source)
                        append_word(text, sources[i].name);
        lines = describe_lines(b, index);
        if (lines)
                append_word(text, lines);
        if (!p->file || (text[0] == '\0' && !index))
                return 0;
        strcat(text, text[0] == '\0' ? "none " : " ");
        if (asprintf(&value, "%s%s", text, file_get_path(p->file)) < 0)
                return -ENOMEM;
        return add_text(b, PROFILE_NOTE_NAMES, value);
}

static int add_names_comments(Builder *b) {
        const File *last = NULL;

        for (uint32_t i = 0; i < window_n_places(b->window); i++) {
                const Place *p = window_get_place(b->window, i);
                int r;

                if (p->file == last || profile_n_comments(b->profile) >= NAMES_COMMENTS_MAX)
                        continue;
                last = p->file;
                r = add_names_comment(b, p);
                if (r < 0)
                        return r;
        }
        return 0;
}

int window_make_profile(const Window *w,
                        const WindowProfileContext *context,
                        Profile **ret,
                        WindowNames *ret_names) {
        const ProfileValueType types[] = {
                { "samples", "count" },
                { window_type_to_string(window_get_type(w)), "nanoseconds" },
                { window_type_to_string(WINDOW_OFF_CPU), "nanoseconds" }, /* if it is mixed */
        };
        _cleanup_(builder_done) Builder b = { .window = w, .context = context };
        size_t n = window_n_places(w);
        WindowNames names = {};
        int r;

        b.locations = malloc((n + 1) * sizeof(*b.locations));
        b.named = calloc(n + 1, sizeof(*b.named));
        if (!b.locations || !b.named)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                b.locations[i] = PROFILE_NONE;

        r = profile_new(&b.profile, types, ELEMENTSOF(types) - !window_is_mixed(w));
        if (r < 0)
                return r;
        r = set_header(&b);
        if (r < 0)
                return r;
        r = add_main_mapping_first(&b);
        if (r < 0)
                return r;
        r = add_stacks(&b, &names);
        if (r < 0)
                return r;
        r = add_comments(&b, &names);
        if (r < 0)
                return r;
        r = add_names_comments(&b);
        if (r < 0)
                return r;

        for (uint32_t i = 0; i < profile_n_mappings(b.profile); i++) {
                const MappingNames *m = &b.mappings[i];
                bool all_named = m->n_named == m->n_locations;

                profile_set_mapping_flags(b.profile, i, all_named,
                                          m->n_files == m->n_locations && m->n_files > 0,
                                          m->n_lines == m->n_locations && m->n_lines > 0,
                                          all_named && m->has_inlines);
        }

        *ret = TAKE_PTR(b.profile);
        *ret_names = names;
        return 0;
}
