/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiler
 *
 * Whenever a unit's samples are to change hands (its window is due, it restarted, it is gone) the
 * rings are drained first, so that each sample falls into the window that it was taken in.
 */

#include "profiler.h"
#include "basic/array.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "capture/session-waits.h"
#include "capture/wait-table.h"
#include "file-loader.h"
#include "flush-waiters.h"
#include "kernel-names.h"
#include "late-stacks.h"
#include "process/cgroup-processes.h"
#include "unit-windows.h"

#define CODE_REFRESH_USEC (100 * USEC_PER_MSEC)
#define START_USEC        (500 * USEC_PER_MSEC) /* a unit starts, or a session */
#define EXEC_USEC         (100 * USEC_PER_MSEC) /* where there was one program, there will be more */
#define CACHE_BYTES_MAX   (UINT64_C(1) << 30)

struct Profiler {
        sd_event *event;
        UnitRegistry *units;
        ProfilerWritten on_written;
        void *userdata;

        Sampler *sampler;
        OffCpu *off_cpu; /* NULL: nobody wants it, or it cannot be had */
        WaitTable *waits;
        SessionWaits *session_waits;
        UnwindLoader *unwind;
        ProcessTable *processes;
        pid_t *changed; /* processes whose mappings changed since the last drain */
        size_t n_changed, changed_capacity;
        FileLoader *loader;
        LateStacks *late;
        RecentSamples *recent;
        CodeLoader *code;
        usec_t code_refreshed_usec; /* CLOCK_MONOTONIC: all of it */
        ProfileWriter *writer;
        KernelNames *kernel;

        UnitWindows *windows;
        FlushWaiters *waiters;

        ProfilerStatistics statistics;

        ProfilerSessionSample on_session_sample; /* NULL: there are no sessions */
        void *session_userdata;
};

/* ---- windows ---- */

static void on_file(File *file, pid_t pid, uint64_t start, uint64_t end, void *userdata) {
        const Process *process;
        Profiler *p = userdata;

        file_loader_load(p->loader, file, pid, start, end);
        process = file_is_memory(file) ? process_table_find(p->processes, pid) : NULL;
        if (!process || process->code)
                return;
        if (code_loader_follow(p->code, p->processes, process) >= 0)
                code_loader_refresh(p->code, process, now_usec(CLOCK_MONOTONIC));
}

static void on_window_due(void *userdata) {
        Profiler *p = userdata;

        sampler_drain(p->sampler);
        late_stacks_settle(p->late, now_usec(CLOCK_MONOTONIC), true);
}

void profiler_close_windows(Profiler *p, Unit *u) {
        late_stacks_settle(p->late, now_usec(CLOCK_MONOTONIC), true);
        unit_windows_close(p->windows, u);
}

int profiler_encode_open(Profiler *p, Unit *u, uint8_t **ret, size_t *ret_size) {
        sampler_drain(p->sampler);
        return unit_windows_encode(p->windows, u, ret, ret_size);
}

/* ---- what the sampler delivers ---- */

static void lose(Profiler *p, Unit *u, uint64_t *reason) {
        (*reason)++;
        if (u)
                u->counters.lost++;
}

/* All files of a process that is profiled are wanted: any of them may be on the way up its stack.
 */
static void load_files(Profiler *p, const Process *process) {
        for (size_t i = 0; i < mapping_set_size(process->mappings); i++) {
                const Mapping *m = mapping_set_get(process->mappings, i);

                if (file_get_state(m->file) == FILE_NEW)
                        file_loader_load(p->loader, m->file, process->pid, m->start, m->end);
        }
}

/* process: NULL if not known. */
static void follow_process(Profiler *p, const Process *process) {
        int r;

        if (!process || !process->mappings || process->dead)
                return;
        r = unwind_loader_set_process(p->unwind, process->pid, process->mappings);
        if (r > 0)
                load_files(p, process);
        else if (r < 0)
                log_debug_errno(r, "No unwind tables for process %d: %m", process->pid);
}

