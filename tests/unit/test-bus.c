/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests: Bus
 *
 * On a private bus daemon, with a fake systemd and a fake manager. Everything runs in one event
 * loop, so a client's call must not wait: it is sent, and the loop turns until it is answered.
 */

#include "basic/unit-name.h"
#include "bus-fixture.h"
#include "bus/bus-manager.h"
#include "bus/bus-names.h"
#include "bus/bus.h"
#include "fake-manager-calls.h"
#include "fake-systemd-bus.h"
#include "paths.h"
#include "unit-test.h"

typedef struct World {
        PrivateBus private_bus;
        sd_event *event;
        FakeSystemd systemd;
        Manager manager;
        Bus *bus;
        sd_bus *client;
        bool answered;
        sd_bus_message *answer;
        unsigned n_synced;
        unsigned n_changed, n_added, n_removed, n_written;
        char *changed; /* names of the last PropertiesChanged of a unit */
} World;

/* ---- the world ---- */

static void on_synced(Bus *b _unused_, void *userdata) {
        ((World *) userdata)->n_synced++;
}

#define UNTIL(w, condition) TURN_UNTIL((w)->event, condition)

static sd_bus *connect_client(World *w) {
        return private_bus_connect(&w->private_bus, w->event);
}

static void start_systemd(World *w) {
        w->systemd.bus = connect_client(w);
        fake_systemd_export(&w->systemd);
        assert_return_code(sd_bus_request_name(w->systemd.bus, "org.freedesktop.systemd1", 0), 0);
}

static const FakeUnit web = {
        .name = "web.service",
        .load_state = "loaded",
        .active_state = "active",
        .control_group = "/system.slice/web.service",
        .main_pid = 42,
};

static int setup(void **state) {
        World *w = calloc(1, sizeof(World));
        static char *units[] = { (char *) "web.service", NULL };

        assert_non_null(w);
        *state = w;
        if (!private_bus_init(&w->private_bus))
                return 0; /* need_bus() skips */

        assert_return_code(sd_event_new(&w->event), 0);
        w->manager.config = (Config){ .units = units, .frequency_hz = 99, .interval_usec = 60 };
        assert_return_code(bus_new(&w->bus, w->event, &w->manager), 0);
        bus_set_on_synced(w->bus, on_synced, w);
        assert_return_code(manager_reload(&w->manager, NULL), 0);
        fake_systemd_add(&w->systemd, web);
        return 0;
}

static int teardown(void **state) {
        World *w = *state;

        if (w->event) {
                bus_free(w->bus);
                fake_manager_done(&w->manager);
                sd_bus_message_unref(w->answer);
                sd_bus_close_unref(w->client);
                sd_bus_close_unref(w->systemd.bus);
                sd_event_unref(w->event);
                private_bus_done(&w->private_bus);
        }
        free(w->changed);
        free(w);
        return 0;
}

static World *need_bus(void **state) {
        World *w = *state;

        if (!w->event)
                skip(); /* no dbus-daemon */
        return w;
}

/* The daemon is on the bus, its units are known, and a client is connected. */
static World *start(void **state) {
        World *w = need_bus(state);

        private_bus_start(&w->private_bus);
        start_systemd(w);
        assert_return_code(bus_start(w->bus), 0);
        UNTIL(w, bus_is_synced(w->bus));
        w->client = connect_client(w);
        return w;
}

/* ---- calls ---- */

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_) {
        World *w = userdata;

        w->answered = true;
        sd_bus_message_unref(w->answer);
        w->answer = sd_bus_message_ref(m);
        return 0;
}

static void send_call(World *w,
                      const char *path,
                      const char *interface,
                      const char *method,
                      const char *types,
                      ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;

        assert_return_code(
                sd_bus_message_new_method_call(w->client, &m, BUS_NAME, path, interface, method),
                0);
        va_start(ap, types);
        assert_return_code(sd_bus_message_appendv(m, types, ap), 0);
        va_end(ap);
        w->answered = false;
        w->answer = sd_bus_message_unref(w->answer);
        assert_return_code(sd_bus_call_async(w->client, NULL, m, on_answer, w, 0), 0);
}

