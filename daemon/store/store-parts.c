/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a Compacted File
 *
 * Only a file with others inside its time is opened to ask which of them it replaces: there are
 * such files for an hour or so after each compaction, and where a clock was set back.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "store/store-name.h"
#include "store/store-parts.h"

enum {
        /* RFC 1952 */
        FLAGS_OFFSET = 3,
        FLAG_EXTRA = 4,
        FIELD_HEADER = 4, /* two letters, length */

        PART_SIZE = 17, /* start, duration, level */
        HEADER_MAX = GZIP_MEMBER_HEADER + 2 + UINT16_MAX,
};

static const uint8_t magic[] = { 0x1f, 0x8b, 8 };
static const uint8_t field_name[] = { 'P', 'D' };

static_assert(FIELD_HEADER + STORE_PARTS_MAX * PART_SIZE <= UINT16_MAX, "an extra field's limit");

static void put_number(uint8_t *p, size_t n_bytes, uint64_t value) {
        for (size_t i = 0; i < n_bytes; i++)
                p[i] = (uint8_t) (value >> 8 * i);
}

static uint64_t get_number(const uint8_t *p, size_t n_bytes) {
        uint64_t value = 0;

        for (size_t i = 0; i < n_bytes; i++)
                value |= (uint64_t) p[i] << 8 * i;
        return value;
}

int store_parts_encode(const void *data,
                       size_t size,
                       const StoreEntry *parts,
                       size_t n_parts,
                       uint8_t **ret,
                       size_t *ret_size) {
        const uint8_t *from = data;
        size_t field_size = n_parts * PART_SIZE, header_size;
        uint8_t *header, *p;

        if (size < GZIP_MEMBER_HEADER || memcmp(from, magic, sizeof(magic)) != 0 ||
            from[FLAGS_OFFSET] != 0)
                return -EINVAL;
        if (n_parts > STORE_PARTS_MAX)
                return -E2BIG;

        header_size = GZIP_MEMBER_HEADER + 2 + FIELD_HEADER + field_size;
        header = malloc(header_size);
        if (!header)
                return -ENOMEM;
        memcpy(header, from, GZIP_MEMBER_HEADER);
        header[FLAGS_OFFSET] = FLAG_EXTRA;
        p = header + GZIP_MEMBER_HEADER;
        put_number(p, 2, FIELD_HEADER + field_size);
        memcpy(p + 2, field_name, sizeof(field_name));
        put_number(p + 4, 2, field_size);
        p += 2 + FIELD_HEADER;
        for (size_t i = 0; i < n_parts; i++, p += PART_SIZE) {
                put_number(p, 8, parts[i].start_usec);
                put_number(p + 8, 8, parts[i].duration_usec);
                p[16] = (uint8_t) parts[i].level;
        }

        *ret = header;
        *ret_size = header_size;
        return 0;
}

/* Our field among those of others. NULL: there is none, or the fields are broken. */
static const uint8_t *find_field(const uint8_t *p, size_t size, size_t *ret_size) {
        while (size >= FIELD_HEADER) {
                size_t field_size = get_number(p + 2, 2);

                if (field_size > size - FIELD_HEADER)
                        return NULL;
                if (memcmp(p, field_name, sizeof(field_name)) == 0) {
                        *ret_size = field_size;
                        return p + FIELD_HEADER;
                }
                p += FIELD_HEADER + field_size;
                size -= FIELD_HEADER + field_size;
        }
        return NULL;
}

static int decode_field(const uint8_t *p, size_t size, StorePart **ret, size_t *ret_n) {
        _cleanup_free_ StorePart *parts = NULL;
        size_t n = size / PART_SIZE;

        if (size % PART_SIZE != 0)
                return -EBADMSG;
        parts = calloc(n + 1, sizeof(*parts));
        if (!parts)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++, p += PART_SIZE) {
                if (p[16] >= _STORE_LEVEL_MAX)
                        return -EBADMSG;
                parts[i] = (StorePart){ get_number(p, 8), get_number(p + 8, 8), p[16] };
        }
        *ret = TAKE_PTR(parts);
        *ret_n = n;
        return 0;
}

