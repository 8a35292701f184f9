/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel Symbols
 *
 * Three parallel arrays sorted by address (14 bytes a function) and one pool of names, which are
 * all that stays after loading. The text carries no sizes: a function ends where the next symbol
 * starts, so the markers behind the kernel's text (_etext, …) are kept as entries without a name,
 * and no function is believed to be longer than KALLSYMS_STRETCH_MAX: behind the last function of
 * a module nothing says where its memory ends.
 */

#include "symbol/kallsyms.h"
#include "basic/array.h"
#include "basic/string-util.h"

enum {
        KALLSYMS_NAME_MAX = 512, /* KSYM_NAME_LEN since Linux 6.1 */
        KALLSYMS_MODULES_MAX = 4096,
        KALLSYMS_SYMBOLS_MAX = 4 << 20,
        KALLSYMS_POOL_MAX = 128 << 20,   /* bytes of all names */
        KALLSYMS_STRETCH_MAX = 1 << 20,  /* bytes of one function */
        KALLSYMS_CHUNK_SIZE = 128 << 10, /* read at once; no line is longer */
        KALLSYMS_TEXT_SIZE = 2 << 20,    /* to make room for at first, where nothing tells it */
        KALLSYMS_LINE_SIZE = 32,         /* bytes of a usual line */
};

/* What the linker puts around the parts of the kernel. */
typedef enum Marker {
        MARKER_TEXT,
        MARKER_STEXT,
        MARKER_SINITTEXT,
        /* From here on nothing starts, but something ends. */
        MARKER_ETEXT,
        MARKER_EINITTEXT,
        MARKER_END,
        _MARKER_MAX,
        _MARKER_INVALID = -EINVAL,
} Marker;

static const char *const marker_names[_MARKER_MAX] = {
        [MARKER_TEXT] = "_text",           [MARKER_STEXT] = "_stext",
        [MARKER_SINITTEXT] = "_sinittext", [MARKER_ETEXT] = "_etext",
        [MARKER_EINITTEXT] = "_einittext", [MARKER_END] = "_end",
};

/* Of the names of one address, which people know best. */
typedef enum SymbolRank {
        SYMBOL_GLOBAL,
        SYMBOL_LOCAL,
        SYMBOL_MARKER, /* says where a part of the kernel starts */
} SymbolRank;

typedef struct Symbol {
        uint64_t address;
        uint32_t name;   /* in the pool, 0: nothing starts here, but something ends */
        uint16_t module; /* in the list of modules, 0: the kernel */
        uint8_t rank;    /* SymbolRank */
} Symbol;

/* One line, its parts borrowed from the text. */
typedef struct Line {
        uint64_t address;
        const char *name, *module;
        size_t name_size, module_size; /* module_size 0: the kernel itself */
        char type;
} Line;

struct Kallsyms {
        uint64_t *addresses;
        uint32_t *names;
        uint16_t *modules;
        size_t n, n_functions;
        uint32_t *module_names;
        char *pool;
        uint64_t text, text_end;
};

typedef struct Parser {
        Symbol *symbols;
        size_t n_symbols, symbols_capacity;
        char *pool;
        size_t pool_size, pool_capacity;
        uint32_t *modules;
        size_t n_modules, modules_capacity;
        uint16_t module; /* of the line before: modules come in blocks */
        bool any, any_visible;
        uint64_t markers[_MARKER_MAX];
} Parser;

static void kallsyms_clear(Kallsyms *k) {
        free(k->addresses);
        free(k->names);
        free(k->modules);
        free(k->module_names);
        free(k->pool);
        *k = (Kallsyms){};
}

int kallsyms_new(Kallsyms **ret) {
        Kallsyms *k;

        k = calloc(1, sizeof(Kallsyms));
        if (!k)
                return -ENOMEM;
        *ret = k;
        return 0;
}

Kallsyms *kallsyms_free(Kallsyms *k) {
        if (k)
                kallsyms_clear(k);
        free(k);
        return NULL;
}

static void parser_done(Parser *p) {
        free(p->symbols);
        free(p->pool);
        free(p->modules);
}

/* Offset 0 of the pool and module 0 stand for "none". text_size: what is to be expected. */
static int parser_init(Parser *p, size_t text_size) {
        int r;

        r = ARRAY_RESERVE(p->pool, p->pool_capacity, text_size / 2 + 1);
        if (r < 0)
                return r;
        p->pool[p->pool_size++] = '\0';

        r = ARRAY_RESERVE(p->modules, p->modules_capacity, 1);
        if (r < 0)
                return r;
        p->modules[p->n_modules++] = 0;
        return ARRAY_RESERVE(p->symbols, p->symbols_capacity, text_size / KALLSYMS_LINE_SIZE + 1);
}

