/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Encoded Pointers
 *
 * How .eh_frame writes an address (Linux Standard Base, "DWARF Extensions").
 */

#include "elf/byte-reader.h"

enum {
        EH_PE_ABSPTR = 0x00,
        EH_PE_ULEB128 = 0x01,
        EH_PE_UDATA2 = 0x02,
        EH_PE_UDATA4 = 0x03,
        EH_PE_UDATA8 = 0x04,
        EH_PE_SIGNED = 0x08,
        EH_PE_SLEB128 = 0x09,
        EH_PE_SDATA2 = 0x0a,
        EH_PE_SDATA4 = 0x0b,
        EH_PE_SDATA8 = 0x0c,
        EH_PE_FORMAT = 0x0f,

        EH_PE_PCREL = 0x10,
        EH_PE_TEXTREL = 0x20,
        EH_PE_DATAREL = 0x30,
        EH_PE_FUNCREL = 0x40,
        EH_PE_ALIGNED = 0x50,
        EH_PE_RELATION = 0x70,

        EH_PE_INDIRECT = 0x80,
        EH_PE_OMIT = 0xff,
};

/* What relative addresses are relative to. */
typedef struct EhBases {
        uint64_t address; /* of the bytes at `bytes`, for EH_PE_PCREL and EH_PE_ALIGNED */
        const uint8_t *bytes;
        uint64_t text, data, function;
} EhBases;

/*
 * -EBADMSG: no such encoding, or one that needs the memory of the running process
 * (EH_PE_INDIRECT). An overrun is left to the reader's `failed`.
 */
int eh_pointer_read(ByteReader *r, uint8_t encoding, const EhBases *bases, uint64_t *ret);
