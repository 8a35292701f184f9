/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bus Fixture
 *
 * A bus daemon of the test's own, which is the system bus for whom the test calls.
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#include "basic/time-util.h"
#include "unit-test.h"

#define ANSWER_USEC (10 * USEC_PER_SEC) /* for one turn of the loop; it never takes so long */

static const char private_bus_config[] =
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
        " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig><type>custom</type><listen>unix:path=%s/socket</listen>\n"
        "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\n"
        "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n";

typedef struct PrivateBus {
        char directory[sizeof("/tmp/test-bus-XXXXXX")]; /* "": there is no dbus-daemon to run */
        char config[64], socket[64], address[80];
        pid_t pid; /* 0: it does not run */
} PrivateBus;

/* Turns the loop until the condition holds. */
#define TURN_UNTIL(event, condition)                                       \
        while (!(condition)) {                                             \
                assert_int_not_equal(sd_event_run(event, ANSWER_USEC), 0); \
        }

/* false: no dbus-daemon is installed. */
static inline bool private_bus_init(PrivateBus *b) {
        FILE *f;

        *b = (PrivateBus){};
        if (system("command -v dbus-daemon >/dev/null") != 0)
                return false;

        strcpy(b->directory, "/tmp/test-bus-XXXXXX");
        assert_non_null(mkdtemp(b->directory));
        snprintf(b->config, sizeof(b->config), "%s/config", b->directory);
        snprintf(b->socket, sizeof(b->socket), "%s/socket", b->directory);
        snprintf(b->address, sizeof(b->address), "unix:path=%s", b->socket);
        f = fopen(b->config, "we");
        assert_non_null(f);
        assert_true(fprintf(f, private_bus_config, b->directory) > 0);
        fclose(f);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", b->address, true);
        return true;
}

static inline void private_bus_start(PrivateBus *b) {
        char argument[80], c;
        int ready[2];

        snprintf(argument, sizeof(argument), "--config-file=%s", b->config);
        assert_return_code(pipe2(ready, O_CLOEXEC), errno);
        b->pid = fork();
        assert_return_code(b->pid, errno);
        if (b->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                /* it complains of limits that only root may raise */
                dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
                dup2(ready[1], STDOUT_FILENO);
                execlp("dbus-daemon", "dbus-daemon", "--nofork", "--print-address", argument, NULL);
                _exit(127);
        }
        close(ready[1]);
        assert_in_range(read(ready[0], &c, 1), 1, 1); /* it listens */
        close(ready[0]);
}

static inline void private_bus_stop(PrivateBus *b) {
        kill(b->pid, SIGKILL);
        waitpid(b->pid, NULL, 0);
        b->pid = 0;
        unlink(b->socket);
}

static inline void private_bus_done(PrivateBus *b) {
        if (b->pid > 0)
                private_bus_stop(b);
        if (b->directory[0] != '\0') {
                unlink(b->config);
                rmdir(b->directory);
        }
}

static inline sd_bus *private_bus_connect(const PrivateBus *b, sd_event *event) {
        sd_bus *bus;

        assert_return_code(sd_bus_new(&bus), 0);
        assert_return_code(sd_bus_set_address(bus, b->address), 0);
        assert_return_code(sd_bus_set_bus_client(bus, true), 0);
        assert_return_code(sd_bus_set_trusted(bus, true), 0);
        assert_return_code(sd_bus_negotiate_fds(bus, true), 0);
        assert_return_code(sd_bus_start(bus), 0);
        assert_return_code(sd_bus_attach_event(bus, event, 0), 0);
        return bus;
}
