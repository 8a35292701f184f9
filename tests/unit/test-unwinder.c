/* SPDX-License-Identifier: Apache-2.0 */
/* Unwinder: stopped threads whose stacks are known, at every instruction */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "basic/string-util.h"
#include "elf/elf-index.h"
#include "unwind/unwinder.h"

enum {
        MAPPINGS_MAX = 64,
        FRAMES_MAX = 256,
        STACK_COPY_SIZE = 16 << 10,
        RED_ZONE = 256, /* below the stack pointer, where a leaf keeps things */
        STEPS_MAX = 400000,
        VDSO_SIZE_MAX = 64 << 10,
        COMPLAINTS_MAX = 10,
};

static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };

/* A program that is traced, as far as it can be known from outside. */
typedef struct Tracee {
        pid_t pid;
        UnwindMapping mappings[MAPPINGS_MAX];
        char *paths[MAPPINGS_MAX];
        size_t n_mappings;

        uint64_t copy_start;
        size_t copy_size;
        uint8_t copy[STACK_COPY_SIZE];
} Tracee;

#if defined(__x86_64__)

/* By their names alone: what is between them is a library's. */
static const char *const ours[] = {
        "stop",
        "mark",
        "plain",
        "recursive",
        "with_alloca",
        "with_realignment",
        "with_many_registers",
        "on_signal",
        "with_signal",
        "compare",
        "with_callback",
        "on_frame",
        "with_unwinder",
        "thread_main",
        "with_thread",
        "coroutine",
        "with_coroutine",
        "clean_up",
        "cancelled",
        "to_be_stepped",
        "main",
        "_start",
};

#define R5 " recursive recursive recursive recursive recursive"
static const char *const expected[] = {
        "stop plain main _start",
        "stop plain recursive" R5 R5 R5 R5 " main _start",
        "stop plain with_alloca main _start",
        "stop plain with_realignment main _start",
        "stop plain with_many_registers main _start",
        "stop plain with_many_registers main _start",
        "stop plain on_signal with_signal main _start",
        "stop plain on_signal with_signal main _start",
        "stop plain compare with_callback main _start",
        "stop plain on_frame with_unwinder main _start",
        "stop plain thread_main",
        "stop plain coroutine",
        "stop plain clean_up cancelled",
        "mark main _start",
};

static IndexFile *index_of_elf(ElfFile *elf) {
        _cleanup_close_ int fd = memfd_create("index", MFD_CLOEXEC);
        IndexFile *f;

        assert_int_equal(elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, fd), 0);
        assert_int_equal(index_file_open(&f, fd, hash), 0);
        return f;
}

static IndexFile *index_of_path(const char *path) {
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || elf_file_open(&elf, fd) < 0)
                return NULL;
        return index_of_elf(elf);
}

/* That of this process: it is the same code everywhere. */
static IndexFile *index_of_vdso(size_t size) {
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        const void *vdso = (const void *) (uintptr_t) getauxval(AT_SYSINFO_EHDR);

        if (!vdso || size > VDSO_SIZE_MAX || elf_file_new_from_memory(&elf, vdso, size) < 0)
                return NULL;
        return index_of_elf(elf);
}

static IndexFile *tracee_find_index(Tracee *t, const char *path, size_t size) {
        for (size_t i = 0; i < t->n_mappings; i++)
                if (streq(t->paths[i], path) && t->mappings[i].index)
                        return index_file_ref((IndexFile *) t->mappings[i].index);
        return streq(path, "[vdso]") ? index_of_vdso(size) : index_of_path(path);
}

static void tracee_forget_mappings(Tracee *t) {
        for (size_t i = 0; i < t->n_mappings; i++) {
                index_file_unref((IndexFile *) t->mappings[i].index);
                free(t->paths[i]);
        }
        t->n_mappings = 0;
}

