/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the verbs that ask the daemon: status, doctor, reload, flush */

#include "ctl-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#include "basic/string-util.h"
#include "bus/bus-names.h"
#include "ctl/ctl-bus.h"

#define NAME(s) ((char[]){ s })

/* ---- a daemon in a process of its own, which is bus and service in one ---- */

typedef struct FakeUnit {
        const char *name, *state;
        uint64_t last_usec, samples, named, complete;
} FakeUnit;

static const FakeUnit fake_units[] = {
        { "busy.service", "profiled", CTL_FIXTURE_NOW - 38 * USEC_PER_SEC, 600, 990, 1000 },
        { "idle.service", "profiled", CTL_FIXTURE_NOW - 45 * USEC_PER_MINUTE, 60, 990, 1000 },
        { "poor.service", "profiled", CTL_FIXTURE_NOW - 38 * USEC_PER_SEC, 60, 120, 700 },
        { "quiet.service", "inactive", 0, 0, 0, 0 },
        { "lost.service", "not-found", 0, 0, 0, 0 },
};

static int get_manager(sd_bus *bus _unused_,
                       const char *path _unused_,
                       const char *interface _unused_,
                       const char *property,
                       sd_bus_message *m,
                       void *userdata _unused_,
                       sd_bus_error *e _unused_) {
        if (streq(property, "Version"))
                return sd_bus_message_append(m, "s", "7.8");
        if (streq(property, "State"))
                return sd_bus_message_append(m, "s", "running");
        if (streq(property, "Event"))
                return sd_bus_message_append(m, "s", "cpu-clock");
        if (streq(property, "FrequencyHz"))
                return sd_bus_message_append(m, "u", 99);
        if (streq(property, "StartedUSec"))
                return sd_bus_message_append(m, "t", CTL_FIXTURE_NOW - 6 * USEC_PER_HOUR);
        if (streq(property, "CPUUsageNSec"))
                return sd_bus_message_append(m, "t", 216 * NSEC_PER_SEC);
        if (streq(property, "Losses"))
                return sd_bus_message_append(m, "a(sst)", 2, "ring-full", "Too slow.", UINT64_C(12),
                                             "no-pid", "Unseen.", UINT64_C(0));
        return sd_bus_message_append(m, "t", UINT64_C(12));
}

static int get_unit(sd_bus *bus _unused_,
                    const char *path _unused_,
                    const char *interface _unused_,
                    const char *property,
                    sd_bus_message *m,
                    void *userdata,
                    sd_bus_error *e _unused_) {
        const FakeUnit *u = userdata;

        if (streq(property, "Name"))
                return sd_bus_message_append(m, "s", u->name);
        if (streq(property, "State"))
                return sd_bus_message_append(m, "s", u->state);
        if (streq(property, "FrequencyHz"))
                return sd_bus_message_append(m, "u", 99);
        if (streq(property, "InvocationID"))
                return sd_bus_message_append_array(m, 'y', "0123456789abcdef", 16);
        if (streq(property, "LastProfileUSec"))
                return sd_bus_message_append(m, "t", u->last_usec);
        if (streq(property, "LastProfileSamples"))
                return sd_bus_message_append(m, "t", u->samples);
        if (streq(property, "LastProfileCPUNSec"))
                return sd_bus_message_append(m, "t", u->samples * 100 * 1000 * 1000);
        if (streq(property, "FramesNamed"))
                return sd_bus_message_append(m, "t", u->named);
        if (streq(property, "StacksComplete"))
                return sd_bus_message_append(m, "t", u->complete);
        if (streq(property, "StacksBroken"))
                return sd_bus_message_append(m, "t", u->samples > 0 ? 1000 - u->complete : 0);
        if (streq(property, "StackEnds"))
                return sd_bus_message_append(m, "a(st)", 3, "complete", u->complete, "no-table",
                                             u->samples > 0 ? (uint64_t) 1000 - u->complete : 0,
                                             "no-rule", UINT64_C(0));
        if (streq(property, "FramesTotal"))
                return sd_bus_message_append(m, "t", u->samples > 0 ? UINT64_C(1000) : 0);
        return sd_bus_message_append(m, "t", 60 * USEC_PER_SEC); /* the two lengths of a window */
}

