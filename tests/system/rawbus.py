# SPDX-License-Identifier: Apache-2.0
"""A client of D-Bus that can misbehave: floods, does not read answers, hangs up at any moment.

Marshals just what the tests send: strings, also as variants, unsigned integers, and "A": options, that is
a{sv} from triples of name, type and value, where a descriptor may be among them.
"""

import array
import os
import select
import socket
import struct
import time

CALL, RETURN, ERROR = 1, 2, 3  # kinds
NO_REPLY, NO_START, INTERACTIVE = 1, 2, 4  # flags
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, _, SIGNATURE, UNIX_FDS = range(1, 10)  # fields


def pad(data, to):
    return data + b"\0" * (-len(data) % to)


def string(data, text):
    text = text if isinstance(text, bytes) else text.encode()
    return pad(data, 4) + struct.pack("<I", len(text)) + text + b"\0"


def signature(data, text):
    return data + bytes([len(text)]) + text.encode() + b"\0"


def options_of(options, start):
    """a{sv} at the offset start of a body, and its descriptors."""
    head = pad(b"\0" * start, 4)
    data = pad(head + b"\0\0\0\0", 8)
    first, fds = len(data), []
    for name, kind, value in options:
        data = signature(string(pad(data, 8), name), kind)
        if kind == "s":
            data = string(data, value)
            continue
        if kind == "as":
            array_at = len(pad(data, 4)) + 4
            data = pad(data, 4) + b"\0\0\0\0"
            for text in value:
                data = string(data, text)
            data = data[:array_at - 4] + struct.pack("<I", len(data) - array_at) + data[array_at:]
            continue
        if kind == "h":
            fds.append(value)
            value = len(fds) - 1
        data = pad(data, 8 if kind == "t" else 4) + struct.pack("<Q" if kind == "t" else "<I", value)
    return data[start:len(head)] + struct.pack("<I", len(data) - first) + data[len(head) + 4:], fds


def body_of(types, values):
    data = b""
    for kind, value in zip(types, values):
        if kind == "s":
            data = string(data, value)
        elif kind == "v":
            data = string(signature(data, "s"), value)
        elif kind == "u":
            data = pad(data, 4) + struct.pack("<I", value)
        elif kind == "A":
            data += options_of(value, len(data))[0]
        else:
            data = pad(data, 8) + struct.pack("<Q", value)
    return data


class Message:
    """What has come."""

    def __init__(self, kind, fields, body):
        self.kind, self.body = kind, body
        self.reply_to = fields.get(REPLY_SERIAL)
        self.error = fields.get(ERROR_NAME)
        self.member = fields.get(MEMBER)

    @property
    def text(self):
        """Its first argument, a string."""
        length, = struct.unpack_from("<I", self.body)
        return self.body[4:4 + length].decode()


class RawBus:
    """A connection to the system bus of a machine, by default as root."""

    def __init__(self, machine, uid=0):
        self.serial = 0
        self.buffer = b""
        self.socket = self._connect(machine.path("/run/dbus"), uid)
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\n")
        assert self.socket.recv(512).startswith(b"OK")
        self.socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        assert self.socket.recv(512).startswith(b"AGREE_UNIX_FD")
        self.socket.sendall(b"BEGIN\r\n")
        self.name = self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "Hello").text

    @staticmethod
    def _connect(directory, uid):
        """The kernel notes who connects; only root may walk the way there."""
        connection = socket.socket(socket.AF_UNIX)
        before = os.open(".", os.O_PATH | os.O_CLOEXEC)
        os.chdir(directory)
        os.seteuid(uid)
        try:
            connection.connect("system_bus_socket")
        finally:
            os.seteuid(0)
            os.fchdir(before)
            os.close(before)
        return connection

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.close()

    def close(self):
        self.socket.close()

    # ---- sending ----

    def send(self, name, path, interface, member, types="", *values, flags=NO_START):
        """Returns the serial, for answer()."""
        self.serial += 1
        fields, fds = b"", []
        if "A" in types:
            fds = options_of(values[types.index("A")], 0)[1]
        if fds:
            fields = signature(bytes([UNIX_FDS]), "u") + struct.pack("<I", len(fds))
        for code, kind, value in ((PATH, "o", path), (INTERFACE, "s", interface), (MEMBER, "s", member),
                                  (DESTINATION, "s", name), (SIGNATURE, "g", types.replace("A", "a{sv}"))):
            fields = signature(pad(fields, 8) + bytes([code]), kind)
            fields = signature(fields, value) if kind == "g" else string(fields, value)
        body = body_of(types, values)
        header = struct.pack("<cBBBIII", b"l", CALL, flags, 1, len(body), self.serial, len(fields))
        socket.send_fds(self.socket, [pad(header + fields, 8) + body], fds)
        return self.serial

    def send_bytes(self, data):
        self.socket.sendall(data)

    # ---- receiving ----

    def receive(self, seconds=10):
        """The next message; None: none came in time, or the bus has hung up."""
        deadline = time.monotonic() + seconds
        while True:
            message = self._take()
            if message:
                return message
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self.buffer += data

    def _take(self):
        if len(self.buffer) < 16:
            return None
        kind, n_body, n_fields = self.buffer[1], *struct.unpack_from("<I4xI", self.buffer, 4)
        start = 16 + n_fields + -n_fields % 8
        if len(self.buffer) < start + n_body:
            return None
        message = Message(kind, dict(self._fields(self.buffer[:16 + n_fields])), self.buffer[start:start + n_body])
        self.buffer = self.buffer[start + n_body:]
        return message

    @staticmethod
    def _fields(data):
        at = 16
        while at < len(data):
            at += -at % 8
            code, kind = data[at], chr(data[at + 2])
            at += 4
            if kind == "g":
                length, at = data[at], at + 1
            else:
                length, at = struct.unpack_from("<I", data, at + -at % 4)[0], at + -at % 4 + 4
            if kind == "u":
                yield code, length
                continue
            yield code, data[at:at + length].decode()
            at += length + 1

    def answer(self, serial, seconds=10):
        """The answer to one call; what else comes is dropped."""
        deadline = time.monotonic() + seconds
        while True:
            message = self.receive(deadline - time.monotonic())
            if message is None or message.reply_to == serial:
                return message

    def receive_fd(self, seconds=10):
        """The next descriptor; messages are dropped."""
        self.socket.settimeout(seconds)
        found = array.array("i")
        while not found:
            data, ancillary, _, _ = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(16 * found.itemsize))
            assert data, "the bus has hung up"
            for level, kind, content in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    found.frombytes(content[:len(content) - len(content) % found.itemsize])
        assert len(found) == 1
        return found[0]

    def answers(self, serials, seconds=30):
        """Answers by serial, as many as come in time."""
        waiting, found, deadline = set(serials), {}, time.monotonic() + seconds
        while waiting:
            message = self.receive(deadline - time.monotonic())
            if message is None:
                break
            if message.reply_to in waiting:
                waiting.remove(message.reply_to)
                found[message.reply_to] = message
        return found

    def call(self, *arguments, seconds=10, **options):
        return self.answer(self.send(*arguments, **options), seconds)
