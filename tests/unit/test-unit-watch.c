/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Unit Watch */

#include <sys/socket.h>

#include "basic/cgroup-util.h"
#include "basic/unit-name.h"
#include "bus/unit-watch.h"
#include "fake-manager-calls.h"
#include "fake-systemd-bus.h"
#include "unit-test.h"

#define PATTERNS(...)             \
        (const char *const[]) {   \
                __VA_ARGS__, NULL \
        }

/* A watch and a fake systemd at the two ends of a socket. */
typedef struct World {
        sd_event *event;
        FakeSystemd systemd;
        Manager manager;
        sd_bus *client;
        UnitWatch *watch;
        unsigned n_settled;
        int settled_error;
} World;

static void on_settled(UnitWatch *w _unused_, int error, void *userdata) {
        World *world = userdata;

        world->n_settled++;
        world->settled_error = error;
}

static int setup(void **state) {
        World *w = calloc(1, sizeof(World));
        sd_id128_t id;
        int fds[2];

        assert_non_null(w);
        *state = w;
        assert_return_code(sd_event_new(&w->event), 0);
        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
                           errno);
        assert_return_code(sd_id128_randomize(&id), 0);

        assert_return_code(sd_bus_new(&w->systemd.bus), 0);
        assert_return_code(sd_bus_set_fd(w->systemd.bus, fds[0], fds[0]), 0);
        assert_return_code(sd_bus_set_server(w->systemd.bus, true, id), 0);
        assert_return_code(sd_bus_set_sender(w->systemd.bus, SYSTEMD_OWNER), 0);
        assert_return_code(sd_bus_start(w->systemd.bus), 0);
        fake_systemd_export(&w->systemd);
        fake_systemd_export_driver(&w->systemd);
        w->systemd.owner = strdup(SYSTEMD_OWNER);
        assert_return_code(sd_bus_attach_event(w->systemd.bus, w->event, 0), 0);

        assert_return_code(sd_bus_new(&w->client), 0);
        assert_return_code(sd_bus_set_fd(w->client, fds[1], fds[1]), 0);
        assert_return_code(sd_bus_start(w->client), 0);
        assert_return_code(sd_bus_attach_event(w->client, w->event, 0), 0);
        assert_return_code(unit_watch_new(&w->watch, w->event, &w->manager, on_settled, w), 0);
        return 0;
}

static int teardown(void **state) {
        World *w = *state;

        unit_watch_free(w->watch);
        fake_manager_done(&w->manager);
        sd_bus_close_unref(w->client);
        sd_bus_close_unref(w->systemd.bus);
        sd_event_unref(w->event);
        free(w->systemd.owner);
        free(w);
        return 0;
}

/* Until nothing happens any more. */
static void settle(World *w) {
        for (;;) {
                int r = sd_event_run(w->event, 20 * USEC_PER_MSEC);

                assert_return_code(r, 0);
                if (r == 0)
                        return;
        }
}

static void start(World *w, const char *const *patterns) {
        assert_return_code(unit_watch_set_patterns(w->watch, patterns), 0);
        assert_return_code(unit_watch_attach(w->watch, w->client), 0);
        assert_false(unit_watch_is_settled(w->watch));
        settle(w);
        assert_int_equal(w->n_settled, 1);
        assert_true(unit_watch_is_settled(w->watch));
}

static const FakeUnit web = {
        .name = "web.service",
        .load_state = "loaded",
        .active_state = "active",
        .control_group = "/system.slice/web.service",
        .main_pid = 42,
        .invocation = 7,
};

static FakeUnit with_state(FakeUnit u, const char *active_state) {
        u.active_state = active_state;
        return u;
}

static Unit *expect_unit(World *w, const char *name, const char *active_state, const char *cgroup) {
        Unit *u = manager_find_unit(&w->manager, name);

        assert_non_null(u);
        assert_string_equal(u->active_state, active_state);
        assert_string_equal(u->control_group, cgroup);
        return u;
}

static void test_an_active_unit_is_reported_with_its_cgroup(void **state) {
        World *w = *state;
        sd_id128_t id;
        Unit *u;

        memset(&id, 7, sizeof(id));
        fake_systemd_add(&w->systemd, web);
        start(w, PATTERNS("*.service"));

        u = expect_unit(w, "web.service", "active", "/system.slice/web.service");
        assert_int_equal(u->main_pid, 42);
        assert_true(sd_id128_equal(u->invocation_id, id));
        assert_int_equal(w->systemd.n_subscribed, 1);
        assert_int_equal(w->manager.n_syncs, 1);
}

