/* SPDX-License-Identifier: Apache-2.0 */
/* Binary Index: nothing of the file is believed; index_file_check() sees all that is searched */

#include <elf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "index/index-file.h"

struct IndexFile {
        unsigned n_ref;
        void *map; /* NULL: the memory is the caller's */
        size_t size;
        const IndexHeader *header;
        const IndexSegment *segments;
        const IndexFunction *functions;
        const char *names;
        size_t n_segments, n_functions, names_size;
        IndexUnwindTable unwind;
        const IndexDebugLink *debug_link; /* NULL: none */
        const IndexLineInfo *line_info;
        const uint32_t *files;
        const IndexLine *lines;
        const IndexInline *inlines;
        const IndexInlineRange *ranges;
        size_t n_files, n_lines, n_inlines, n_ranges;
        char build_id[2 * INDEX_BUILD_ID_MAX + 1];
};

static const IndexSection *index_file_section(const IndexFile *f, IndexSectionKind kind) {
        return &f->header->sections[kind];
}

/* The bytes of a section as an array. -EBADMSG: not a whole number of elements, or too many. */
static int index_file_get_array(const IndexFile *f,
                                IndexSectionKind kind,
                                size_t element,
                                size_t max,
                                const void **ret,
                                size_t *ret_n) {
        const IndexSection *s = index_file_section(f, kind);

        if (s->size % element != 0 || s->size / element > max)
                return -EBADMSG;
        /* An absent section has no place that could be believed. */
        *ret = s->size > 0 ? (const uint8_t *) f->header + s->offset : NULL;
        *ret_n = (size_t) (s->size / element);
        return 0;
}

static int index_file_check_header(IndexFile *f, const void *data, const uint8_t *content_hash) {
        const IndexHeader *h = data;

        if (f->size < offsetof(IndexHeader, header_size) || h->magic != INDEX_MAGIC)
                return -EBADMSG;
        if (h->version != INDEX_VERSION)
                return -ESTALE;
        if (f->size < sizeof(IndexHeader) || h->header_size != sizeof(IndexHeader) ||
            h->file_size != f->size || h->build_id_size > INDEX_BUILD_ID_MAX)
                return -EBADMSG;
        if (content_hash && memcmp(h->content_hash, content_hash, INDEX_CONTENT_HASH_SIZE) != 0)
                return -EBADMSG;

        for (size_t i = 0; i < ELEMENTSOF(h->sections); i++) {
                const IndexSection *s = &h->sections[i];

                if (s->size == 0)
                        continue;
                if (s->offset % 8 != 0 || s->offset < sizeof(IndexHeader) || s->offset > f->size ||
                    s->size > f->size - s->offset)
                        return -EBADMSG;
        }

        f->header = h;
        return 0;
}

static int index_file_check_segments(const IndexFile *f) {
        for (size_t i = 0; i < f->n_segments; i++) {
                const IndexSegment *s = &f->segments[i];

                if (s->file_size > s->memory_size || s->memory_size > UINT64_MAX - s->address ||
                    s->memory_size > UINT64_MAX - s->file_offset)
                        return -EBADMSG;
                if (i > 0 && s->file_offset < s[-1].file_offset)
                        return -EBADMSG;
        }
        return 0;
}

/* Where functions begin and end. Their names are looked at when somebody asks for them. */
static int index_file_check_functions(const IndexFile *f) {
        uint64_t end = 0;

        for (size_t i = 0; i < f->n_functions; i++) {
                const IndexFunction *n = &f->functions[i];

                if (n->address < end || n->size == 0 || n->size > UINT64_MAX - n->address)
                        return -EBADMSG;
                end = n->address + n->size;
        }
        return 0;
}

