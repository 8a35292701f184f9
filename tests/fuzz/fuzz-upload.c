/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer: Answers of Servers
 *
 * The first two bytes are a status, the third the status of gRPC; the rest is the body. Whatever it
 * is, each protocol comes to a verdict with a reason that fits into a line. The same bytes are read
 * as a ledger and as pins, too.
 */

#include "basic/string-util.h"
#include "store/store-pins.h"
#include "upload/ledger.h"
#include "upload/protocol.h"
#include "upload/target.h"

enum { HEADER_SIZE = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                abort();
}

static void judge(const UploadTarget *t, const UploadResponse *r) {
        UploadJudgement j;

        t->protocol->judge(t, r, &j);
        require(j.verdict >= 0 && j.verdict < _UPLOAD_VERDICT_MAX);
        require(strlen(j.reason) < sizeof(j.reason));
        for (const char *p = j.reason; *p != '\0'; p++)
                require((unsigned char) *p >= ' ' && *p != 0x7f);
        require(r->error == 0 || j.verdict != UPLOAD_SENT);
}

static void read_lines(const char *text, size_t size) {
        _cleanup_(store_pins_freep) StorePins *pins = NULL;
        _cleanup_free_ char *line = strndup(text, size);
        const char *path;
        LedgerEntry e;

        require(line);
        if (ledger_parse_line(line, &e, &path) >= 0)
                require(ledger_path_is_valid(path) && e.n_sent <= e.n_parts);
        require(store_pins_parse(text, size, &pins) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const names[] = {
                "http", "otlp", "parca", "profefe", "pyroscope", "s3"
        };
        UploadResponse r = { .grpc_status = -1 };
        char message[64] = "";

        read_lines((const char *) data, size);
        if (size < HEADER_SIZE)
                return 0;
        r.status = data[0] << 8 | data[1];
        r.grpc_status = (int8_t) data[2];
        r.body = data + HEADER_SIZE;
        r.body_size = size - HEADER_SIZE;
        memcpy(message, r.body, MIN(r.body_size, sizeof(message) - 1));
        r.grpc_message = message;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                UploadTarget t = { .protocol = upload_protocol_find(names[i]) };

                require(t.protocol);
                judge(&t, &r);
                t.grpc = true;
                judge(&t, &r);
        }
        return 0;
}
