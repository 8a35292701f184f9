/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF Unit */

#include <dwarf.h>

#include "basic/array.h"
#include "elf/dwarf-unit.h"

int dwarf_unit_begin(DwarfUnit *u, const Dwarf_Die *die) {
        Dwarf_Attribute attribute;
        int r;

        u->die = *die;
        u->directory = dwarf_formstring(dwarf_attr(&u->die, DW_AT_comp_dir, &attribute)) ?: "";
        if (dwarf_getsrcfiles(&u->die, &u->files, &u->n_files) != 0) {
                u->files = NULL;
                u->n_files = 0;
        }
        if (u->n_files > INDEX_FILES_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(u->known, u->capacity, MAX(u->n_files, (size_t) 1));
        if (r < 0)
                return r;
        memset(u->known, 0, u->n_files * sizeof(*u->known));
        return 0;
}

void dwarf_unit_done(DwarfUnit *u) {
        free(u->known);
        *u = (DwarfUnit){};
}

static int add_file(const DwarfUnit *u, LineTable *t, const char *path, uint32_t *ret) {
        _cleanup_free_ char *full = NULL;

        if (path[0] == '/' || u->directory[0] == '\0')
                return line_table_add_file(t, path, ret);
        if (asprintf(&full, "%s/%s", u->directory, path) < 0)
                return -ENOMEM;
        return line_table_add_file(t, full, ret);
}

int dwarf_unit_get_file(DwarfUnit *u, LineTable *t, size_t number, uint32_t *ret) {
        const char *path;
        uint32_t file;
        int r;

        *ret = 0;
        if (number >= u->n_files)
                return 0;
        if (u->known[number] == 0) {
                path = dwarf_filesrc(u->files, number, NULL, NULL);
                if (!path || streq(path, "???"))
                        return 0;
                r = add_file(u, t, path, &file);
                if (r < 0)
                        return r;
                u->known[number] = file + 1;
        }
        *ret = u->known[number] - 1;
        return 0;
}
