/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Message IDs
 *
 * Of the events that are looked for in the journal; conf/profilerd.catalog explains each of them.
 */

#define MESSAGE_STARTED         "b8bd4951edf64faaa851736ce1a0a1eb"
#define MESSAGE_STOPPED         "1fd39ccf5a4d4d19b795b0ac01d57b02"
#define MESSAGE_HOST_LACKS      "18f1974644f8469bb318502e350d9a07"
#define MESSAGE_PAUSED          "5d0c8c54b1f74a0b8e7e6f2a9c3d4b61"
#define MESSAGE_RESUMED         "9f4b2e7713c64b7ba0d21c8a5be6f03d"
#define MESSAGE_CONFIG_LOADED   "99280c5977ae4354a48cf967087fdd81"
#define MESSAGE_CONFIG_REFUSED  "7e0ff2c2b2eb43bc8158db1adbc2c26b"
#define MESSAGE_CONFIG_LINE     "c75da545065b490abd67d756d5853296"
#define MESSAGE_UNIT_ATTACHED   "df0591796b9d41999ab58834f5e11a0c"
#define MESSAGE_UNIT_DETACHED   "05c631c2ede340bcade734a5eaea223c"
#define MESSAGE_UNIT_FAILED     "e85ceca39eae4669b857a300b9c8aa19"
#define MESSAGE_PROFILE_WRITTEN "182193ca75a449198cd11a68cc7c4251"
#define MESSAGE_STORE_FAILED    "812c53c61d764c8dac01a747611afee8"
#define MESSAGE_STORE_RECOVERED "e87a42d4cf67476fa3852bfcd0007e66"
#define MESSAGE_STORE_VACUUMED  "31d715dadf0845a6855d72299dca779d"
#define MESSAGE_SAMPLES_LOST    "d868517f2bd84a10a4f26fbf13638758"
#define MESSAGE_ELF_FAILED      "2e4bbc843cae41a4b56762c8ff925a24"
#define MESSAGE_ELF_RECOVERED   "501680870def4e18a01cf929ed81b8ef"