/* One process maps many files in a row: it is followed when they are through. */
static void follow_later(Profiler *p, pid_t pid) {
        if (p->n_changed > 0 && p->changed[p->n_changed - 1] == pid)
                return;
        if (ARRAY_RESERVE(p->changed, p->changed_capacity, p->n_changed + 1) >= 0)
                p->changed[p->n_changed++] = pid;
}

static void count_stack(UnitStacks *stacks, const struct sample_record *record) {
        if (record->stack_end < ELEMENTSOF(stacks->ends))
                stacks->ends[record->stack_end]++;
        stacks->broken += stack_end_is_broken(record->stack_end);
        stacks->guessed += !!(record->flags & SAMPLE_GUESSED);
}

static void count_sample(Profiler *p,
                         Unit *u,
                         const struct sample_record *record,
                         nsec_t weight_nsec) {
        if (record->flags & SAMPLE_OFF_CPU) {
                p->statistics.waits++;
                p->statistics.waits_nsec += weight_nsec;
                u->counters.waits++;
                u->counters.waits_nsec += weight_nsec;
                return;
        }
        p->statistics.samples++;
        p->statistics.cpu_nsec += weight_nsec;
        u->counters.samples++;
        u->counters.cpu_nsec += weight_nsec;
        count_stack(&u->counters.stacks, record);
}

/* The end of a sample's road: its unit's window, or the sessions that wanted it. */
static void keep_sample(const Process *process,
                        const struct sample_record *record,
                        const uint64_t *frames,
                        nsec_t weight_nsec,
                        void *userdata) {
        Profiler *p = userdata;
        Window *window;
        Unit *u;

        if (record->sessions) {
                if (p->on_session_sample)
                        p->on_session_sample(record, process, frames, weight_nsec,
                                             p->session_userdata);
                return;
        }
        u = unit_registry_get_by_slot(p->units, record->target);
        if (!u) {
                lose(p, NULL, &p->statistics.lost_without_unit);
                return;
        }
        if (unit_windows_open(p->windows, u,
                              record->flags & SAMPLE_OFF_CPU ? WINDOW_OFF_CPU : WINDOW_CPU,
                              &window) < 0) {
                lose(p, u, &p->statistics.lost_window_full);
                return;
        }
        if (process && process->code)
                code_loader_refresh(p->code, process, now_usec(CLOCK_MONOTONIC));
        if (window_add(window, process, record, frames, weight_nsec) < 0) {
                lose(p, u, &p->statistics.lost_window_full);
                return;
        }
        count_sample(p, u, record, weight_nsec);
        if (!(record->flags & SAMPLE_OFF_CPU))
                recent_samples_add(p->recent, process, record, frames, weight_nsec);
}

static void keep_wait(const struct sample_record *record, void *userdata) {
        Profiler *p = userdata;

        keep_sample(process_table_get(p->processes, (pid_t) record->pid, record->start_ns), record,
                    (const uint64_t *) (record + 1), record->period, p);
}

/* A wait counts in the window in which it ends. */
static void on_wait(Profiler *p, const struct sample_record *record) {
        const struct sample_record *ended;

        /* While it waits it will not tell anything new: what it runs is asked for now. */
        if (!(record->flags & SAMPLE_WAIT_END))
                follow_process(
                        p, process_table_get(p->processes, (pid_t) record->pid, record->start_ns));
        if (record->sessions) {
                session_waits_add(p->session_waits, record, keep_wait, p);
                return;
        }
        if (!(record->flags & SAMPLE_WAIT_END)) {
                if (wait_table_begin(p->waits, record) < 0)
                        lose(p, NULL, &p->statistics.lost_window_full);
                return;
        }
        ended = wait_table_end(p->waits, record);
        if (ended)
                keep_wait(ended, p);
}

