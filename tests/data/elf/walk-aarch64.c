/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walk of aarch64
 *
 * A timer interrupts frames of many kinds wherever they are, and the handler walks the interrupted
 * stack twice: with the unwinder of profilerd and the index that is given, and with that of
 * libgcc. Prints how often they said the same: "walks N equal N unknown N complete N signed N depth
 * N" (unknown: libgcc does not know the interrupted code; signed: return addresses with a pointer
 * authentication code that were met).
 * walk-aarch64 INDEX WALKS
 */

#include <alloca.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unwind.h>

#include "unwind/unwinder.h"

#define NOINLINE __attribute__((__noinline__, __used__))

enum {
        FRAMES_MAX = 512,
        COMPLAINTS_MAX = 5,
        TIMER_USEC_MAX = 512, /* a power of two */
};

typedef struct Frames {
        uint64_t addresses[FRAMES_MAX];
        size_t n;
        uint64_t from; /* frames before this address are those of the handler */
        bool is_past;
} Frames;

static UnwindMapping mapping;
static int pipe_fds[2];
static volatile unsigned long n_walks, n_equal, n_unknown, n_complete, n_signed, n_deepest, wanted;
static volatile unsigned long sink;

/* What cannot be read is told by the kernel. */
static int read_memory(void *userdata, uint64_t address, void *buffer, size_t size) {
        const uint64_t *words = buffer;

        if (write(pipe_fds[1], (const void *) (uintptr_t) address, size) != (ssize_t) size ||
            read(pipe_fds[0], buffer, size) != (ssize_t) size)
                return -EFAULT;
        for (size_t i = 0; i < size / sizeof(*words); i++) {
                uint64_t code = unwind_strip(UNWIND_AARCH64, words[i]);

                n_signed += code != words[i] && code >= mapping.start && code < mapping.end;
        }
        return 0;
}

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *userdata) {
        uint64_t ip = _Unwind_GetIP(context);
        Frames *f = userdata;

        f->is_past |= ip == f->from;
        if (f->is_past && f->n < FRAMES_MAX)
                f->addresses[f->n++] = ip;
        return _URC_NO_REASON;
}

static void print_frames(const char *who, const uint64_t *frames, size_t n) {
        printf("%s:", who);
        for (size_t i = 0; i < n; i++)
                printf(" %llx", (unsigned long long) frames[i]);
        printf("\n");
}

/* Where handlers return to: the kernel's own code for that lies in the vDSO, of which a program
 * that is emulated has none. */
void return_from_signal(void);
__asm__(".text\n"
        ".type return_from_signal, %function\n"
        ".global return_from_signal\n"
        "        nop\n" /* walkers look in front of where a call returns to, as the vDSO knows */
        "return_from_signal:\n"
        "        mov x8, 139\n"
        "        svc 0\n"
        ".size return_from_signal, . - return_from_signal\n");

/* Once, so that there is time for what is to be interrupted. */
static void arm(void) {
        struct itimerval timer = { .it_value.tv_usec = 1 };

        timer.it_value.tv_usec += (long) (n_walks * 0x9e3779b1U >> 16) & (TIMER_USEC_MAX - 1);
        if (n_walks < wanted)
                (void) setitimer(ITIMER_REAL, &timer, NULL);
}

static void on_signal(int number, siginfo_t *info, void *context) {
        const mcontext_t *m = &((const ucontext_t *) context)->uc_mcontext;
        const Unwinder u = {
                .machine = UNWIND_AARCH64,
                .mappings = &mapping,
                .n_mappings = 1,
                .read = read_memory,
        };
        struct unwind_state s = { .ip = m->pc, .known = 0xffff };
        static uint64_t ours[FRAMES_MAX];
        static Frames theirs;
        int saved = errno;
        UnwindEnd end;

        for (int i = 0; i < 15; i++)
                s.registers[i] = m->regs[16 + i];
        s.registers[UNWIND_AARCH64_SP] = m->sp;
        end = unwinder_walk(&u, &s, ours, FRAMES_MAX);
        theirs = (Frames){ .from = m->pc };
        if (m->pc - (uintptr_t) return_from_signal >= 8)
                (void) _Unwind_Backtrace(on_frame, &theirs);

        n_walks++;
        n_complete += end.result == UNWIND_COMPLETE && end.n_guessed == 0;
        n_deepest = MAX(n_deepest, end.n_frames);
        /* It knows neither code that calls functions of the C library which are chosen at start,
         * nor what it is to find in return_from_signal(), and believes in that. */
        if (theirs.n <= 1)
                n_unknown++;
        else if (end.n_frames == theirs.n && memcmp(ours, theirs.addresses, theirs.n * 8) == 0)
                n_equal++;
        else if (n_walks - n_equal - n_unknown <= COMPLAINTS_MAX) {
                printf("result %d, %zu guessed\n", (int) end.result, end.n_guessed);
                print_frames("ours", ours, end.n_frames);
                print_frames("theirs", theirs.addresses, theirs.n);
        }
        errno = saved;
        arm();
}

