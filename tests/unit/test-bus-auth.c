/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests: Authorization on the Bus
 *
 * A service with one method, a client, and a polkit that a test speaks for, on a private bus. All
 * run as one user, whom nothing is denied: so the service asks polkit even so.
 */

#include "basic/string-util.h"
#include "bus-fixture.h"
#include "bus/bus-auth.h"
#include "bus/bus-names.h"

#define SERVICE "org.example.Service"

typedef struct World {
        PrivateBus private_bus;
        sd_event *event;
        sd_bus *polkit, *service, *client;
        BusAuth *auth;
        bool privileged; /* the service does not ask for who is */

        unsigned n_asked, n_cancelled, n_performed, n_answered;
        sd_bus_message *question;
        char *subject, *action, *id, *cancelled;
        uint32_t flags;
        char *errors; /* names, one for each answer; "-": none */
} World;

/* ---- polkit ---- */

static int on_question(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_) {
        const char *kind, *key, *name, *action, *id;
        World *w = userdata;

        assert_return_code(sd_bus_message_read(m, "(sa{sv})sa{ss}us", &kind, 1, &key, "s", &name,
                                               &action, 0, &w->flags, &id),
                           0);
        assert_string_equal(kind, "system-bus-name");
        assert_string_equal(key, "name");
        assert_return_code(free_and_strdup(&w->subject, name), 0);
        assert_return_code(free_and_strdup(&w->action, action), 0);
        assert_return_code(free_and_strdup(&w->id, id), 0);
        sd_bus_message_unref(w->question);
        w->question = sd_bus_message_ref(m);
        w->n_asked++;
        return 1;
}

static int on_cancel(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_) {
        World *w = userdata;
        const char *id;

        assert_return_code(sd_bus_message_read(m, "s", &id), 0);
        assert_return_code(free_and_strdup(&w->cancelled, id), 0);
        w->n_cancelled++;
        return sd_bus_reply_method_return(m, NULL);
}

/* No vtable, which would hold back an answer of the wrong type. */
static int on_polkit(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return sd_bus_message_is_method_call(m, NULL, "CheckAuthorization") > 0
                       ? on_question(m, userdata, e)
                       : on_cancel(m, userdata, e);
}

static void polkit_says(World *w, int authorized, int challenge) {
        TURN_UNTIL(w->event, w->question);
        assert_return_code(
                sd_bus_reply_method_return(w->question, "(bba{ss})", authorized, challenge, 0), 0);
        w->question = sd_bus_message_unref(w->question);
}

static void start_polkit(World *w) {
        w->polkit = private_bus_connect(&w->private_bus, w->event);
        assert_return_code(sd_bus_add_object(w->polkit, NULL,
                                             "/org/freedesktop/PolicyKit1/Authority", on_polkit, w),
                           0);
        assert_return_code(sd_bus_request_name(w->polkit, "org.freedesktop.PolicyKit1", 0), 0);
}

/* ---- the service ---- */

static int perform(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        World *w = userdata;
        const char *text;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        if (r < 0)
                return r;
        w->n_performed++;
        if (streq(text, "fail"))
                return sd_bus_error_set(error, BUS_ERROR_STORE, "It failed.");
        return sd_bus_reply_method_return(m, NULL);
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        World *w = userdata;

        return w->privileged ? bus_auth_run(w->auth, m, BUS_ACTION_FLUSH, perform, w, error)
                             : bus_auth_ask(w->auth, m, BUS_ACTION_FLUSH, perform, w, error);
}

static const sd_bus_vtable service_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Do", "s", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void start_service(World *w) {
        w->service = private_bus_connect(&w->private_bus, w->event);
        assert_return_code(
                sd_bus_add_object_vtable(w->service, NULL, "/", SERVICE, service_vtable, w), 0);
        assert_return_code(sd_bus_request_name(w->service, SERVICE, 0), 0);
        bus_auth_attach(w->auth, w->service);
}

/* ---- the client ---- */

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        World *w = userdata;

        assert_return_code(free_and_strdup(&w->errors, error ? error->name : "-"), 0);
        w->n_answered++;
        return 0;
}