static bool rule_is_valid(const struct unwind_rule *rule) {
        if (rule->kind >= _UNWIND_KIND_MAX || rule->ra_kind >= _UNWIND_RETURN_MAX ||
            rule->base >= UNWIND_REGISTERS || rule->aux >= UNWIND_REGISTERS ||
            rule->block_base > UNWIND_BLOCK_AT_CFA || rule->n_block > UNWIND_BLOCK_WORDS)
                return false;
        if (rule->kind < UNWIND_CFA_REGISTER || rule->kind == UNWIND_SIGNAL)
                return true;

        if (rule->ra_kind == UNWIND_RETURN_IN_BLOCK && (rule->ra < 0 || rule->ra >= rule->n_block))
                return false;
        if (rule->ra_kind == UNWIND_RETURN_IN_REGISTER &&
            (rule->ra < 0 || rule->ra >= UNWIND_REGISTERS))
                return false;
        for (unsigned i = 0; rule->slots != 0 && i < UNWIND_REGISTERS; i++) {
                uint32_t slot = unwind_rule_get_slot(rule, i);

                if (slot != UNWIND_SLOT_LOST && slot > rule->n_block)
                        return false;
        }
        return true;
}

/* Pages follow each other in the rows; in a page, rows go up from offset 0. */
static bool index_file_is_page_valid(const IndexUnwindTable *t, size_t page, size_t *n_rows) {
        const IndexUnwindPage *p = &t->pages[page];
        const IndexUnwindRow *rows;
        uint32_t last = 0;

        if (p->first_row != *n_rows || p->n_rows > t->n_rows - *n_rows)
                return false;
        if (p->n_rows == 0)
                return true;
        rows = &t->rows[*n_rows];
        for (size_t i = 0; i < p->n_rows; i++) {
                if (i == 0 ? rows[i].offset != 0 : rows[i].offset <= last)
                        return false;
                if (rows[i].offset >= INDEX_UNWIND_PAGE_SIZE || rows[i].rule >= t->n_rules)
                        return false;
                last = rows[i].offset;
        }
        *n_rows += p->n_rows;
        return true;
}

static int index_file_check_unwind(const IndexFile *f) {
        const IndexUnwindTable *t = &f->unwind;
        size_t n_rows = 0;

        if (t->info->start % INDEX_UNWIND_PAGE_SIZE != 0 ||
            t->n_pages * (uint64_t) INDEX_UNWIND_PAGE_SIZE > UINT64_MAX - t->info->start)
                return -EBADMSG;
        if (t->n_rules > 0 && t->rules[0].kind != UNWIND_NOT_COVERED)
                return -EBADMSG;
        for (size_t i = 0; i < t->n_rules; i++)
                if (!rule_is_valid(&t->rules[i]))
                        return -EBADMSG;
        for (size_t i = 0; i < t->n_pages; i++)
                if (!index_file_is_page_valid(t, i, &n_rows))
                        return -EBADMSG;
        return n_rows == t->n_rows ? 0 : -EBADMSG;
}

static int index_file_read_unwind(IndexFile *f) {
        static const IndexUnwind none;
        const void *info, *pages, *rows, *rules;
        size_t n_info;
        int r;

        r = index_file_get_array(f, INDEX_SECTION_UNWIND, sizeof(IndexUnwind), 1, &info, &n_info);
        if (r < 0)
                return r;
        r = index_file_get_array(f, INDEX_SECTION_UNWIND_PAGES, sizeof(IndexUnwindPage),
                                 INDEX_UNWIND_PAGES_MAX, &pages, &f->unwind.n_pages);
        if (r < 0)
                return r;
        r = index_file_get_array(f, INDEX_SECTION_UNWIND_ROWS, sizeof(IndexUnwindRow),
                                 INDEX_UNWIND_ROWS_MAX, &rows, &f->unwind.n_rows);
        if (r < 0)
                return r;
        r = index_file_get_array(f, INDEX_SECTION_UNWIND_RULES, sizeof(struct unwind_rule),
                                 INDEX_UNWIND_RULES_MAX, &rules, &f->unwind.n_rules);
        if (r < 0)
                return r;

        f->unwind.info = n_info > 0 ? info : &none;
        f->unwind.pages = pages;
        f->unwind.rows = rows;
        f->unwind.rules = rules;
        return index_file_check_unwind(f);
}

static int index_file_read_debug_link(IndexFile *f) {
        const void *link;
        size_t n;
        int r;

        r = index_file_get_array(f, INDEX_SECTION_DEBUG_LINK, sizeof(IndexDebugLink), 1, &link, &n);
        if (r < 0 || n == 0)
                return r;
        f->debug_link = link;
        n = strnlen(f->debug_link->name, INDEX_DEBUG_LINK_MAX);
        return n > 0 && n < INDEX_DEBUG_LINK_MAX && !memchr(f->debug_link->name, '/', n) ? 0
                                                                                         : -EBADMSG;
}