#define CALL(w, path, interface, method, ...)                       \
        ({                                                          \
                send_call(w, path, interface, method, __VA_ARGS__); \
                UNTIL(w, (w)->answered);                            \
                (w)->answer;                                        \
        })

#define CALL_MANAGER(w, method, ...) CALL(w, BUS_PATH, BUS_MANAGER_INTERFACE, method, __VA_ARGS__)

static sd_bus_message *get_property(World *w,
                                    const char *path,
                                    const char *interface,
                                    const char *property) {
        return CALL(w, path, "org.freedesktop.DBus.Properties", "Get", "ss", interface, property);
}

static void expect_property(World *w,
                            const char *path,
                            const char *interface,
                            const char *property,
                            const char *value) {
        const char *s;

        assert_return_code(
                sd_bus_message_read(get_property(w, path, interface, property), "v", "s", &s), 0);
        assert_string_equal(s, value);
}

static void expect_counter(
        World *w, const char *path, const char *interface, const char *property, uint64_t value) {
        uint64_t n;

        assert_return_code(
                sd_bus_message_read(get_property(w, path, interface, property), "v", "t", &n), 0);
        assert_int_equal(n, value);
}

#define WEB_PATH BUS_UNIT_PREFIX "/web_2eservice"

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_) {
        const char *member = sd_bus_message_get_member(m), *name, *path;
        World *w = userdata;

        if (streq(member, "InterfacesAdded"))
                w->n_added++;
        else if (streq(member, "InterfacesRemoved")) {
                assert_return_code(sd_bus_message_read(m, "o", &path), 0);
                assert_string_equal(path, WEB_PATH);
                assert_return_code(sd_bus_message_enter_container(m, 'a', "s"), 0);
                while (sd_bus_message_read(m, "s", &name) > 0)
                        if (streq(name, BUS_UNIT_INTERFACE))
                                w->n_removed++;
        } else if (streq(member, "ProfileWritten"))
                w->n_written++;
        else if (streq(member, "PropertiesChanged") &&
                 streq(sd_bus_message_get_path(m), WEB_PATH)) {
                _cleanup_free_ char *names = strdup("");

                w->n_changed++;
                assert_return_code(sd_bus_message_skip(m, "s"), 0);
                assert_return_code(sd_bus_message_enter_container(m, 'a', "{sv}"), 0);
                while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                        char *longer;

                        assert_return_code(sd_bus_message_read(m, "s", &name), 0);
                        assert_return_code(sd_bus_message_skip(m, "v"), 0);
                        assert_return_code(sd_bus_message_exit_container(m), 0);
                        assert_true(asprintf(&longer, "%s%s ", names, name) > 0);
                        free(names);
                        names = longer;
                }
                free(w->changed);
                w->changed = TAKE_PTR(names);
        }
        return 0;
}

static void listen_to_signals(World *w) {
        assert_return_code(sd_bus_add_match(w->client, NULL, "type='signal',sender='" BUS_NAME "'",
                                            on_signal, w),
                           0);
}

/* ---- tests ---- */

static void test_units_are_listed_and_found(void **state) {
        const char *name, *unit_state, *active, *profile, *path;
        World *w = start(state);
        sd_bus_message *m;
        uint64_t id;

        assert_int_equal(w->n_synced, 1);
        m = CALL_MANAGER(w, "ListUnits", "");
        assert_return_code(sd_bus_message_enter_container(m, 'a', "(ssstso)"), 0);
        assert_int_equal(sd_bus_message_read(m, "(ssstso)", &name, &unit_state, &active, &id,
                                             &profile, &path),
                         1);
        assert_string_equal(name, "web.service");
        assert_string_equal(unit_state, "profiled");
        assert_string_equal(active, "active");
        assert_string_equal(profile, "");
        assert_string_equal(path, WEB_PATH);
        assert_int_equal(sd_bus_message_at_end(m, false), 1);

        m = CALL_MANAGER(w, "GetUnit", "s", "web.service");
        assert_return_code(sd_bus_message_read(m, "o", &path), 0);
        assert_string_equal(path, WEB_PATH);
        assert_true(sd_bus_message_is_method_error(CALL_MANAGER(w, "GetUnit", "s", "no.service"),
                                                   BUS_ERROR_NO_SUCH_UNIT));
}

