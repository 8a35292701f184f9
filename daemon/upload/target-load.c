/* SPDX-License-Identifier: Apache-2.0 */
/* Loading of Upload Targets */

#include <ctype.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "upload/target.h"
#include "upload/template.h"

#define DEFAULT_DELAY_USEC        (30 * USEC_PER_SEC)
#define DEFAULT_TIMEOUT_USEC      (30 * USEC_PER_SEC)
#define DEFAULT_MAX_PENDING_BYTES (UINT64_C(512) << 20)
#define DEFAULT_REGION            "us-east-1"

/* A target in the making. */
typedef struct Loader {
        ConfigReader reader;
        UploadTarget *target;
        bool refused; /* a line that the target cannot do without is wrong */
} Loader;

typedef struct Key {
        const char *name;
        /* -EINVAL, -ERANGE: the line is wrong; "" as value: back to the default. */
        int (*parse)(UploadTarget *t, const char *value);
        bool vital; /* the target would do something else than what was meant */
} Key;

/* ---- values ---- */

static int parse_text(char **ret, const char *value) {
        return free_and_strdup(ret, isempty(value) ? NULL : value);
}

static int parse_path(char **ret, const char *value) {
        if (!isempty(value) && value[0] != '/')
                return -EINVAL;
        return parse_text(ret, value);
}

static int parse_flag(bool *ret, const char *value, bool fallback) {
        int r;

        r = isempty(value) ? fallback : parse_boolean(value);
        if (r < 0)
                return r;
        *ret = r > 0;
        return 0;
}

static int parse_span(usec_t *ret, const char *value, usec_t fallback, usec_t min, usec_t max) {
        usec_t t = fallback;
        int r;

        if (!isempty(value)) {
                r = parse_timespan(value, &t);
                if (r < 0)
                        return r;
                if (t < min || t > max)
                        return -ERANGE;
        }
        *ret = t;
        return 0;
}

static int parse_protocol(UploadTarget *t, const char *value) {
        t->protocol = upload_protocol_find(value);
        return t->protocol ? 0 : -EINVAL;
}

/* A secret would stand in what is logged and shown. */
static int parse_url(UploadTarget *t, const char *value) {
        const char *host;
        size_t n;

        if (isempty(value))
                return parse_text(&t->url, value);
        host = startswith(value, "https://")  ? value + strlen("https://")
               : startswith(value, "http://") ? value + strlen("http://")
                                              : NULL;
        if (!host || strlen(value) > TEMPLATE_RESULT_MAX)
                return -EINVAL;
        n = strcspn(host, "/");
        if (n == 0 || memchr(host, '@', n) || memchr(host, '{', n))
                return -EINVAL;
        for (const char *p = value; *p != '\0'; p++)
                if (!isascii((unsigned char) *p) || !isgraph((unsigned char) *p) ||
                    strchr("\"<>\\^`#", *p))
                        return -EINVAL;
        return parse_text(&t->url, value);
}

static int parse_method(UploadTarget *t, const char *value) {
        if (!isempty(value) && !streq(value, "PUT") && !streq(value, "POST"))
                return -EINVAL;
        return parse_text(&t->method, value);
}

static int parse_transport(UploadTarget *t, const char *value) {
        if (!isempty(value) && !streq(value, "grpc") && !streq(value, "http"))
                return -EINVAL;
        t->has_transport = !isempty(value);
        t->grpc = streq(value, "grpc");
        return 0;
}

