/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Session Stream */

#include <fcntl.h>
#include <signal.h>

#include "session-stream.h"
#include "unit-test.h"

enum { PIECE_BYTES = 100 * 1000 };

typedef struct Fixture {
        sd_event *event;
        int reader;
        SessionStream *stream;
} Fixture;

static Fixture fixture_new(int flags) {
        Fixture f;
        int ends[2];

        (void) signal(SIGPIPE, SIG_IGN);
        assert_return_code(sd_event_new(&f.event), 0);
        assert_return_code(pipe2(ends, O_CLOEXEC | flags), errno);
        f.reader = ends[0];
        assert_return_code(fcntl(f.reader, F_SETFL, O_NONBLOCK), errno);
        assert_return_code(session_stream_new(&f.stream, f.event, ends[1]), 0);
        return f;
}

static void fixture_done(Fixture *f) {
        session_stream_free(f->stream);
        sd_event_unref(f->event);
        safe_close(f->reader);
}

static void turn(Fixture *f) {
        while (sd_event_run(f->event, 0) > 0)
                ;
}

/* What can be read now; *ret_end: nothing comes any more. */
static size_t read_some(Fixture *f, char *buffer, size_t size, bool *ret_end) {
        size_t sum = 0;
        ssize_t n = -1;

        while (sum < size && (n = read(f->reader, buffer + sum, size - sum)) > 0)
                sum += (size_t) n;
        *ret_end = sum < size && n == 0;
        return sum;
}

static void test_pieces_arrive_in_order_and_then_the_end(void **state) {
        Fixture f = fixture_new(0);
        char text[64];
        bool end;

        assert_int_equal(session_stream_write(f.stream, "one\n", 4), 1);
        assert_int_equal(session_stream_write(f.stream, "two\n", 4), 1);
        session_stream_end(f.stream);
        turn(&f);
        assert_int_equal(read_some(&f, text, sizeof(text), &end), 8);
        assert_memory_equal(text, "one\ntwo\n", 8);
        assert_true(end);
        assert_int_equal(session_stream_get_bytes(f.stream), 8);
        fixture_done(&f);
}

/* The pipe blocks, as any does that nobody changed: whoever writes to it would wait for ever. */
static void test_a_reader_that_never_reads_holds_nobody_up(void **state) {
        Fixture f = fixture_new(0);
        _cleanup_free_ char *piece = calloc(1, PIECE_BYTES);
        unsigned taken = 0;

        assert_non_null(piece);
        for (unsigned i = 0; i < 100; i++) {
                int r = session_stream_write(f.stream, piece, PIECE_BYTES);

                assert_true(r == 0 || r == 1);
                taken += (unsigned) r;
                turn(&f);
        }
        assert_in_range(taken, 2, (SESSION_STREAM_BYTES_MAX + (1 << 20)) / PIECE_BYTES);
        fixture_done(&f);
}

static void test_a_slow_reader_gets_whole_pieces_only(void **state) {
        Fixture f = fixture_new(O_NONBLOCK);
        _cleanup_free_ char *piece = malloc(PIECE_BYTES), *got = malloc(200 * PIECE_BYTES);
        size_t size = 0, n_taken = 0;
        bool end = false;

        assert_true(piece && got);
        for (unsigned i = 0; i < 100; i++) {
                memset(piece, 'a' + (int) i % 26, PIECE_BYTES);
                n_taken += session_stream_write(f.stream, piece, PIECE_BYTES) == 1;
        }
        assert_true(n_taken < 100);
        session_stream_end(f.stream);
        while (!end) {
                size += read_some(&f, got + size, 200 * PIECE_BYTES - size, &end);
                turn(&f);
        }
        assert_int_equal(size, n_taken * PIECE_BYTES);
        for (size_t i = 0; i < size; i++)
                assert_int_equal(got[i], got[i / PIECE_BYTES * PIECE_BYTES]);
        fixture_done(&f);
}

static void test_a_reader_that_left_is_noticed(void **state) {
        Fixture f = fixture_new(0);

        f.reader = safe_close(f.reader);
        (void) session_stream_write(f.stream, "x", 1);
        assert_int_equal(session_stream_write(f.stream, "x", 1), -EPIPE);
        session_stream_end(f.stream);
        fixture_done(&f);
}

static void test_only_the_writing_end_of_a_pipe_will_do(void **state) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        SessionStream *s;
        int ends[2];

        assert_return_code(sd_event_new(&event), 0);
        assert_return_code(pipe2(ends, O_CLOEXEC), errno);
        assert_int_equal(session_stream_new(&s, event, ends[0]), -EINVAL);
        close(ends[1]);
        assert_int_equal(session_stream_new(&s, event, open("/dev/null", O_WRONLY | O_CLOEXEC)),
                         -EINVAL);
        assert_int_equal(session_stream_new(&s, event, open("/", O_RDONLY | O_CLOEXEC)), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pieces_arrive_in_order_and_then_the_end),
                cmocka_unit_test(test_a_reader_that_never_reads_holds_nobody_up),
                cmocka_unit_test(test_a_slow_reader_gets_whole_pieces_only),
                cmocka_unit_test(test_a_reader_that_left_is_noticed),
                cmocka_unit_test(test_only_the_writing_end_of_a_pipe_will_do),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
