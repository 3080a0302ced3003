"""A server of TDS, the protocol of SQL Server, that knows no SQL: it takes what the real driver sends, and answers.

With it the driver's own ways are tested where no SQL Server is: what becomes of a statement's text on its way, what a
bulk copy sends for each type, what the driver makes of rows and errors. The layout is that of Microsoft's MS-TDS.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PRELOGIN, LOGIN, BATCH, ATTENTION, BULK, REPLY = 0x12, 0x10, 0x01, 0x06, 0x07, 0x04
COLLATION = b"\x09\x04\xd0\x00\x34"
MORE, COUNT, FAILED = 0x01, 0x10, 0x02
TYPES = {
    "INT": b"\x26\x04",
    "BIGINT": b"\x26\x08",
    "NVARCHAR(MAX)": b"\xe7\xff\xff" + COLLATION,
    "DECIMAL(38, 10)": b"\x6a\x11\x26\x0a",
    "DECIMAL(18, 2)": b"\x6a\x09\x12\x02",
    "FLOAT(53)": b"\x6d\x08",
    "BIT": b"\x68\x01",
    "DATE": b"\x28",
    "TIME(6)": b"\x29\x06",
    "DATETIMEOFFSET(6)": b"\x2b\x06",
    "BINARY(5)": b"\xad\x05\x00",
}


def done(status: int = 0, rows: int = 0) -> bytes:
    """The end of a result, with a count of rows."""
    return b"\xfd" + struct.pack("<HHQ", status, 0xC1, rows)


def error(number: int, words: str) -> bytes:
    """What the server says of a statement that failed, and the end of the batch."""
    body = struct.pack("<iBB", number, 1, 16) + _long(words) + _short("server") + _short("") + struct.pack("<i", 1)
    return b"\xaa" + struct.pack("<H", len(body)) + body + done(FAILED)


def columns(*named: tuple[str, str]) -> bytes:
    """The head of a result: (name, type) of each column."""
    told = b"".join(struct.pack("<IH", 0, 0x0009) + TYPES[kind] + _short(name) for name, kind in named)
    return b"\x81" + struct.pack("<H", len(named)) + told


def table_facts(*named: tuple[str, str]) -> bytes:
    """What the driver asks of a table before a bulk copy: open transactions, columns, collations."""
    transactions = columns(("", "INT")) + b"\xd1\x04" + struct.pack("<i", 0) + done(MORE | COUNT, 1)
    collations = columns(("colid", "INT"), ("name", "NVARCHAR(MAX)"), ("tds", "BINARY(5)"), ("name", "NVARCHAR(MAX)"))
    return transactions + columns(*named) + done(MORE | COUNT) + collations + done(COUNT)


@dataclass
class TDS:
    """`answer` gets the text of each batch; `batches` and `loads` are what came."""

    answer: Callable[[str], bytes] = lambda _text: done()
    batches: list[str] = field(default_factory=list)
    loads: list[bytes] = field(default_factory=list)
    port: int = 0

    def serve(self, connection: socket.socket) -> None:
        """One client, until it hangs up. An answer of nothing hangs up on it."""
        with connection:
            try:
                while reply := self._reply(*_message(connection)):
                    connection.sendall(_packets(reply))
            except (EOFError, OSError):
                return

    def _reply(self, kind: int, data: bytes) -> bytes:
        if kind == PRELOGIN:
            options = [(0, b"\x10\x00\x03\xe8\x00\x00"), (1, b"\x02"), (2, b"\x00"), (3, b"")]
            head, body = b"", b""
            for token, value in options:
                head += struct.pack(">BHH", token, 5 * len(options) + 1 + len(body), len(value))
                body += value
            return head + b"\xff" + body
        if kind == LOGIN:
            return _welcome()
        if kind == BATCH:
            (length,) = struct.unpack("<I", data[:4])
            text = data[length:].decode("utf-16-le")
            self.batches.append(text)
            return self.answer(text)
        if kind == BULK:
            self.loads.append(data)
            return done(COUNT)
        return done(0x20)


@contextmanager
def serving(server: TDS) -> Iterator[TDS]:
    """The server on a port of this machine, in threads of its own."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        server.port = door.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server


def _welcome() -> bytes:
    changes = _change(1, _short("db"), _short("master")) + _change(7, b"\x05" + COLLATION, b"\x00")
    changes += _change(2, _short("us_english"), _short("")) + _change(4, _short("4096"), _short("4096"))
    said = b"\x01\x74\x00\x00\x04" + _short("Microsoft SQL Server") + b"\x10\x00\x03\xe8"
    return changes + b"\xad" + struct.pack("<H", len(said)) + said + done()


def _change(kind: int, new: bytes, old: bytes) -> bytes:
    body = bytes([kind]) + new + old
    return b"\xe3" + struct.pack("<H", len(body)) + body


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")


def _long(text: str) -> bytes:
    return struct.pack("<H", len(text)) + text.encode("utf-16-le")


def _message(connection: socket.socket) -> tuple[int, bytes]:
    data = bytearray()
    while True:
        kind, status, length = struct.unpack(">BBH", _exactly(connection, 8)[:4])
        data += _exactly(connection, length - 8)
        if status & 1:
            return kind, bytes(data)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (part := connection.recv(size - len(data))):
            raise EOFError
        data += part
    return data


def _packets(data: bytes, size: int = 4096 - 8) -> bytes:
    parts = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
    return b"".join(
        struct.pack(">BBHHBB", REPLY, part is parts[-1], len(part) + 8, 0, number % 256, 0) + part
        for number, part in enumerate(parts, 1)
    )
