/* SPDX-License-Identifier: Apache-2.0 */
/* Inlined Functions of DWARF */

#include <dwarf.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "basic/array.h"
#include "elf/demangle.h"
#include "elf/dwarf-inlines.h"

enum { ENTRIES_PER_CHECK = 1 << 12 }; /* between two looks at the clock */

/* The name of a function that was inlined somewhere: asked for once. */
typedef struct Origin {
        Dwarf_Off offset;
        uint32_t name, system_name;
        UT_hash_handle hh;
} Origin;

/* Code of an instance. Those that are further inside have the greater depth. */
typedef struct Item {
        uint64_t start, end;
        uint32_t depth, instance;
} Item;

typedef struct Range {
        uint64_t start, end;
} Range;

typedef struct Level {
        Dwarf_Die die;
        uint32_t instance; /* that the entries here are in */
        bool in_function;
} Level;

struct DwarfInlines {
        LineTable *table;
        Origin *origins;
        Level levels[DWARF_DEPTH_MAX];
        /* of the function that is read, with the functions that are inside of it */
        Item *items;
        Range *ranges;
        uint32_t *stack;
        size_t n_items, items_capacity, n_ranges, ranges_capacity, stack_capacity;
};

static void forget_origins(DwarfInlines *d) {
        Origin *o, *next;

        HASH_ITER (hh, d->origins, o, next) {
                HASH_DEL(d->origins, o);
                free(o);
        }
}

DwarfInlines *dwarf_inlines_free(DwarfInlines *d) {
        if (!d)
                return NULL;
        forget_origins(d);
        free(d->items);
        free(d->ranges);
        free(d->stack);
        free(d);
        return NULL;
}

int dwarf_inlines_new(DwarfInlines **ret, LineTable *t) {
        DwarfInlines *d;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        d->table = t;
        *ret = d;
        return 0;
}

/* ---- names ---- */

static const char *string_of(Dwarf_Die *die, unsigned name) {
        Dwarf_Attribute attribute;

        return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static int read_origin(DwarfInlines *d, Dwarf_Die *die, Origin *ret) {
        _cleanup_free_ char *readable = NULL;
        const char *name, *linkage;
        int r;

        linkage = string_of(die, DW_AT_linkage_name) ?: string_of(die, DW_AT_MIPS_linkage_name);
        name = string_of(die, DW_AT_name) ?: linkage;
        if (!name || !name[0])
                return 0;
        if (linkage)
                readable = demangle(linkage, INDEX_READABLE_MAX);
        r = line_table_add_name(d->table, readable ?: name, &ret->name);
        if (r < 0)
                return r;
        return line_table_add_name(d->table, linkage ?: name, &ret->system_name);
}

/* The name of an instance: that of the function that it is one of. */
static int get_origin(DwarfInlines *d, Dwarf_Die *die, uint32_t *ret_name, uint32_t *ret_system) {
        Dwarf_Attribute attribute;
        Dwarf_Die origin;
        Dwarf_Off offset;
        Origin *o;
        int r;

        *ret_name = *ret_system = 0;
        if (!dwarf_formref_die(dwarf_attr(die, DW_AT_abstract_origin, &attribute), &origin))
                return 0;
        offset = dwarf_dieoffset(&origin);
        HASH_FIND(hh, d->origins, &offset, sizeof(offset), o);
        if (!o) {
                if (HASH_COUNT(d->origins) >= DWARF_ORIGINS_MAX)
                        forget_origins(d);
                o = calloc(1, sizeof(*o));
                if (!o)
                        return -ENOMEM;
                o->offset = offset;
                r = read_origin(d, &origin, o);
                if (r >= 0)
                        HASH_ADD(hh, d->origins, offset, sizeof(o->offset), o);
                if (r < 0 || !o->hh.tbl) {
                        free(o);
                        return r < 0 ? r : -ENOMEM;
                }
        }
        *ret_name = o->name;
        *ret_system = o->system_name;
        return 0;
}

/* ---- entries ---- */

static Dwarf_Word number_of(Dwarf_Die *die, unsigned name) {
        Dwarf_Attribute attribute;
        Dwarf_Word n;

        return dwarf_formudata(dwarf_attr(die, name, &attribute), &n) == 0 ? n : 0;
}

static bool has_code(Dwarf_Die *die) {
        return dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges);
}

