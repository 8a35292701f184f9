/* SPDX-License-Identifier: Apache-2.0 */
/* Who May Ask */

#include "web/web-guard.h"
#include "basic/string-util.h"

#define COOKIE_PREFIX "profilerd_"

WebAudience web_audience(const char *path) {
        if (startswith(path, "/debug/pprof") || startswith(path, "/pprof/"))
                return WEB_AUDIENCE_PPROF;
        if (startswith(path, "/api/0/"))
                return WEB_AUDIENCE_PROFEFE;
        if (startswith(path, "/api/"))
                return WEB_AUDIENCE_SCRIPT;
        return WEB_AUDIENCE_PERSON;
}

bool web_is_symbolz(const char *path) {
        return endswith(path, "/symbolz") || streq(path, "/debug/pprof/symbol");
}

static int check_method(const WebHeaders *h, const WebRequest *request, WebResponse *response) {
        int r;

        if (streq(h->method, "GET") || streq(h->method, "HEAD"))
                return 1;
        if (streq(h->method, "POST") && web_is_symbolz(request->path))
                return 1;
        r = web_fail(response, 405, "Nothing can be changed here.", "Use GET or HEAD.",
                     "The method is not known.");
        web_response_add_header(response, "Allow", "GET, HEAD");
        return r;
}

static bool is_of_another_site(const WebHeaders *h) {
        return h->fetch_site && !streq(h->fetch_site, "same-origin") &&
               !streq(h->fetch_site, "none");
}

static int check_origin(const WebGuard *g,
                        const WebHeaders *h,
                        const WebRequest *request,
                        WebResponse *response) {
        if (!web_host_is_ours(h->host, g->hosts))
                return web_fail(response, h->host ? 421 : 400,
                                "A page of another site may have been made to ask, so only known "
                                "names are answered: localhost, 127.0.0.1, [::1] and those of "
                                "--host=.",
                                "Use one of them, or add yours to profilerd-web.service.",
                                "This server is not known under that name.");
        if (!is_of_another_site(h))
                return 1;
        /* What starts work or saves a file is no page to look at. */
        if (response->audience == WEB_AUDIENCE_PERSON && h->fetch_mode &&
            streq(h->fetch_mode, "navigate") && !startswith(request->path, "/download") &&
            !web_request_get(request, "now"))
                return 1;
        return web_fail(response, 403, "Another site made the browser ask.",
                        "Open the address by hand.", "Refused.");
}

/* Cookies do not know ports, so the port is in the name. */
static void cookie_name(const char *host, char *buffer, size_t size) {
        const char *colon = strrchr(host, ':');
        size_t n = colon ? strspn(colon + 1, "0123456789") : 0;

        snprintf(buffer, size, COOKIE_PREFIX "%.*s", (int) MIN(n, (size_t) 5),
                 colon ? colon + 1 : "");
}

/* The target without the token, lest it stay in the address bar. */
static int redirect(WebResponse *response, const WebRequest *request) {
        _cleanup_(text_writer_done) TextWriter w = {};
        char separator = '?', *location;
        _cleanup_free_ char *keep = NULL;
        const char *end = strchrnul(request->target, '?');
        int r;

        /* "//host" would lead elsewhere. */
        text_addf(&w, "/%.*s", (int) (end - request->target - strspn(request->target, "/")),
                  request->target + strspn(request->target, "/"));
        for (size_t i = 0; i < request->n_parameters; i++) {
                _cleanup_free_ char *key = NULL, *value = NULL;

                if (streq(request->parameters[i].key, "token"))
                        continue;
                key = web_escape(request->parameters[i].key);
                value = web_escape(request->parameters[i].value);
                if (!key || !value)
                        return -ENOMEM;
                text_addf(&w, "%c%s=%s", separator, key, value);
                separator = '&';
        }
        r = text_writer_take(&w, &location, NULL);
        if (r < 0)
                return r;
        keep = location;
        web_response_add_header(response, "Location", "%s", location);
        response->status = 303;
        return 0;
}

static int check_token(const WebGuard *g,
                       const WebHeaders *h,
                       const WebRequest *request,
                       WebResponse *response) {
        const char *given = web_request_get(request, "token");
        char name[sizeof(COOKIE_PREFIX) + 5], value[128];
        int r;

        if (!g->token)
                return 1;
        cookie_name(h->host, name, sizeof(name));
        if (web_token_is_equal(given, g->token)) {
                if (response->audience != WEB_AUDIENCE_PERSON || !streq(h->method, "GET"))
                        return 1;
                r = redirect(response, request);
                if (r < 0)
                        return r;
                web_response_add_header(response, "Set-Cookie",
                                        "%s=%s; Path=/; HttpOnly; SameSite=Strict", name, g->token);
                return 0;
        }
        if (web_cookie_find(h->cookie, name, value, sizeof(value)) &&
            web_token_is_equal(value, g->token))
                return 1;
        return web_fail(response, 403, "The page was opened without its token, or with an old one.",
                        "Use the whole address that 'profilerctl web' has printed.",
                        "Not allowed.");
}

int web_guard_check(const WebGuard *g,
                    const WebHeaders *h,
                    const WebRequest *request,
                    WebResponse *response) {
        int r;

        r = check_origin(g, h, request, response);
        if (r > 0)
                r = check_method(h, request, response);
        if (r > 0)
                r = check_token(g, h, request, response);
        return r;
}
