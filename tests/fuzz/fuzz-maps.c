/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/maps, fuzzed
 *
 * Whatever the text, the mappings that come out of it are sorted and do not overlap, paths are
 * bounded, and nothing stays behind.
 */

#include "process/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Target {
        FileTable *files;
        MappingSet *mappings;
} Target;

static int on_entry(const MapsEntry *entry, void *userdata) {
        Target *target = userdata;
        int r;

        if (entry->start >= entry->end || strlen(entry->path) >= MAPS_PATH_MAX)
                abort();
        if (!entry->executable || entry->start >> 63) /* the kernel's own are left out */
                return 0;
        r = maps_add_entry(entry, target->files, &target->mappings);
        if (r < 0)
                return r == -E2BIG ? 0 : r;
        if (!mapping_set_find(target->mappings, entry->start) ||
            !mapping_set_find(target->mappings, entry->end - 1))
                abort();
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        Target target = {};
        uint64_t end = 0;
        size_t skipped;

        if (file_table_new(&files) < 0 || mapping_set_new(&target.mappings) < 0)
                return 0;
        target.files = files;
        (void) maps_parse((const char *) data, size, on_entry, &target, &skipped);

        for (size_t i = 0; i < mapping_set_size(target.mappings); i++) {
                const Mapping *m = mapping_set_get(target.mappings, i);

                if (m->start < end || m->end <= m->start)
                        abort();
                end = m->end;
        }
        mapping_set_unref(target.mappings);
        if (file_table_size(files) != 0)
                abort();
        return 0;
}