static int add_ranges(DwarfInlines *d, Dwarf_Die *die) {
        Dwarf_Addr base, start, end;
        ptrdiff_t at = 0;
        int r;

        while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
                if (start >= end || !line_table_is_code(d->table, start))
                        continue;
                if (d->n_ranges >= DWARF_RANGES_MAX)
                        return -EBADMSG;
                r = ARRAY_RESERVE(d->ranges, d->ranges_capacity, d->n_ranges + 1);
                if (r < 0)
                        return r;
                d->ranges[d->n_ranges++] = (Range){ .start = start, .end = end };
        }
        return 0;
}

static int add_instance(
        DwarfInlines *d, DwarfUnit *unit, Dwarf_Die *die, const Level *level, uint32_t *ret) {
        IndexInline instance = {
                .parent = level->instance,
                .line = (uint32_t) MIN(number_of(die, DW_AT_call_line), (Dwarf_Word) UINT32_MAX),
        };
        int r;

        r = get_origin(d, die, &instance.name, &instance.system_name);
        if (r < 0)
                return r;
        r = dwarf_unit_get_file(unit, d->table, number_of(die, DW_AT_call_file), &instance.file);
        if (r < 0)
                return r;
        return line_table_add_inline(d->table, &instance, ret);
}

/* An instance whose code was all optimised away is none. */
static int read_instance(DwarfInlines *d,
                         DwarfUnit *unit,
                         Dwarf_Die *die,
                         const Level *level,
                         uint32_t depth,
                         uint32_t *ret) {
        Dwarf_Addr base, start, end;
        ptrdiff_t at = 0;
        bool is_added = false;
        int r;

        *ret = level->instance;
        while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
                if (start >= end || !line_table_is_code(d->table, start))
                        continue;
                if (d->n_items >= DWARF_RANGES_MAX)
                        return -EBADMSG;
                if (!is_added) {
                        r = add_instance(d, unit, die, level, ret);
                        if (r < 0)
                                return r;
                        is_added = true;
                }
                r = ARRAY_RESERVE(d->items, d->items_capacity, d->n_items + 1);
                if (r < 0)
                        return r;
                d->items[d->n_items++] = (Item){
                        .start = start,
                        .end = end,
                        .depth = depth,
                        .instance = *ret,
                };
        }
        return 0;
}

/* ---- flattening ---- */

static int item_compare(const void *a, const void *b) {
        const Item *x = a, *y = b;

        if (x->start != y->start)
                return x->start < y->start ? -1 : 1;
        if (x->depth != y->depth)
                return x->depth < y->depth ? -1 : 1;
        return x->end > y->end ? -1 : x->end < y->end;
}

/* Both addresses are in one stretch of the function's code: nothing foreign is between them. */
static bool is_one_range(const DwarfInlines *d, uint64_t a, uint64_t b) {
        for (size_t i = 0; i < d->n_ranges; i++)
                if (d->ranges[i].start <= a && a < d->ranges[i].end)
                        return b < d->ranges[i].end;
        return false;
}

/* Code from at on, up to next, that no instance has. */
static int put_gap(DwarfInlines *d, uint64_t at, uint64_t next) {
        if (is_one_range(d, at, next))
                return line_table_add_range(d->table, at, 0);
        return line_table_end_ranges(d->table, at);
}

/*
 * Instances that have begun and not ended lie on a stack, the one that began last on top: the code
 * up to its end or the next beginning is its own.
 */