/* Libraries come late (libgcc_s with the first pthread_exit()): only what is new is read. */
static void tracee_read_mappings(Tracee *t) {
        char name[64], line[4400];
        FILE *maps;

        snprintf(name, sizeof(name), "/proc/%d/maps", (int) t->pid);
        maps = fopen(name, "re");
        assert_non_null(maps);
        for (size_t i = 0; fgets(line, sizeof(line), maps);) {
                unsigned long long start, end, offset;
                char flags[5], path[4097] = "";

                if (sscanf(line, "%llx-%llx %4s %llx %*s %*s %4096s", &start, &end, flags, &offset,
                           path) < 4 ||
                    flags[2] != 'x' || streq(path, "[vsyscall]"))
                        continue;
                if (i < t->n_mappings && t->mappings[i].start == start) {
                        i++;
                        continue;
                }
                assert_true(t->n_mappings < MAPPINGS_MAX);
                memmove(&t->mappings[i + 1], &t->mappings[i],
                        (t->n_mappings - i) * sizeof(t->mappings[0]));
                memmove(&t->paths[i + 1], &t->paths[i], (t->n_mappings - i) * sizeof(t->paths[0]));
                t->mappings[i] = (UnwindMapping){ .start = start, .end = end, .offset = offset };
                t->paths[i] = strdup(path);
                t->n_mappings++;
                t->mappings[i].index = tracee_find_index(t, path, (size_t) (end - start));
                i++;
        }
        fclose(maps);
}

static int tracee_read(void *userdata, uint64_t address, void *buffer, size_t size) {
        Tracee *t = userdata;
        struct iovec local = { buffer, size }, remote = { (void *) (uintptr_t) address, size };

        if (address >= t->copy_start && address - t->copy_start < t->copy_size &&
            size <= t->copy_size - (size_t) (address - t->copy_start)) {
                memcpy(buffer, t->copy + (address - t->copy_start), size);
                return 0;
        }
        return process_vm_readv(t->pid, &local, 1, &remote, 1, 0) == (ssize_t) size ? 0 : -EFAULT;
}

static void tracee_copy_stack(Tracee *t, uint64_t sp) {
        struct iovec local = { t->copy, sizeof(t->copy) };
        struct iovec remote = { (void *) (uintptr_t) (sp - RED_ZONE), sizeof(t->copy) };
        ssize_t n = process_vm_readv(t->pid, &local, 1, &remote, 1, 0);

        t->copy_start = sp - RED_ZONE;
        t->copy_size = n > 0 ? (size_t) n : 0;
}

static struct unwind_state state_from(const struct user_regs_struct *r) {
        return (struct unwind_state){
                .registers = { r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi, r->rbp, r->rsp,
                               r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15 },
                .ip = r->rip,
                .known = 0xffff,
        };
}

static UnwindEnd tracee_walk(Tracee *t, const struct user_regs_struct *regs, uint64_t *frames) {
        Unwinder u = {
                .machine = UNWIND_X86_64,
                .mappings = t->mappings,
                .n_mappings = t->n_mappings,
                .read = tracee_read,
                .userdata = t,
        };
        struct unwind_state s = state_from(regs);

        tracee_copy_stack(t, regs->rsp);
        return unwinder_walk(&u, &s, frames, FRAMES_MAX);
}

static const char *tracee_name(const Tracee *t, uint64_t address, IndexName *name) {
        for (size_t i = 0; i < t->n_mappings; i++) {
                const UnwindMapping *m = &t->mappings[i];
                const IndexSegment *segment;
                uint64_t elf;

                if (address < m->start || address >= m->end || !m->index)
                        continue;
                if (index_file_find_address(m->index, address - m->start + m->offset, &segment,
                                            &elf) &&
                    index_file_find_name(m->index, elf, name))
                        return name->name;
        }
        return "?";
}

/* The names that are ours, without what a compiler puts behind a dot. */
static void describe(const Tracee *t, const uint64_t *frames, size_t n, char *ret, size_t size) {
        *ret = '\0';
        for (size_t i = 0; i < n; i++) {
                IndexName name;
                const char *full = tracee_name(t, frames[i] - (i > 0), &name);
                size_t length = strcspn(full, ".");

                for (size_t k = 0; k < ELEMENTSOF(ours); k++)
                        if (strlen(ours[k]) == length && strncmp(full, ours[k], length) == 0)
                                snprintf(ret + strlen(ret), size - strlen(ret), "%s%s",
                                         *ret ? " " : "", ours[k]);
        }
}