static void on_sample(const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        Profiler *p = userdata;
        const Process *process;

        if (record->flags & SAMPLE_OFF_CPU) {
                on_wait(p, record);
                return;
        }
        process = process_table_get(p->processes, (pid_t) record->pid, record->start_ns);
        follow_process(p, process);
        if (process && process->mappings && record->n_copied > 0) {
                load_files(p, process);
                if (late_stacks_add(p->late, process, record, frames, weight_nsec) >= 0)
                        return;
        }
        keep_sample(process, record, frames, weight_nsec, p);
}

static void on_process(const ProcessRecord *record, void *userdata) {
        const FileId id = { record->major, record->minor, record->inode };
        Profiler *p = userdata;
        int r = 0;

        switch (record->kind) {
        case PROCESS_RECORD_FORK:
                r = process_table_fork(p->processes, record->pid, record->parent);
                follow_later(p, record->pid);
                break;
        case PROCESS_RECORD_EXEC:
                r = process_table_exec(p->processes, record->pid, record->comm);
                unwind_loader_remove_process(p->unwind, record->pid);
                if (process_table_find(p->processes, record->pid))
                        sampler_hurry(p->sampler, EXEC_USEC);
                break;
        case PROCESS_RECORD_COMM:
                r = process_table_comm(p->processes, record->pid, record->comm);
                break;
        case PROCESS_RECORD_MMAP:
                r = process_table_mmap(p->processes, record->pid, record->start, record->end,
                                       record->offset, &id, record->path);
                follow_later(p, record->pid);
                break;
        case PROCESS_RECORD_EXIT:
                process_table_exit(p->processes, record->pid, now_usec(CLOCK_MONOTONIC));
                unwind_loader_remove_process(p->unwind, record->pid);
                session_events_forget_process(profiler_get_session_events(p), record->pid);
                break;
        case PROCESS_RECORD_LOST:
                break;
        }
        if (r < 0)
                log_debug_errno(r, "Failed to follow process %d, ignoring: %m", record->pid);
}

static void on_records_lost(void *userdata) {
        Profiler *p = userdata;

        process_table_invalidate(p->processes);
}

static void on_drained(void *userdata) {
        Profiler *p = userdata;

        for (size_t i = 0; i < p->n_changed; i++)
                follow_process(p, process_table_find(p->processes, p->changed[i]));
        p->n_changed = 0;
        file_loader_refill(p->loader);
        late_stacks_settle(p->late, now_usec(CLOCK_MONOTONIC), false);
}

/* ---- names and profiles ---- */

static void on_loaded(File *file, void *userdata) {
        Profiler *p = userdata;

        unwind_loader_add_file(p->unwind, file);
        profile_writer_poke(p->writer);
}

/* Some runtimes tell their names only when they are asked, or at their end. */
static void refresh_code(Profiler *p) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (now < p->code_refreshed_usec + CODE_REFRESH_USEC)
                return;
        p->code_refreshed_usec = now;
        code_loader_refresh_all(p->code, now);
}

static bool is_kernel_ready(const Window *window, void *userdata) {
        Profiler *p = userdata;

        return kernel_names_prepare(p->kernel, window);
}

static const Kallsyms *get_kernel(void *userdata) {
        Profiler *p = userdata;

        refresh_code(p);
        return kernel_names_get(p->kernel);
}

static void on_kernel_ready(void *userdata) {
        Profiler *p = userdata;

        profile_writer_poke(p->writer);
}

static void on_written(const WrittenProfile *written, void *userdata) {
        Profiler *p = userdata;
        Unit *u = unit_registry_find(p->units, written->closed->unit);

        if (written->error < 0) {
                p->statistics.lost_unwritten += written->totals.samples;
                if (u)
                        u->counters.lost += written->totals.samples;
        }
        p->on_written(written, u, p->userdata);
        flush_waiters_count(p->waiters, written->error);
}

