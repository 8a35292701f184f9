/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walk Process
 *
 * Prints the user stack of each thread of a stopped process, as profilerd walks it: "TID N:" and an
 * address to a line, then how it ended. For comparison with other walkers. walk-process PID
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "elf/elf-index.h"
#include "process/maps.h"
#include "unwind/unwinder.h"

#if defined(__x86_64__)

enum { FRAMES_MAX = 4096 };

static const char *const results[_UNWIND_RESULT_MAX] = {
        "truncated",   "complete",  "no-table",    "no-rule",
        "no-register", "no-memory", "no-progress", "not-code",
};

static IndexFile *write_index(ElfFile *elf) {
        static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };
        _cleanup_close_ int fd = memfd_create("index", MFD_CLOEXEC);
        IndexFile *f = NULL;

        if (fd >= 0 && elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, fd) >= 0)
                (void) index_file_open(&f, fd, hash);
        return f;
}

/* The vDSO is that of this very process: it is the same code everywhere. */
static IndexFile *make_index(pid_t pid, const Mapping *m) {
        const void *vdso = (const void *) (uintptr_t) getauxval(AT_SYSINFO_EHDR);
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int fd = -EBADF;
        char path[128];

        if (file_is_vdso(m->file))
                return elf_file_new_from_memory(&elf, vdso, m->end - m->start) < 0
                               ? NULL
                               : write_index(elf);
        snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int) pid,
                 (unsigned long long) m->start, (unsigned long long) m->end);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 || elf_file_open(&elf, fd) < 0 ? NULL : write_index(elf);
}

static void load_indexes(pid_t pid, MappingSet *mappings) {
        for (size_t i = 0; i < mapping_set_size(mappings); i++) {
                const Mapping *m = mapping_set_get(mappings, i);
                _cleanup_(index_file_unrefp) IndexFile *index = NULL;

                if (file_get_state(m->file) != FILE_NEW)
                        continue;
                index = make_index(pid, m);
                if (index)
                        file_set_index(m->file, index);
                else
                        file_set_lost(m->file, -ENOENT);
        }
}

static int read_memory(void *userdata, uint64_t address, void *buffer, size_t size) {
        struct iovec local = { buffer, size }, remote = { (void *) (uintptr_t) address, size };

        return process_vm_readv(*(pid_t *) userdata, &local, 1, &remote, 1, 0) == (ssize_t) size
                       ? 0
                       : -EFAULT;
}

static int walk_thread(pid_t tid, Unwinder *u) {
        static uint64_t frames[FRAMES_MAX];
        struct user_regs_struct r;
        struct unwind_state s;
        UnwindEnd end;

        if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 ||
            ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 || waitpid(tid, NULL, __WALL) != tid ||
            ptrace(PTRACE_GETREGS, tid, NULL, &r) < 0)
                return -errno;
        s = (struct unwind_state){
                .registers = { r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9,
                               r.r10, r.r11, r.r12, r.r13, r.r14, r.r15 },
                .ip = r.rip,
                .known = 0xffff,
        };
        end = unwinder_walk(u, &s, frames, FRAMES_MAX);
        printf("TID %d:\n", (int) tid);
        for (size_t i = 0; i < end.n_frames; i++)
                printf("0x%016llx\n", (unsigned long long) frames[i]);
        printf("%s, %zu guessed\n", results[end.result], end.n_guessed);
        return ptrace(PTRACE_DETACH, tid, NULL, NULL) < 0 ? -errno : 0;
}

static int walk_threads(pid_t pid, Unwinder *u) {
        struct dirent *entry;
        char path[64];
        DIR *tasks;
        int r = 0;

        snprintf(path, sizeof(path), "/proc/%d/task", (int) pid);
        tasks = opendir(path);
        if (!tasks)
                return -errno;
        while (r >= 0 && (entry = readdir(tasks)))
                if (entry->d_name[0] != '.')
                        r = walk_thread(atoi(entry->d_name), u);
        closedir(tasks);
        return r;
}

int main(int argc, char *argv[]) {
        pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
        _cleanup_(mapping_set_unrefp) MappingSet *mappings = NULL;
        _cleanup_(file_table_freep) FileTable *files = NULL;
        _cleanup_free_ UnwindMapping *list = NULL;
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        size_t n, refused;
        Unwinder u;
        int r;

        snprintf(path, sizeof(path), "/proc/%d", (int) pid);
        fd = open(path, O_PATH | O_CLOEXEC);
        if (pid <= 0 || fd < 0 || file_table_new(&files) < 0 ||
            maps_read(fd, files, &mappings, &refused) < 0) {
                fprintf(stderr, "walk-process: no such process: %s\n", argc == 2 ? argv[1] : "");
                return EXIT_FAILURE;
        }
        load_indexes(pid, mappings);
        n = mapping_set_size(mappings);
        list = calloc(n + 1, sizeof(*list));
        if (!list)
                return EXIT_FAILURE;
        for (size_t i = 0; i < n; i++) {
                const Mapping *m = mapping_set_get(mappings, i);

                list[i] = (UnwindMapping){ m->start, m->end, m->offset, file_get_index(m->file) };
        }
        u = (Unwinder){ .machine = UNWIND_X86_64,
                        .mappings = list,
                        .n_mappings = n,
                        .read = read_memory,
                        .userdata = &pid };
        r = walk_threads(pid, &u);
        if (r < 0)
                fprintf(stderr, "walk-process: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
#else
int main(void) {
        return 77;
}
#endif