/* Up to size bytes from the start of the file. */
static ssize_t read_start(int fd, uint8_t *buffer, size_t size) {
        size_t n = 0;

        while (n < size) {
                ssize_t k = pread(fd, buffer + n, size - n, (off_t) n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        return (ssize_t) n;
}

int store_parts_decode(const void *data, size_t size, StorePart **ret, size_t *ret_n) {
        const uint8_t *header = data, *field;
        size_t extra_size, field_size;

        *ret = NULL;
        *ret_n = 0;
        if (size < GZIP_MEMBER_HEADER + 2 || memcmp(header, magic, sizeof(magic)) != 0 ||
            !(header[FLAGS_OFFSET] & FLAG_EXTRA))
                return 0;
        extra_size = get_number(header + GZIP_MEMBER_HEADER, 2);
        if (extra_size > size - GZIP_MEMBER_HEADER - 2)
                return -EBADMSG;
        field = find_field(header + GZIP_MEMBER_HEADER + 2, extra_size, &field_size);
        return field ? decode_field(field, field_size, ret, ret_n) : 0;
}

static int store_parts_read(int unit_fd, const char *name, StorePart **ret, size_t *ret_n) {
        _cleanup_free_ uint8_t *header = NULL;
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        fd = openat(unit_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        header = malloc(HEADER_MAX);
        if (!header)
                return -ENOMEM;
        n = read_start(fd, header, HEADER_MAX);
        if (n < 0)
                return (int) n;
        return store_parts_decode(header, (size_t) n, ret, ret_n);
}

/* ---- which entries are out of sight ---- */

static int compare_entries(const void *a, const void *b) {
        const StoreEntry *x = a, *y = b;
        int r;

        r = strcmp(x->type, y->type);
        if (r == 0)
                r = memcmp(&x->boot_id, &y->boot_id, sizeof(x->boot_id));
        if (r != 0)
                return r;
        if (x->start_usec != y->start_usec)
                return x->start_usec < y->start_usec ? -1 : 1;
        if (x->duration_usec != y->duration_usec)
                return x->duration_usec < y->duration_usec ? -1 : 1;
        return (x->level > y->level) - (x->level < y->level);
}

static bool is_series(const StoreEntry *a, const StoreEntry *b) {
        return streq(a->type, b->type) && sd_id128_equal(a->boot_id, b->boot_id);
}

/* Within the time of e, and before it in the order of compare_entries() or after. */
static bool is_inside(const StoreEntry *e, const StoreEntry *other) {
        return other != e && is_series(e, other) && other->start_usec >= e->start_usec &&
               other->start_usec + other->duration_usec <= e->start_usec + e->duration_usec;
}

/* A file stands for smaller ones only: no two can claim to replace each other. */
static bool is_smaller(const StoreEntry *e, const StoreEntry *than) {
        return e->level != than->level ? e->level < than->level
                                       : e->duration_usec < than->duration_usec;
}

static void mark(const StoreEntry *by,
                 StoreEntry *first,
                 StoreEntry *last,
                 const StorePart *part,
                 usec_t usec) {
        for (StoreEntry *e = first; e <= last; e++)
                if (e->start_usec == part->start_usec && e->level == part->level &&
                    e->duration_usec == part->duration_usec) {
                        if (is_smaller(e, by))
                                e->replaced_usec = usec;
                        return;
                }
}

static int mark_parts_of(int dir_fd, StoreEntry *e, StoreEntry *first, StoreEntry *last) {
        _cleanup_free_ StorePart *parts = NULL;
        struct stat st;
        StoreEntry *from = first;
        size_t n;
        int r;

        r = store_parts_read(dir_fd, e->path, &parts, &n);
        if (r == -ENOMEM)
                return r;
        /* Removed in the meantime, not for our eyes, broken: then it replaces nothing that we
         * know of. */
        if (r < 0 || n == 0 || fstatat(dir_fd, e->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        for (size_t i = 0; i < n; i++) {
                /* Parts and entries are in the same order, as a rule. */
                if (i > 0 && parts[i].start_usec < parts[i - 1].start_usec)
                        from = first;
                while (from < last && from->start_usec < parts[i].start_usec)
                        from++;
                mark(e, from, last, &parts[i],
                     MAX((usec_t) st.st_mtim.tv_sec * USEC_PER_SEC, (usec_t) 1));
        }
        return 0;
}

int store_parts_mark(int dir_fd, StoreEntry *entries, size_t n) {
        int r;

        if (n > 1)
                qsort(entries, n, sizeof(*entries), compare_entries);
        for (StoreEntry *e = entries, *end = entries + n; e < end; e++) {
                StoreEntry *first = e, *last = e;

                if (e->level == STORE_WINDOW)
                        continue;
                while (first > entries && first[-1].start_usec == e->start_usec &&
                       is_inside(e, first - 1))
                        first--;
                for (StoreEntry *i = e + 1;
                     i < end && is_series(e, i) && i->start_usec < e->start_usec + e->duration_usec;
                     i++)
                        if (is_inside(e, i))
                                last = i;
                if (first == last)
                        continue;
                r = mark_parts_of(dir_fd, e, first, last);
                if (r < 0)
                        return r;
        }
        return 0;
}