static void test_a_glob_leaves_out_what_is_not_loaded(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, (FakeUnit){ .name = "mentioned.service",
                                                  .load_state = "not-found",
                                                  .active_state = "inactive" });
        fake_systemd_add(&w->systemd, (FakeUnit){ .name = "idle.service",
                                                  .load_state = "loaded",
                                                  .active_state = "inactive" });
        fake_systemd_add(&w->systemd, (FakeUnit){ .name = "sda.device",
                                                  .load_state = "loaded",
                                                  .active_state = "active" });
        start(w, PATTERNS("*"));

        assert_int_equal(w->manager.n_units, 1);
        expect_unit(w, "idle.service", "inactive", "");
}

static void test_a_configured_name_that_does_not_exist_is_shown(void **state) {
        World *w = *state;

        start(w, PATTERNS("web.service"));
        expect_unit(w, "web.service", "inactive", "");
        assert_string_equal(w->manager.load_states[0], "not-found");

        /* and is taken up when it starts, though nothing else announces it */
        fake_systemd_add(&w->systemd, web);
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
        assert_string_equal(w->manager.load_states[0], "loaded");
}

static void test_a_name_that_no_unit_can_have_is_shown(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        start(w, PATTERNS("bad name.service", "web.service", "@.service"));

        assert_int_equal(w->manager.n_units, 3);
        expect_unit(w, "bad name.service", "inactive", "");
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
}

static void test_an_alias_leads_to_the_primary_name(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, web);

        u->alias = "www.service";
        u->active_state = "inactive"; /* so that nothing but the listing tells */
        start(w, PATTERNS("www.service"));

        assert_int_equal(w->manager.n_units, 1);
        expect_unit(w, "web.service", "inactive", "");
        assert_string_equal(w->manager.aliases[0], "www.service");

        u->active_state = "active";
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
}

static void test_aliases_of_a_unit_matched_by_glob_are_known(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web)->alias = "www.service";
        start(w, PATTERNS("web*"));
        assert_string_equal(w->manager.aliases[0], "www.service");
}

/* A property of a unit that is not loaded would load it. */
static void test_an_inactive_unit_is_never_asked(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, with_state(web, "failed"));

        start(w, PATTERNS("*.service", "web.service"));
        fake_systemd_change(&w->systemd, "web.service");
        u->active_state = "inactive";
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);

        expect_unit(w, "web.service", "inactive", "");
        assert_int_equal(w->systemd.n_control_group_gets, 0);
}

/* Each question may load a unit again that has just been dropped. */
static void test_a_unit_without_a_cgroup_is_asked_one_question(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, with_state(web, "activating"))->control_group = "";
        start(w, PATTERNS("*.service"));
        expect_unit(w, "web.service", "activating", "");
        assert_int_equal(w->systemd.n_gets, 1);
}

static void test_a_stopping_unit_is_not_asked(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, web);

        start(w, PATTERNS("*.service"));
        w->systemd.n_gets = 0;
        u->active_state = "deactivating";
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);
        expect_unit(w, "web.service", "deactivating", "/system.slice/web.service");
        assert_int_equal(w->systemd.n_gets, 0);
}

static void test_a_storm_of_changes_costs_two_queries(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, web);

        start(w, PATTERNS("*.service"));
        w->systemd.n_control_group_gets = 0;
        for (int i = 0; i < 50; i++) {
                u->active_state = i % 2 ? "active" : "reloading";
                fake_systemd_change(&w->systemd, "web.service");
        }
        settle(w);
        assert_in_range(w->systemd.n_control_group_gets, 1, 2);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
}

static void test_a_signal_without_a_change_costs_nothing(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        start(w, PATTERNS("*.service"));
        w->systemd.n_gets = w->manager.n_reports = 0;
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);
        assert_int_equal(w->systemd.n_gets, 0);
        assert_int_equal(w->manager.n_reports, 0);
}

static void test_a_restart_that_ends_as_it_began_is_seen(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, web);

        start(w, PATTERNS("*.service"));
        u->invocation = 8;
        u->main_pid = 43;
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);
        assert_int_equal(manager_find_unit(&w->manager, "web.service")->main_pid, 43);
}

static void test_a_change_during_a_query_is_not_missed(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, with_state(web, "activating"));

        u->control_group = "";
        start(w, PATTERNS("*.service"));
        fake_systemd_change(&w->systemd, "web.service");
        while (w->systemd.n_control_group_gets < 2)
                assert_return_code(sd_event_run(w->event, UINT64_MAX), 0);
        /* it has answered, the answer is under way */
        *u = web;
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
}

