/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets */

#include <ctype.h>
#include <fcntl.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "upload/secret.h"

char *secret_free(char *secret) {
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
        return NULL;
}

static int make_path(const SecretSource *s, char **ret) {
        const char *directory;

        if (s->file) {
                *ret = strdup(s->file);
                return *ret ? 0 : -ENOMEM;
        }
        directory = secure_getenv("CREDENTIALS_DIRECTORY");
        if (!directory)
                return -ENOENT;
        return asprintf(ret, "%s/%s", directory, s->credential) < 0 ? -ENOMEM : 0;
}

int secret_read(const SecretSource *s, char **ret) {
        _cleanup_free_ char *path = NULL;
        _cleanup_(secret_freep) char *secret = NULL;
        size_t size;
        int r;

        if (!secret_source_is_set(s)) {
                *ret = NULL;
                return 0;
        }
        r = make_path(s, &path);
        if (r < 0)
                return r;
        r = read_full_file_at(AT_FDCWD, path, SECRET_MAX, &secret, &size);
        if (r < 0)
                return r;

        while (size > 0 && isspace((unsigned char) secret[size - 1]))
                secret[--size] = '\0';
        if (size == 0)
                return -EBADMSG;
        for (size_t i = 0; i < size; i++)
                if ((unsigned char) secret[i] < ' ' || secret[i] == 0x7f)
                        return -EBADMSG;
        *ret = TAKE_PTR(secret);
        return 0;
}

uint64_t secret_fingerprint(const UploadTarget *t) {
        const SecretSource *const sources[] = { &t->bearer_token, &t->password, &t->session_token };
        uint64_t h = 0;

        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                _cleanup_(secret_freep) char *secret = NULL;

                if (secret_read(sources[i], &secret) >= 0 && secret)
                        h = hash_bytes(secret, strlen(secret), h);
                h = hash_bytes(&i, sizeof(i), h);
        }
        return h;
}
