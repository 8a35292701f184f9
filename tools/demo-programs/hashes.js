// SPDX-License-Identifier: Apache-2.0
// A program that a demo can profile: hashes and compresses made-up pages for ever.

const crypto = require("crypto");
const zlib = require("zlib");

const pages = Array.from({ length: 200 }, (_, i) => `<p>page ${i}</p>`.repeat(100 + i));
for (;;)
    for (const page of pages)
        crypto.createHash("sha256").update(zlib.gzipSync(page)).digest("hex");
