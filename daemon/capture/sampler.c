/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampler
 *
 * The BPF program hangs on one event of each online CPU; a second event of each CPU writes process
 * records. A drain takes the samples first and the records after them, so that no record is missing
 * that is older than a sample at hand, and then hands both on in time order.
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/stat.h>

#include "basic/log.h"
#include "capture/cpu-list.h"
#include "capture/event-queue.h"
#include "capture/map-memory.h"
#include "capture/record-ring.h"
#include "capture/sample-clock.h"
#include "capture/sampler.h"
#include "oncpu.skel.h"
#include "open/opener.h"

#define RING_BYTES_PER_CPU ((size_t) 256 << 10) /* 100 ms at 1000 Hz of the largest records */
#define RING_BYTES_MIN     ((size_t) 512 << 10)
#define RING_BYTES_MAX     ((size_t) 64 << 20)

/* What sessions leave to the units: one part of so many of the ring. */
#define SESSIONS_RING_RESERVE 4

#define CPU_CHECK_USEC      (1 * USEC_PER_SEC)
#define REST_AFTER_DRAINS   10          /* without a sample */
#define INITIAL_PIDNS_INODE 0xEFFFFFFCU /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

/* One online CPU. */
typedef struct CpuEvents {
        unsigned cpu;
        struct bpf_link *link; /* owns the sampling event */
        RecordRing *ring;
        sd_event_source *ring_source;
} CpuEvents;

struct Sampler {
        sd_event *event;
        SamplerCallbacks callbacks;
        void *userdata;
        char *open_socket;
        unsigned frequency_hz;
        OpenKind kind; /* OPEN_CPU_CLOCK or OPEN_CYCLES */
        unsigned n_possible;

        struct oncpu_bpf *bpf;
        struct ring_buffer *samples;
        CpuEvents *cpus;
        size_t n_cpus;
        SessionEvents *sessions;
        SampleClock *clock;
        EventQueue *queue;

        sd_event_source *drain_source, *samples_source;
        usec_t next_cpu_check;
        uint64_t wakeup_bytes;  /* in the ring of samples */
        unsigned n_vain_drains; /* since the last sample */
        bool resting;
        bool paused;             /* records of processes only */
        usec_t hurry_until_usec; /* CLOCK_MONOTONIC */
        SamplerLoss loss;
};

/* ---- events of the CPUs ---- */

static void cpu_events_done(CpuEvents *c) {
        sd_event_source_disable_unref(c->ring_source);
        record_ring_free(c->ring);
        bpf_link__destroy(c->link);
        *c = (CpuEvents){};
}

static int on_ring_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        sampler_drain(userdata);

        /* The event of a CPU that went away hangs up, for good. */
        if (revents & (EPOLLHUP | EPOLLERR))
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static int open_event(Sampler *s, OpenKind kind, unsigned cpu) {
        OpenRequest request = {
                .magic = OPEN_MAGIC,
                .kind = kind,
                .cpu = cpu,
                .frequency_hz = s->frequency_hz,
        };

        return opener_open(s->open_socket, &request);
}

static int start_sampling(Sampler *s, CpuEvents *c) {
        int fd, r;

        fd = open_event(s, s->kind, c->cpu);
        if (fd < 0)
                return fd;
        c->link = bpf_program__attach_perf_event(s->bpf->progs.on_cpu, fd);
        if (!c->link) {
                r = negative_errno();
                safe_close(fd);
                return r;
        }
        return 0;
}

static void stop_sampling(CpuEvents *c) {
        bpf_link__destroy(c->link);
        c->link = NULL;
}