/* "Name: value"; the line is one header. */
static int parse_header(UploadTarget *t, const char *value) {
        const char *colon = strchr(value, ':');

        if (isempty(value)) {
                t->headers = strv_free(t->headers);
                return 0;
        }
        if (!colon || colon == value || strv_length(t->headers) >= UPLOAD_HEADERS_MAX)
                return -EINVAL;
        for (const char *p = value; p < colon; p++)
                if (!isascii((unsigned char) *p) ||
                    (!isalnum((unsigned char) *p) && *p != '-' && *p != '_'))
                        return -EINVAL;
        for (const char *p = colon; *p != '\0'; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return -EINVAL;
        return strv_extend(&t->headers, value);
}

static int parse_units(UploadTarget *t, const char *value) {
        int r;

        if (isempty(value)) {
                t->units = strv_free(t->units);
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL, *pattern = NULL;

                r = unit_name_extract(&value, &word);
                if (r <= 0)
                        return r;
                r = unit_pattern_complete(word, &pattern);
                if (r >= 0 && strv_length(t->units) >= CONFIG_UNITS_MAX)
                        r = -E2BIG;
                if (r >= 0)
                        r = strv_extend(&t->units, pattern);
                if (r < 0)
                        return r;
        }
}

static int add_label(UploadTarget *t, const char *word) {
        _cleanup_free_ char *name = NULL, *value = NULL;
        const char *equals = strchr(word, '=');
        UploadLabel *longer;

        if (!equals)
                return -EINVAL;
        name = strndup(word, (size_t) (equals - word));
        value = strdup(equals + 1);
        if (!name || !value)
                return -ENOMEM;
        if (!label_name_is_valid(name) || startswith(name, "__"))
                return -EINVAL;
        if (t->n_labels >= UPLOAD_LABELS_MAX)
                return -E2BIG;
        longer = reallocarray(t->labels, t->n_labels + 1, sizeof(UploadLabel));
        if (!longer)
                return -ENOMEM;
        t->labels = longer;
        t->labels[t->n_labels++] = (UploadLabel){ TAKE_PTR(name), TAKE_PTR(value) };
        return 0;
}

static int parse_labels(UploadTarget *t, const char *value) {
        int r;

        if (isempty(value)) {
                for (size_t i = 0; i < t->n_labels; i++) {
                        free(t->labels[i].name);
                        free(t->labels[i].value);
                }
                t->n_labels = 0;
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;

                r = extract_word(&value, &word);
                if (r > 0)
                        r = add_label(t, word);
                else
                        return r;
                if (r < 0)
                        return r;
        }
}

static int parse_credential(char **ret, const char *value) {
        if (strchr(value, '/') || streq(value, ".") || streq(value, ".."))
                return -EINVAL;
        return parse_text(ret, value);
}

static int parse_bearer_token_file(UploadTarget *t, const char *value) {
        return parse_path(&t->bearer_token.file, value);
}

static int parse_bearer_token_credential(UploadTarget *t, const char *value) {
        return parse_credential(&t->bearer_token.credential, value);
}

static int parse_user(UploadTarget *t, const char *value) {
        return strchr(value, ':') ? -EINVAL : parse_text(&t->user, value);
}

static int parse_password_file(UploadTarget *t, const char *value) {
        return parse_path(&t->password.file, value);
}

static int parse_password_credential(UploadTarget *t, const char *value) {
        return parse_credential(&t->password.credential, value);
}

static int parse_session_token_file(UploadTarget *t, const char *value) {
        return parse_path(&t->session_token.file, value);
}

static int parse_region(UploadTarget *t, const char *value) {
        return parse_text(&t->region, value);
}

static int parse_ca_file(UploadTarget *t, const char *value) {
        return parse_path(&t->ca_file, value);
}

static int parse_certificate_file(UploadTarget *t, const char *value) {
        return parse_path(&t->certificate_file, value);
}

static int parse_key_file(UploadTarget *t, const char *value) {
        return parse_path(&t->key_file, value);
}

static int parse_verify_peer(UploadTarget *t, const char *value) {
        return parse_flag(&t->verify_peer, value, true);
}

static int parse_insecure(UploadTarget *t, const char *value) {
        return parse_flag(&t->insecure, value, false);
}

static int parse_proxy(UploadTarget *t, const char *value) {
        if (streq(value, "none"))
                return free_and_strdup(&t->proxy, "");
        return strchr(value, '@') ? -EINVAL : parse_text(&t->proxy, value);
}

static int parse_bandwidth(UploadTarget *t, const char *value) {
        uint64_t bytes = UINT64_MAX;
        int r;

        if (!isempty(value)) {
                r = parse_size(value, &bytes);
                if (r < 0)
                        return r;
                if (bytes < 1024)
                        return -ERANGE;
        }
        t->bandwidth_bytes = bytes;
        return 0;
}

static int parse_max_pending(UploadTarget *t, const char *value) {
        if (isempty(value)) {
                t->max_pending_bytes = DEFAULT_MAX_PENDING_BYTES;
                return 0;
        }
        return parse_size(value, &t->max_pending_bytes);
}

static int parse_max_age(UploadTarget *t, const char *value) {
        return parse_span(&t->max_age_usec, value, 0, USEC_PER_MINUTE, USEC_INFINITY);
}

static int parse_delay(UploadTarget *t, const char *value) {
        return parse_span(&t->delay_usec, value, DEFAULT_DELAY_USEC, 0, USEC_PER_HOUR);
}

static int parse_timeout(UploadTarget *t, const char *value) {
        return parse_span(&t->timeout_usec, value, DEFAULT_TIMEOUT_USEC, USEC_PER_SEC,
                          USEC_PER_HOUR);
}

static int parse_development_version(UploadTarget *t, const char *value) {
        unsigned version;
        int r;

        r = isempty(value) ? 0 : parse_unsigned(value, 1, 9999, &version);
        return r < 0 ? r : parse_text(&t->development_version, value);
}

static const Key upload_keys[] = {
        { "Protocol", parse_protocol, true },
        { "URL", parse_url, true },
        { "Method", parse_method, false },
        { "Transport", parse_transport, true },
        { "Header", parse_header, false },
        { "Units", parse_units, true },
        { "Labels", parse_labels, false },
        { "BearerTokenFile", parse_bearer_token_file, true },
        { "BearerTokenCredential", parse_bearer_token_credential, true },
        { "User", parse_user, true },
        { "PasswordFile", parse_password_file, true },
        { "PasswordCredential", parse_password_credential, true },
        { "SessionTokenFile", parse_session_token_file, true },
        { "Region", parse_region, false },
        { "CAFile", parse_ca_file, true },
        { "ClientCertificateFile", parse_certificate_file, true },
        { "ClientKeyFile", parse_key_file, true },
        { "VerifyPeer", parse_verify_peer, true },
        { "Insecure", parse_insecure, true },
        { "Proxy", parse_proxy, true },
        { "BandwidthMax", parse_bandwidth, false },
        { "MaxPending", parse_max_pending, false },
        { "MaxAgeSec", parse_max_age, false },
        { "DelaySec", parse_delay, false },
        { "TimeoutSec", parse_timeout, false },
        { "DevelopmentVersion", parse_development_version, false },
        {},
};

static int on_assignment(const ConfigAssignment *a, void *userdata) {
        Loader *l = userdata;
        int r;

        for (const Key *k = upload_keys; k->name; k++) {
                if (!streq(k->name, a->key))
                        continue;
                r = k->parse(l->target, a->value);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        config_complain(&l->reader, a->file, a->line,
                                        "Failed to parse %s=%s, ignoring%s: %s", a->key, a->value,
                                        k->vital ? " the target" : "", strerror(-r));
                        l->refused = l->refused || k->vital;
                }
                return 0;
        }
        config_complain(&l->reader, a->file, a->line, "Unknown key '%s' in section [%s], ignoring.",
                        a->key, a->section);
        return 0;
}

