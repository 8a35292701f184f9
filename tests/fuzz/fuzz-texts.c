/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short Texts, fuzzed
 *
 * What is read of /proc, /sys, directories and command lines, and is too small for a fuzzer of its
 * own. The first byte chooses the reader; the rest is the text.
 */

#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/timestamp.h"
#include "basic/unit-name.h"
#include "capture/cpu-list.h"
#include "process/process-image.h"
#include "process/process-status.h"
#include "store/store.h"
#include "symbol/kernel-build-id.h"

#define NOW (1795183200 * USEC_PER_SEC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
        if (!ok)
                abort();
}

static void read_cpus(const char *text) {
        _cleanup_free_ unsigned *cpus = NULL;
        size_t n;

        if (cpu_list_parse(text, &cpus, &n) < 0)
                return;
        check(n > 0 && n <= CPU_NUMBER_MAX + 1);
        for (size_t i = 0; i < n; i++)
                check(cpus[i] <= CPU_NUMBER_MAX && (i == 0 || cpus[i] > cpus[i - 1]));
}

static void read_stat(const char *text) {
        _cleanup_(process_image_done) ProcessImage image = {};

        if (process_image_parse_stat(text, &image) >= 0)
                check(strnlen(image.comm, sizeof(image.comm)) < sizeof(image.comm));
}

static void read_status(const char *text) {
        ProcessStatus s;

        if (process_status_parse(text, &s) >= 0)
                check(s.inner_pid > 0);
}

/* There is one way to write each name. */
static void read_store_name(const char *text) {
        _cleanup_free_ char *again = NULL, *directory = NULL;
        StoreEntry e = {};

        directory = store_unit_directory(text);
        check(directory && !strchr(directory, '/') && directory[0] != '.');
        if (store_parse_name(text, &e) < 0)
                return;
        again = store_format_name(&e);
        check(again && streq(again, text));
        store_entry_done(&e);
}

static void read_unit_names(const char *text) {
        const char *state = text;

        for (;;) {
                _cleanup_free_ char *word = NULL, *pattern = NULL;

                if (unit_name_extract(&state, &word) <= 0)
                        return;
                if (unit_pattern_complete(word, &pattern) >= 0)
                        check(strlen(pattern) <= UNIT_NAME_MAX && !strchr(pattern, '/'));
        }
}

static void read_values(const char *text) {
        _cleanup_free_ char *span = NULL, *bytes = NULL;
        usec_t usec, usec_again;
        uint64_t n, n_again;
        double ratio;

        if (parse_timespan(text, &usec) >= 0) {
                span = timespan_format(usec);
                check(span && parse_timespan(span, &usec_again) >= 0 && usec_again == usec);
        }
        if (parse_size(text, &n) >= 0) {
                bytes = size_format(n);
                check(bytes && parse_size(bytes, &n_again) >= 0 && n_again == n);
        }
        if (parse_ratio(text, &ratio) >= 0)
                check(ratio >= 0 && ratio <= 1);
        if (timestamp_parse(text, NOW, &usec) >= 0)
                check(usec <= TIMESTAMP_MAX_USEC + USEC_PER_SEC);
        check(parse_boolean(text) <= 1);
}

static void read_notes(const uint8_t *notes, size_t size) {
        char id[2 * KERNEL_BUILD_ID_MAX + 1];

        if (kernel_build_id_parse(notes, size, id) >= 0)
                check(!isempty(id) && id[strspn(id, "0123456789abcdef")] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static void (*const readers[])(const char *) = {
                read_cpus, read_stat, read_status, read_store_name, read_unit_names, read_values,
        };
        _cleanup_free_ char *text = NULL;
        size_t reader;

        if (size == 0)
                return 0;
        reader = data[0] % (ELEMENTSOF(readers) + 1);
        if (reader == ELEMENTSOF(readers)) {
                read_notes(data + 1, size - 1);
                return 0;
        }
        text = strndup((const char *) data + 1, size - 1);
        check(text);
        readers[reader](text);
        return 0;
}
