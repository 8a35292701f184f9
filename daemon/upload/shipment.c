/* SPDX-License-Identifier: Apache-2.0 */
/* Shipment */

#include <fcntl.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "profile/gzip.h"
#include "profile/pprof.h"
#include "profile/profile-split.h"
#include "upload/digest.h"
#include "upload/secret.h"
#include "upload/shipment.h"

void shipment_done(Shipment *s) {
        upload_request_done(&s->request);
        label_set_done(&s->labels);
        label_words_done(&s->words);
        store_entry_done(&s->entry);
        free(s->data);
        free(s->part_data);
        profile_free(s->profile);
        secret_free(s->token);
        secret_free(s->password);
        secret_free(s->session_token);
        *s = (Shipment){};
}

static int parse_path(const char *path, StoreEntry *ret) {
        const char *slash = strchr(path, '/');
        int r;

        if (!slash)
                return -EINVAL;
        r = store_parse_name(slash + 1, ret);
        if (r < 0)
                return r;
        ret->unit = strndup(path, (size_t) (slash - path));
        ret->path = strdup(path);
        return ret->unit && ret->path ? 0 : -ENOMEM;
}

static int read_file(Shipment *s, const QueueItem *item, int store_fd) {
        char *data;
        size_t size;
        int r;

        r = parse_path(item->path, &s->entry);
        if (r < 0)
                return r;
        r = read_full_file_at(store_fd, item->path, SHIPMENT_FILE_MAX, &data, &size);
        if (r < 0)
                return r;
        s->data = data;
        s->entry.size_bytes = size;
        s->source.data = data;
        s->source.size = size;
        return 0;
}

/* The length of what gzip holds stands in the last four bytes, modulo 2^32. */
static uint64_t plain_size(const void *data, size_t size) {
        const uint8_t *p = data;

        if (size < 18 || !gzip_is_gzip(data, size))
                return size;
        p += size - 4;
        return (uint64_t) p[0] | (uint64_t) p[1] << 8 | (uint64_t) p[2] << 16 |
               (uint64_t) p[3] << 24;
}

/* In as many parts as the limits of the protocol ask for, or more if the server has asked. */
static unsigned count_parts(const Shipment *s, const UploadProtocol *p, const QueueItem *item) {
        uint64_t bytes = plain_size(s->data, s->source.size), n = MAX(item->n_parts, 1U);

        if (item->n_sent > 0 || !p->splits)
                return item->n_sent > 0 ? item->n_parts : 1;
        if (p->max_plain_bytes != UINT64_MAX)
                n = MAX(n, (bytes + p->max_plain_bytes - 1) / p->max_plain_bytes);
        if (p->max_samples != SIZE_MAX)
                n = MAX(n, (profile_n_samples(s->profile) + p->max_samples - 1) / p->max_samples);
        return (unsigned) MIN(n, (uint64_t) UPLOAD_PARTS_MAX);
}

/* Takes part; what is sent is made of it. */
static int replace_profile(Shipment *s, Profile *part, const char **ret_reason) {
        uint8_t *data;
        size_t size;
        int r;

        profile_free(s->profile);
        s->profile = part;
        r = pprof_encode(part, &data, &size);
        if (r < 0) {
                *ret_reason = "the profile cannot be made anew";
                return r == -ENOMEM ? r : -EBADMSG;
        }
        free(s->part_data);
        s->part_data = data;
        s->source.data = data;
        s->source.size = size;
        return 0;
}

static int take_part(Shipment *s, const char **ret_reason) {
        Profile *part;
        int r;

        r = profile_split(s->profile, s->part, s->n_parts, &part);
        if (r < 0) {
                *ret_reason = "the profile cannot be split";
                return r == -ENOMEM ? r : -EBADMSG;
        }
        return replace_profile(s, part, ret_reason);
}

/* Those that all samples share are labels of the series by now. */
static int drop_text_labels(Shipment *s, const char **ret_reason) {
        Profile *without;
        int r;

        r = profile_drop_text_labels(s->profile, &without);
        if (r >= 0)
                r = replace_profile(s, without, ret_reason);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        digest_sha256_hex(s->source.data, s->source.size, s->digest);
        return 0;
}

