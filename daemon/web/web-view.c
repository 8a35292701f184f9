/* SPDX-License-Identifier: Apache-2.0 */
/* What Is to Be Seen */

#include "web/web-view.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/timestamp.h"
#include "basic/unit-name.h"

void web_view_done(WebView *v) {
        free(v->unit);
        *v = (WebView){};
}

/* ---- times ---- */

/* Exactly n digits. */
static int parse_digits(const char **s, unsigned n, int *ret) {
        int value = 0;

        for (unsigned i = 0; i < n; i++, (*s)++) {
                if (**s < '0' || **s > '9')
                        return -EINVAL;
                value = 10 * value + (**s - '0');
        }
        *ret = value;
        return 0;
}

static int parse_part(const char **s, char before, int *ret) {
        if (before != '\0' && *(*s)++ != before)
                return -EINVAL;
        return parse_digits(s, 2, ret);
}

/* "Z", "+02:00", "" in seconds. */
static int parse_zone(const char *s, int *ret) {
        int hours, minutes, sign = *s == '-' ? -1 : 1;

        *ret = 0;
        if (*s == '\0' || streq(s, "Z"))
                return 0;
        /* In a query that was not escaped '+' has become a blank. */
        if (*s != '+' && *s != '-' && *s != ' ')
                return -EINVAL;
        s++;
        if (parse_digits(&s, 2, &hours) < 0 || parse_part(&s, ':', &minutes) < 0 || *s != '\0' ||
            hours > 23 || minutes > 59)
                return -EINVAL;
        *ret = sign * (hours * 3600 + minutes * 60);
        return 0;
}

/* RFC 3339; without a zone it is UTC. */
static int parse_iso(const char *s, usec_t *ret) {
        struct tm tm = {}, check;
        int zone, r;
        usec_t fraction = 0, unit = USEC_PER_SEC / 10;
        time_t t;

        r = parse_digits(&s, 4, &tm.tm_year);
        if (r >= 0)
                r = parse_part(&s, '-', &tm.tm_mon);
        if (r >= 0)
                r = parse_part(&s, '-', &tm.tm_mday);
        if (r >= 0)
                r = parse_part(&s, 'T', &tm.tm_hour);
        if (r >= 0)
                r = parse_part(&s, ':', &tm.tm_min);
        if (r >= 0)
                r = parse_part(&s, ':', &tm.tm_sec);
        if (r < 0)
                return r;
        if (*s == '.')
                for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
                        fraction += (usec_t) (*s - '0') * unit;
        r = parse_zone(s, &zone);
        if (r < 0)
                return r;

        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        check = tm;
        t = timegm(&check);
        if (check.tm_mon != tm.tm_mon || check.tm_mday != tm.tm_mday ||
            check.tm_hour != tm.tm_hour || check.tm_min != tm.tm_min)
                return -EINVAL;
        t -= zone;
        if (t < 0)
                return -ERANGE;
        *ret = (usec_t) t * USEC_PER_SEC + fraction;
        return 0;
}

static int parse_point(const char *s, usec_t now, usec_t *ret) {
        char at[32];

        if (streq(s, "boot")) {
                *ret = now - MIN(now, now_usec(CLOCK_BOOTTIME));
                return 0;
        }
        if (strlen(s) > strlen("YYYY-MM-DD") && s[4] == '-' && s[10] == 'T')
                return parse_iso(s, ret);
        if (s[0] != '\0' && s[strspn(s, "0123456789.")] == '\0' && strlen(s) < sizeof(at) - 1) {
                snprintf(at, sizeof(at), "@%s", s);
                s = at;
        }
        return timestamp_parse(s, now, ret);
}

/* ---- views ---- */

static int parse_time(const WebRequest *request,
                      const char *key,
                      usec_t now,
                      const char **text,
                      usec_t *time,
                      const char **ret_wrong) {
        const char *s = web_request_get(request, key);

        if (isempty(s))
                return 0;
        *text = s;
        *ret_wrong = key;
        return parse_point(s, now, time) < 0 ? -EINVAL : 0;
}