int profiler_notify_stored(Profiler *p, ManagerFlushed callback, Manager *m, void *userdata) {
        return flush_waiters_add(p->waiters, unit_windows_get_last_sequence(p->windows), callback,
                                 m, userdata);
}

void profiler_finish(Profiler *p) {
        _cleanup_free_ Unit **units = NULL;
        size_t n;

        sampler_drain(p->sampler);
        if (unit_registry_list(p->units, &units, &n) >= 0)
                for (size_t i = 0; i < n; i++)
                        profiler_close_windows(p, units[i]);
        profile_writer_finish(p->writer);
        flush_waiters_finish(p->waiters);
}

/* ---- targets ---- */

/* The share of the sampler's events that makes the unit's own frequency. */
static uint32_t unit_share(const Unit *u, unsigned frequency_hz) {
        if (!u->settings.enabled || !(u->settings.types & CONFIG_TYPE(WINDOW_CPU)))
                return 0;
        return (uint32_t) MAX((uint64_t) SHARE_ALL * u->settings.frequency_hz / frequency_hz,
                              (uint64_t) 1);
}

static int set_target(Profiler *p, Unit *u, uint64_t cgroup_id) {
        bool waits = u->settings.enabled && u->settings.types & CONFIG_TYPE(WINDOW_OFF_CPU);
        int r;

        r = sampler_set_target(p->sampler, cgroup_id, u->slot,
                               unit_share(u, sampler_get_frequency(p->sampler)));
        if (r < 0 || !p->off_cpu)
                return r;
        return off_cpu_set_target(p->off_cpu, cgroup_id, u->slot, waits);
}

static void remove_target(Profiler *p, uint64_t cgroup_id) {
        sampler_remove_target(p->sampler, cgroup_id);
        if (p->off_cpu)
                off_cpu_remove_target(p->off_cpu, cgroup_id);
}

int profiler_set_target(Profiler *p, Unit *u, uint64_t cgroup_id) {
        uint64_t before = u->cgroup_id;
        int r = 0;

        if (cgroup_id != 0)
                r = set_target(p, u, cgroup_id);
        if (before != 0 && before != cgroup_id)
                remove_target(p, before);
        u->cgroup_id = r < 0 ? 0 : cgroup_id;
        return r;
}

static void learn_process(pid_t pid, void *userdata) {
        Profiler *p = userdata;

        follow_process(p, process_table_get(p->processes, pid, 0));
}

void profiler_learn_processes(Profiler *p, const char *control_group) {
        int r;

        /* What starts is about to execute its program and map its libraries. */
        sampler_hurry(p->sampler, START_USEC);
        r = cgroup_processes(control_group, learn_process, p);
        if (r < 0)
                log_debug_errno(r, "Failed to list the processes of %s: %m", control_group);
}

/* ---- sessions ---- */

void profiler_set_on_session_sample(Profiler *p, ProfilerSessionSample callback, void *userdata) {
        p->on_session_sample = callback;
        p->session_userdata = userdata;
}

SessionEvents *profiler_get_session_events(Profiler *p) {
        return sampler_get_sessions(p->sampler);
}

void profiler_learn_process(Profiler *p, pid_t pid) {
        learn_process(pid, p);
}

RecentSamples *profiler_get_recent(Profiler *p) {
        return p->recent;
}

int profiler_follow_session_waits(Profiler *p) {
        return session_waits_follow(p->session_waits,
                                    session_events_get_waits(profiler_get_session_events(p)));
}

void profiler_end_session_waits(Profiler *p, unsigned session) {
        session_waits_end(p->session_waits, session, keep_wait, p);
}

void profiler_hurry(Profiler *p) {
        sampler_hurry(p->sampler, START_USEC);
}

bool profiler_settle(Profiler *p, bool all) {
        LateStacksStatistics late;

        late_stacks_settle(p->late, now_usec(CLOCK_MONOTONIC), all);
        late_stacks_get_statistics(p->late, &late);
        return late.n_waiting == 0;
}

