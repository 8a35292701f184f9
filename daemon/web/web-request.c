/* SPDX-License-Identifier: Apache-2.0 */
/* What a Client Asks for */

#include <ctype.h>
#include <strings.h>

#include "basic/string-util.h"
#include "web/web-request.h"

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* In a query '+' is a blank. */
static int decode(const char *s, size_t n, bool query, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        text = malloc(n + 1);
        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char) s[i];

                if (c == '%') {
                        int high = i + 1 < n ? hex_digit(s[i + 1]) : -1,
                            low = i + 2 < n ? hex_digit(s[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return -EINVAL;
                        c = (unsigned char) (high << 4 | low);
                        i += 2;
                } else if (c == '+' && query)
                        c = ' ';
                if (iscntrl(c))
                        return -EINVAL;
                text[size++] = (char) c;
        }
        text[size] = '\0';
        if (!utf8_is_valid(text, size))
                return -EINVAL;
        *ret = TAKE_PTR(text);
        return 0;
}

static int add_parameter(WebRequest *r, const char *s, size_t n) {
        const char *equals = memchr(s, '=', n);
        size_t n_key = equals ? (size_t) (equals - s) : n;
        WebParameter p = {};
        int e;

        if (n == 0)
                return 0;
        if (r->n_parameters >= WEB_PARAMETERS_MAX)
                return -E2BIG;
        e = decode(s, n_key, true, &p.key);
        if (e >= 0)
                e = equals ? decode(equals + 1, n - n_key - 1, true, &p.value)
                           : decode("", 0, true, &p.value);
        if (e < 0) {
                free(p.key);
                return e;
        }
        r->parameters[r->n_parameters++] = p;
        return 0;
}

static int parse_query(WebRequest *r, const char *query) {
        r->parameters = calloc(WEB_PARAMETERS_MAX, sizeof(*r->parameters));
        if (!r->parameters)
                return -ENOMEM;
        for (;;) {
                size_t n = strcspn(query, "&");
                int e;

                e = add_parameter(r, query, n);
                if (e < 0)
                        return e;
                if (query[n] == '\0')
                        return 0;
                query += n + 1;
        }
}

int web_request_parse(const char *target, WebRequest *ret) {
        _cleanup_(web_request_done) WebRequest r = {};
        const char *end;
        int e;

        if (target[0] != '/')
                return -EINVAL;
        if (strnlen(target, WEB_TARGET_MAX + 1) > WEB_TARGET_MAX)
                return -E2BIG;
        /* Browsers keep fragments to themselves. */
        if (strchr(target, '#'))
                return -EINVAL;

        r.target = strdup(target);
        if (!r.target)
                return -ENOMEM;
        end = strchrnul(target, '?');
        e = decode(target, (size_t) (end - target), false, &r.path);
        if (e >= 0)
                e = parse_query(&r, *end == '?' ? end + 1 : end);
        if (e < 0)
                return e;
        *ret = r;
        r = (WebRequest){};
        return 0;
}

void web_request_done(WebRequest *r) {
        for (size_t i = 0; i < r->n_parameters; i++) {
                free(r->parameters[i].key);
                free(r->parameters[i].value);
        }
        free(r->parameters);
        free(r->path);
        free(r->target);
        *r = (WebRequest){};
}

const char *web_request_get(const WebRequest *r, const char *key) {
        for (size_t i = 0; i < r->n_parameters; i++)
                if (streq(r->parameters[i].key, key))
                        return r->parameters[i].value;
        return NULL;
}

/* ---- headers ---- */

static bool host_is(const char *host, size_t n, const char *name) {
        return strlen(name) == n && strncasecmp(host, name, n) == 0;
}

static bool is_port(const char *s) {
        if (*s == '\0')
                return true;
        if (*s++ != ':' || *s == '\0' || strlen(s) > strlen("65535"))
                return false;
        return s[strspn(s, "0123456789")] == '\0';
}

bool web_host_is_ours(const char *host, char *const *names) {
        static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]" };
        size_t n;

        if (!host)
                return false;
        n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
        if (n > strlen(host) || !is_port(host + n))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(loopback); i++)
                if (host_is(host, n, loopback[i]))
                        return true;
        for (; names && *names; names++)
                if (host_is(host, n, *names))
                        return true;
        return false;
}

bool web_cookie_find(const char *header, const char *name, char *buffer, size_t size) {
        size_t n_name = strlen(name);

        while (header && *header != '\0') {
                size_t n;

                header += strspn(header, "; ");
                n = strcspn(header, ";");
                if (n > n_name && strncmp(header, name, n_name) == 0 && header[n_name] == '=') {
                        size_t n_value = n - n_name - 1;

                        if (n_value >= size)
                                return false;
                        memcpy(buffer, header + n_name + 1, n_value);
                        buffer[n_value] = '\0';
                        return true;
                }
                header += n;
        }
        return false;
}

/* What stands behind a coding: ";q=0" and the like. */
static bool is_refused(const char *parameters, size_t n) {
        const char *q = memchr(parameters, '=', n), *end = parameters + n;

        if (!q || (q[-1] != 'q' && q[-1] != 'Q'))
                return false;
        for (q++; q < end; q++)
                if (*q >= '1' && *q <= '9')
                        return false;
        return true;
}

bool web_accepts_gzip(const char *header) {
        bool any = false;

        while (header && *header != '\0') {
                size_t n, n_name;

                header += strspn(header, ", \t");
                n = strcspn(header, ",");
                n_name = MIN(strcspn(header, "; \t"), n);
                if ((n_name == 4 && strncasecmp(header, "gzip", 4) == 0) ||
                    (n_name == 6 && strncasecmp(header, "x-gzip", 6) == 0))
                        return !is_refused(header + n_name, n - n_name);
                if (n_name == 1 && *header == '*')
                        any = !is_refused(header + n_name, n - n_name);
                header += n;
        }
        return any;
}

bool web_token_is_equal(const char *given, const char *token) {
        size_t n = strlen(token);
        unsigned char difference = 0;

        if (!given || strlen(given) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                difference |= (unsigned char) (given[i] ^ token[i]);
        return difference == 0;
}

char *web_escape(const char *s) {
        static const char hex[] = "0123456789ABCDEF";
        char *text, *p;

        text = p = malloc(3 * strlen(s) + 1);
        if (!text)
                return NULL;
        for (; *s != '\0'; s++) {
                unsigned char c = (unsigned char) *s;

                if (isalnum(c) || strchr("-._~@:", c))
                        *p++ = (char) c;
                else {
                        *p++ = '%';
                        *p++ = hex[c >> 4];
                        *p++ = hex[c & 15];
                }
        }
        *p = '\0';
        return text;
}