static int open_profile(Shipment *s,
                        const UploadTarget *t,
                        const QueueItem *item,
                        const char **ret_reason) {
        int r;

        s->n_parts = 1;
        if (!t->protocol->decodes)
                return 0;
        r = pprof_decode(s->data, s->source.size, &s->profile, ret_reason);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (profile_n_samples(s->profile) == 0) {
                *ret_reason = "the profile has no sample";
                return -EBADMSG;
        }
        s->n_parts = count_parts(s, t->protocol, item);
        s->part = item->n_sent;
        return s->n_parts > 1 ? take_part(s, ret_reason) : 0;
}

static int read_secrets(Shipment *s, const UploadTarget *t, const char **ret_reason) {
        int r;

        *ret_reason = "the bearer token cannot be read";
        r = secret_read(&t->bearer_token, &s->token);
        if (r >= 0) {
                *ret_reason = "the password cannot be read";
                r = secret_read(&t->password, &s->password);
        }
        if (r >= 0) {
                *ret_reason = "the session token cannot be read";
                r = secret_read(&t->session_token, &s->session_token);
        }
        if (r < 0)
                return r == -ENOMEM ? r : -EACCES;
        s->source.token = s->token;
        s->source.password = s->password;
        s->source.session_token = s->session_token;
        s->source.user = t->user;
        return 0;
}

static int make_request(Shipment *s,
                        const UploadTarget *t,
                        const LabelHost *host,
                        const char **ret_reason) {
        int r;

        *ret_reason = "the labels cannot be made";
        digest_sha256_hex(s->source.data, s->source.size, s->digest);
        r = label_words_init(&s->words, host, &s->entry, s->profile, s->digest);
        if (r < 0)
                return r;
        r = label_set_init(&s->labels, t, &s->words, s->profile);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (t->protocol->drops_text_labels) {
                r = drop_text_labels(s, ret_reason);
                if (r < 0)
                        return r;
        }
        if (t->protocol->has_url_words) {
                *ret_reason = "the URL cannot be made";
                r = template_expand(t->url, s->words.words, s->words.n, true, &s->request.url);
                if (r < 0)
                        return r == -ENOMEM ? r : -EBADMSG;
        }

        s->source.entry = &s->entry;
        s->source.profile = s->profile;
        s->source.part = s->part;
        s->source.n_parts = s->n_parts;
        s->source.labels = &s->labels;
        s->source.digest = s->digest;
        s->source.now_usec = now_usec(CLOCK_REALTIME);
        *ret_reason = "the request cannot be made";
        r = t->protocol->build(t, &s->source, &s->request);
        if (r >= 0 && t->protocol->max_request_bytes > 0 &&
            s->request.body_size > t->protocol->max_request_bytes)
                r = -EFBIG;
        if (r == -EFBIG)
                *ret_reason = "the profile is larger than the server takes";
        if (r == -EINVAL)
                *ret_reason = "the profile breaks a rule of the protocol";
        return r == -EINVAL ? -EBADMSG : r;
}

int shipment_prepare(Shipment *s,
                     const UploadTarget *t,
                     const QueueItem *item,
                     int store_fd,
                     const LabelHost *host,
                     const char **ret_reason) {
        int r;

        *s = (Shipment){};
        *ret_reason = "the profile cannot be read";
        r = read_file(s, item, store_fd);
        if (r == -E2BIG)
                *ret_reason = "the file is too large";
        if (r == -EACCES) {
                *ret_reason = "the profile may not be read, check the modes in the store";
                return -EPERM;
        }
        if (r < 0)
                return r == -E2BIG || r == -EINVAL ? -EBADMSG : r;
        r = open_profile(s, t, item, ret_reason);
        if (r >= 0)
                r = read_secrets(s, t, ret_reason);
        return r < 0 ? r : make_request(s, t, host, ret_reason);
}
