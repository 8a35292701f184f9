/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time of a BPF Program
 *
 * What the kernel says each run of a program takes (BPF_ENABLE_STATS), on events of one task.
 */

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "basic/time-util.h"
#include "tests/unit/unit-test.h"

enum { PROGRAM_DRAIN_USEC = 10 * 1000 };

static inline int open_program_event(pid_t task, unsigned frequency_hz, int program_fd) {
        struct perf_event_attr attr = {
                .type = PERF_TYPE_SOFTWARE,
                .size = sizeof(attr),
                .config = PERF_COUNT_SW_CPU_CLOCK,
                .freq = 1,
                .sample_freq = frequency_hz,
                .disabled = 1,
        };
        int fd;

        fd = (int) syscall(SYS_perf_event_open, &attr, task, -1, -1, PERF_FLAG_FD_CLOEXEC);
        assert_return_code(fd, errno);
        assert_return_code(ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd), errno);
        assert_return_code(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), errno);
        return fd;
}

static inline void get_program_runs(int program_fd, uint64_t *ret_nsec, uint64_t *ret_n) {
        struct bpf_prog_info info = {};
        uint32_t size = sizeof(info);

        assert_return_code(bpf_obj_get_info_by_fd(program_fd, &info, &size), errno);
        *ret_nsec = info.run_time_ns;
        *ret_n = info.run_cnt;
}

/* Nanoseconds for each run. drain is called from time to time. */
static inline double program_nsec(int program_fd,
                                  pid_t task,
                                  unsigned frequency_hz,
                                  usec_t duration,
                                  void (*drain)(void *userdata),
                                  void *userdata) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + duration;
        uint64_t nsec_before, nsec, n_before, n;
        int fd;

        get_program_runs(program_fd, &nsec_before, &n_before);
        fd = open_program_event(task, frequency_hz, program_fd);
        while (now_usec(CLOCK_MONOTONIC) < end) {
                usleep(PROGRAM_DRAIN_USEC);
                drain(userdata);
        }
        close(fd);
        get_program_runs(program_fd, &nsec, &n);
        assert_true(n > n_before);
        return (double) (nsec - nsec_before) / (double) (n - n_before);
}