static void test_properties_say_what_the_manager_says(void **state) {
        World *w = start(state);
        const char *reason, *help;
        sd_bus_message *m;
        uint64_t n;

        expect_property(w, BUS_PATH, BUS_MANAGER_INTERFACE, "State", "running");
        expect_property(w, BUS_PATH, BUS_MANAGER_INTERFACE, "StorePath", "/store");
        expect_counter(w, BUS_PATH, BUS_MANAGER_INTERFACE, "SamplesTotal", 7);
        expect_counter(w, BUS_PATH, BUS_MANAGER_INTERFACE, "Processes", 3);
        m = get_property(w, BUS_PATH, BUS_MANAGER_INTERFACE, "Losses");
        assert_return_code(sd_bus_message_read(m, "v", "a(sst)", 1, &reason, &help, &n), 0);
        assert_string_equal(reason, "ring-full");

        w->manager.units[0]->counters.stacks.ends[STACK_END_NONE] = 5;
        expect_counter(w, WEB_PATH, BUS_UNIT_INTERFACE, "StacksNone", 5);
        expect_property(w, WEB_PATH, BUS_UNIT_INTERFACE, "ControlGroup",
                        "/system.slice/web.service");
        expect_property(w, WEB_PATH, BUS_UNIT_INTERFACE, "Error", "");
        w->manager.units[0]->state = UNIT_FAILED;
        w->manager.units[0]->error = -ENOSPC;
        expect_property(w, WEB_PATH, BUS_UNIT_INTERFACE, "Error", "No space left on device");
        assert_true(sd_bus_message_is_method_error(
                get_property(w, BUS_UNIT_PREFIX "/no", BUS_UNIT_INTERFACE, "State"),
                SD_BUS_ERROR_UNKNOWN_OBJECT));
}

/* Of every property, so that no getter fails. */
static void test_all_properties_can_be_read(void **state) {
        World *w = start(state);
        sd_bus_message *m;

        m = CALL(w, BUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "");
        assert_false(sd_bus_message_is_method_error(m, NULL));
        m = CALL(w, BUS_PATH, "org.freedesktop.DBus.Properties", "GetAll", "s",
                 BUS_MANAGER_INTERFACE);
        assert_false(sd_bus_message_is_method_error(m, NULL));
}

static void test_many_changes_are_one_signal(void **state) {
        World *w = start(state);

        listen_to_signals(w);
        for (uint32_t i = 0; i < 100; i++) {
                w->manager.units[0]->main_pid = (pid_t) i;
                w->manager.callbacks.on_unit_changed(&w->manager, w->manager.units[0],
                                                     w->manager.userdata);
        }
        UNTIL(w, w->n_changed > 0);
        expect_property(w, BUS_PATH, BUS_MANAGER_INTERFACE, "State", "running");
        assert_int_equal(w->n_changed, 1);
        assert_string_equal(w->changed, "MainPID ");
}

static void test_a_report_without_a_change_is_silent(void **state) {
        World *w = start(state);

        listen_to_signals(w);
        fake_systemd_reload(&w->systemd);
        UNTIL(w, w->manager.n_syncs == 2);
        for (usec_t end = now_usec(CLOCK_MONOTONIC) + 200 * USEC_PER_MSEC;
             now_usec(CLOCK_MONOTONIC) < end;)
                assert_return_code(sd_event_run(w->event, 20 * USEC_PER_MSEC), 0);
        assert_int_equal(w->n_changed, 0);
}

