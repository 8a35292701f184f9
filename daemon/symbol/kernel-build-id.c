/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel Build Id */

#include <elf.h>
#include <fcntl.h>

#include "basic/file-util.h"
#include "symbol/kernel-build-id.h"

enum { KERNEL_NOTES_MAX = 1 << 16 };

static void format_hex(const uint8_t *bytes, size_t n, char *ret) {
        for (size_t i = 0; i < n; i++)
                sprintf(ret + 2 * i, "%02x", bytes[i]);
        ret[2 * n] = '\0';
}

/* Notes are {namesz, descsz, type}, name and desc, each padded to 4 bytes (gABI, "Note Section").
 */
int kernel_build_id_parse(const uint8_t *notes,
                          size_t size,
                          char ret[static 2 * KERNEL_BUILD_ID_MAX + 1]) {
        for (size_t at = 0; at < size;) {
                size_t name_size, desc_size;
                Elf64_Nhdr note;

                if (size - at < sizeof(note))
                        return -EBADMSG;
                memcpy(&note, notes + at, sizeof(note));
                at += sizeof(note);
                name_size = ROUND_UP((size_t) note.n_namesz, 4);
                desc_size = ROUND_UP((size_t) note.n_descsz, 4);
                if (name_size > size - at || desc_size > size - at - name_size)
                        return -EBADMSG;

                if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
                    memcmp(notes + at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0) {
                        if (note.n_descsz == 0 || note.n_descsz > KERNEL_BUILD_ID_MAX)
                                return -EBADMSG;
                        format_hex(notes + at + name_size, note.n_descsz, ret);
                        return 0;
                }
                at += name_size + desc_size;
        }
        return -ENODATA;
}

int kernel_build_id_read(char ret[static 2 * KERNEL_BUILD_ID_MAX + 1]) {
        _cleanup_free_ char *notes = NULL;
        size_t size;
        int r;

        r = read_full_file_at(AT_FDCWD, "/sys/kernel/notes", KERNEL_NOTES_MAX, &notes, &size);
        if (r < 0)
                return r;
        return kernel_build_id_parse((const uint8_t *) notes, size, ret);
}