/* One unit, no pattern; a template without an instance is completed to one. */
static int parse_unit(const char *s, char **ret) {
        _cleanup_free_ char *unit = NULL;
        int r;

        r = unit_pattern_complete(s, &unit);
        if (r < 0)
                return r;
        if (strpbrk(unit, "*?["))
                return -EINVAL;
        *ret = TAKE_PTR(unit);
        return 0;
}

int web_view_parse(const WebRequest *request, usec_t now, WebView *ret, const char **ret_wrong) {
        _cleanup_(web_view_done) WebView v = { .type = "cpu", .until_usec = USEC_INFINITY };
        const char *unit = web_request_get(request, "unit"),
                   *type = web_request_get(request, "type"),
                   *thread = web_request_get(request, "thread");
        int r;

        /* As profefe calls it. */
        if (!unit)
                unit = web_request_get(request, "service");
        if (!unit && startswith(request->path, "/unit/"))
                unit = request->path + strlen("/unit/");
        *ret_wrong = "unit";
        if (!isempty(unit)) {
                r = parse_unit(unit, &v.unit);
                if (r < 0)
                        return r;
        }
        if (!isempty(type))
                v.type = type;
        if (!isempty(thread))
                v.thread = thread;
        r = parse_time(request, "from", now, &v.since_text, &v.since_usec, ret_wrong);
        if (r >= 0)
                r = parse_time(request, "to", now, &v.until_text, &v.until_usec, ret_wrong);
        if (r < 0)
                return r;
        if (v.since_usec > v.until_usec)
                return -ERANGE;
        *ret = v;
        v = (WebView){};
        return 0;
}

int web_view_parse_base(const WebRequest *request,
                        usec_t now,
                        const WebView *v,
                        WebView *ret,
                        const char **ret_wrong) {
        _cleanup_(web_view_done) WebView base = {
                .type = v->type,
                .thread = v->thread,
                .until_usec = USEC_INFINITY,
        };
        const char *unit = web_request_get(request, "base_unit");
        int r;

        *ret_wrong = "base_unit";
        if (!isempty(unit))
                r = parse_unit(unit, &base.unit);
        else
                r = v->unit ? free_and_strdup(&base.unit, v->unit) : 0;
        if (r >= 0)
                r = parse_time(request, "base_from", now, &base.since_text, &base.since_usec,
                               ret_wrong);
        if (r >= 0)
                r = parse_time(request, "base_to", now, &base.until_text, &base.until_usec,
                               ret_wrong);
        if (r < 0)
                return r;
        /* Up to where the other begins. */
        if (!base.until_text && v->since_text && (!v->unit || streq(base.unit, v->unit))) {
                base.until_text = v->since_text;
                base.until_usec = v->since_usec;
        }
        if (base.since_usec > base.until_usec)
                return -ERANGE;
        *ret = base;
        base = (WebView){};
        return 0;
}

/* ---- links ---- */

void web_add_escaped(TextWriter *w, const char *s) {
        _cleanup_free_ char *escaped = web_escape(s);

        if (escaped)
                text_add(w, escaped);
        else
                w->error = -ENOMEM;
}

void web_view_add_range(TextWriter *w, const WebView *v, const char *separator) {
        const struct {
                const char *key, *value;
        } parts[] = {
                { "from", v->since_text },
                { "to", v->until_text },
                { "type", streq(v->type, "cpu") ? NULL : v->type },
                { "thread", v->thread },
        };

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                if (parts[i].value) {
                        text_addf(w, "%s%s=", separator, parts[i].key);
                        web_add_escaped(w, parts[i].value);
                        separator = "&amp;";
                }
}

void web_view_add_query(TextWriter *w, const WebView *v) {
        text_add(w, "unit=");
        web_add_escaped(w, v->unit);
        web_view_add_range(w, v, "&amp;");
}