static void test_coming_and_going_is_signalled(void **state) {
        static char *globs[] = { (char *) "w*.service", NULL };
        World *w = start(state);

        listen_to_signals(w);
        w->manager.config.units = globs;
        CALL_MANAGER(w, "Reload", "");
        fake_systemd_remove(&w->systemd, "web.service");
        UNTIL(w, w->n_removed == 1);
        fake_systemd_add(&w->systemd, web);
        fake_systemd_change(&w->systemd, "web.service");
        UNTIL(w, w->n_added == 1);
}

static void test_a_profile_is_signalled(void **state) {
        World *w = start(state);

        listen_to_signals(w);
        CALL_MANAGER(w, "ListUnits", "");
        free_and_strdup(&w->manager.units[0]->last_profile_path, "/store/x");
        w->manager.callbacks.on_profile_written(&w->manager, w->manager.units[0], "/store/x", 1, 2,
                                                3, w->manager.userdata);
        UNTIL(w, w->n_written == 1 && w->n_changed == 1);
        assert_string_equal(w->changed, "LastProfilePath ");
}

static void test_a_flush_is_answered_when_it_is_done(void **state) {
        World *w = start(state);
        uint64_t n;

        send_call(w, BUS_PATH, BUS_MANAGER_INTERFACE, "Flush", "s", "");
        UNTIL(w, w->manager.flushed);
        assert_false(w->answered);
        w->manager.flushed(&w->manager, 0, 4, w->manager.flushed_userdata);
        UNTIL(w, w->answered);
        assert_return_code(sd_bus_message_read(w->answer, "t", &n), 0);
        assert_int_equal(n, 4);
}

static void test_more_flushes_than_may_wait_are_refused(void **state) {
        void *flushes[BUS_MANAGER_CALLS_MAX];
        World *w = start(state);

        for (size_t i = 0; i < ELEMENTSOF(flushes); i++) {
                send_call(w, BUS_PATH, BUS_MANAGER_INTERFACE, "Flush", "s", "");
                UNTIL(w, w->manager.flushed_userdata != (i > 0 ? flushes[i - 1] : NULL));
                flushes[i] = w->manager.flushed_userdata;
        }
        assert_true(
                sd_bus_message_is_method_error(CALL_MANAGER(w, "Flush", "s", ""), BUS_ERROR_BUSY));
        assert_true(sd_bus_message_is_method_error(CALL_MANAGER(w, "Reload", ""), BUS_ERROR_BUSY));
        assert_int_equal(w->manager.n_reloads, 1);

        for (size_t i = 0; i < ELEMENTSOF(flushes); i++) {
                w->answered = false;
                w->manager.flushed(&w->manager, 0, 1, flushes[i]);
                UNTIL(w, w->answered);
        }
        assert_false(sd_bus_message_is_method_error(CALL_MANAGER(w, "Reload", ""), NULL));
        assert_int_equal(w->manager.n_reloads, 2);
}

static void test_names_longer_than_those_of_units_are_refused(void **state) {
        World *w = start(state);
        char longest[UNIT_NAME_MAX + 2];

        memset(longest, '*', sizeof(longest) - 1);
        longest[UNIT_NAME_MAX + 1] = '\0';
        assert_true(sd_bus_message_is_method_error(CALL_MANAGER(w, "Flush", "s", longest),
                                                   SD_BUS_ERROR_INVALID_ARGS));
        longest[UNIT_NAME_MAX] = '\0';
        assert_true(sd_bus_message_is_method_error(CALL_MANAGER(w, "Flush", "s", longest),
                                                   BUS_ERROR_NO_SUCH_UNIT));
}

/* Reads all of it, from the start. */
static void expect_in_dump(World *w, const char *text) {
        sd_bus_message *m = CALL_MANAGER(w, "DumpState", "");
        char dump[8192];
        ssize_t n;
        int fd;

        assert_return_code(sd_bus_message_read(m, "h", &fd), 0);
        n = read(fd, dump, sizeof(dump) - 1);
        assert_in_range(n, 1, sizeof(dump) - 1);
        dump[n] = '\0';
        assert_non_null(strstr(dump, text));
        assert_int_equal(write(fd, "x", 1), -1);
}