/* Only the sizes: see index-format.h. */
static int index_file_read_lines(IndexFile *f) {
        static const IndexLineInfo none;
        const void *info, *parts[4];
        const struct {
                IndexSectionKind kind;
                size_t element, max;
                size_t *n;
        } kinds[] = {
                { INDEX_SECTION_FILES, sizeof(uint32_t), INDEX_FILES_MAX, &f->n_files },
                { INDEX_SECTION_LINES, sizeof(IndexLine), INDEX_LINES_MAX, &f->n_lines },
                { INDEX_SECTION_INLINES, sizeof(IndexInline), INDEX_INLINES_MAX, &f->n_inlines },
                { INDEX_SECTION_INLINE_RANGES, sizeof(IndexInlineRange), INDEX_INLINE_RANGES_MAX,
                  &f->n_ranges },
        };
        size_t n_info;
        int r;

        r = index_file_get_array(f, INDEX_SECTION_LINE_INFO, sizeof(IndexLineInfo), 1, &info,
                                 &n_info);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                r = index_file_get_array(f, kinds[i].kind, kinds[i].element, kinds[i].max,
                                         &parts[i], kinds[i].n);
                if (r < 0)
                        return r;
        }
        f->line_info = n_info > 0 ? info : &none;
        if (f->line_info->state >= _INDEX_LINES_STATE_MAX)
                return -EBADMSG;
        f->files = parts[0];
        f->lines = parts[1];
        f->inlines = parts[2];
        f->ranges = parts[3];
        return 0;
}

static int index_file_check(IndexFile *f, const void *data, const uint8_t *content_hash) {
        const void *segments, *functions, *names;
        int r;

        r = index_file_check_header(f, data, content_hash);
        if (r < 0)
                return r;

        r = index_file_get_array(f, INDEX_SECTION_SEGMENTS, sizeof(IndexSegment),
                                 INDEX_SEGMENTS_MAX, &segments, &f->n_segments);
        if (r < 0)
                return r;
        r = index_file_get_array(f, INDEX_SECTION_FUNCTIONS, sizeof(IndexFunction),
                                 INDEX_FUNCTIONS_MAX, &functions, &f->n_functions);
        if (r < 0)
                return r;
        r = index_file_get_array(f, INDEX_SECTION_NAMES, 1, SIZE_MAX, &names, &f->names_size);
        if (r < 0)
                return r;
        f->segments = segments;
        f->functions = functions;
        f->names = names;

        r = index_file_check_segments(f);
        if (r < 0)
                return r;
        r = index_file_check_functions(f);
        if (r < 0)
                return r;
        r = index_file_read_debug_link(f);
        if (r < 0)
                return r;
        r = index_file_read_unwind(f);
        if (r < 0)
                return r;
        return index_file_read_lines(f);
}

/* Takes map (NULL: data belongs to the caller) in every case. */
static int index_file_new(
        IndexFile **ret, void *map, const void *data, size_t size, const uint8_t *content_hash) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        int r;

        f = calloc(1, sizeof(IndexFile));
        if (!f) {
                if (map)
                        (void) munmap(map, size);
                return -ENOMEM;
        }
        f->n_ref = 1;
        f->map = map;
        f->size = size;

        r = index_file_check(f, data, content_hash);
        if (r < 0)
                return r;

        for (size_t i = 0; i < f->header->build_id_size; i++)
                snprintf(f->build_id + 2 * i, 3, "%02x", f->header->build_id[i]);

        *ret = TAKE_PTR(f);
        return 0;
}

int index_file_open(IndexFile **ret, int fd, const uint8_t *content_hash) {
        struct stat st;
        void *map;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t) st.st_size > INDEX_SIZE_MAX)
                return -EBADMSG;

        map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        return index_file_new(ret, map, map, (size_t) st.st_size, content_hash);
}

int index_file_new_from_memory(IndexFile **ret, const void *data, size_t size) {
        if ((uintptr_t) data % _Alignof(IndexHeader) != 0)
                return -EINVAL;
        return index_file_new(ret, NULL, data, size, NULL);
}

IndexFile *index_file_ref(IndexFile *f) {
        assert(f->n_ref > 0);
        f->n_ref++;
        return f;
}