static void print_frames(const Tracee *t, const uint64_t *frames, size_t n) {
        for (size_t i = 0; i < n; i++) {
                IndexName name;

                print_message("#   %zu %llx %s\n", i, (unsigned long long) frames[i],
                              tracee_name(t, frames[i] - (i > 0), &name));
        }
}

/* The next trap of any thread; 0: all have ended. */
static pid_t tracee_wait(Tracee *t) {
        for (;;) {
                int status, signal;
                pid_t pid;

                pid = waitpid(-1, &status, __WALL);
                if (pid < 0)
                        return 0;
                if (!WIFSTOPPED(status)) {
                        assert_false(WIFSIGNALED(status));
                        if (pid == t->pid)
                                return 0;
                        continue;
                }
                signal = WSTOPSIG(status);
                if (signal == SIGTRAP && status >> 16 == 0)
                        return pid;
                assert_int_not_equal(signal, SIGSEGV);
                ptrace(PTRACE_CONT, pid, NULL, signal == SIGUSR1 ? SIGUSR1 : 0);
        }
}

static void tracee_start(Tracee *t, const char *path) {
        int status;

        *t = (Tracee){};
        t->pid = fork();
        if (t->pid == 0) {
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                execl(path, path, NULL);
                _exit(127);
        }
        assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
        assert_true(WIFSTOPPED(status));
        assert_return_code(
                ptrace(PTRACE_SETOPTIONS, t->pid, NULL, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL),
                errno);
        assert_return_code(ptrace(PTRACE_CONT, t->pid, NULL, NULL), errno);
}

static void tracee_stop(Tracee *t) {
        tracee_forget_mappings(t);
        if (t->pid > 0) {
                kill(t->pid, SIGKILL);
                for (pid_t pid = 0; pid >= 0 && pid != t->pid;)
                        pid = waitpid(-1, NULL, __WALL);
        }
}

typedef char Path[64];

static void remove_path(Path *path) {
        if (**path != '\0')
                unlink(*path);
}

/* Compiles the program below tests/data with more flags. false: there is no compiler. */
static bool build(const char *flags, Path path) {
        _cleanup_free_ char *command = NULL;
        int fd;

        strcpy(path, "/tmp/test-unwinder-XXXXXX");
        fd = mkstemp(path);
        assert_return_code(fd, errno);
        close(fd);
        assert_return_code(asprintf(&command,
                                    "gcc %s -fexceptions -pthread -o %s %s -lm 2>/dev/null", flags,
                                    path, TEST_DATA "/elf/stacks.c"),
                           errno);
        return system(command) == 0;
}

static void assert_known_stacks(const char *flags) {
        _cleanup_(tracee_stop) Tracee t = {};
        struct user_regs_struct regs;
        uint64_t frames[FRAMES_MAX];
        _cleanup_(remove_path) Path path = "";
        char text[2048];

        if (!build(flags, path))
                skip();
        tracee_start(&t, path);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                pid_t pid = tracee_wait(&t);
                UnwindEnd end;

                assert_true(pid > 0);
                tracee_read_mappings(&t);
                assert_return_code(ptrace(PTRACE_GETREGS, pid, NULL, &regs), errno);
                end = tracee_walk(&t, &regs, frames);
                describe(&t, frames, end.n_frames, text, sizeof(text));
                if (!streq(text, expected[i]) || end.result != UNWIND_COMPLETE)
                        print_frames(&t, frames, end.n_frames);
                assert_string_equal(text, expected[i]);
                assert_int_equal(end.result, UNWIND_COMPLETE);
                assert_int_equal(end.n_guessed, 0);
                assert_return_code(ptrace(PTRACE_CONT, pid, NULL, NULL), errno);
        }
}

typedef enum Instruction { OTHER, CALL, RETURN } Instruction;