static int cpu_events_open(Sampler *s, unsigned cpu, CpuEvents *ret) {
        _cleanup_(cpu_events_done) CpuEvents c = { .cpu = cpu };
        int fd, r;

        fd = open_event(s, OPEN_RECORDS, cpu);
        if (fd < 0)
                return fd;
        r = record_ring_new(&c.ring, fd);
        if (r < 0)
                return r;
        r = sd_event_add_io(s->event, &c.ring_source, record_ring_get_fd(c.ring), EPOLLIN,
                            on_ring_readable, s);
        if (r < 0)
                return r;
        if (!s->paused) {
                r = start_sampling(s, &c);
                if (r < 0)
                        return r;
        }

        *ret = c;
        c = (CpuEvents){};
        return 0;
}

static CpuEvents *find_cpu(Sampler *s, unsigned cpu) {
        for (size_t i = 0; i < s->n_cpus; i++)
                if (s->cpus[i].cpu == cpu)
                        return &s->cpus[i];
        return NULL;
}

static bool contains_cpu(const unsigned *cpus, size_t n, unsigned cpu) {
        for (size_t i = 0; i < n; i++)
                if (cpus[i] == cpu)
                        return true;
        return false;
}

/* Opens events of CPUs that came and closes those of CPUs that went. */
static int follow_cpus(Sampler *s) {
        _cleanup_free_ unsigned *online = NULL;
        size_t n;
        int r;

        r = cpu_list_online(&online, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < s->n_cpus;) {
                if (contains_cpu(online, n, s->cpus[i].cpu)) {
                        i++;
                        continue;
                }
                log_debug("CPU %u went offline.", s->cpus[i].cpu);
                cpu_events_done(&s->cpus[i]);
                s->cpus[i] = s->cpus[--s->n_cpus];
        }

        for (size_t i = 0; i < n; i++) {
                CpuEvents c;

                if (online[i] >= s->n_possible || find_cpu(s, online[i]))
                        continue;
                r = cpu_events_open(s, online[i], &c);
                if (r == -ENODEV) /* it went again */
                        continue;
                if (r < 0)
                        return r;
                s->cpus[s->n_cpus++] = c;
        }
        return 0;
}

static void close_cpus(Sampler *s) {
        while (s->n_cpus > 0)
                cpu_events_done(&s->cpus[--s->n_cpus]);
}

/* ---- draining ---- */

static int on_ring_sample(void *userdata, void *data, size_t size) {
        Sampler *s = userdata;
        int r;

        r = event_queue_add_sample(s->queue, data, size);
        if (r == -EBADMSG)
                s->loss.malformed++;
        else if (r < 0)
                s->loss.queue++;
        return 0;
}

static void on_ring_record(const ProcessRecord *record, void *userdata) {
        Sampler *s = userdata;

        if (record->kind == PROCESS_RECORD_LOST) {
                s->loss.records += record->lost;
                s->callbacks.on_records_lost(s->userdata);
        } else if (event_queue_add_record(s->queue, record) < 0)
                s->loss.queue++;
}

static void on_event(const struct sample_record *sample,
                     const ProcessRecord *record,
                     void *userdata) {
        Sampler *s = userdata;
        nsec_t weight;

        if (record) {
                s->callbacks.on_process(record, s->userdata);
                return;
        }
        if (sample->sessions || (sample->flags & SAMPLE_OFF_CPU)) /* always of the clock */
                weight = sample->period;
        else
                weight = sample_clock_weigh(s->clock, sample->cpu, sample->period,
                                            sample->elapsed_ns) *
                         SHARE_ALL / sample->share;
        s->callbacks.on_sample(sample, (const uint64_t *) (sample + 1), weight, s->userdata);
}

static int set_drain_timer(Sampler *s, usec_t delay_usec) {
        int r;

        r = sd_event_source_set_time_relative(s->drain_source, delay_usec);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(s->drain_source, SD_EVENT_ONESHOT);
}

static void end_rest(Sampler *s) {
        s->n_vain_drains = 0;
        if (!s->resting)
                return;
        s->resting = false;
        s->bpf->bss->wakeup_bytes = s->wakeup_bytes;
        (void) set_drain_timer(s, SAMPLER_DRAIN_USEC);
}

