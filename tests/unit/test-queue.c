/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Queue */

#include "unit-test.h"
#include "upload/queue.h"

static void add(Queue *q, usec_t start, const char *path) {
        const QueueItem i = { .start_usec = start, .end_usec = start + 1, .size_bytes = 10 };

        assert_return_code(queue_add(q, &i, path, NULL), 0);
}

static void test_the_oldest_comes_first_in_whatever_order_they_came(void **state) {
        static const usec_t starts[] = { 5, 3, 9, 1, 7, 3 };
        _cleanup_(queue_freep) Queue *q = NULL;
        usec_t last = 0;

        assert_return_code(queue_new(&q), 0);
        for (size_t i = 0; i < ELEMENTSOF(starts); i++)
                add(q, starts[i], i == 1 ? "b" : "a");
        assert_int_equal(queue_length(q), ELEMENTSOF(starts));
        assert_string_equal(queue_get(q, 1)->path, "a");
        assert_string_equal(queue_get(q, 2)->path, "b");
        while (queue_length(q) > 0) {
                assert_true(queue_get(q, 0)->start_usec >= last);
                last = queue_get(q, 0)->start_usec;
                queue_remove(q, 0);
        }
        assert_int_equal(last, 9);
}

static void test_bytes_are_those_of_what_is_in_it(void **state) {
        _cleanup_(queue_freep) Queue *q = NULL;

        assert_return_code(queue_new(&q), 0);
        add(q, 1, "a");
        add(q, 2, "b");
        assert_int_equal(queue_bytes(q), 20);
        queue_remove(q, 1);
        assert_int_equal(queue_bytes(q), 10);
        assert_string_equal(queue_get(q, 0)->path, "a");
}

static void test_an_item_stays_where_it_is_while_others_come(void **state) {
        const QueueItem i = { .start_usec = 5 };
        _cleanup_(queue_freep) Queue *q = NULL;
        QueueItem *item;

        assert_return_code(queue_new(&q), 0);
        assert_return_code(queue_add(q, &i, "mine", &item), 0);
        for (usec_t t = 1; t < 100; t++)
                add(q, t, "other");
        assert_string_equal(item->path, "mine");
        assert_ptr_equal(queue_get(q, 4), item);
}

static void test_there_is_a_limit(void **state) {
        const QueueItem i = {};
        _cleanup_(queue_freep) Queue *q = NULL;

        assert_return_code(queue_new(&q), 0);
        for (size_t n = 0; n < QUEUE_ITEMS_MAX; n++)
                assert_return_code(queue_add(q, &i, "", NULL), 0);
        assert_int_equal(queue_add(q, &i, "", NULL), -E2BIG);
}

static QueueItem *fill(Queue *q) {
        QueueItem i = { .size_bytes = 10 }, *first;

        i.start_usec = 1000;
        assert_return_code(queue_add(q, &i, "", &first), 0);
        for (size_t n = 1; n < QUEUE_ITEMS_MAX; n++) {
                i.start_usec = 1000 + n % 1000;
                assert_return_code(queue_add(q, &i, "x", NULL), 0);
        }
        return first;
}

static void test_in_a_full_queue_the_oldest_makes_room(void **state) {
        const QueueItem newest = { .start_usec = 5000, .size_bytes = 7 },
                        middle = { .start_usec = 1500, .size_bytes = 7 },
                        oldest = { .start_usec = 999 };
        _cleanup_(queue_freep) Queue *q = NULL;

        assert_return_code(queue_new(&q), 0);
        (void) fill(q);
        assert_string_equal(queue_get(q, 0)->path, "");
        assert_int_equal(queue_add_for_oldest(q, &newest, "newest", NULL), 1);
        assert_string_equal(queue_get(q, 0)->path, "x");
        assert_int_equal(queue_add_for_oldest(q, &middle, "middle", NULL), 1);
        assert_int_equal(queue_add_for_oldest(q, &oldest, "oldest", NULL), 0);
        assert_int_equal(queue_length(q), QUEUE_ITEMS_MAX);
        assert_int_equal(queue_bytes(q), 10 * (QUEUE_ITEMS_MAX - 2) + 14);
        assert_string_equal(queue_get(q, QUEUE_ITEMS_MAX - 1)->path, "newest");
        for (size_t i = 1; i < QUEUE_ITEMS_MAX; i++)
                assert_true(queue_get(q, i)->start_usec >= queue_get(q, i - 1)->start_usec);
}

static void test_what_is_under_way_stays_in_a_full_queue(void **state) {
        const QueueItem newest = { .start_usec = 5000 }, second = { .start_usec = 999 };
        _cleanup_(queue_freep) Queue *q = NULL;
        QueueItem *first;

        assert_return_code(queue_new(&q), 0);
        first = fill(q);
        assert_int_equal(queue_add_for_oldest(q, &newest, "newest", first), 1);
        assert_ptr_equal(queue_get(q, 0), first);
        assert_int_equal(queue_add_for_oldest(q, &second, "second", first), 0);
        assert_ptr_equal(queue_get(q, 0), first);
        assert_int_equal(queue_length(q), QUEUE_ITEMS_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_oldest_comes_first_in_whatever_order_they_came),
                cmocka_unit_test(test_bytes_are_those_of_what_is_in_it),
                cmocka_unit_test(test_an_item_stays_where_it_is_while_others_come),
                cmocka_unit_test(test_there_is_a_limit),
                cmocka_unit_test(test_in_a_full_queue_the_oldest_makes_room),
                cmocka_unit_test(test_what_is_under_way_stays_in_a_full_queue),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
