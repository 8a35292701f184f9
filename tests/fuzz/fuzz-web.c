/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the Web, fuzzed
 *
 * The input is a target and, behind line feeds, the headers Host, Cookie, Sec-Fetch-Site and
 * Sec-Fetch-Mode. Whatever they say: what is let in is named as ours and has no control characters,
 * what it asks for can be written into a link that means the same, and a refusal says so.
 */

#include <ctype.h>

#include "basic/string-util.h"
#include "web/web-guard.h"
#include "web/web-view.h"

#define NOW   (1795183200 * USEC_PER_SEC)
#define TOKEN "0123456789abcdef0123456789abcdef"

enum {
        LINES = 5,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
        if (!ok)
                abort();
}

static void check_text(const char *s) {
        check(utf8_is_valid(s, strlen(s)));
        for (; *s != '\0'; s++)
                check(!iscntrl((unsigned char) *s));
}

static void check_request(const WebRequest *r) {
        check(r->path[0] == '/' && r->n_parameters <= WEB_PARAMETERS_MAX);
        check_text(r->path);
        for (size_t i = 0; i < r->n_parameters; i++) {
                check_text(r->parameters[i].key);
                check_text(r->parameters[i].value);
        }
}

/* Some seconds may pass between two ways to say the same relative time: only the texts count. */
static void check_link(const WebView *v) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *target = NULL;
        _cleanup_(web_request_done) WebRequest r = {};
        _cleanup_(web_view_done) WebView again = {};
        const char *wrong;

        text_add(&w, "/?");
        web_view_add_query(&w, v);
        check(text_writer_take(&w, &target, NULL) >= 0);
        for (char *p; (p = strstr(target, "&amp;"));)
                memmove(p + 1, p + strlen("&amp;"), strlen(p + strlen("&amp;")) + 1);
        if (strlen(target) > WEB_TARGET_MAX)
                return;
        check(web_request_parse(target, &r) >= 0);
        check(web_view_parse(&r, NOW, &again, &wrong) >= 0);
        check(streq(again.unit, v->unit) && streq(again.type, v->type));
        check(!again.thread == !v->thread && (!v->thread || streq(again.thread, v->thread)));
        check(again.since_usec == v->since_usec || (v->since_text && streq(v->since_text, "boot")));
}

static void check_views(const WebRequest *r) {
        _cleanup_(web_view_done) WebView v = {}, base = {};
        const char *wrong = NULL;
        int e;

        e = web_view_parse(r, NOW, &v, &wrong);
        check(e == 0 || e == -EINVAL || e == -ERANGE);
        if (e < 0)
                return;
        check(v.since_usec <= v.until_usec);
        check(!v.unit || !strchr(v.unit, '/'));
        if (v.unit)
                check_link(&v);
        e = web_view_parse_base(r, NOW, &v, &base, &wrong);
        check(e == 0 || e == -EINVAL || e == -ERANGE);
}

static void check_guard(const WebRequest *request, char *const *lines, const char *token) {
        WebHeaders h = {
                .method = "GET",
                .host = lines[1],
                .cookie = lines[2],
                .fetch_site = lines[3],
                .fetch_mode = lines[4],
        };
        _cleanup_(web_response_done) WebResponse response = {};
        WebGuard guard = { .token = token };
        int r;

        response.audience = web_audience(request->path);
        r = web_guard_check(&guard, &h, request, &response);
        check(r >= 0);
        if (r > 0) {
                check(web_host_is_ours(h.host, NULL));
                check(!token || (h.cookie && strstr(h.cookie, token)) ||
                      streq(web_request_get(request, "token") ?: "", token));
                return;
        }
        check(response.status >= 300 && response.status < 500);
        for (size_t i = 0; i < response.n_headers; i++) {
                check(!strpbrk(response.headers[i].value, "\r\n"));
                if (streq(response.headers[i].name, "Location"))
                        check(response.headers[i].value[0] == '/' &&
                              response.headers[i].value[1] != '/');
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(web_request_done) WebRequest request = {};
        _cleanup_free_ char *text = NULL;
        char *lines[LINES] = {}, *rest;
        int r;

        text = strndup((const char *) data, size);
        check(text);
        rest = text;
        for (size_t i = 0; i < LINES; i++)
                lines[i] = strsep(&rest, "\n");
        r = web_request_parse(lines[0], &request);
        check(r == 0 || r == -EINVAL || r == -E2BIG);
        if (r < 0)
                return 0;
        check_request(&request);
        check_views(&request);
        check_guard(&request, lines, NULL);
        check_guard(&request, lines, TOKEN);
        return 0;
}