void sampler_drain(Sampler *s) {
        int r;

        r = ring_buffer__consume(s->samples);
        if (r < 0)
                log_debug_errno(r, "Failed to read the ring of samples: %m");
        else if (r > 0)
                end_rest(s);
        for (size_t i = 0; i < s->n_cpus; i++)
                s->loss.malformed += record_ring_drain(s->cpus[i].ring, on_ring_record, s);

        event_queue_dispatch(s->queue, on_event, s);
        s->callbacks.on_drained(s->userdata);
}

/* While no target runs nobody looks for samples: the first one wakes us. */
static void begin_rest(Sampler *s) {
        s->resting = true;
        s->bpf->bss->wakeup_bytes = 0;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        sampler_drain(s); /* what came before the program could see that */
}

static int on_drain_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        Sampler *s = userdata;
        int r;

        sampler_drain(s);
        if (++s->n_vain_drains > REST_AFTER_DRAINS)
                begin_rest(s);

        if (now >= s->next_cpu_check) {
                s->next_cpu_check = now + CPU_CHECK_USEC;
                r = follow_cpus(s);
                if (r >= 0)
                        r = session_events_follow_cpus(s->sessions);
                if (r < 0)
                        log_debug_errno(r, "Failed to follow the online CPUs: %m");
        }
        if (now < s->hurry_until_usec)
                return set_drain_timer(s, SAMPLER_HURRY_USEC);
        return set_drain_timer(s, s->resting ? CPU_CHECK_USEC : SAMPLER_DRAIN_USEC);
}

void sampler_hurry(Sampler *s, usec_t for_usec) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        bool hurries = now < s->hurry_until_usec && !s->resting;

        end_rest(s);
        s->hurry_until_usec = MAX(s->hurry_until_usec, now + for_usec);
        if (!hurries)
                (void) set_drain_timer(s, SAMPLER_HURRY_USEC);
}

static int on_samples_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        sampler_drain(userdata);
        return 0;
}

/* ---- construction ---- */

static size_t ring_bytes(unsigned n_cpus) {
        size_t bytes = RING_BYTES_MIN;

        while (bytes < n_cpus * RING_BYTES_PER_CPU && bytes < RING_BYTES_MAX)
                bytes *= 2;
        return bytes;
}

static int load_bpf(Sampler *s) {
        size_t bytes = ring_bytes(s->n_possible);
        struct stat st;
        int r;

        s->bpf = oncpu_bpf__open();
        if (!s->bpf)
                return negative_errno();

        if (stat("/proc/self/ns/pid", &st) < 0)
                return -errno;
        if (st.st_ino != INITIAL_PIDNS_INODE) {
                s->bpf->rodata->pid_namespace_device = st.st_dev;
                s->bpf->rodata->pid_namespace = st.st_ino;
        }
        s->bpf->rodata->counts_cycles = s->kind == OPEN_CYCLES;
        s->wakeup_bytes = s->bpf->bss->wakeup_bytes = bytes / 4;
        s->bpf->data->session_bytes_max = bytes - bytes / SESSIONS_RING_RESERVE;
        r = bpf_map__set_max_entries(s->bpf->maps.samples, (uint32_t) bytes);
        if (r < 0)
                return r;
        r = oncpu_bpf__load(s->bpf);
        if (r < 0)
                return r;

        s->samples = ring_buffer__new(bpf_map__fd(s->bpf->maps.samples), on_ring_sample, s, NULL);
        return s->samples ? 0 : negative_errno();
}

