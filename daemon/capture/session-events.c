/* SPDX-License-Identifier: Apache-2.0 */
/* Events of Sessions */

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include "capture/cpu-list.h"
#include "capture/session-events.h"
#include "open/opener.h"
#include "open/perf-attr.h"

/* The events of one frequency. */
typedef struct EventSet {
        unsigned frequency_hz;      /* 0: unused */
        struct session_event wants; /* as the kernel knows it */
        int *fds;                   /* by CPU; -EBADF: none */
} EventSet;

enum { FORGET_PASSES_MAX = 16 };

struct SessionEvents {
        SessionEventsOptions options;
        char *open_socket;
        EventSet sets[SESSION_EVENTS_MAX];
        struct session_event waits;
        uint64_t with_children; /* sessions */
        int fork_fd;            /* while with_children is not 0 */
        uint64_t lost_before[SESSIONS_MAX];
};

_Static_assert(sizeof(((SessionEvents *) NULL)->with_children) * 8 == SESSIONS_MAX,
               "a session is a bit");

static uint64_t bit(unsigned session) {
        assert(session < SESSIONS_MAX);
        return UINT64_C(1) << session;
}

/* ---- sets ---- */

static bool is_wanted(const struct session_event *wants) {
        return (wants->host | wants->cgroups | wants->processes) != 0;
}

static void forget_wish(struct session_event *wants, unsigned session) {
        wants->host &= ~bit(session);
        wants->cgroups &= ~bit(session);
        wants->processes &= ~bit(session);
}

static int open_event(SessionEvents *s, const EventSet *set, unsigned cpu) {
        const OpenRequest request = {
                .magic = OPEN_MAGIC,
                .kind = OPEN_SESSION,
                .cpu = cpu,
                .frequency_hz = set->frequency_hz,
        };
        _cleanup_close_ int fd = -EBADF;

        fd = opener_open(s->open_socket, &request);
        if (fd < 0)
                return fd;
        if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, s->options.program_fd) < 0)
                return negative_errno();
        return TAKE_FD(fd);
}

static int set_follow_cpus(SessionEvents *s, EventSet *set, const unsigned *online, size_t n) {
        for (unsigned cpu = 0; cpu < s->options.n_possible; cpu++) {
                bool is_online = false;
                int fd;

                for (size_t i = 0; i < n && !is_online; i++)
                        is_online = online[i] == cpu;
                if (!is_online) {
                        set->fds[cpu] = safe_close(set->fds[cpu]);
                        continue;
                }
                if (set->fds[cpu] >= 0)
                        continue;
                fd = open_event(s, set, cpu);
                if (fd == -ENODEV) /* it went again */
                        continue;
                if (fd < 0)
                        return fd;
                set->fds[cpu] = fd;
        }
        return 0;
}

static void set_close(SessionEvents *s, EventSet *set) {
        uint64_t period = perf_session_period(set->frequency_hz);

        for (unsigned cpu = 0; set->fds && cpu < s->options.n_possible; cpu++)
                safe_close(set->fds[cpu]);
        free(set->fds);
        (void) bpf_map_delete_elem(s->options.events_fd, &period);
        *set = (EventSet){};
}

static int set_publish(SessionEvents *s, const EventSet *set) {
        uint64_t period = perf_session_period(set->frequency_hz);

        return bpf_map_update_elem(s->options.events_fd, &period, &set->wants, BPF_ANY) < 0
                       ? negative_errno()
                       : 0;
}

/* The set of this frequency, or a free one. NULL: there is none. */
static EventSet *find_set(SessionEvents *s, unsigned frequency_hz) {
        EventSet *free_set = NULL;

        for (size_t i = 0; i < SESSION_EVENTS_MAX; i++) {
                if (s->sets[i].frequency_hz == frequency_hz)
                        return &s->sets[i];
                if (!free_set && s->sets[i].frequency_hz == 0)
                        free_set = &s->sets[i];
        }
        return free_set;
}

static int set_open(SessionEvents *s, EventSet *set) {
        _cleanup_free_ unsigned *online = NULL;
        size_t n;
        int r;

        if (!set->fds) {
                set->fds = malloc(s->options.n_possible * sizeof(*set->fds));
                if (!set->fds)
                        return -ENOMEM;
                for (unsigned cpu = 0; cpu < s->options.n_possible; cpu++)
                        set->fds[cpu] = -EBADF;
        }
        r = cpu_list_online(&online, &n);
        if (r < 0)
                return r;
        return set_follow_cpus(s, set, online, n);
}