static void send_call(World *w, const char *text, bool interactive) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        assert_return_code(
                sd_bus_message_new_method_call(w->client, &m, SERVICE, "/", SERVICE, "Do"), 0);
        assert_return_code(sd_bus_message_append(m, "s", text), 0);
        assert_return_code(sd_bus_message_set_allow_interactive_authorization(m, interactive), 0);
        assert_return_code(sd_bus_call_async(w->client, NULL, m, on_answer, w, 0), 0);
}

/* What the next answer is: the name of an error, or "-". */
static void expect_answer(World *w, const char *error) {
        unsigned before = w->n_answered;

        TURN_UNTIL(w->event, w->n_answered > before);
        assert_string_equal(w->errors, error);
}

/* ---- the world ---- */

static int setup(void **state) {
        World *w = calloc(1, sizeof(World));

        assert_non_null(w);
        *state = w;
        if (!private_bus_init(&w->private_bus))
                return 0;

        private_bus_start(&w->private_bus);
        assert_return_code(sd_event_new(&w->event), 0);
        assert_return_code(bus_auth_new(&w->auth), 0);
        start_service(w);
        w->client = private_bus_connect(&w->private_bus, w->event);
        return 0;
}

static int teardown(void **state) {
        World *w = *state;

        bus_auth_free(w->auth);
        sd_bus_message_unref(w->question);
        sd_bus_close_unref(w->client);
        sd_bus_close_unref(w->service);
        sd_bus_close_unref(w->polkit);
        sd_event_unref(w->event);
        private_bus_done(&w->private_bus);
        free(w->subject);
        free(w->action);
        free(w->id);
        free(w->cancelled);
        free(w->errors);
        free(w);
        return 0;
}

static World *start(void **state, bool with_polkit) {
        World *w = *state;

        if (!w->event)
                skip(); /* no dbus-daemon */
        if (with_polkit)
                start_polkit(w);
        return w;
}

/* ---- tests ---- */

static void test_polkit_is_asked_about_the_caller_and_the_action(void **state) {
        World *w = start(state, true);
        const char *name;

        send_call(w, "", false);
        TURN_UNTIL(w->event, w->n_asked == 1);
        assert_return_code(sd_bus_get_unique_name(w->client, &name), 0);
        assert_string_equal(w->subject, name);
        assert_string_equal(w->action, BUS_ACTION_FLUSH);
        assert_int_equal(w->flags, 0);
        assert_int_equal(w->n_performed, 0);
        polkit_says(w, true, false);
        expect_answer(w, "-");
        assert_int_equal(w->n_performed, 1);
}

static void test_a_dialogue_is_opened_only_for_who_allows_it(void **state) {
        World *w = start(state, true);

        send_call(w, "", true);
        TURN_UNTIL(w->event, w->n_asked == 1);
        assert_int_equal(w->flags, 1);
}