static int add_sessions(Sampler *s) {
        const SessionEventsOptions options = {
                .program_fd = bpf_program__fd(s->bpf->progs.on_session),
                .fork_program_fd = bpf_program__fd(s->bpf->progs.on_fork),
                .events_fd = bpf_map__fd(s->bpf->maps.session_events),
                .cgroups_fd = bpf_map__fd(s->bpf->maps.session_cgroups),
                .processes_fd = bpf_map__fd(s->bpf->maps.session_processes),
                .lost_fd = bpf_map__fd(s->bpf->maps.session_lost),
                .n_possible = s->n_possible,
                .open_socket = s->open_socket,
        };

        return session_events_new(&s->sessions, &options);
}

/* Hardware cycles where the machine has them, else the clock. */
static int choose_event(Sampler *s) {
        int fd;

        s->kind = OPEN_CYCLES;
        fd = open_event(s, s->kind, 0);
        if (fd < 0)
                s->kind = OPEN_CPU_CLOCK;
        else
                safe_close(fd);
        return sample_clock_new(&s->clock, s->kind == OPEN_CYCLES, s->n_possible);
}

static int add_sources(Sampler *s) {
        int r;

        r = sd_event_add_io(s->event, &s->samples_source, ring_buffer__epoll_fd(s->samples),
                            EPOLLIN, on_samples_readable, s);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(s->event, &s->drain_source, CLOCK_MONOTONIC,
                                          SAMPLER_DRAIN_USEC, SAMPLER_HURRY_USEC / 2,
                                          on_drain_timer, s);
}

static int on_libbpf_message(enum libbpf_print_level level, const char *format, va_list ap) {
        char line[1024];

        if (log_get_max_level() < LOG_DEBUG)
                return 0;
        vsnprintf(line, sizeof(line), format, ap);
        line[strcspn(line, "\n")] = '\0';
        log_debug("libbpf: %s", line);
        return 0;
}

/* *ret_step is what is being done, and so what failed. */
static int sampler_open(Sampler *s, const char **ret_step) {
        int r;

        *ret_step = "reading the list of CPUs";
        r = cpu_list_possible(&s->n_possible);
        if (r < 0)
                return r;
        s->cpus = calloc(s->n_possible, sizeof(CpuEvents));
        if (!s->cpus)
                return -ENOMEM;

        r = choose_event(s);
        if (r < 0)
                return r;

        *ret_step = "loading the BPF program";
        r = load_bpf(s);
        if (r < 0)
                return r;

        r = add_sessions(s);
        if (r < 0)
                return r;

        *ret_step = "opening perf events";
        r = follow_cpus(s);
        if (r < 0)
                return r;

        *ret_step = "adding event sources";
        return add_sources(s);
}