int session_events_follow_cpus(SessionEvents *s) {
        int error = 0, r;

        for (size_t i = 0; i < SESSION_EVENTS_MAX; i++) {
                if (s->sets[i].frequency_hz == 0)
                        continue;
                r = set_open(s, &s->sets[i]);
                if (r < 0)
                        error = r;
        }
        return error;
}

/* ---- sessions ---- */

static uint64_t *get_wishes(struct session_event *wants, SessionScope scope) {
        uint64_t *by_scope[] = {
                [SESSION_SCOPE_HOST] = (uint64_t *) &wants->host,
                [SESSION_SCOPE_CGROUPS] = (uint64_t *) &wants->cgroups,
                [SESSION_SCOPE_PROCESSES] = (uint64_t *) &wants->processes,
        };

        return by_scope[scope];
}

static uint64_t count_lost(const SessionEvents *s, unsigned session) {
        _cleanup_free_ uint64_t *per_cpu = NULL;
        uint64_t sum = 0;

        per_cpu = calloc(s->options.n_possible, sizeof(*per_cpu));
        if (!per_cpu || bpf_map_lookup_elem(s->options.lost_fd, &session, per_cpu) < 0)
                return 0;
        for (unsigned cpu = 0; cpu < s->options.n_possible; cpu++)
                sum += per_cpu[cpu];
        return sum;
}

int session_events_start(SessionEvents *s,
                         unsigned session,
                         SessionScope scope,
                         unsigned frequency_hz) {
        EventSet *set = find_set(s, frequency_hz);
        int r;

        if (!set)
                return -E2BIG;
        set->frequency_hz = frequency_hz;
        s->lost_before[session] = count_lost(s, session);
        *get_wishes(&set->wants, scope) |= bit(session);
        r = set_publish(s, set);
        if (r >= 0)
                r = set_open(s, set);
        if (r < 0)
                session_events_stop(s, session);
        return r;
}

void session_events_start_waits(SessionEvents *s, unsigned session, SessionScope scope) {
        s->lost_before[session] = count_lost(s, session);
        *get_wishes(&s->waits, scope) |= bit(session);
}

const struct session_event *session_events_get_waits(const SessionEvents *s) {
        return &s->waits;
}

/* One pass over a map whose values start with a mask of sessions. True: the session was in some. */
static bool forget_session_once(int map_fd, size_t key_size, unsigned session) {
        union {
                uint64_t id;
                uint32_t pid;
        } key, next;
        union {
                uint64_t sessions;
                struct session_process process;
        } value;
        bool found = false;

        for (int r = bpf_map_get_next_key(map_fd, NULL, &key); r == 0; key = next) {
                r = bpf_map_get_next_key(map_fd, &key, &next);
                if (bpf_map_lookup_elem(map_fd, &key, &value) < 0 ||
                    !(value.sessions & bit(session)))
                        continue;
                found = true;
                value.sessions &= ~bit(session);
                if (key_size == sizeof(key.pid))
                        value.process.with_children &= ~bit(session);
                if (value.sessions == 0)
                        (void) bpf_map_delete_elem(map_fd, &key);
                else
                        (void) bpf_map_update_elem(map_fd, &key, &value, BPF_EXIST);
        }
        return found;
}

/* A child that a process has during a pass may come to lie behind it: the number is free for
 * another session only when nothing was found. */
static void forget_session(int map_fd, size_t key_size, unsigned session) {
        for (int i = 0; i < FORGET_PASSES_MAX && forget_session_once(map_fd, key_size, session);
             i++)
                ;
}

void session_events_stop(SessionEvents *s, unsigned session) {
        forget_wish(&s->waits, session);
        for (size_t i = 0; i < SESSION_EVENTS_MAX; i++) {
                EventSet *set = &s->sets[i];

                if (set->frequency_hz == 0)
                        continue;
                forget_wish(&set->wants, session);
                if (is_wanted(&set->wants))
                        (void) set_publish(s, set);
                else
                        set_close(s, set);
        }
        s->with_children &= ~bit(session);
        if (s->with_children == 0)
                s->fork_fd = safe_close(s->fork_fd);
        forget_session(s->options.cgroups_fd, sizeof(uint64_t), session);
        forget_session(s->options.processes_fd, sizeof(uint32_t), session);
}