int profiler_new_window(Profiler *p, Window **ret, WindowType type, usec_t start_usec) {
        int r;

        r = window_new(ret, type, start_usec, on_file, p);
        if (r >= 0)
                (void) kernel_names_prepare(p->kernel, *ret);
        return r;
}

int profiler_make_profile(Profiler *p,
                          const ClosedWindow *closed,
                          Profile **ret,
                          WindowNames *ret_names) {
        return profile_writer_make_profile(p->writer, closed, ret, ret_names);
}

/* ---- settings ---- */

void profiler_set_lines(Profiler *p, bool lines) {
        file_loader_set_lines(p->loader, lines);
        profile_writer_set_lines(p->writer, lines);
}

void profiler_set_unwind_memory_max(Profiler *p, uint64_t bytes) {
        unwind_loader_set_max(p->unwind, bytes);
        unwind_loader_retry(p->unwind);
}

void profiler_retry_tables(Profiler *p) {
        unwind_loader_retry(p->unwind);
}

void profiler_look_for_names(Profiler *p) {
        file_loader_look_again(p->loader);
}

void profiler_forget_unit(Profiler *p, const Unit *u) {
        wait_table_forget_target(p->waits, u->slot);
        (void) recent_samples_keep(p->recent, u->slot, 0, 0);
}

int profiler_set_off_cpu(Profiler *p,
                         const OffCpuOptions *options,
                         bool wanted,
                         const char **ret_step) {
        session_waits_set_options(p->session_waits, options);
        if (!wanted) {
                p->off_cpu = off_cpu_free(p->off_cpu);
                return 0;
        }
        if (p->off_cpu) {
                off_cpu_set_options(p->off_cpu, options);
                return 0;
        }
        return off_cpu_new(&p->off_cpu, p->sampler, options, ret_step);
}

int profiler_set_frequency(Profiler *p, unsigned frequency_hz) {
        return sampler_set_frequency(p->sampler, frequency_hz);
}

int profiler_set_paused(Profiler *p, bool paused) {
        if (!paused)
                recent_samples_restart(p->recent, now_usec(CLOCK_MONOTONIC));
        return sampler_set_paused(p->sampler, paused);
}

/* ---- construction ---- */

static int add_parts(Profiler *p, const ManagerPaths *paths, Store *store, const char **ret_step) {
        const ProfileWriterCallbacks callbacks = {
                .is_ready = is_kernel_ready,
                .get_kernel = get_kernel,
                .on_written = on_written,
        };
        const UnitWindowsCallbacks windows = {
                .on_file = on_file,
                .on_due = on_window_due,
        };
        int r;

        *ret_step = "opening the cache of indexes";
        r = file_loader_new(&p->loader, p->event, paths->cache, paths->worker, on_loaded, p);
        if (r < 0)
                return r;
        *ret_step = "setting up the tables";
        r = code_loader_new(CODE_LOADER_BYTES_MAX, &p->code);
        if (r < 0)
                return r;
        r = process_table_new(&p->processes);
        if (r < 0)
                return r;
        r = wait_table_new(&p->waits);
        if (r < 0)
                return r;
        r = kernel_names_new(&p->kernel, p->event, paths->open_socket, on_kernel_ready, p);
        if (r < 0)
                return r;
        r = recent_samples_new(&p->recent);
        if (r < 0)
                return r;
        r = late_stacks_new(&p->late, keep_sample, p);
        if (r < 0)
                return r;
        r = profile_writer_new(&p->writer, p->event, store, PROFILE_WRITER_PATIENCE_USEC,
                               &callbacks, p);
        if (r < 0)
                return r;
        r = unit_windows_new(&p->windows, p->event, p->processes, p->writer, &windows, p);
        if (r < 0)
                return r;
        return flush_waiters_new(&p->waiters, p->event, p->writer);
}