IndexFile *index_file_unref(IndexFile *f) {
        if (!f)
                return NULL;

        assert(f->n_ref > 0);
        if (--f->n_ref > 0)
                return NULL;
        if (f->map)
                (void) munmap(f->map, f->size);
        free(f);
        return NULL;
}

const char *index_file_get_build_id(const IndexFile *f) {
        return f->build_id;
}

uint32_t index_file_get_sources(const IndexFile *f) {
        return f->header->sources;
}

const char *index_file_get_debug_link(const IndexFile *f) {
        return f->debug_link ? f->debug_link->name : "";
}

size_t index_file_n_functions(const IndexFile *f) {
        return f->n_functions;
}

const IndexUnwindTable *index_file_get_unwind(const IndexFile *f) {
        return &f->unwind;
}

size_t index_file_get_size(const IndexFile *f) {
        return f->size;
}

bool index_file_find_address(const IndexFile *f,
                             uint64_t file_offset,
                             const IndexSegment **ret_segment,
                             uint64_t *ret_address) {
        const IndexSegment *best = NULL;
        int best_score = -1;

        /* Segments are a handful, and their memory may overlap in the file: the one that has the
         * byte in the file wins, then the executable one. */
        for (size_t i = 0; i < f->n_segments; i++) {
                const IndexSegment *s = &f->segments[i];
                uint64_t delta;
                int score;

                if (file_offset < s->file_offset)
                        break;
                delta = file_offset - s->file_offset;
                if (delta >= s->memory_size)
                        continue;
                score = 2 * (delta < s->file_size) + !!(s->flags & PF_X);
                if (score > best_score) {
                        best_score = score;
                        best = s;
                }
        }
        if (!best)
                return false;

        *ret_segment = best;
        *ret_address = best->address + (file_offset - best->file_offset);
        return true;
}

bool index_file_find_code(const IndexFile *f,
                          uint64_t file_offset,
                          uint64_t size,
                          const IndexSegment **ret_segment) {
        uint64_t end = file_offset + size, most = 0;
        const IndexSegment *best = NULL;

        for (size_t i = 0; i < f->n_segments; i++) {
                const IndexSegment *s = &f->segments[i];
                uint64_t first = MAX(s->file_offset, file_offset);
                uint64_t last = MIN(s->file_offset + s->memory_size, end);

                if (!(s->flags & PF_X) || first >= last || last - first <= most)
                        continue;
                most = last - first;
                best = s;
        }
        if (!best)
                return false;
        *ret_segment = best;
        return true;
}

/*
 * Eight bytes at once: none is >= 0x80, below 0x20 or equal to 0x7f. Rarely wrong, and then only
 * towards the slow way.
 */
static bool is_plain(const char *s) {
        const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
        uint64_t w;

        memcpy(&w, s, sizeof(w));
        return !((w | (w - ones * 0x20) | ((w ^ (ones * 0x7f)) - ones)) & high);
}

/* True for UTF-8 without control characters. Almost all names are ASCII. */
static bool name_is_clean(const char *s, size_t n) {
        const size_t step = sizeof(uint64_t);
        size_t i = 0;

        while (n - i >= step && is_plain(s + i))
                i += step;
        /* The last ones together with some that were seen. */
        if (i > 0 && n - i < step && is_plain(s + n - step))
                return true;
        for (size_t k = i; k < n; k++)
                if ((uint8_t) s[k] < 0x20 || s[k] == 0x7f)
                        return false;
        return utf8_is_valid(s + i, n - i);
}

/*
 * NULL: no name begins there, it has no end, or it cannot be shown. A large file has more names
 * than are ever asked for, so each is checked when it is.
 */
static const char *index_file_get_name(const IndexFile *f, uint32_t offset) {
        const char *s, *end;

        /* The middle of a string could cut a character in two. */
        if (offset >= f->names_size || (offset > 0 && f->names[offset - 1] != '\0'))
                return NULL;
        s = f->names + offset;
        end = memchr(s, '\0', MIN(f->names_size - offset, (size_t) INDEX_NAME_MAX + 1));
        return end && name_is_clean(s, (size_t) (end - s)) ? s : NULL;
}