static int flatten(DwarfInlines *d) {
        size_t depth = 0;
        uint64_t at = 0;
        int r;

        if (d->n_items == 0)
                return 0;
        qsort(d->items, d->n_items, sizeof(Item), item_compare);
        r = ARRAY_RESERVE(d->stack, d->stack_capacity, d->n_items);
        if (r < 0)
                return r;
        for (size_t i = 0; i <= d->n_items; i++) {
                uint64_t next = i < d->n_items ? d->items[i].start : UINT64_MAX;

                while (depth > 0 && at < next) {
                        const Item *top = &d->items[d->stack[depth - 1]];
                        uint64_t end = MIN(top->end, next);

                        if (end > at) {
                                r = line_table_add_range(d->table, at, top->instance);
                                if (r < 0)
                                        return r;
                                at = end;
                        }
                        if (end < next)
                                depth--;
                }
                if (i > 0 && at < next) {
                        r = put_gap(d, at, next);
                        if (r < 0)
                                return r;
                }
                at = next;
                if (i < d->n_items)
                        d->stack[depth++] = (uint32_t) i;
        }
        return 0;
}

static int end_function(DwarfInlines *d) {
        int r;

        r = flatten(d);
        d->n_items = d->n_ranges = 0;
        return r;
}

/* ---- the walk ---- */

/* Looks at an entry. 1: what is inside of it matters, *ret says how. */
static int enter(DwarfInlines *d, DwarfUnit *unit, size_t depth, Level *ret) {
        Level *level = &d->levels[depth];
        int r;

        *ret = (Level){ .instance = level->instance, .in_function = level->in_function };
        switch (dwarf_tag(&level->die)) {
        case DW_TAG_subprogram:
                ret->instance = 0;
                /* The function of a lambda may be inside of one that was inlined everywhere. */
                if (!has_code(&level->die))
                        return 1;
                ret->in_function = true;
                r = add_ranges(d, &level->die);
                return r < 0 ? r : 1;
        case DW_TAG_inlined_subroutine:
                if (!level->in_function)
                        return 0;
                r = read_instance(d, unit, &level->die, level, (uint32_t) depth, &ret->instance);
                return r < 0 ? r : 1;
        case DW_TAG_lexical_block:
        case DW_TAG_try_block:
        case DW_TAG_catch_block:
        case DW_TAG_with_stmt:
        case DW_TAG_namespace:
        case DW_TAG_module:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
                return 1; /* some compilers define functions where they were declared */
        default:
                return 0;
        }
}

/* The entry behind those that have been read. 1: there is one, 0: that was the last. */
static int leave(DwarfInlines *d, size_t *depth) {
        for (;;) {
                int r;

                r = dwarf_siblingof(&d->levels[*depth].die, &d->levels[*depth].die);
                if (r == 0)
                        return 1;
                if (r < 0)
                        return -EBADMSG;
                if (*depth == 0)
                        return 0;
                (*depth)--;
                /* The parent's function ends with the last entry inside of it. */
                if (d->levels[*depth + 1].in_function && !d->levels[*depth].in_function) {
                        r = end_function(d);
                        if (r < 0)
                                return r;
                }
        }
}

static int walk(DwarfInlines *d, DwarfUnit *unit, uint64_t n_max, const LineBudget *budget) {
        size_t depth = 0;
        int r;

        for (uint64_t n = 1; n < n_max; n++) {
                Level inner;

                if (n % ENTRIES_PER_CHECK == 0 && line_budget_is_used_up(budget))
                        return -ETIME;
                r = enter(d, unit, depth, &inner);
                if (r < 0)
                        return r;
                if (r > 0 && depth + 1 < DWARF_DEPTH_MAX &&
                    dwarf_child(&d->levels[depth].die, &inner.die) == 0) {
                        d->levels[++depth] = inner;
                        continue;
                }
                if (r > 0 && inner.in_function && !d->levels[depth].in_function)
                        d->n_items = d->n_ranges = 0; /* a function with nothing inside */
                r = leave(d, &depth);
                if (r <= 0)
                        return r;
        }
        return -EBADMSG;
}

int dwarf_inlines_read(DwarfInlines *d, DwarfUnit *unit, uint64_t size, const LineBudget *budget) {
        int r;

        d->n_items = d->n_ranges = 0;
        d->levels[0] = (Level){};
        r = dwarf_child(&unit->die, &d->levels[0].die);
        if (r != 0)
                return r < 0 ? -EBADMSG : 0;
        /* Each entry has a byte at least: a walk that sees more goes round in circles. */
        r = walk(d, unit, size, budget);
        line_table_drop_open(d->table);
        return r;
}