/* ---- what the lines make together ---- */

/* Tries the words of a template on something that every profile has. */
static bool template_is_valid(const char *template, bool with_profile) {
        static const char *const names[] = { "unit", "name",       "instance", "type",
                                             "host", "machine_id", "boot_id",  "start",
                                             "end",  "id",         "slice",    "invocation_id" };
        TemplateWord words[ELEMENTSOF(names)];
        _cleanup_free_ char *text = NULL;
        size_t n = ELEMENTSOF(names) - (with_profile ? 0 : 2);

        for (size_t i = 0; i < n; i++)
                words[i] = (TemplateWord){ names[i], "x" };
        return template_expand(template, words, n, true, &text) >= 0;
}

/* A sentence, or NULL: nothing is wrong. */
static const char *find_fault(const UploadTarget *t) {
        if (!t->protocol)
                return "Protocol= is missing";
        if (!t->url)
                return "URL= is missing";
        if (t->protocol->has_url_words && !template_is_valid(t->url, t->protocol->decodes))
                return "URL= has a word in braces that is not known";
        if (!t->protocol->has_url_words && strpbrk(t->url, "{}?"))
                return "URL= takes no words in braces and no query with this protocol";
        if (streq(t->protocol->name, "s3") && strchr(t->url, '?'))
                return "URL= takes no query with this protocol";
        for (size_t i = 0; i < t->n_labels; i++)
                if (!template_is_valid(t->labels[i].value, true))
                        return "Labels= has a word in braces that is not known";
        if (t->grpc && !t->protocol->has_grpc)
                return "Transport=grpc is not for this protocol";
        if (streq(t->protocol->name, "s3") && !secret_source_is_set(&t->password))
                return "PasswordFile= or PasswordCredential= is missing, which holds the secret "
                       "key";
        if (startswith(t->url, "http://") && upload_target_has_secret(t) && !t->insecure)
                return "a secret would go over the network in the clear: use https://, or set "
                       "Insecure=yes";
        if (!t->certificate_file != !t->key_file)
                return "ClientCertificateFile= and ClientKeyFile= go together";
        return NULL;
}