bool index_file_find_name(const IndexFile *f, uint64_t address, IndexName *ret) {
        const IndexFunction *base = f->functions;
        const char *name, *system_name;

        if (f->n_functions == 0 || address < base->address)
                return false;

        /* The last function that starts at or below the address. The halves are chosen without a
         * branch: addresses are random, a predictor would be wrong every second time. */
        for (size_t n = f->n_functions; n > 1;) {
                size_t half = n / 2;

                base += base[half].address <= address ? half : 0;
                n -= half;
        }
        if (address - base->address >= base->size)
                return false;
        name = index_file_get_name(f, base->name);
        system_name =
                base->system_name == base->name ? name : index_file_get_name(f, base->system_name);
        if (!name || !system_name)
                return false;

        *ret = (IndexName){
                .name = name,
                .system_name = system_name,
                .start = base->address,
                .size = base->size,
        };
        return true;
}

const struct unwind_rule *index_file_find_rule(const IndexFile *f, uint64_t address) {
        const IndexUnwindTable *t = &f->unwind;
        uint64_t page = (address - t->info->start) / INDEX_UNWIND_PAGE_SIZE;
        uint32_t offset = address % INDEX_UNWIND_PAGE_SIZE;
        const IndexUnwindRow *base;

        if (address < t->info->start || page >= t->n_pages || t->pages[page].n_rows == 0)
                return NULL;
        base = &t->rows[t->pages[page].first_row];
        for (size_t n = t->pages[page].n_rows; n > 1;) {
                size_t half = n / 2;

                base += base[half].offset <= offset ? half : 0;
                n -= half;
        }
        return t->rules[base->rule].kind != UNWIND_NOT_COVERED ? &t->rules[base->rule] : NULL;
}

const IndexLineInfo *index_file_get_line_info(const IndexFile *f) {
        return f->line_info;
}

static const char *index_file_get_source(const IndexFile *f, uint32_t file) {
        return (file < f->n_files ? index_file_get_name(f, f->files[file]) : NULL) ?: "";
}

/*
 * The last of n elements whose offset, which they begin with, is not above this one. NULL: they all
 * begin behind it.
 */
static const void *find_offset(const void *elements, size_t n, size_t size, uint32_t offset) {
        const uint8_t *base = elements;

        if (n == 0 || *(const uint32_t *) base > offset)
                return NULL;
        while (n > 1) {
                const uint8_t *middle = base + n / 2 * size;

                base = *(const uint32_t *) middle <= offset ? middle : base;
                n -= n / 2;
        }
        return base;
}

/* The instance at an index. NULL: there is none. */
static const IndexInline *index_file_get_inline(const IndexFile *f, uint32_t i) {
        return i > 0 && i < f->n_inlines ? &f->inlines[i] : NULL;
}

/* Each frame is at the place of the call that the one inside of it was made from. */
size_t index_file_find_frames(const IndexFile *f, uint64_t address, IndexFrame *ret) {
        uint64_t offset = address - f->line_info->start;
        const IndexInlineRange *range = NULL;
        const IndexLine *line = NULL;
        uint32_t at, file = 0, number = 0;
        IndexName function;
        size_t n = 0;

        if (!index_file_find_name(f, address, &function))
                return 0;
        if (address >= f->line_info->start && offset <= UINT32_MAX) {
                line = find_offset(f->lines, f->n_lines, sizeof(*line), (uint32_t) offset);
                range = find_offset(f->ranges, f->n_ranges, sizeof(*range), (uint32_t) offset);
        }
        if (line) {
                file = line->file;
                number = line->line;
        }

        at = range ? range->instance : 0;
        for (const IndexInline *i;
             (i = index_file_get_inline(f, at)) && n + 1 < INDEX_FRAMES_MAX;) {
                const char *name = index_file_get_name(f, i->name);

                if (!isempty(name))
                        ret[n++] = (IndexFrame){
                                .name = name,
                                .system_name = index_file_get_name(f, i->system_name) ?: "",
                                .file = index_file_get_source(f, file),
                                .line = number,
                        };
                file = i->file;
                number = i->line;
                /* It only ever goes down, whatever is written there. */
                at = i->parent < at ? i->parent : 0;
        }
        ret[n++] = (IndexFrame){
                .name = function.name,
                .system_name = function.system_name,
                .file = index_file_get_source(f, file),
                .line = number,
        };
        return n;
}