static void test_a_stop_overtakes_a_query(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, web);

        start(w, PATTERNS("*.service"));
        u->active_state = "reloading";
        fake_systemd_change(&w->systemd, "web.service");
        while (w->systemd.n_control_group_gets < 2)
                assert_return_code(sd_event_run(w->event, UINT64_MAX), 0);
        /* the last word of the stop comes before that of the query */
        fake_systemd_signal_change(&w->systemd, "web.service", NULL);
        u->active_state = "inactive";
        u->control_group = "";
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);
        expect_unit(w, "web.service", "inactive", "");
        assert_int_equal(w->systemd.n_control_group_gets, 2);
}

static void test_the_cgroup_of_left_over_processes_stays(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, web);

        if (!cgroup_exists("/"))
                skip(); /* no cgroup2 tree */
        u->control_group = "/";
        start(w, PATTERNS("*.service"));
        u->active_state = "inactive";
        fake_systemd_change(&w->systemd, "web.service");
        settle(w);
        assert_int_equal(expect_unit(w, "web.service", "inactive", "/")->main_pid, 0);
}

static void test_an_unloaded_unit_is_gone_unless_asked_for_by_name(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        fake_systemd_add(&w->systemd, web)->name = "named.service";
        start(w, PATTERNS("*.service", "named.service"));
        fake_systemd_remove(&w->systemd, "web.service");
        fake_systemd_remove(&w->systemd, "named.service");
        settle(w);

        assert_null(manager_find_unit(&w->manager, "web.service"));
        assert_int_equal(w->manager.n_gone, 1);
        expect_unit(w, "named.service", "inactive", "");
}

static void test_a_daemon_reload_is_followed_by_a_synchronization(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        start(w, PATTERNS("*.service", "late.service"));
        w->systemd.n_units = 0;
        fake_systemd_add(&w->systemd, web)->name = "late.service";
        fake_systemd_reload(&w->systemd);
        settle(w);

        assert_int_equal(w->manager.n_syncs, 2);
        assert_int_equal(w->manager.n_units, 1);
        expect_unit(w, "late.service", "active", "/system.slice/web.service");
}

static void test_a_daemon_reload_takes_no_unit_away(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        fake_systemd_add(&w->systemd, web)->name = "named.service";
        start(w, PATTERNS("*.service", "named.service"));
        w->manager.n_reports = 0;
        fake_systemd_signal_reloading(&w->systemd, true);
        fake_systemd_signal_removed(&w->systemd, "web.service");
        fake_systemd_signal_removed(&w->systemd, "named.service");
        settle(w);
        assert_int_equal(w->manager.n_gone, 0);
        assert_int_equal(w->manager.n_reports, 0);

        fake_systemd_signal_reloading(&w->systemd, false);
        settle(w);
        assert_int_equal(w->manager.n_gone, 0);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");

        /* and then removals count again */
        fake_systemd_remove(&w->systemd, "web.service");
        settle(w);
        assert_int_equal(w->manager.n_gone, 1);
}

static void signal_owner(World *w, const char *sender, const char *owner) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        assert_return_code(sd_bus_message_new_signal(w->systemd.bus, &m, "/org/freedesktop/DBus",
                                                     "org.freedesktop.DBus", "NameOwnerChanged"),
                           0);
        assert_return_code(sd_bus_message_set_sender(m, sender), 0);
        assert_return_code(
                sd_bus_message_append(m, "sss", "org.freedesktop.systemd1", SYSTEMD_OWNER, owner),
                0);
        assert_return_code(sd_bus_send(w->systemd.bus, m, NULL), 0);
}

static void test_a_new_systemd_is_subscribed_to_and_listed(void **state) {
        World *w = *state;

        start(w, PATTERNS("*.service"));
        fake_systemd_add(&w->systemd, web);
        signal_owner(w, "org.freedesktop.DBus", "");
        signal_owner(w, "org.freedesktop.DBus", SYSTEMD_OWNER);
        settle(w);

        assert_int_equal(w->systemd.n_subscribed, 2);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
}

static void test_a_systemd_that_comes_late_is_waited_for(void **state) {
        World *w = *state;

        w->systemd.owner = (free(w->systemd.owner), NULL);
        fake_systemd_add(&w->systemd, web);
        start(w, PATTERNS("*.service"));
        assert_int_equal(w->settled_error, -EHOSTDOWN);
        assert_int_equal(w->manager.n_syncs, 0);

        signal_owner(w, "org.freedesktop.DBus", SYSTEMD_OWNER);
        settle(w);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
}

/* Anybody may send a signal to the daemon alone. */
static void test_signals_of_others_are_not_believed(void **state) {
        World *w = *state;
        FakeUnit *u = fake_systemd_add(&w->systemd, web);

        start(w, PATTERNS("*.service"));
        u->active_state = "inactive";
        fake_systemd_signal_change(&w->systemd, "web.service", ":1.66");
        signal_owner(w, ":1.66", "");
        settle(w);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
        assert_int_equal(w->n_settled, 1);
}

