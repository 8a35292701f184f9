# SPDX-License-Identifier: Apache-2.0
"""The store that the examples of the manual are run on: made up, small, and the same everywhere.

A web server that was restarted with a new configuration, a database, and a program without names, in
windows of a minute up to 2026-11-20 14:00 UTC. Stacks are words, the start of the thread first;
`word:` says in which binary the functions behind it are.
"""

import struct
import zlib

END = 1795183200  # seconds since 1970
FREQUENCY_HZ = 99
WINDOW_SECONDS = 60
BOOT_ID = "5d0f3a9c8b7e4d16a2c4e6f80b1d3f57"

# What stands for it in stacks: path, where its names are from, build id.
BINARIES = {
    "nginx": ("/usr/sbin/nginx", "symtab+debug-file+lines", "7c1d9e0b52f84a36"),
    "pcre": ("/usr/lib/x86_64-linux-gnu/libpcre2-8.so.0", "dynsym", "a35f0c8e714b2d96"),
    "z": ("/usr/lib/x86_64-linux-gnu/libz.so.1", "dynsym", "0e92b7d4c6f1583a"),
    "crypto": ("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "dynsym", "f48a61d3097be25c"),
    "postgres": ("/usr/lib/postgresql/15/bin/postgres", "symtab+debug-file+lines", "3b86e2f90d7c41a5"),
    "prices": ("/srv/shop/bin/prices", "dynsym", "91c7f0a2b5e8d364"),
    "libc": ("/usr/lib/x86_64-linux-gnu/libc.so.6", "symtab+debug-file", "58d2c9a7e1f30b64"),
    "kernel": ("[kernel.kallsyms]", None, ""),
}
NO_NAME = "-"
DISK_BLOCK_BYTES = 4096
STRING_FIELD = 6
PADDING_MIN = 128  # its length takes two bytes, as do all up to four blocks

NGINX = "nginx: main ngx_master_process_cycle ngx_worker_process_cycle ngx_process_events_and_timers "
REQUEST = "ngx_epoll_process_events ngx_http_process_request ngx_http_core_run_phases "
QUERY = "postgres: main PostmasterMain ServerLoop PostgresMain exec_simple_query PortalRun ExecutorRun "
SYSCALL = "kernel: entry_SYSCALL_64_after_hwframe do_syscall_64 "
PRICES = "prices: - - libc: start_thread prices: - "

# Thread, samples of a window, stack.
NGINX_BEFORE = [
    ("nginx", 640, NGINX + REQUEST + "ngx_http_gzip_body_filter z: deflate deflate_slow longest_match"),
    ("nginx", 190, NGINX + REQUEST + "ngx_http_gzip_body_filter z: deflate deflate_slow"),
    ("nginx", 420, NGINX + REQUEST + "ngx_http_static_handler libc: memcpy"),
    ("nginx", 260, NGINX + "ngx_ssl_recv crypto: SSL_read EVP_DecryptUpdate aesni_gcm_decrypt"),
    ("nginx", 180, NGINX + REQUEST + "ngx_http_static_handler libc: sendfile64 " + SYSCALL + "tcp_sendmsg_locked"),
    ("nginx", 110, NGINX + REQUEST + "ngx_http_log_handler"),
    ("nginx", 90, NGINX + "ngx_epoll_process_events libc: epoll_wait " + SYSCALL + "ep_poll"),
    ("nginx", 310, NGINX + REQUEST + "ngx_http_gzip_body_filter z: deflate crc32_z"),
]
NGINX_AFTER = [
    *NGINX_BEFORE[:-1],
    ("nginx", 130, NGINX + REQUEST + "ngx_http_gzip_body_filter z: deflate crc32_z"),
    ("nginx", 760, NGINX + REQUEST + "ngx_http_rewrite_handler ngx_http_regex_exec pcre: pcre2_match_8 match_internal"),
]
POSTGRES = [
    ("postgres", 900, QUERY + "ExecSort tuplesort_performsort qsort_tuple comparetup_heap"),
    ("postgres", 520, QUERY + "ExecSeqScan heap_getnextslot heapgettup_pagemode heap_page_prune_opt"),
    ("postgres", 330, QUERY + "ExecSeqScan heap_getnextslot ReadBufferExtended hash_search_with_hash_value"),
    ("postgres", 240, QUERY + "ExecAgg hash_bytes"),
    ("postgres", 120, QUERY + "ExecSeqScan heap_getnextslot ReadBufferExtended libc: pread64 " + SYSCALL +
     "ext4_file_read_iter copy_page_to_iter"),
    ("walwriter", 60, "postgres: main PostmasterMain WalWriterMain XLogBackgroundFlush XLogWrite libc: pwrite64 " +
     SYSCALL + "ext4_file_write_iter"),
]
PRICES_SAMPLES = [
    ("prices-worker", 500, PRICES + "- -"),
    ("prices-worker", 210, PRICES + "libc: malloc _int_malloc"),
    ("prices-http", 90, PRICES + "libc: recv " + SYSCALL + "tcp_recvmsg"),
]

# Unit, PID, start of the first window in minutes before END, of the last, its start, samples.
RUNS = [
    ("nginx.service", 811, 20, 11, "1f6b", NGINX_BEFORE),
    ("nginx.service", 4302, 10, 1, "9a20", NGINX_AFTER),
    ("postgresql@15-main.service", 947, 20, 1, "c4d8", POSTGRES),
    ("shop-prices.service", 2215, 5, 1, "77e1", PRICES_SAMPLES),
]
# What the load is in one minute after the other, in percent.
LOAD = [70, 80, 100, 120, 90, 60, 75, 110, 130, 95]


# ---- pprof ----

def varint(value):
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(data) + bytes([value])


def message(*fields):
    """Fields are (number, value), a value that is bytes or a number."""
    return b"".join(varint(number << 3 | 2) + varint(len(value)) + value if isinstance(value, bytes)
                    else varint(number << 3) + varint(value) for number, value in fields)


def gzip_stored(data):
    """Not compressed: no two versions of zlib need to agree on the size."""
    blocks = [data[i:i + 0xFFFF] for i in range(0, len(data), 0xFFFF)]
    stored = b"".join(struct.pack("<BHH", i == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
                      for i, block in enumerate(blocks))
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + stored + struct.pack("<II", zlib.crc32(data), len(data))


def pad(data):
    """An unused string makes a file of whole blocks: what it takes is the same on each file system."""
    n = -len(gzip_stored(data + message((STRING_FIELD, b"x" * PADDING_MIN)))) % DISK_BLOCK_BYTES
    return data + message((STRING_FIELD, b"x" * (PADDING_MIN + n)))


class Pprof:
    def __init__(self):
        self.strings, self.mappings, self.functions, self.locations = {"": 0}, {}, {}, {}
        self.fields = []

    def string(self, text):
        return self.strings.setdefault(text, len(self.strings))

    def value_type(self, kind, unit):
        return message((1, self.string(kind)), (2, self.string(unit)))

    def mapping(self, word):
        if word not in self.mappings:
            path, _, build_id = BINARIES[word]
            self.mappings[word] = len(self.mappings) + 1
            self.fields.append((3, message((1, self.mappings[word]), (2, 0x1000), (3, 0x100000),
                                           (5, self.string(path)), (6, self.string(build_id)), (7, 1))))
        return self.mappings[word]

    def location(self, word, name, place):
        """A function without a name is known by its place in the stack."""
        key = word, name if name != NO_NAME else place
        if key not in self.locations:
            self.locations[key] = n = len(self.locations) + 1
            fields = [(1, n), (2, self.mapping(word)), (3, 0x1000 * n)]
            if name != NO_NAME:
                self.fields.append((5, message((1, n), (2, self.string(name)), (3, self.string(name)))))
                fields.append((4, message((1, n))))
            self.fields.append((4, message(*fields)))
        return self.locations[key]

    def stack(self, text):
        """Locations, leaf first, and how many of them are named."""
        word, found = None, []
        for part in text.split():
            if part.endswith(":"):
                word = part[:-1]
            else:
                found.append((self.location(word, part, len(found)), part != NO_NAME))
        return [location for location, _ in reversed(found)], sum(named for _, named in found)

    def add_sample(self, locations, values, labels):
        fields = [(1, location) for location in locations] + [(2, value) for value in values]
        for key, value in labels.items():
            is_text = isinstance(value, str)
            said = [(2, self.string(value))] if is_text else [(3, value), (4, self.string(key))]
            fields.append((3, message((1, self.string(key)), *said)))
        self.fields.append((2, message(*fields)))

    def finish(self, start, comments):
        fields = [(1, self.value_type("samples", "count")), (1, self.value_type("cpu", "nanoseconds")), *self.fields,
                  (9, start * 10**9), (10, WINDOW_SECONDS * 10**9), (11, self.value_type("cpu", "nanoseconds")),
                  (12, 10**9 // FREQUENCY_HZ), *((13, self.string(line)) for line in comments),
                  (14, self.string("cpu"))]
        return message(*fields, *((STRING_FIELD, text.encode()) for text in self.strings))


def make_profile(unit, pid, invocation, samples, start, percent):
    p = Pprof()
    n_samples = n_frames = n_named = 0
    for thread, count, text in samples:
        count = count * percent // 100
        locations, named = p.stack(text)
        p.add_sample(locations, [count, count * (10**9 // FREQUENCY_HZ)], {"thread": thread, "pid": pid, "tid": pid})
        n_samples += count
        n_frames += count * len(locations)
        n_named += count * named
    comments = [f"unit: {unit}", f"invocation-id: {invocation:0>32}", "host: web1", f"samples: {n_samples}",
                "lost-samples: 0", f"stacks-complete: {n_samples}", f"frames: {n_frames}", f"frames-named: {n_named}"]
    comments += [f"names: {BINARIES[word][1]} {BINARIES[word][0]}" for word in p.mappings if BINARIES[word][1]]
    return p.finish(start, comments)


def make(directory):
    """directory: does not exist."""
    for unit, pid, first, last, invocation, samples in RUNS:
        (directory / unit).mkdir(parents=True, exist_ok=True)
        for ago in range(first, last - 1, -1):
            start = END - ago * WINDOW_SECONDS
            name = f"cpu.{BOOT_ID}.{start * 10**6}.{WINDOW_SECONDS * 10**6}.pb.gz"
            data = make_profile(unit, pid, invocation, samples, start, LOAD[(ago + pid) % len(LOAD)])
            (directory / unit / name).write_bytes(gzip_stored(pad(data)))