static int add_string(Parser *p, const char *s, size_t size, uint32_t *ret) {
        int r;

        if (p->pool_size + size + 1 > KALLSYMS_POOL_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(p->pool, p->pool_capacity, p->pool_size + size + 1);
        if (r < 0)
                return r;

        *ret = (uint32_t) p->pool_size;
        memcpy(p->pool + p->pool_size, s, size);
        p->pool_size += size;
        p->pool[p->pool_size++] = '\0';
        return 0;
}

/* 1: *ret is it; 0: too many modules, the line is to be skipped. */
static int find_module(Parser *p, const char *name, size_t size, uint16_t *ret) {
        const char *last = p->pool + p->modules[p->module];
        uint32_t offset;
        int r;

        if (size == 0) {
                *ret = p->module = 0;
                return 1;
        }
        if (strncmp(last, name, size) == 0 && last[size] == '\0') {
                *ret = p->module;
                return 1;
        }

        for (size_t i = p->n_modules; i-- > 1;) {
                const char *known = p->pool + p->modules[i];

                if (strncmp(known, name, size) == 0 && known[size] == '\0') {
                        *ret = p->module = (uint16_t) i;
                        return 1;
                }
        }

        if (p->n_modules >= KALLSYMS_MODULES_MAX)
                return 0;
        r = ARRAY_RESERVE(p->modules, p->modules_capacity, p->n_modules + 1);
        if (r < 0)
                return r;
        r = add_string(p, name, size, &offset);
        if (r < 0)
                return r;
        p->modules[p->n_modules] = offset;
        *ret = p->module = (uint16_t) p->n_modules++;
        return 1;
}

/* Bytes up to the next blank or to the end. 0: also if one of them is not printable ASCII. */
static size_t word_size(const char *s, const char *end) {
        const char *p = s;

        while (p<end && * p> ' ' && *p < 0x7f)
                p++;
        if (p < end && *p != ' ' && *p != '\t')
                return 0;
        return (size_t) (p - s);
}

/* "ffffffff81000000 T name", and for what is not of the kernel itself "\t[module]" behind it. */
static bool line_parse(const char *s, const char *end, Line *ret) {
        Line l = {};
        size_t n_digits = 0;

        for (; s < end && n_digits <= 16; s++, n_digits++) {
                char c = *s;

                if (c >= '0' && c <= '9')
                        l.address = l.address << 4 | (uint64_t) (c - '0');
                else if (c >= 'a' && c <= 'f')
                        l.address = l.address << 4 | (uint64_t) (c - 'a' + 10);
                else
                        break;
        }
        if (n_digits == 0 || n_digits > 16 || end - s < 4 || s[0] != ' ' || s[2] != ' ')
                return false;
        l.type = s[1];

        l.name = s + 3;
        l.name_size = word_size(l.name, end);
        if (l.name_size == 0 || l.name_size > KALLSYMS_NAME_MAX)
                return false;

        s = l.name + l.name_size;
        while (s < end && (*s == ' ' || *s == '\t'))
                s++;
        if (s < end) {
                size_t n = word_size(s, end);

                if (n < 3 || n > KALLSYMS_NAME_MAX || s[0] != '[' || s[n - 1] != ']')
                        return false;
                l.module = s + 1;
                l.module_size = n - 2;
        }

        *ret = l;
        return true;
}

/* Not data; nor names that only say something about the function next to them, nor what assemblers
 * leave behind: local labels, and the mapping symbols of ARM ("$x"). */
static bool is_function(const Line *l) {
        static const char *const prefixes[] = { "__pfx_", "__cfi_", ".L", "$" };

        if (l->type != 't' && l->type != 'T' && l->type != 'w' && l->type != 'W')
                return false;

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                size_t n = strlen(prefixes[i]);

                if (l->name_size >= n && memcmp(l->name, prefixes[i], n) == 0)
                        return false;
        }
        return true;
}

static Marker find_marker(const Line *l) {
        if (l->name[0] != '_' || l->module_size > 0)
                return _MARKER_INVALID;

        for (Marker m = 0; m < _MARKER_MAX; m++)
                if (strlen(marker_names[m]) == l->name_size &&
                    memcmp(marker_names[m], l->name, l->name_size) == 0)
                        return m;
        return _MARKER_INVALID;
}

static size_t count_underscores(const char *s) {
        return strspn(s, "_");
}

