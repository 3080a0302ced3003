"""One stream of CSV for several readers: each gets whole rows, in pieces, as fast as it asks."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

_PIECE = 1 << 18
_PACKET = 1 << 20
_QUOTE, _END = b'"', b"\n"


class Cutter:
    """Reads the open file `feed`, whose rows end in a line feed, quotes in texts doubled. Safe among threads.

    A line feed ends a row exactly if an even number of quotes stands before it.
    """

    def __init__(self, feed: int) -> None:
        self._feed = feed
        self._reading = threading.Lock()
        self._told = threading.Condition()
        self._given = 0
        self._ended = False
        self._begun: list[bytes] = []  # the beginning of a row whose end was not read yet
        self._open = False  # whether what begun holds an odd number of quotes

    def pieces(self) -> Iterator[bytes]:
        """Whole rows that no other reader gets, until the end of the file or `stop`; long ones in parts."""
        while rows := self._next():
            for start in range(0, len(rows), _PACKET):
                yield rows[start : start + _PACKET]

    def stop(self) -> None:
        """No reader gets anything from now on."""
        with self._told:
            self._ended = True
            self._told.notify_all()

    def reached(self, size: int) -> bool:
        """Wait until so many bytes were given out; False when the stream ends before."""
        with self._told:
            self._told.wait_for(lambda: self._ended or self._given >= size)
            return not self._ended

    def _next(self) -> bytes:
        with self._reading:
            piece = b"" if self._ended else self._rows()
        with self._told:
            self._given += len(piece)
            self._ended = self._ended or not piece
            self._told.notify_all()
        return piece

    def _rows(self) -> bytes:
        while piece := os.read(self._feed, _PIECE):
            end, after = len(piece), 0
            is_open = self._open ^ bool(piece.count(_QUOTE) & 1)
            while (place := piece.rfind(_END, 0, end)) >= 0:
                after += piece.count(_QUOTE, place, end)
                if is_open == bool(after & 1):
                    rows = b"".join((*self._begun, piece[: place + 1]))
                    self._begun, self._open = [piece[place + 1 :]], bool(after & 1)
                    return rows
                end = place
            self._begun.append(piece)
            self._open = is_open
        rest, self._begun = b"".join(self._begun), []
        return rest