int sampler_new(Sampler **ret,
                sd_event *event,
                const SamplerOptions *options,
                const SamplerCallbacks *callbacks,
                void *userdata,
                const char **ret_step) {
        _cleanup_(sampler_freep) Sampler *s = NULL;
        const char *step;
        int r;

        libbpf_set_print(on_libbpf_message);
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        s->callbacks = *callbacks;
        s->userdata = userdata;
        s->frequency_hz = options->frequency_hz;
        s->open_socket = options->open_socket ? strdup(options->open_socket) : NULL;
        if (options->open_socket && !s->open_socket)
                return -ENOMEM;
        r = event_queue_new(&s->queue);
        if (r < 0)
                return r;

        r = sampler_open(s, &step);
        if (r < 0) {
                if (ret_step)
                        *ret_step = step;
                return r;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

Sampler *sampler_free(Sampler *s) {
        if (!s)
                return NULL;

        close_cpus(s);
        session_events_free(s->sessions);
        sd_event_source_disable_unref(s->drain_source);
        sd_event_source_disable_unref(s->samples_source);
        ring_buffer__free(s->samples);
        oncpu_bpf__destroy(s->bpf);
        event_queue_free(s->queue);
        sample_clock_free(s->clock);
        free(s->cpus);
        free(s->open_socket);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

/* ---- targets ---- */

int sampler_set_target(Sampler *s, uint64_t cgroup_id, uint32_t slot, uint32_t share) {
        struct target target = { .slot = slot, .share = share };
        int r;

        r = bpf_map__update_elem(s->bpf->maps.targets, &cgroup_id, sizeof(cgroup_id), &target,
                                 sizeof(target), BPF_ANY);
        if (r < 0)
                return r;
        s->bpf->data->targets_generation++;
        return 0;
}

void sampler_remove_target(Sampler *s, uint64_t cgroup_id) {
        (void) bpf_map__delete_elem(s->bpf->maps.targets, &cgroup_id, sizeof(cgroup_id), 0);
        s->bpf->data->targets_generation++;
}

int sampler_set_frequency(Sampler *s, unsigned frequency_hz) {
        if (frequency_hz == s->frequency_hz)
                return 0;

        sampler_drain(s);
        s->frequency_hz = frequency_hz;
        close_cpus(s);
        return follow_cpus(s);
}

int sampler_set_paused(Sampler *s, bool paused) {
        int r;

        if (paused == s->paused)
                return 0;
        if (paused)
                sampler_drain(s);
        s->paused = paused;
        for (size_t i = 0; i < s->n_cpus; i++) {
                if (paused) {
                        stop_sampling(&s->cpus[i]);
                        continue;
                }
                r = start_sampling(s, &s->cpus[i]);
                if (r < 0 && r != -ENODEV) { /* as it was: none of them */
                        (void) sampler_set_paused(s, true);
                        return r;
                }
        }
        return 0;
}

/* ---- state ---- */

const char *sampler_get_event_name(const Sampler *s) {
        return s->kind == OPEN_CYCLES ? "cycles" : "cpu-clock";
}

unsigned sampler_get_frequency(const Sampler *s) {
        return s->frequency_hz;
}

void sampler_get_loss(Sampler *s, SamplerLoss *ret) {
        _cleanup_free_ uint64_t *per_cpu = NULL;
        int n = libbpf_num_possible_cpus();

        *ret = s->loss;
        per_cpu = n > 0 ? calloc((size_t) n, sizeof(*per_cpu)) : NULL;
        if (!per_cpu)
                return;
        for (uint32_t reason = 0; reason < _LOSS_MAX; reason++) {
                if (bpf_map__lookup_elem(s->bpf->maps.lost, &reason, sizeof(reason), per_cpu,
                                         (size_t) n * sizeof(*per_cpu), 0) < 0)
                        continue;
                for (int cpu = 0; cpu < n; cpu++)
                        ret->samples[reason] += per_cpu[cpu];
        }
}

uint64_t sampler_get_bpf_memory_bytes(const Sampler *s) {
        uint64_t sum = 0;
        struct bpf_map *map;

        bpf_object__for_each_map(map, s->bpf->obj) sum += map_memory_bytes(bpf_map__fd(map));
        return sum;
}

int sampler_get_program_fd(const Sampler *s) {
        return bpf_program__fd(s->bpf->progs.on_cpu);
}

SessionEvents *sampler_get_sessions(Sampler *s) {
        return s->sessions;
}

int sampler_get_unwind_segments_fd(const Sampler *s) {
        return bpf_map__fd(s->bpf->maps.unwind_segments);
}

int sampler_get_unwind_processes_fd(const Sampler *s) {
        return bpf_map__fd(s->bpf->maps.unwind_processes);
}

int sampler_get_map_fd(const Sampler *s, const char *name) {
        return bpf_object__find_map_fd_by_name(s->bpf->obj, name);
}

uint64_t sampler_get_wakeup_bytes(const Sampler *s) {
        return s->wakeup_bytes;
}

uint64_t sampler_get_session_bytes_max(const Sampler *s) {
        return s->bpf->data->session_bytes_max;
}

void sampler_get_pid_namespace(const Sampler *s, uint64_t *ret_device, uint64_t *ret_inode) {
        *ret_device = s->bpf->rodata->pid_namespace_device;
        *ret_inode = s->bpf->rodata->pid_namespace;
}