static int handle(int number, void (*handler)(int, siginfo_t *, void *)) {
        enum { RESTORER = 0x04000000 };
        const struct {
                void (*handler)(int, siginfo_t *, void *);
                unsigned long flags;
                void (*restorer)(void);
                unsigned long mask;
        } action = { handler, SA_SIGINFO | SA_RESTART | RESTORER, return_from_signal, 0 };

        return (int) syscall(SYS_rt_sigaction, number, &action, NULL, sizeof(action.mask));
}

/* ---- frames ---- */

NOINLINE static unsigned long leaf(unsigned long n) {
        return n * sink + 1;
}

NOINLINE static void spend(unsigned long n) {
        for (unsigned long i = 0; i < n; i++)
                sink += leaf(i);
}

NOINLINE static unsigned long recursive(unsigned long n) {
        if (n == 0) {
                spend(3);
                return 1;
        }
        return recursive(n - 1) * n + sink;
}

NOINLINE static void with_alloca(size_t n) {
        char *p = alloca(n);

        memset(p, (int) n, n);
        spend(3);
        sink += (unsigned char) p[n / 2];
}

/* Beyond what one instruction adds to the stack pointer. */
NOINLINE static void with_much_stack(void) {
        volatile char room[70000];

        room[sink % sizeof(room)] = 1;
        spend(3);
        sink += (unsigned char) room[0];
}

NOINLINE static unsigned long with_many_registers(unsigned long n) {
        unsigned long a = leaf(n), b = leaf(a), c = leaf(b), d = leaf(c), e = leaf(d), f = leaf(e);
        unsigned long g = leaf(f), h = leaf(g), i = leaf(h), j = leaf(i), k = leaf(j);

        spend(3);
        return a + b * c + d * e + f * g + h * i + j * k + n;
}

static int compare(const void *a, const void *b) {
        spend(1);
        return *(const int *) a - *(const int *) b;
}

NOINLINE static void with_callback(void) {
        int numbers[] = { 5, 3, 9, 1 };

        qsort(numbers, 4, sizeof(int), compare);
        sink += (unsigned long) numbers[0];
}

static void on_user_signal(int number, siginfo_t *info, void *context) {
        with_alloca(100);
}

NOINLINE static void with_signal(void) {
        raise(SIGUSR1);
        sink++;
}

NOINLINE static void in_library(void) {
        char text[64];

        snprintf(text, sizeof(text), "%lu %s %f", sink, "text", 1.5);
        sink += strlen(text);
}

static int find_code(struct dl_phdr_info *info, size_t size, void *userdata) {
        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *p = &info->dlpi_phdr[i];

                if (p->p_type == PT_LOAD && (p->p_flags & PF_X))
                        mapping = (UnwindMapping){
                                .start = info->dlpi_addr + p->p_vaddr,
                                .end = info->dlpi_addr + p->p_vaddr + p->p_memsz,
                                .offset = p->p_offset,
                        };
        }
        return 1; /* the program itself comes first */
}

int main(int argc, char *argv[]) {
        IndexFile *index;
        int fd, r;

        if (argc != 3)
                return 2;
        wanted = strtoul(argv[2], NULL, 10);
        fd = open(argv[1], O_RDONLY | O_CLOEXEC);
        r = fd < 0 ? -errno : index_file_open(&index, fd, NULL);
        if (r < 0 || pipe(pipe_fds) < 0 || handle(SIGUSR1, on_user_signal) < 0 ||
            handle(SIGALRM, on_signal) < 0) {
                printf("cannot begin: %d\n", r);
                return 1;
        }
        (void) dl_iterate_phdr(find_code, NULL);
        mapping.index = index;
        arm();
        while (n_walks < wanted) {
                recursive(20);
                with_alloca(1000 + sink % 100);
                with_much_stack();
                with_many_registers(sink);
                with_callback();
                with_signal();
                in_library();
        }
        printf("walks %lu equal %lu unknown %lu complete %lu signed %lu depth %lu\n", n_walks,
               n_equal, n_unknown, n_complete, n_signed, n_deepest);
        return 0;
}