int session_events_add_cgroup(SessionEvents *s, unsigned session, uint64_t cgroup_id) {
        uint64_t sessions = 0;

        (void) bpf_map_lookup_elem(s->options.cgroups_fd, &cgroup_id, &sessions);
        sessions |= bit(session);
        return bpf_map_update_elem(s->options.cgroups_fd, &cgroup_id, &sessions, BPF_ANY) < 0
                       ? negative_errno()
                       : 0;
}

void session_events_remove_cgroup(SessionEvents *s, unsigned session, uint64_t cgroup_id) {
        uint64_t sessions;

        if (bpf_map_lookup_elem(s->options.cgroups_fd, &cgroup_id, &sessions) < 0)
                return;
        sessions &= ~bit(session);
        if (sessions == 0)
                (void) bpf_map_delete_elem(s->options.cgroups_fd, &cgroup_id);
        else
                (void) bpf_map_update_elem(s->options.cgroups_fd, &cgroup_id, &sessions, BPF_EXIST);
}

/* The program knows by the types of its arguments what it hangs on. */
static int follow_forks(SessionEvents *s, unsigned session) {
        if (s->fork_fd < 0) {
                s->fork_fd = bpf_raw_tracepoint_open(NULL, s->options.fork_program_fd);
                if (s->fork_fd < 0) {
                        s->fork_fd = -EBADF;
                        return negative_errno();
                }
        }
        s->with_children |= bit(session);
        return 0;
}

int session_events_add_process(
        SessionEvents *s, unsigned session, pid_t pid, uint64_t start_tick, bool with_children) {
        struct session_process value = {};
        uint32_t key = (uint32_t) pid;
        int r;

        if (with_children) {
                r = follow_forks(s, session);
                if (r < 0)
                        return r;
        }
        if (bpf_map_lookup_elem(s->options.processes_fd, &key, &value) < 0 ||
            start_tick - value.start_tick + 1 > 2)
                value = (struct session_process){ .start_tick = start_tick };
        if (value.sessions & bit(session))
                return 0;
        value.sessions |= bit(session);
        if (with_children)
                value.with_children |= bit(session);
        return bpf_map_update_elem(s->options.processes_fd, &key, &value, BPF_ANY) < 0
                       ? negative_errno()
                       : 1;
}

/* Late news: the pid may be another process by now, even another one of the session's. */
void session_events_forget_process(SessionEvents *s, pid_t pid) {
        char path[sizeof("/proc/") + 3 * sizeof(pid)];
        uint32_t key = (uint32_t) pid;
        uint64_t wanted = s->waits.processes;

        for (size_t i = 0; i < SESSION_EVENTS_MAX && wanted == 0; i++)
                wanted = s->sets[i].wants.processes;
        if (wanted == 0)
                return;
        snprintf(path, sizeof(path), "/proc/%d", pid);
        if (access(path, F_OK) < 0)
                (void) bpf_map_delete_elem(s->options.processes_fd, &key);
}

bool session_events_has_processes(SessionEvents *s, unsigned session) {
        uint32_t key, next;
        struct session_process value;

        for (int r = bpf_map_get_next_key(s->options.processes_fd, NULL, &key); r == 0;
             key = next) {
                if (bpf_map_lookup_elem(s->options.processes_fd, &key, &value) == 0 &&
                    (value.sessions & bit(session)))
                        return true;
                r = bpf_map_get_next_key(s->options.processes_fd, &key, &next);
        }
        return false;
}

uint64_t session_events_get_lost(SessionEvents *s, unsigned session) {
        return count_lost(s, session) - s->lost_before[session];
}

/* ---- object ---- */

int session_events_new(SessionEvents **ret, const SessionEventsOptions *options) {
        _cleanup_(session_events_freep) SessionEvents *s = NULL;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->options = *options;
        s->fork_fd = -EBADF;
        if (options->open_socket) {
                s->open_socket = strdup(options->open_socket);
                if (!s->open_socket)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

SessionEvents *session_events_free(SessionEvents *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < SESSION_EVENTS_MAX; i++)
                if (s->sets[i].frequency_hz > 0)
                        set_close(s, &s->sets[i]);
        safe_close(s->fork_fd);
        free(s->open_socket);
        free(s);
        return NULL;
}
