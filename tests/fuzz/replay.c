/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay
 *
 * A main() for fuzzers where there is no libFuzzer: gives each file of the directories and files on
 * the command line to the fuzzer once. A corpus without files fails: it proves nothing.
 */

#include <dirent.h>
#include <fcntl.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

enum { INPUT_MAX = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(int dir_fd, const char *name) {
        _cleanup_free_ char *data = NULL;
        _cleanup_free_ uint8_t *exact = NULL;
        size_t size;
        int r;

        r = read_full_file_at(dir_fd, name, INPUT_MAX, &data, &size);
        if (r < 0)
                return r;

        /* A block of just this size: a sanitizer sees what is read behind it. */
        exact = malloc(MAX(size, 1U));
        if (!exact)
                return -ENOMEM;
        memcpy(exact, data, size);
        printf("%s: %zu bytes\n", name, size);
        (void) LLVMFuzzerTestOneInput(exact, size);
        return 0;
}

static int replay_directory(const char *path, size_t *n) {
        struct dirent *entry;
        int r = 0;
        DIR *dir;

        dir = opendir(path);
        if (!dir)
                return -errno;
        while (r >= 0 && (entry = readdir(dir)))
                if (entry->d_name[0] != '.') {
                        r = replay(dirfd(dir), entry->d_name);
                        (*n)++;
                }
        closedir(dir);
        return r;
}

int main(int argc, char *argv[]) {
        size_t n = 0;

        for (int i = 1; i < argc; i++) {
                int r;

                r = replay_directory(argv[i], &n);
                if (r == -ENOTDIR) {
                        r = replay(AT_FDCWD, argv[i]);
                        n++;
                }
                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return EXIT_FAILURE;
                }
        }
        if (n == 0) {
                fprintf(stderr, "No input to replay.\n");
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