/* The better name first; what is no name last. */
static int symbol_compare_aliases(const Symbol *a, const Symbol *b, const char *pool) {
        const char *x = pool + a->name, *y = pool + b->name;
        size_t m, n;

        if ((a->name == 0) != (b->name == 0))
                return a->name == 0 ? 1 : -1;
        if (a->rank != b->rank)
                return a->rank < b->rank ? -1 : 1;

        m = count_underscores(x);
        n = count_underscores(y);
        if (m != n)
                return m < n ? -1 : 1;

        m = strlen(x);
        n = strlen(y);
        if (m != n)
                return m < n ? -1 : 1;
        return strcmp(x, y);
}

static int symbol_compare(const void *x, const void *y, void *pool) {
        const Symbol *a = x, *b = y;

        if (a->address != b->address)
                return a->address < b->address ? -1 : 1;
        return symbol_compare_aliases(a, b, pool);
}

/* The kernel writes most symbols in order, so most aliases meet here, where the loser's name is
 * still at the end of the pool and leaves nothing behind. */
static bool replace_alias(Parser *p, const Symbol *s) {
        Symbol *last = p->n_symbols > 0 ? p->symbols + p->n_symbols - 1 : NULL;

        if (!last || last->address != s->address || s->name == 0)
                return false;

        if (symbol_compare_aliases(s, last, p->pool) >= 0) {
                p->pool_size = s->name;
                return true;
        }
        /* Unless the name of a module has come between the two. */
        if (last->name != 0 && last->name + strlen(p->pool + last->name) + 1 == s->name) {
                size_t n = p->pool_size - s->name;

                memmove(p->pool + last->name, p->pool + s->name, n);
                p->pool_size = last->name + n;
                last->rank = s->rank;
                last->module = s->module;
        } else
                *last = *s;
        return true;
}