static void test_the_state_is_dumped_to_each_reader_from_the_start(void **state) {
        World *w = start(state);

        expect_in_dump(w, "\nUnit web.service\n");
        expect_in_dump(w, "profilerd " VERSION "\n");
        /* The same for a while: whoever asks all the time does not fill the memory. */
        w->manager.units[0]->main_pid = 4711;
        expect_in_dump(w, "  Main process: 42\n");
}

static void test_a_flush_that_fails_says_why(void **state) {
        World *w = start(state);

        assert_true(sd_bus_message_is_method_error(CALL_MANAGER(w, "Flush", "s", "no*"),
                                                   BUS_ERROR_NO_SUCH_UNIT));
        send_call(w, BUS_PATH, BUS_MANAGER_INTERFACE, "Flush", "s", "web.service");
        UNTIL(w, w->manager.flushed);
        w->manager.flushed(&w->manager, -ENOSPC, 0, w->manager.flushed_userdata);
        UNTIL(w, w->answered);
        assert_true(sd_bus_message_is_method_error(w->answer, BUS_ERROR_STORE));
}

static void test_a_flush_may_outlive_its_caller_and_the_bus(void **state) {
        World *w = start(state);

        send_call(w, BUS_PATH, BUS_MANAGER_INTERFACE, "Flush", "s", "");
        UNTIL(w, w->manager.flushed);
        w->client = sd_bus_close_unref(w->client);
        w->bus = bus_free(w->bus);
        w->manager.flushed(&w->manager, 0, 1, w->manager.flushed_userdata);
}

static void test_a_reload_is_in_effect_when_it_is_answered(void **state) {
        static char *units[] = { (char *) "db.service", NULL };
        World *w = start(state);

        fake_systemd_add(&w->systemd, w->systemd.units[0])->name = "db.service";
        w->manager.config.units = units;
        assert_false(sd_bus_message_is_method_error(CALL_MANAGER(w, "Reload", ""), NULL));
        assert_non_null(manager_find_unit(&w->manager, "db.service"));
        assert_null(manager_find_unit(&w->manager, "web.service"));
}

static void test_a_broken_configuration_is_an_error_of_reload(void **state) {
        World *w = start(state);
        sd_bus_message *m;

        w->manager.broken = "x.conf:1: Bad.";
        m = CALL_MANAGER(w, "Reload", "");
        assert_true(sd_bus_message_is_method_error(m, BUS_ERROR_CONFIG_INVALID));
        assert_string_equal(sd_bus_message_get_error(m)->message, "x.conf:1: Bad.");
}

static void test_the_log_level_can_be_set(void **state) {
        World *w = start(state);
        sd_bus_message *m;

        m = CALL(w, "/org/freedesktop/LogControl1", "org.freedesktop.DBus.Properties", "Set", "ssv",
                 "org.freedesktop.LogControl1", "LogLevel", "s", "warning");
        assert_false(sd_bus_message_is_method_error(m, NULL));
        expect_property(w, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1",
                        "LogLevel", "warning");
        m = CALL(w, "/org/freedesktop/LogControl1", "org.freedesktop.DBus.Properties", "Set", "ssv",
                 "org.freedesktop.LogControl1", "LogLevel", "s", "loud");
        assert_true(sd_bus_message_is_method_error(m, SD_BUS_ERROR_INVALID_ARGS));
}

static sd_bus_message *set_log_target(World *w, const char *target) {
        return CALL(w, "/org/freedesktop/LogControl1", "org.freedesktop.DBus.Properties", "Set",
                    "ssv", "org.freedesktop.LogControl1", "LogTarget", "s", target);
}

static void test_the_log_target_can_be_set(void **state) {
        World *w = start(state);

        assert_false(sd_bus_message_is_method_error(set_log_target(w, "null"), NULL));
        expect_property(w, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1",
                        "LogTarget", "null");
        assert_true(sd_bus_message_is_method_error(set_log_target(w, "printer"),
                                                   SD_BUS_ERROR_INVALID_ARGS));
        assert_false(sd_bus_message_is_method_error(set_log_target(w, "auto"), NULL));
        expect_property(w, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1",
                        "LogTarget", "console");
}

