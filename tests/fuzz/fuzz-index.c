/* SPDX-License-Identifier: Apache-2.0 */
/* Index reader: what it accepts can be searched, and its names can be shown */

#include <assert.h>

#include "basic/string-util.h"
#include "index/index-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const IndexFile *f, uint64_t address) {
        IndexName n;

        if (!index_file_find_name(f, address, &n))
                return;
        assert(address >= n.start && address - n.start < n.size);
        assert(strlen(n.name) <= INDEX_NAME_MAX && strlen(n.system_name) <= INDEX_NAME_MAX);
        assert(utf8_is_valid(n.name, strlen(n.name)));
        assert(utf8_is_valid(n.system_name, strlen(n.system_name)));
}

static void check_frames(const IndexFile *f, uint64_t address) {
        IndexFrame frames[INDEX_FRAMES_MAX];
        size_t n = index_file_find_frames(f, address, frames);

        assert(n <= INDEX_FRAMES_MAX);
        for (size_t i = 0; i < n; i++) {
                assert(utf8_is_valid(frames[i].name, strlen(frames[i].name)));
                assert(utf8_is_valid(frames[i].system_name, strlen(frames[i].system_name)));
                assert(utf8_is_valid(frames[i].file, strlen(frames[i].file)));
        }
}

static void check_rule(const IndexFile *f, uint64_t address) {
        const IndexUnwindTable *t = index_file_get_unwind(f);
        const struct unwind_rule *rule = index_file_find_rule(f, address);

        if (!rule)
                return;
        assert(rule >= t->rules && rule < t->rules + t->n_rules);
        assert(rule->kind != UNWIND_NOT_COVERED && rule->kind < _UNWIND_KIND_MAX);
}

/* What is the same in every index, so that no version of the format makes the corpus worthless. */
static void complete_header(void *data, size_t size) {
        IndexHeader *h = data;

        if (size < sizeof(*h))
                return;
        h->magic = INDEX_MAGIC;
        h->version = INDEX_VERSION;
        h->header_size = sizeof(*h);
        h->file_size = size;
}

static int open_index(void *data, size_t size, IndexFile **ret) {
        int r;

        r = index_file_new_from_memory(ret, data, size);
        if (r >= 0)
                return r;
        complete_header(data, size);
        return index_file_new_from_memory(ret, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_free_ uint64_t *aligned = NULL;
        const IndexSegment *segment;
        uint64_t address;

        aligned = malloc(MAX(size, 1U));
        if (!aligned)
                return 0;
        memcpy(aligned, data, size);
        if (open_index(aligned, size, &f) < 0)
                return 0;

        assert(strlen(index_file_get_build_id(f)) <= 2 * INDEX_BUILD_ID_MAX);
        check_name(f, 0);
        check_name(f, UINT64_MAX);
        for (uint64_t i = 0; i < 16; i++)
                check_rule(f, index_file_get_unwind(f)->info->start + i * 1234);
        /* The input's own numbers are the addresses that matter. */
        for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
                check_name(f, aligned[i]);
                check_name(f, aligned[i] - 1);
                check_frames(f, aligned[i]);
                check_frames(f, index_file_get_line_info(f)->start + aligned[i] % 4096);
                check_rule(f, aligned[i]);
                if (index_file_find_address(f, aligned[i], &segment, &address))
                        check_name(f, address);
        }
        return 0;
}