static int parser_add(Parser *p, const Line *l) {
        Marker marker = find_marker(l);
        bool is_end = marker >= MARKER_ETEXT;
        Symbol s = { .address = l->address };
        int r;

        if (marker >= 0)
                p->markers[marker] = l->address;
        if (!is_end) {
                if (!is_function(l))
                        return 0;
                p->any = true;
        }
        if (l->address == 0)
                return 0;

        if (!is_end) {
                p->any_visible = true;
                r = find_module(p, l->module, l->module_size, &s.module);
                if (r <= 0)
                        return r;
                r = add_string(p, l->name, l->name_size, &s.name);
                if (r < 0)
                        return r;
                s.rank = marker >= 0                        ? SYMBOL_MARKER
                         : l->type == 'T' || l->type == 'W' ? SYMBOL_GLOBAL
                                                            : SYMBOL_LOCAL;
        }

        if (replace_alias(p, &s))
                return 0;
        if (p->n_symbols >= KALLSYMS_SYMBOLS_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(p->symbols, p->symbols_capacity, p->n_symbols + 1);
        if (r < 0)
                return r;
        p->symbols[p->n_symbols++] = s;
        return 0;
}

/* Takes the complete lines of the text; *ret_rest is what follows the last of them. */
static int parser_feed(Parser *p, const char *text, size_t size, size_t *ret_rest) {
        const char *end = text + size, *newline;

        for (; text < end; text = newline + 1) {
                Line l;
                int r;

                newline = memchr(text, '\n', (size_t) (end - text));
                if (!newline)
                        break;
                if (!line_parse(text, newline, &l))
                        continue;
                r = parser_add(p, &l);
                if (r < 0)
                        return r;
        }
        *ret_rest = (size_t) (end - text);
        return 0;
}

/* How many symbols are where they belong, in order and before all others. */
static size_t count_sorted(const Parser *p) {
        const Symbol *least;
        size_t n = 1;

        while (n < p->n_symbols && symbol_compare(p->symbols + n - 1, p->symbols + n, p->pool) < 0)
                n++;
        if (n >= p->n_symbols)
                return p->n_symbols;
        least = p->symbols + n;
        for (size_t i = n + 1; i < p->n_symbols; i++)
                if (symbol_compare(p->symbols + i, least, p->pool) < 0)
                        least = p->symbols + i;
        while (n > 0 && symbol_compare(p->symbols + n - 1, least, p->pool) >= 0)
                n--;
        return n;
}

/* Only what was loaded later, at the end, is out of order. */
static void sort_symbols(Parser *p) {
        size_t n_sorted = count_sorted(p), n = 0;

        if (n_sorted < p->n_symbols)
                qsort_r(p->symbols + n_sorted, p->n_symbols - n_sorted, sizeof(Symbol),
                        symbol_compare, p->pool);

        for (size_t i = 0; i < p->n_symbols; i++)
                if (n == 0 || p->symbols[n - 1].address != p->symbols[i].address)
                        p->symbols[n++] = p->symbols[i];
        p->n_symbols = n;
}

static int kallsyms_take(Kallsyms *k, Parser *p) {
        Kallsyms new = {};
        void *shrunk;

        if (p->any && !p->any_visible)
                return -EPERM;
        sort_symbols(p);

        new.addresses = calloc(p->n_symbols + 1, sizeof(uint64_t));
        new.names = calloc(p->n_symbols + 1, sizeof(uint32_t));
        new.modules = calloc(p->n_symbols + 1, sizeof(uint16_t));
        if (!new.addresses || !new.names || !new.modules) {
                kallsyms_clear(&new);
                return -ENOMEM;
        }
        for (size_t i = 0; i < p->n_symbols; i++) {
                new.addresses[i] = p->symbols[i].address;
                new.names[i] = p->symbols[i].name;
                new.modules[i] = p->symbols[i].module;
                new.n_functions += p->symbols[i].name != 0;
        }
        if (new.n_functions == 0) {
                kallsyms_clear(&new);
                return -ENODATA;
        }

        shrunk = realloc(p->pool, p->pool_size);
        new.pool = shrunk ?: p->pool;
        p->pool = NULL;
        new.module_names = TAKE_PTR(p->modules);
        new.n = p->n_symbols;
        new.text = p->markers[MARKER_TEXT] ?: p->markers[MARKER_STEXT];
        new.text_end = p->markers[MARKER_END]
                               ?: MAX(p->markers[MARKER_ETEXT], p->markers[MARKER_EINITTEXT]);

        kallsyms_clear(k);
        *k = new;
        return 0;
}

int kallsyms_parse(Kallsyms *k, const char *text, size_t size) {
        _cleanup_(parser_done) Parser p = {};
        size_t rest;
        Line l;
        int r;

        if (size == 0)
                return -ENODATA;

        r = parser_init(&p, size);
        if (r < 0)
                return r;
        r = parser_feed(&p, text, size, &rest);
        if (r < 0)
                return r;
        if (line_parse(text + size - rest, text + size, &l)) {
                r = parser_add(&p, &l);
                if (r < 0)
                        return r;
        }
        return kallsyms_take(k, &p);
}

/* In pieces: as a whole the text would for a moment cost more memory than all else we keep. */
struct KallsymsLoad {
        Parser parser;
        int fd;   /* borrowed */
        size_t n; /* bytes in the chunk that are not taken yet: the start of a line */
        char chunk[KALLSYMS_CHUNK_SIZE];
};

int kallsyms_load_begin(KallsymsLoad **ret, int fd) {
        _cleanup_(kallsyms_load_freep) KallsymsLoad *l = NULL;
        int r;

        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->parser = (Parser){};
        l->fd = fd;
        l->n = 0;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        r = parser_init(&l->parser, KALLSYMS_TEXT_SIZE);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

KallsymsLoad *kallsyms_load_free(KallsymsLoad *l) {
        if (l)
                parser_done(&l->parser);
        free(l);
        return NULL;
}

int kallsyms_load_step(KallsymsLoad *l, Kallsyms *k) {
        size_t rest;
        ssize_t got;
        int r;

        do
                got = read(l->fd, l->chunk + l->n, sizeof(l->chunk) - 1 - l->n);
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return -errno;
        if (got == 0 && l->n == 0)
                return kallsyms_take(k, &l->parser);
        l->n += (size_t) got;
        if (got == 0)
                l->chunk[l->n++] = '\n';

        r = parser_feed(&l->parser, l->chunk, l->n, &rest);
        if (r < 0)
                return r;
        if (rest >= sizeof(l->chunk) - 1)
                return -EBADMSG;
        memmove(l->chunk, l->chunk + l->n - rest, rest);
        l->n = rest;
        return 1;
}

int kallsyms_load(Kallsyms *k, int fd) {
        _cleanup_(kallsyms_load_freep) KallsymsLoad *l = NULL;
        int r;

        r = kallsyms_load_begin(&l, fd);
        if (r < 0)
                return r;
        do
                r = kallsyms_load_step(l, k);
        while (r > 0);
        return r;
}

bool kallsyms_find(const Kallsyms *k, uint64_t address, KernelSymbol *ret) {
        size_t low = 0, high = k->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (k->addresses[middle] <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == 0)
                return false;
        low--;
        if (k->names[low] == 0 || address - k->addresses[low] >= KALLSYMS_STRETCH_MAX)
                return false;

        *ret = (KernelSymbol){
                .name = k->pool + k->names[low],
                .module = k->modules[low] > 0 ? k->pool + k->module_names[k->modules[low]] : NULL,
                .address = k->addresses[low],
        };
        return true;
}

size_t kallsyms_size(const Kallsyms *k) {
        return k->n_functions;
}

uint64_t kallsyms_get_text(const Kallsyms *k) {
        return k->text;
}

uint64_t kallsyms_get_text_end(const Kallsyms *k) {
        return k->text_end;
}