static int on_hello(sd_bus_message *m, void *userdata _unused_, sd_bus_error *e _unused_) {
        return sd_bus_reply_method_return(m, "s", ":1.1");
}

static int on_reload(sd_bus_message *m _unused_, void *userdata _unused_, sd_bus_error *e) {
        return sd_bus_error_set(e, BUS_ERROR_CONFIG_INVALID, "profilerd.conf:3: not INI");
}

static int on_flush(sd_bus_message *m, void *userdata _unused_, sd_bus_error *e) {
        const char *pattern;
        int r;

        r = sd_bus_message_read(m, "s", &pattern);
        if (r < 0)
                return r;
        if (streq(pattern, "nope.service"))
                return sd_bus_error_set(e, BUS_ERROR_NO_SUCH_UNIT, "No.");
        if (streq(pattern, "secret.service"))
                return sd_bus_error_set(e, SD_BUS_ERROR_ACCESS_DENIED, "Not for you.");
        return sd_bus_reply_method_return(m, "t", isempty(pattern) ? UINT64_C(5) : UINT64_C(1));
}

/* clang-format off */
static const sd_bus_vtable driver_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Hello", "", "s", on_hello, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Reload", "", "", on_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Flush", "s", "t", on_flush, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_manager, 0, 0),
        SD_BUS_PROPERTY("State", "s", get_manager, 0, 0),
        SD_BUS_PROPERTY("Event", "s", get_manager, 0, 0),
        SD_BUS_PROPERTY("FrequencyHz", "u", get_manager, 0, 0),
        SD_BUS_PROPERTY("StartedUSec", "t", get_manager, 0, 0),
        SD_BUS_PROPERTY("CPUUsageNSec", "t", get_manager, 0, 0),
        SD_BUS_PROPERTY("SamplesLost", "t", get_manager, 0, 0),
        SD_BUS_PROPERTY("Losses", "a(sst)", get_manager, 0, 0),
        SD_BUS_PROPERTY("OfANewerDaemon", "t", get_manager, 0, 0),
        SD_BUS_VTABLE_END
};