static void test_a_denial_is_an_error_and_nothing_is_done(void **state) {
        World *w = start(state, true);

        send_call(w, "", false);
        polkit_says(w, false, false);
        expect_answer(w, SD_BUS_ERROR_ACCESS_DENIED);
        send_call(w, "", false);
        polkit_says(w, false, true);
        expect_answer(w, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
        assert_int_equal(w->n_performed, 0);
}

static void test_what_fails_after_the_answer_is_the_error_of_the_call(void **state) {
        World *w = start(state, true);

        send_call(w, "fail", false);
        polkit_says(w, true, false);
        expect_answer(w, BUS_ERROR_STORE);
}

static void test_without_polkit_it_is_denied(void **state) {
        World *w = start(state, false);

        send_call(w, "", true);
        expect_answer(w, SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(w->n_performed, 0);
}

static void test_an_error_or_the_end_of_polkit_is_a_denial(void **state) {
        World *w = start(state, true);

        send_call(w, "", false);
        TURN_UNTIL(w->event, w->question);
        assert_return_code(sd_bus_reply_method_errorf(w->question, SD_BUS_ERROR_FAILED, "No."), 0);
        w->question = sd_bus_message_unref(w->question);
        expect_answer(w, SD_BUS_ERROR_ACCESS_DENIED);

        send_call(w, "", false);
        TURN_UNTIL(w->event, w->question);
        w->question = sd_bus_message_unref(w->question);
        w->polkit = sd_bus_close_unref(w->polkit);
        expect_answer(w, SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(w->n_performed, 0);
}

static void test_an_answer_that_makes_no_sense_is_a_denial(void **state) {
        World *w = start(state, true);

        send_call(w, "", false);
        TURN_UNTIL(w->event, w->question);
        assert_return_code(sd_bus_reply_method_return(w->question, "b", true), 0);
        w->question = sd_bus_message_unref(w->question);
        expect_answer(w, SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(w->n_performed, 0);
}

static void test_the_question_is_withdrawn_when_the_caller_leaves(void **state) {
        World *w = start(state, true);

        send_call(w, "", true);
        TURN_UNTIL(w->event, w->n_asked == 1);
        w->client = sd_bus_close_unref(w->client);
        TURN_UNTIL(w->event, w->n_cancelled == 1);
        assert_string_equal(w->cancelled, w->id);
        /* Too late, even if it is a yes. */
        polkit_says(w, true, false);
        for (unsigned i = 0; i < 5; i++)
                assert_return_code(sd_event_run(w->event, 10 * USEC_PER_MSEC), 0);
        assert_int_equal(w->n_performed, 0);
}

static void test_questions_that_wait_are_bounded(void **state) {
        const unsigned most = geteuid() == 0 ? BUS_WAITING_MAX : BUS_WAITING_PER_USER_MAX;
        World *w = start(state, true);

        for (unsigned i = 0; i < most; i++)
                send_call(w, "", false);
        send_call(w, "", false);
        expect_answer(w, BUS_ERROR_BUSY);
        TURN_UNTIL(w->event, w->n_asked == most);
        polkit_says(w, true, false);
        expect_answer(w, "-");
        send_call(w, "", false);
        TURN_UNTIL(w->event, w->n_asked == most + 1);
}

static void test_no_user_takes_all_places_and_root_has_its_own(void **state) {
        assert_true(bus_may_wait(1000, BUS_WAITING_PER_USER_MAX - 1, BUS_WAITING_MAX - 1));
        assert_false(bus_may_wait(1000, BUS_WAITING_PER_USER_MAX, BUS_WAITING_PER_USER_MAX));
        assert_false(bus_may_wait(1000, 0, BUS_WAITING_MAX));
        assert_true(bus_may_wait(0, BUS_WAITING_MAX - 1, 2 * BUS_WAITING_MAX - 1));
        assert_false(bus_may_wait(0, BUS_WAITING_MAX, BUS_WAITING_MAX));
}

static void test_root_and_the_own_user_are_not_asked_about(void **state) {
        World *w = start(state, true);

        w->privileged = true;
        send_call(w, "", false);
        expect_answer(w, "-");
        assert_int_equal(w->n_asked, 0);
        assert_int_equal(w->n_performed, 1);
}

static void test_the_end_of_the_connection_ends_all_questions(void **state) {
        World *w = start(state, true);

        send_call(w, "", false);
        TURN_UNTIL(w->event, w->n_asked == 1);
        bus_auth_attach(w->auth, NULL);
        polkit_says(w, true, false);
        for (unsigned i = 0; i < 5; i++)
                assert_return_code(sd_event_run(w->event, 10 * USEC_PER_MSEC), 0);
        assert_int_equal(w->n_performed, 0);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                WORLD_TEST(test_polkit_is_asked_about_the_caller_and_the_action),
                WORLD_TEST(test_a_dialogue_is_opened_only_for_who_allows_it),
                WORLD_TEST(test_a_denial_is_an_error_and_nothing_is_done),
                WORLD_TEST(test_what_fails_after_the_answer_is_the_error_of_the_call),
                WORLD_TEST(test_without_polkit_it_is_denied),
                WORLD_TEST(test_an_error_or_the_end_of_polkit_is_a_denial),
                WORLD_TEST(test_an_answer_that_makes_no_sense_is_a_denial),
                WORLD_TEST(test_the_question_is_withdrawn_when_the_caller_leaves),
                WORLD_TEST(test_questions_that_wait_are_bounded),
                WORLD_TEST(test_no_user_takes_all_places_and_root_has_its_own),
                WORLD_TEST(test_root_and_the_own_user_are_not_asked_about),
                WORLD_TEST(test_the_end_of_the_connection_ends_all_questions),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