static int complete(UploadTarget *t) {
        if (!t->has_transport)
                t->grpc = t->protocol->prefers_grpc;
        if (t->max_age_usec == 0)
                t->max_age_usec = t->protocol->max_age_usec;
        if (!t->region)
                t->region = strdup(DEFAULT_REGION);
        if (!t->region)
                return -ENOMEM;
        /* What is after the host is a path: "…/" and "…" are the same server. */
        if (!t->protocol->has_url_words)
                while (endswith(t->url, "/"))
                        t->url[strlen(t->url) - 1] = '\0';
        return 0;
}

static int set_name(UploadTarget *t, const char *path) {
        const char *name = strrchr(path, '/') + 1;
        size_t n = strlen(name) - strlen(".conf");

        if (n == 0 || n > UPLOAD_NAME_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (!isascii((unsigned char) name[i]) ||
                    (!isalnum((unsigned char) name[i]) && !strchr("-_.", name[i])))
                        return -EINVAL;
        t->name = strndup(name, n);
        t->path = strdup(path);
        return t->name && t->path ? 0 : -ENOMEM;
}

/* 1: t is complete, 0: it was complained about. */
static int load_file(const char *path, ConfigComplaint complaint, void *userdata, UploadTarget *t) {
        static const char *const sections[] = { "Upload", NULL };
        Loader l = { .reader = { .sections = sections,
                                 .on_assignment = on_assignment,
                                 .userdata = &l,
                                 .complaint = complaint,
                                 .complaint_userdata = userdata },
                     .target = t };
        const char *fault;
        int r;

        *t = (UploadTarget){ .verify_peer = true,
                             .bandwidth_bytes = UINT64_MAX,
                             .max_pending_bytes = DEFAULT_MAX_PENDING_BYTES,
                             .delay_usec = DEFAULT_DELAY_USEC,
                             .timeout_usec = DEFAULT_TIMEOUT_USEC };
        r = set_name(t, path);
        if (r == -EINVAL)
                config_complain(&l.reader, path, 0,
                                "Names of targets have letters, digits, '-', '_' and '.', "
                                "ignoring file.");
        if (r >= 0)
                r = config_file_read(path, &l.reader);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (l.refused)
                return 0;
        fault = find_fault(t);
        if (fault) {
                config_complain(&l.reader, path, 0, "Ignoring the target: %s.", fault);
                return 0;
        }
        r = complete(t);
        return r < 0 ? r : 1;
}

/* A file that masks another is empty, or leads nowhere. */
static bool is_masked(const char *path) {
        return access(path, F_OK) < 0 && errno == ENOENT;
}

int upload_targets_load(const char *root,
                        ConfigComplaint complaint,
                        void *userdata,
                        UploadTarget **ret,
                        size_t *ret_n) {
        _cleanup_(strv_freep) char **paths = NULL;
        UploadTarget *targets;
        size_t n = 0;
        int r;

        r = config_file_list(root, "uploads.d", &paths);
        if (r < 0)
                return r;
        targets = calloc(UPLOAD_TARGETS_MAX, sizeof(UploadTarget));
        if (!targets)
                return -ENOMEM;
        for (char **path = paths; *path; path++) {
                if (is_masked(*path))
                        continue;
                if (n >= UPLOAD_TARGETS_MAX) {
                        complaint(*path, 0, "Too many targets, ignoring this one.", userdata);
                        continue;
                }
                r = load_file(*path, complaint, userdata, &targets[n]);
                if (r > 0) {
                        n++;
                        continue;
                }
                upload_target_done(&targets[n]);
                if (r < 0) {
                        upload_targets_free(targets, n);
                        return r;
                }
        }
        *ret = targets;
        *ret_n = n;
        return 0;
}