static Instruction decode(const uint8_t *code) {
        while (*code == 0xf2 || *code == 0xf3 || *code == 0x3e || *code == 0x66 || *code == 0x2e ||
               (*code & 0xf0) == 0x40)
                code++;
        if (*code == 0xe8 || (*code == 0xff && (code[1] >> 3 & 7) == 2))
                return CALL;
        return *code == 0xc3 || *code == 0xc2 ? RETURN : OTHER;
}

/* The truth: what calls have pushed and returns have not popped yet, outermost first. */
typedef struct Shadow {
        uint64_t addresses[FRAMES_MAX];
        size_t n;
} Shadow;

static void shadow_follow(Shadow *s, Tracee *t, Instruction what, uint64_t old_sp, uint64_t sp) {
        if (what == CALL && sp == old_sp - 8) {
                assert_true(s->n < FRAMES_MAX);
                assert_int_equal(tracee_read(t, sp, &s->addresses[s->n++], 8), 0);
        } else if (what == RETURN && sp >= old_sp + 8) {
                assert_true(s->n > 0);
                s->n--;
        }
}

static bool shadow_equals(const Shadow *s, const uint64_t *frames, const UnwindEnd *end) {
        if (end->result != UNWIND_COMPLETE || end->n_frames != s->n + 1)
                return false;
        for (size_t i = 0; i < s->n; i++)
                if (frames[1 + i] != s->addresses[s->n - 1 - i])
                        return false;
        return true;
}

static void assert_equal_at_each_step(const char *flags) {
        _cleanup_(tracee_stop) Tracee t = {};
        size_t n_steps = 0, n_different = 0;
        struct user_regs_struct regs;
        uint64_t frames[FRAMES_MAX];
        Shadow shadow = {};
        IndexName name;
        _cleanup_(remove_path) Path path = "";
        UnwindEnd end;

        if (!build(flags, path))
                skip();
        tracee_start(&t, path);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                pid_t pid = tracee_wait(&t);

                assert_true(pid > 0);
                if (i + 1 < ELEMENTSOF(expected))
                        assert_return_code(ptrace(PTRACE_CONT, pid, NULL, NULL), errno);
        }
        tracee_read_mappings(&t);
        assert_return_code(ptrace(PTRACE_GETREGS, t.pid, NULL, &regs), errno);
        end = tracee_walk(&t, &regs, frames);
        for (size_t i = end.n_frames; i > 1; i--)
                shadow.addresses[shadow.n++] = frames[i - 1];

        for (; n_steps < STEPS_MAX; n_steps++) {
                uint64_t old_sp = regs.rsp;
                uint8_t code[16] = {};
                Instruction what;
                int status;

                (void) tracee_read(&t, regs.rip, code, sizeof(code));
                what = decode(code);
                assert_return_code(ptrace(PTRACE_SINGLESTEP, t.pid, NULL, NULL), errno);
                assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
                assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
                assert_return_code(ptrace(PTRACE_GETREGS, t.pid, NULL, &regs), errno);

                t.copy_size = 0;
                shadow_follow(&shadow, &t, what, old_sp, regs.rsp);
                end = tracee_walk(&t, &regs, frames);
                if (!shadow_equals(&shadow, frames, &end) && n_different++ < COMPLAINTS_MAX) {
                        print_message("# step %zu, result %d, %zu frames, not %zu\n", n_steps,
                                      (int) end.result, end.n_frames, shadow.n + 1);
                        print_frames(&t, frames, end.n_frames);
                }
                if (code[0] == 0xcc && streq(tracee_name(&t, regs.rip, &name), "mark"))
                        break;
        }
        print_message("# %s: %zu instructions, %zu of them with another stack\n", flags, n_steps,
                      n_different);
        assert_true(n_steps > 1000 && n_steps < STEPS_MAX);
        assert_int_equal(n_different, 0);
}

static void test_stacks_without_frame_pointers_are_complete(void **state) {
        assert_known_stacks("-O2 -fomit-frame-pointer");
}

