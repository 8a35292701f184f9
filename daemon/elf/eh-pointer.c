/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded Pointers */

#include "elf/eh-pointer.h"

int eh_pointer_read(ByteReader *r, uint8_t encoding, const EhBases *bases, uint64_t *ret) {
        uint64_t here = bases->address + (uint64_t) (r->at - bases->bytes), value;

        if (encoding & EH_PE_INDIRECT)
                return -EBADMSG;
        if (encoding == EH_PE_ALIGNED) {
                (void) byte_reader_take(r, ROUND_UP(here, sizeof(uint64_t)) - here);
                *ret = byte_reader_fixed(r, sizeof(uint64_t));
                return 0;
        }

        switch (encoding & EH_PE_FORMAT) {
        case EH_PE_ABSPTR:
        case EH_PE_UDATA8:
        case EH_PE_SIGNED: /* a pointer that is signed */
        case EH_PE_SDATA8:
                value = byte_reader_fixed(r, 8);
                break;
        case EH_PE_UDATA4:
                value = byte_reader_fixed(r, 4);
                break;
        case EH_PE_SDATA4:
                value = (uint64_t) byte_reader_signed(r, 4);
                break;
        case EH_PE_UDATA2:
                value = byte_reader_fixed(r, 2);
                break;
        case EH_PE_SDATA2:
                value = (uint64_t) byte_reader_signed(r, 2);
                break;
        case EH_PE_ULEB128:
                value = byte_reader_uleb(r);
                break;
        case EH_PE_SLEB128:
                value = (uint64_t) byte_reader_sleb(r);
                break;
        default:
                return -EBADMSG;
        }

        switch (encoding & EH_PE_RELATION) {
        case 0:
                break;
        case EH_PE_PCREL:
                value += here;
                break;
        case EH_PE_TEXTREL:
                value += bases->text;
                break;
        case EH_PE_DATAREL:
                value += bases->data;
                break;
        case EH_PE_FUNCREL:
                value += bases->function;
                break;
        default:
                return -EBADMSG;
        }
        *ret = value;
        return 0;
}
