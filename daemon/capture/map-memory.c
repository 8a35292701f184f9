/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of BPF Maps */

#include <fcntl.h>

#include "basic/file-util.h"
#include "capture/map-memory.h"

uint64_t map_memory_bytes(int fd) {
        char path[sizeof("/proc/self/fdinfo/") + 3 * sizeof(int)];
        _cleanup_free_ char *text = NULL;
        unsigned long long bytes;
        const char *p;

        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        if (read_full_file_at(AT_FDCWD, path, 65536, &text, NULL) < 0)
                return 0;
        p = strstr(text, "memlock:");
        return p && sscanf(p, "memlock: %llu", &bytes) == 1 ? bytes : 0;
}
