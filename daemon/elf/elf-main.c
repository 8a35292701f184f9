/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilerd-elf
 *
 * Makes the index of one ELF file: by hand, or as the worker of profilerd, which runs it twice for
 * each new file. The first run copies the file and tells the hash of the copy, the second one reads
 * only the copy, so that an index under a hash is of what has this hash. It enters its sandbox
 * before it looks at the first byte.
 */

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "basic/file-util.h"
#include "elf/attempt.h"
#include "elf/elf-copy.h"
#include "elf/elf-debug.h"
#include "elf/elf-index.h"
#include "elf/line-table.h"
#include "elf/sandbox.h"
#include "paths.h"

enum {
        COPY_FD = STDERR_FILENO + 1,  /* --copy: where the copy goes */
        DEBUG_FD = STDERR_FILENO + 1, /* --debug: the separate debug file */
        DESCRIPTORS_MAX = DEBUG_FD + 1,
        EXIT_OTHER_DEBUG_FILE = EX_NOINPUT, /* it belongs to another file */
};

static enum {
        ACTION_BY_HAND,
        ACTION_COPY,
        ACTION_INDEX,
} arg_action;
static const char *arg_file, *arg_output, *arg_debug_file;
static bool arg_debug, arg_no_lines, arg_second;
static uint8_t arg_hash[INDEX_CONTENT_HASH_SIZE]; /* --copy=: of the first file */

/* No stream: stdio would ask stderr whether it is a terminal, which the sandbox forbids. */
static int fail(int status, const char *what, int error) {
        char line[512];
        int n;

        n = snprintf(line, sizeof(line), "profilerd-elf: %s%s%s.\n", what, error != 0 ? ": " : "",
                     error != 0 ? strerror(-error) : "");
        (void) write_all(STDERR_FILENO, line, MIN((size_t) n, sizeof(line) - 1));
        return status;
}

static int fail_index(int error) {
        switch (error) {
        case -ENOEXEC:
                return fail(EX_DATAERR, "Not an ELF program or shared object", 0);
        case -EOPNOTSUPP:
                return fail(EX_DATAERR, "The file is for a machine of another byte order", 0);
        case -EBADMSG:
                return fail(EX_DATAERR, "The file is damaged", 0);
        case -E2BIG:
                return fail(EX_DATAERR, "The file has more symbols than an index can hold", 0);
        case -ENOMEM:
                return fail(EX_DATAERR, "The file needs more memory than is granted", 0);
        default:
                return fail(EX_IOERR, "Cannot read the file or write its index", error);
        }
}

static int help(void) {
        printf("profilerd-elf FILE [--debug=DEBUG-FILE] -o OUT\n"
               "profilerd-elf --copy[=HASH] < FILE 3> COPY\n"
               "profilerd-elf --index HASH [--debug] < COPY 1<> OUT [3< DEBUG-COPY]\n\n"
               "Write the index by which profilerd names the addresses of an ELF file.\n\n"
               "  -o --output=OUT    Write the index of FILE to OUT\n"
               "     --debug[=FILE]  Read the separate debug file, too: FILE, or descriptor 3\n"
               "     --copy[=HASH]   Copy standard input to descriptor 3, write the SHA-256 of\n"
               "                     (HASH and) the copy: 32 bytes\n"
               "     --index=HASH    Index standard input, whose SHA-256 is HASH\n"
               "     --no-lines      Leave out source lines and inlined functions\n"
               "  -h --help          Show this text\n"
               "     --version       Show the version\n");
        return 0;
}

static int parse_hash(const char *s, uint8_t ret[static INDEX_CONTENT_HASH_SIZE]) {
        static const char digits[] = "0123456789abcdef";

        if (strlen(s) != 2 * INDEX_CONTENT_HASH_SIZE || strspn(s, digits) != strlen(s))
                return -EINVAL;
        for (size_t i = 0; i < INDEX_CONTENT_HASH_SIZE; i++)
                ret[i] = (uint8_t) ((strchr(digits, s[2 * i]) - digits) << 4 |
                                    (strchr(digits, s[2 * i + 1]) - digits));
        return 0;
}

/* > 0: go on, 0: done, < 0: usage. */
static int parse_argv(int argc, char *argv[]) {
        enum { ARG_COPY = 0x100, ARG_DEBUG, ARG_INDEX, ARG_NO_LINES, ARG_VERSION };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "output", required_argument, NULL, 'o' },
                { "copy", optional_argument, NULL, ARG_COPY },
                { "debug", optional_argument, NULL, ARG_DEBUG },
                { "index", required_argument, NULL, ARG_INDEX },
                { "no-lines", no_argument, NULL, ARG_NO_LINES },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "ho:", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        return help();
                case ARG_VERSION:
                        puts("profilerd-elf " VERSION);
                        return 0;
                case 'o':
                        arg_output = optarg;
                        break;
                case ARG_COPY:
                        arg_action = ACTION_COPY;
                        arg_second = optarg;
                        if (optarg && parse_hash(optarg, arg_hash) < 0)
                                return fail(-EINVAL, "A hash is 64 lower-case hex digits", 0);
                        break;
                case ARG_DEBUG:
                        arg_debug = true;
                        arg_debug_file = optarg;
                        break;
                case ARG_INDEX:
                        arg_action = ACTION_INDEX;
                        if (parse_hash(optarg, arg_hash) < 0)
                                return fail(-EINVAL, "A hash is 64 lower-case hex digits", 0);
                        break;
                case ARG_NO_LINES:
                        arg_no_lines = true;
                        break;
                default:
                        return -EINVAL;
                }

        if (arg_action != ACTION_BY_HAND)
                return argc == optind && !arg_output && !arg_debug_file
                               ? 1
                               : fail(-EINVAL, "--copy and --index take standard input", 0);
        if (argc - optind != 1 || !arg_output || (arg_debug && !arg_debug_file))
                return fail(-EINVAL, "One FILE and -o OUT are needed, see --help", 0);
        arg_file = argv[optind];
        return 1;
}