int profiler_new(Profiler **ret,
                 sd_event *event,
                 const ManagerPaths *paths,
                 UnitRegistry *units,
                 Store *store,
                 unsigned frequency_hz,
                 uint64_t unwind_memory_max,
                 bool lines,
                 ProfilerWritten written,
                 void *userdata,
                 const char **ret_step) {
        const SamplerOptions options = {
                .frequency_hz = frequency_hz,
                .open_socket = paths->open_socket,
        };
        const SamplerCallbacks callbacks = {
                .on_sample = on_sample,
                .on_process = on_process,
                .on_records_lost = on_records_lost,
                .on_drained = on_drained,
        };
        _cleanup_(profiler_freep) Profiler *p = NULL;
        int r;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->event = sd_event_ref(event);
        p->units = units;
        p->on_written = written;
        p->userdata = userdata;

        r = add_parts(p, paths, store, ret_step);
        if (r < 0)
                return r;
        profiler_set_lines(p, lines);
        r = sampler_new(&p->sampler, event, &options, &callbacks, p, ret_step);
        if (r < 0)
                return r;
        r = session_waits_new(&p->session_waits, p->sampler);
        if (r < 0)
                return r;
        *ret_step = "setting up unwind tables";
        r = unwind_loader_new(&p->unwind, sampler_get_unwind_segments_fd(p->sampler),
                              sampler_get_unwind_processes_fd(p->sampler), unwind_memory_max);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

Profiler *profiler_free(Profiler *p) {
        if (!p)
                return NULL;
        late_stacks_free(p->late);
        recent_samples_free(p->recent);
        unwind_loader_free(p->unwind);
        off_cpu_free(p->off_cpu);
        wait_table_free(p->waits);
        session_waits_free(p->session_waits);
        sampler_free(p->sampler);
        profile_writer_free(p->writer);
        flush_waiters_free(p->waiters);
        unit_windows_free(p->windows);
        file_loader_free(p->loader);
        code_loader_free(p->code);
        process_table_free(p->processes);
        kernel_names_free(p->kernel);
        free(p->changed);
        sd_event_unref(p->event);
        free(p);
        return NULL;
}

/* ---- state ---- */

void profiler_drain(Profiler *p) {
        sampler_drain(p->sampler);
}

void profiler_housekeep(Profiler *p) {
        int r;

        process_table_collect(p->processes, now_usec(CLOCK_MONOTONIC));
        r = index_cache_trim(file_loader_get_cache(p->loader), CACHE_BYTES_MAX);
        if (r < 0)
                log_debug_errno(r, "Failed to trim the cache of indexes, ignoring: %m");
}

const char *profiler_get_event_name(const Profiler *p) {
        return sampler_get_event_name(p->sampler);
}

void profiler_get_statistics(Profiler *p, ProfilerStatistics *ret) {
        *ret = p->statistics;
        ret->lost_unwritten += unit_windows_get_lost(p->windows);
        sampler_get_loss(p->sampler, &ret->sampler_loss);
        ret->bpf_memory_bytes = sampler_get_bpf_memory_bytes(p->sampler);
        process_table_get_statistics(p->processes, &ret->processes);
        ret->files_served = file_loader_get_n_served(p->loader);
        index_cache_get_statistics(file_loader_get_cache(p->loader), &ret->indexes);
        unwind_loader_get_statistics(p->unwind, &ret->unwind);
        late_stacks_get_statistics(p->late, &ret->late);
        code_loader_get_statistics(p->code, &ret->code);
        ret->bpf_memory_bytes += ret->unwind.mapped_bytes;
        ret->waits_evicted =
                wait_table_get_evicted(p->waits) + session_waits_get_evicted(p->session_waits);
        ret->bpf_memory_bytes += session_waits_get_bpf_memory_bytes(p->session_waits);
        if (p->off_cpu)
                ret->bpf_memory_bytes += off_cpu_get_bpf_memory_bytes(p->off_cpu);
}