static const sd_bus_vtable unit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get_unit, 0, 0),
        SD_BUS_PROPERTY("State", "s", get_unit, 0, 0),
        SD_BUS_PROPERTY("InvocationID", "ay", get_unit, 0, 0),
        SD_BUS_PROPERTY("FrequencyHz", "u", get_unit, 0, 0),
        SD_BUS_PROPERTY("IntervalUSec", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("LastProfileUSec", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("LastProfileDurationUSec", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("LastProfileSamples", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("LastProfileCPUNSec", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("FramesTotal", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("FramesNamed", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("StacksComplete", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("StacksBroken", "t", get_unit, 0, 0),
        SD_BUS_PROPERTY("StackEnds", "a(st)", get_unit, 0, 0),
        SD_BUS_VTABLE_END
};
/* clang-format on */

#define CHECK(call)                \
        do {                       \
                if ((call) < 0)    \
                        _exit(99); \
        } while (0)

static void serve_client(int fd) {
        sd_id128_t id;
        sd_bus *bus;

        CHECK(sd_id128_randomize(&id));
        CHECK(sd_bus_new(&bus));
        CHECK(sd_bus_set_fd(bus, fd, fd));
        CHECK(sd_bus_set_server(bus, true, id));
        CHECK(sd_bus_set_anonymous(bus, true));
        CHECK(sd_bus_set_trusted(bus, true));
        CHECK(sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                       driver_vtable, NULL));
        CHECK(sd_bus_add_object_manager(bus, NULL, BUS_PATH));
        CHECK(sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_MANAGER_INTERFACE, manager_vtable,
                                       NULL));
        for (size_t i = 0; i < ELEMENTSOF(fake_units); i++) {
                char path[64];

                snprintf(path, sizeof(path), BUS_UNIT_PREFIX "/u%zu", i);
                CHECK(sd_bus_add_object_vtable(bus, NULL, path, BUS_UNIT_INTERFACE, unit_vtable,
                                               (void *) &fake_units[i]));
        }
        CHECK(sd_bus_start(bus));
        for (;;) {
                int r = sd_bus_process(bus, NULL);

                if (r < 0)
                        break;
                if (r == 0 && sd_bus_wait(bus, UINT64_MAX) < 0)
                        break;
        }
        sd_bus_unref(bus);
}

typedef struct World {
        pid_t daemon; /* 0: none */
        char address[160];
        void *fixture;
} World;

static int start_daemon(World *w, const CtlFixture *f) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd;

        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/bus", f->directory);
        snprintf(w->address, sizeof(w->address), "unix:path=%s", sa.sun_path);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", w->address, 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 || listen(fd, 8) < 0)
                return -1;
        w->daemon = fork();
        if (w->daemon == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;) {
                        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                        CHECK(client);
                        serve_client(client);
                }
        }
        close(fd);
        return w->daemon < 0 ? -1 : 0;
}

static int setup(void **state) {
        World *w;

        w = calloc(1, sizeof(*w));
        if (!w || ctl_fixture_setup(&w->fixture) < 0 || start_daemon(w, w->fixture) < 0)
                return -1;
        *state = w;
        return 0;
}

static int teardown(void **state) {
        World *w = *state;
        int r;

        if (w->daemon > 0) {
                kill(w->daemon, SIGKILL);
                waitpid(w->daemon, NULL, 0);
        }
        r = ctl_fixture_teardown(&w->fixture);
        free(w);
        return r;
}

/* ---- tests ---- */

static void test_without_a_daemon_the_store_is_told_and_the_code_is_3(void **state) {
        CtlFixture *f = ((World *) *state)->fixture;

        setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
        ctl_fixture_store(f, "nginx.service", 30, 10);
        assert_int_equal(RUN(f, verb_status), EXIT_CODE_NOT_RUNNING);
        assert_contains(f->output, "1 profile of 1 unit, newest");
        assert_contains(f->errors, "profilerd is not running.");
        assert_contains(f->errors, "systemctl start profilerd");
        assert_int_equal(RUN(f, verb_reload), EXIT_CODE_NOT_RUNNING);
        assert_int_equal(RUN(f, verb_flush), EXIT_CODE_NOT_RUNNING);
        assert_int_equal(RUN(f, verb_doctor), EXIT_CODE_NOT_RUNNING);
        assert_contains(f->output, "fail  profilerd is not running");

        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_status), EXIT_CODE_NOT_RUNNING);
        assert_contains(f->output, "{\"daemon\":null,\"store\":{");
}

static void test_status_lists_the_busiest_unit_first(void **state) {
        CtlFixture *f = ((World *) *state)->fixture;

        assert_int_equal(RUN(f, verb_status), EXIT_CODE_OK);
        assert_contains(f->output, "● profilerd 7.8, sampling since Tue 1972-09-26 18:00:00 UTC "
                                   "(6h ago), 99 Hz, own cost 1.0 % of one CPU\n");
        assert_contains(
                f->output,
                "busy.service  active     1.00          600      "
                "99%    100%  23:59:22 (38s ago)\n"
                "poor.service  active     0.10           60      "
                "12%     70%  23:59:22 (38s ago)\n"
                "idle.service  idle       0.00            0      99%    100%  23:15:00 (45min "
                "ago)\n"
                "lost.service  not-found     -            -        "
                "-       -  -\n");
        assert_contains(f->output, "1 inactive unit is not shown");
        assert_contains(f->output, "Lost 12 of 12 samples: ring-full 12;");
        assert_contains(f->errors, "poor.service has few names");

        f->ctl.all = f->ctl.quiet = true;
        assert_int_equal(RUN(f, verb_status), EXIT_CODE_OK);
        assert_contains(f->output, "quiet.service  inactive");
        assert_string_equal(f->errors, "");
}

static void test_status_of_a_unit_shows_all_of_it(void **state) {
        CtlFixture *f = ((World *) *state)->fixture;

        assert_int_equal(RUN(f, verb_status, NAME("poor")), EXIT_CODE_OK);
        assert_contains(f->output, "● poor.service\n");
        assert_contains(f->output, "Symbols: 12% named\n");
        assert_contains(f->output, "Stacks: 70% complete of 1 000, 0 truncated, 300 broken");
        assert_contains(f->output, "Broken: 30.0% no-table\n");
        assert_contains(f->output, "Invocation: 30313233343536373839616263646566");
        assert_lacks(f->output, "busy.service");
        assert_int_equal(RUN(f, verb_status, NAME("nope")), EXIT_CODE_NO_MATCH);
        assert_contains(f->errors, "knows no unit nope.service");

        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_status, NAME("poor")), EXIT_CODE_OK);
        assert_contains(f->output, "\"frames\":1000,\"frames_named\":120,");
}