/* Opens a file as a descriptor that survives the sandbox. */
static int open_as(int wanted, const char *path, int flags) {
        _cleanup_close_ int fd = -EBADF;

        fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0644);
        if (fd < 0)
                return -errno;
        if (fd == wanted)
                return TAKE_FD(fd), 0;
        return dup2(fd, wanted) < 0 ? -errno : 0;
}

static int write_copy(uint64_t size) {
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];
        int r;

        if (size > ELF_COPY_MAX)
                return fail(EX_DATAERR, "The file is too large", 0);
        if (arg_second)
                r = elf_copy_second(arg_hash, STDIN_FILENO, size, COPY_FD, hash);
        else
                r = elf_copy(STDIN_FILENO, size, COPY_FD, hash);
        if (r < 0)
                return fail(EX_IOERR, "Cannot copy the file", r);
        r = write_all(STDOUT_FILENO, hash, sizeof(hash));
        if (r < 0)
                return fail(EX_IOERR, "Cannot write the hash", r);
        return EX_OK;
}

static int write_index(void) {
        _cleanup_(elf_file_freep) ElfFile *f = NULL, *debug = NULL;
        int r;

        r = elf_file_open(&f, STDIN_FILENO);
        if (r < 0)
                return fail_index(r);
        if (arg_debug) {
                r = elf_file_open(&debug, DEBUG_FD);
                if (r >= 0)
                        r = elf_debug_check(f, debug, DEBUG_FD);
                if (r < 0)
                        return fail(EXIT_OTHER_DEBUG_FILE,
                                    "The debug file is damaged or belongs to another file", 0);
        }
        r = elf_index_write(
                &(ElfIndexInput){
                        .file = f, .debug = debug, .lines = !arg_no_lines, .hash = arg_hash },
                STDOUT_FILENO);
        if (r < 0)
                return fail_index(r);

        /* An index with a name survives a loss of power; the daemon cannot wait for the disk. */
        if (arg_action == ACTION_INDEX && fdatasync(STDOUT_FILENO) < 0)
                return fail_index(-errno);
        return EX_OK;
}

/* By hand the files are opened here, and their hash is computed where they lie. */
static int open_files(void) {
        int r;

        if (arg_debug) {
                r = open_as(DEBUG_FD, arg_debug_file, O_RDONLY);
                if (r < 0)
                        return fail(EX_NOINPUT, arg_debug_file, r);
        }
        r = open_as(STDIN_FILENO, arg_file, O_RDONLY);
        if (r < 0)
                return fail(EX_NOINPUT, arg_file, r);
        r = open_as(STDOUT_FILENO, arg_output, O_RDWR | O_CREAT | O_TRUNC);
        if (r < 0)
                return fail(EX_CANTCREAT, arg_output, r);
        return EX_OK;
}

static int hash_files(void) {
        int r;

        r = elf_copy(STDIN_FILENO, UINT64_MAX, -EBADF, arg_hash);
        if (r >= 0 && arg_debug)
                r = elf_copy_second(arg_hash, DEBUG_FD, UINT64_MAX, -EBADF, arg_hash);
        return r < 0 ? fail(EX_IOERR, "Cannot read the file", r) : EX_OK;
}

static int check_input(int fd, uint64_t *size) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail(EX_IOERR, "Cannot read the file", -errno);
        if (!S_ISREG(st.st_mode))
                return fail(EX_DATAERR, "Not a regular file", 0);
        *size += (uint64_t) st.st_size;
        return EX_OK;
}

static int run(void) {
        bool copy = arg_action == ACTION_COPY;
        uint64_t size = 0;
        int r = EX_OK;

        if (arg_action == ACTION_BY_HAND)
                r = open_files();
        if (r == EX_OK)
                r = check_input(STDIN_FILENO, &size);
        if (r == EX_OK && arg_debug)
                r = check_input(DEBUG_FD, &size);
        if (r != EX_OK)
                return r;

        r = attempt_catch_crashes();
        if (r < 0)
                return fail(EX_OSERR, "Cannot prepare for damaged files", r);
        r = sandbox_enter(copy || arg_debug ? DESCRIPTORS_MAX : DESCRIPTORS_MAX - 1,
                          copy ? 0 : size + LINE_TABLE_MAPPED_MAX,
                          copy ? ELF_COPY_MAX : LINE_TABLE_FILE_MAX);
        if (r < 0)
                return fail(EX_OSERR, "Cannot enter the sandbox", r);

        if (copy)
                return write_copy(size);
        if (arg_action == ACTION_BY_HAND) {
                r = hash_files();
                if (r != EX_OK)
                        return r;
        }
        return write_index();
}

int main(int argc, char *argv[]) {
        int r;

        r = parse_argv(argc, argv);
        if (r <= 0)
                return r < 0 ? EX_USAGE : EX_OK;

        /* What libraries want to do at exit has no place in the sandbox. */
        _exit(run());
}
