/* SPDX-License-Identifier: Apache-2.0 */
/* Upload Target */

#include "upload/target.h"
#include "basic/string-util.h"

bool secret_source_is_set(const SecretSource *s) {
        return s->file || s->credential;
}

bool upload_target_has_secret(const UploadTarget *t) {
        return secret_source_is_set(&t->bearer_token) || secret_source_is_set(&t->password) ||
               secret_source_is_set(&t->session_token);
}

static void secret_source_done(SecretSource *s) {
        free(s->file);
        free(s->credential);
}

void upload_target_done(UploadTarget *t) {
        free(t->name);
        free(t->path);
        free(t->url);
        free(t->method);
        strv_free(t->headers);
        strv_free(t->units);
        for (size_t i = 0; i < t->n_labels; i++) {
                free(t->labels[i].name);
                free(t->labels[i].value);
        }
        free(t->labels);
        free(t->user);
        secret_source_done(&t->bearer_token);
        secret_source_done(&t->password);
        secret_source_done(&t->session_token);
        free(t->region);
        free(t->ca_file);
        free(t->certificate_file);
        free(t->key_file);
        free(t->proxy);
        free(t->development_version);
        *t = (UploadTarget){};
}

void upload_targets_free(UploadTarget *targets, size_t n) {
        for (size_t i = 0; i < n; i++)
                upload_target_done(&targets[i]);
        free(targets);
}