static void test_doctor_names_what_is_poor_and_the_remedy(void **state) {
        CtlFixture *f = ((World *) *state)->fixture;

        ctl_fixture_store(f, "nginx.service", 30, 10);
        (void) RUN(f, verb_doctor); /* the host decides about the code */
        assert_contains(f->output, "ok    profilerd 7.8 is running");
        assert_contains(f->output, "warn  lost 12 (ring-full): Too slow.");
        assert_contains(f->output, "warn  poor.service: only 12% of the frames have a name");
        assert_contains(f->output, "warn  poor.service: only 70% of the stacks are complete");
        assert_contains(f->output, "Fix: run 'profilerctl flush'");
        assert_contains(f->output, "warn  lost.service is configured");
        assert_contains(f->output, "ok    busy.service:");
        assert_lacks(f->output, "no-pid");

        (void) RUN(f, verb_doctor, NAME("busy"));
        assert_lacks(f->output, "poor.service");
        assert_int_equal(RUN(f, verb_doctor, NAME("nope")), EXIT_CODE_NO_MATCH);
}

static void test_a_broken_configuration_is_quoted(void **state) {
        CtlFixture *f = ((World *) *state)->fixture;

        assert_int_equal(RUN(f, verb_reload), EXIT_CODE_FAILURE);
        assert_contains(f->errors, "profilerd.conf:3: not INI");
        assert_contains(f->errors, "Nothing has changed");
}

static void test_flush_counts_profiles_and_names_that_do_not_match(void **state) {
        CtlFixture *f = ((World *) *state)->fixture;

        assert_int_equal(RUN(f, verb_flush), EXIT_CODE_OK);
        assert_string_equal(f->output, "5 profiles written.\n");
        assert_int_equal(RUN(f, verb_flush, NAME("a"), NAME("nope")), EXIT_CODE_GAPS);
        assert_string_equal(f->output, "1 profile written.\n");
        assert_contains(f->errors, "nope.service");
        assert_int_equal(RUN(f, verb_flush, NAME("nope")), EXIT_CODE_NO_MATCH);
        assert_int_equal(RUN(f, verb_flush, NAME("secret")), EXIT_CODE_DENIED);
        assert_contains(f->errors, "Not for you.");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_without_a_daemon_the_store_is_told_and_the_code_is_3),
                TEST(test_status_lists_the_busiest_unit_first),
                TEST(test_status_of_a_unit_shows_all_of_it),
                TEST(test_doctor_names_what_is_poor_and_the_remedy),
                TEST(test_a_broken_configuration_is_quoted),
                TEST(test_flush_counts_profiles_and_names_that_do_not_match),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