static void test_a_bus_that_comes_late_is_waited_for(void **state) {
        World *w = need_bus(state);

        assert_return_code(bus_start(w->bus), 0);
        assert_return_code(sd_event_run(w->event, 50 * USEC_PER_MSEC), 0);
        assert_false(bus_is_synced(w->bus));
        private_bus_start(&w->private_bus);
        start_systemd(w);
        UNTIL(w, bus_is_synced(w->bus));
        assert_int_equal(w->manager.n_units, 1);
}

static void test_a_new_bus_is_found_and_the_units_stay(void **state) {
        World *w = start(state);

        w->client = sd_bus_close_unref(w->client);
        w->systemd.bus = sd_bus_close_unref(w->systemd.bus);
        private_bus_stop(&w->private_bus);
        for (unsigned i = 0; i < 10; i++)
                assert_return_code(sd_event_run(w->event, 50 * USEC_PER_MSEC), 0);
        assert_int_equal(w->manager.n_units, 1);

        private_bus_start(&w->private_bus);
        w->systemd.units[0].main_pid = 43;
        start_systemd(w);
        UNTIL(w, w->manager.units[0]->main_pid == 43);
        w->client = connect_client(w);
        expect_property(w, WEB_PATH, BUS_UNIT_INTERFACE, "State", "profiled");
        assert_int_equal(w->n_synced, 1);
}

static void test_pausing_shows_in_the_state(void **state) {
        World *w = start(state);

        assert_false(sd_bus_message_is_method_error(CALL_MANAGER(w, "Pause", ""), NULL));
        expect_property(w, BUS_PATH, BUS_MANAGER_INTERFACE, "State", "paused");
        assert_false(sd_bus_message_is_method_error(CALL_MANAGER(w, "Resume", ""), NULL));
        expect_property(w, BUS_PATH, BUS_MANAGER_INTERFACE, "State", "running");
}

static void test_an_open_window_can_be_looked_into(void **state) {
        World *w = start(state);
        const void *data;
        size_t size;

        assert_return_code(
                sd_bus_message_read_array(CALL_MANAGER(w, "GetOpenProfile", "s", "web.service"),
                                          'y', &data, &size),
                0);
        assert_int_equal(size, 5);
        assert_memory_equal(data, "pprof", 5);
        assert_true(sd_bus_message_is_method_error(
                CALL_MANAGER(w, "GetOpenProfile", "s", "nope.service"), BUS_ERROR_NO_SUCH_UNIT));
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                WORLD_TEST(test_units_are_listed_and_found),
                WORLD_TEST(test_properties_say_what_the_manager_says),
                WORLD_TEST(test_all_properties_can_be_read),
                WORLD_TEST(test_many_changes_are_one_signal),
                WORLD_TEST(test_a_report_without_a_change_is_silent),
                WORLD_TEST(test_coming_and_going_is_signalled),
                WORLD_TEST(test_a_profile_is_signalled),
                WORLD_TEST(test_a_flush_is_answered_when_it_is_done),
                WORLD_TEST(test_a_flush_that_fails_says_why),
                WORLD_TEST(test_more_flushes_than_may_wait_are_refused),
                WORLD_TEST(test_names_longer_than_those_of_units_are_refused),
                WORLD_TEST(test_the_state_is_dumped_to_each_reader_from_the_start),
                WORLD_TEST(test_a_flush_may_outlive_its_caller_and_the_bus),
                WORLD_TEST(test_pausing_shows_in_the_state),
                WORLD_TEST(test_an_open_window_can_be_looked_into),
                WORLD_TEST(test_a_reload_is_in_effect_when_it_is_answered),
                WORLD_TEST(test_a_broken_configuration_is_an_error_of_reload),
                WORLD_TEST(test_the_log_level_can_be_set),
                WORLD_TEST(test_the_log_target_can_be_set),
                WORLD_TEST(test_a_bus_that_comes_late_is_waited_for),
                WORLD_TEST(test_a_new_bus_is_found_and_the_units_stay),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