static void test_stacks_of_all_ways_to_compile_are_complete(void **state) {
        static const char *const flags[] = {
                "-O0",
                "-O3 -flto",
                "-Os -fcf-protection",
                "-O2 -fno-omit-frame-pointer",
                "-O2 -mstackrealign -fno-plt",
                "-O2 -no-pie",
                "-O2 -static",
                "-O2 -fstack-protector-all",
        };

        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                assert_known_stacks(flags[i]);
}

/* Prologues, epilogues, the PLT, the dynamic linker at its work, libc and the vDSO. */
static void test_every_instruction_has_the_right_stack(void **state) {
        assert_equal_at_each_step("-O2 -fomit-frame-pointer -Wl,-z,lazy");
}

static void test_every_instruction_of_realigned_frames_has_the_right_stack(void **state) {
        assert_equal_at_each_step("-O3 -mstackrealign -fcf-protection -static");
}
#endif

static int read_nothing(void *userdata, uint64_t address, void *buffer, size_t size) {
        return -EFAULT;
}

static void test_code_outside_of_mappings_ends_the_walk(void **state) {
        Unwinder u = { .machine = UNWIND_AARCH64, .read = read_nothing };
        struct unwind_state s = { .ip = 4096, .known = 0xffff };
        uint64_t frames[4];
        UnwindEnd end;

        end = unwinder_walk(&u, &s, frames, ELEMENTSOF(frames));
        assert_int_equal(end.result, UNWIND_NOT_CODE);
        assert_int_equal(end.n_frames, 1);
        assert_int_equal(frames[0], 4096);
}

/* Two frame records in a copied stack; the return addresses are signed, as pointer authentication
 * leaves them. */
typedef struct Copy {
        uint64_t words[8];
} Copy;

static int read_copy(void *userdata, uint64_t address, void *buffer, size_t size) {
        const Copy *c = userdata;

        if (address < 0x8000 || address + size > 0x8000 + sizeof(*c))
                return -EFAULT;
        memcpy(buffer, (const uint8_t *) c + (address - 0x8000), size);
        return 0;
}

static void test_frame_pointers_lead_through_code_without_tables(void **state) {
        Copy copy = { { 0x8010, UINT64_C(0x00b3000000001234), 0x8020, 0x1238, 0, 0x123c } };
        static const UnwindMapping mapping = { .start = 0x1000, .end = 0x2000 };
        Unwinder u = {
                .machine = UNWIND_AARCH64,
                .mappings = &mapping,
                .n_mappings = 1,
                .read = read_copy,
                .userdata = &copy,
        };
        struct unwind_state s = { .ip = 0x1100, .known = 0xffff };
        uint64_t frames[8];
        UnwindEnd end;

        s.registers[UNWIND_AARCH64_SP] = s.registers[UNWIND_AARCH64_FP] = 0x8000;
        end = unwinder_walk(&u, &s, frames, ELEMENTSOF(frames));
        assert_int_equal(end.result, UNWIND_COMPLETE);
        assert_int_equal(end.n_frames, 4);
        assert_int_equal(end.n_guessed, 3);
        assert_int_equal(frames[1], 0x1234);
        assert_int_equal(frames[3], 0x123c);

        /* What lies outside of all code was no return address. */
        s = (struct unwind_state){ .ip = 0x1100, .known = 0xffff };
        s.registers[UNWIND_AARCH64_SP] = s.registers[UNWIND_AARCH64_FP] = 0x8000;
        copy.words[3] = 0x9999;
        end = unwinder_walk(&u, &s, frames, ELEMENTSOF(frames));
        assert_int_equal(end.result, UNWIND_NOT_CODE);
        assert_int_equal(end.n_frames, 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
                cmocka_unit_test(test_stacks_without_frame_pointers_are_complete),
                cmocka_unit_test(test_stacks_of_all_ways_to_compile_are_complete),
                cmocka_unit_test(test_every_instruction_has_the_right_stack),
                cmocka_unit_test(test_every_instruction_of_realigned_frames_has_the_right_stack),
#endif
                cmocka_unit_test(test_code_outside_of_mappings_ends_the_walk),
                cmocka_unit_test(test_frame_pointers_lead_through_code_without_tables),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