static void test_new_patterns_replace_the_old(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        fake_systemd_add(&w->systemd, web)->name = "db.service";
        start(w, PATTERNS("web.service"));
        assert_int_equal(w->manager.n_units, 1);
        assert_return_code(unit_watch_set_patterns(w->watch, PATTERNS("d*")), 0);
        assert_false(unit_watch_is_settled(w->watch));
        settle(w);

        assert_int_equal(w->manager.n_units, 1);
        expect_unit(w, "db.service", "active", "/system.slice/web.service");
}

static void test_no_pattern_means_no_unit(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        start(w, PATTERNS(NULL));
        assert_int_equal(w->manager.n_units, 0);
        assert_int_equal(w->manager.n_syncs, 1);
}

static void test_a_listing_that_fails_changes_nothing(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        start(w, PATTERNS("*.service"));
        w->systemd.fail_listings = true;
        fake_systemd_reload(&w->systemd);
        settle(w);

        assert_int_equal(w->n_settled, 2);
        assert_true(w->settled_error < 0);
        assert_int_equal(w->manager.n_syncs, 1);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");
}

static void test_more_units_than_queries_at_once_are_all_asked(void **state) {
        char names[200][sizeof("unit-000.service")];
        World *w = *state;

        for (unsigned i = 0; i < ELEMENTSOF(names); i++) {
                snprintf(names[i], sizeof(names[i]), "unit-%03u.service", i % 1000);
                fake_systemd_add(&w->systemd, web)->name = names[i];
        }
        start(w, PATTERNS("unit-*.service"));

        assert_int_equal(w->manager.n_units, ELEMENTSOF(names));
        assert_int_equal(w->systemd.n_control_group_gets, ELEMENTSOF(names));
        for (unsigned i = 0; i < ELEMENTSOF(names); i++)
                expect_unit(w, names[i], "active", "/system.slice/web.service");
}

static void test_units_are_kept_while_the_bus_is_away(void **state) {
        World *w = *state;

        fake_systemd_add(&w->systemd, web);
        start(w, PATTERNS("*.service"));
        fake_systemd_change(&w->systemd, "web.service");
        unit_watch_detach(w->watch);
        settle(w);
        expect_unit(w, "web.service", "active", "/system.slice/web.service");

        w->systemd.units[0].main_pid = 43;
        assert_return_code(unit_watch_attach(w->watch, w->client), 0);
        settle(w);
        assert_int_equal(manager_find_unit(&w->manager, "web.service")->main_pid, 43);
        assert_int_equal(w->manager.n_syncs, 2);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                WORLD_TEST(test_an_active_unit_is_reported_with_its_cgroup),
                WORLD_TEST(test_a_glob_leaves_out_what_is_not_loaded),
                WORLD_TEST(test_a_configured_name_that_does_not_exist_is_shown),
                WORLD_TEST(test_a_name_that_no_unit_can_have_is_shown),
                WORLD_TEST(test_an_alias_leads_to_the_primary_name),
                WORLD_TEST(test_aliases_of_a_unit_matched_by_glob_are_known),
                WORLD_TEST(test_an_inactive_unit_is_never_asked),
                WORLD_TEST(test_a_unit_without_a_cgroup_is_asked_one_question),
                WORLD_TEST(test_a_stopping_unit_is_not_asked),
                WORLD_TEST(test_a_storm_of_changes_costs_two_queries),
                WORLD_TEST(test_a_signal_without_a_change_costs_nothing),
                WORLD_TEST(test_a_restart_that_ends_as_it_began_is_seen),
                WORLD_TEST(test_a_change_during_a_query_is_not_missed),
                WORLD_TEST(test_a_stop_overtakes_a_query),
                WORLD_TEST(test_the_cgroup_of_left_over_processes_stays),
                WORLD_TEST(test_an_unloaded_unit_is_gone_unless_asked_for_by_name),
                WORLD_TEST(test_a_daemon_reload_is_followed_by_a_synchronization),
                WORLD_TEST(test_a_daemon_reload_takes_no_unit_away),
                WORLD_TEST(test_a_new_systemd_is_subscribed_to_and_listed),
                WORLD_TEST(test_a_systemd_that_comes_late_is_waited_for),
                WORLD_TEST(test_signals_of_others_are_not_believed),
                WORLD_TEST(test_new_patterns_replace_the_old),
                WORLD_TEST(test_no_pattern_means_no_unit),
                WORLD_TEST(test_a_listing_that_fails_changes_nothing),
                WORLD_TEST(test_more_units_than_queries_at_once_are_all_asked),
                WORLD_TEST(test_units_are_kept_while_the_bus_is_away),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
