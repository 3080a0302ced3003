"""From an answer to bytes: headers, and gzip that is done once for a page however often it is asked for."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from threading import Lock

KEPT_BYTES = 96_000_000
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
REQUEST_ID_FROM = 4_096  # shorter bodies are compressed whole


class Compressor:
    """gzip at level 1. The long part of a body (all but the request id) is kept compressed, bounded in bytes.

    Deflate blocks may be joined, and a CRC may be continued: so the kept part and a fresh tail make one gzip member.
    """

    def __init__(self) -> None:
        """Nothing is kept at first."""
        self._kept: OrderedDict[tuple[int, int], tuple[bytes, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def compress(self, text: bytes, tail: bytes) -> bytes:
        """`text + tail` as gzip."""
        if len(text) < REQUEST_ID_FROM:
            return gzip.compress(text + tail, 1, mtime=0)
        key = (hash(text), len(text))
        with self._lock:
            held = self._kept.get(key)
        if held is None:
            deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
            body = struct.pack("<I", len(text)) + deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)
            held = (body, zlib.crc32(text))
            self._keep(key, held)
        body, crc = held
        raw_length = struct.unpack("<I", body[:4])[0]
        deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
        finish = deflate.compress(tail) + deflate.flush()
        return (
            GZIP_HEAD
            + body[4:]
            + finish
            + struct.pack("<II", zlib.crc32(tail, crc), (raw_length + len(tail)) & 0xFFFFFFFF)
        )

    def _keep(self, key: tuple[int, int], held: tuple[bytes, int]) -> None:
        with self._lock:
            self._kept[key] = held
            self._bytes += len(held[0])
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1][0])


def head(status: int, headers: Mapping[str, str], length: int, now: float | None = None) -> bytes:
    """Status line and headers of an HTTP/1.1 answer given `now`: the account's time may be ahead of the machine's."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", f"Date: {formatdate(now, usegmt=True)}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
