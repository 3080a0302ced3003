"""Cursors: a snapshot of the ids a query matched, kept for an hour from the first call of its chain (FACTS 7)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from .board import Board
from .problems import FieldError

NAMESPACE = UUID("6f2f4a52-52b8-4f43-9c27-6d0a4d1d5a11")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The order of a query's items when it was first asked, and since when it is held."""

    board: Board
    places: Sequence[int]
    group: str
    born: float


class Snapshots:
    """The live snapshots of one server."""

    def __init__(self, life_seconds: float) -> None:
        """A snapshot dies `life_seconds` after the first call of its chain, not after the last."""
        self.life = life_seconds
        self._held: dict[str, Snapshot] = {}
        self._count = 0

    def start(
        self, board: Board, places: Sequence[int], limit: int, now: float, group: str = ""
    ) -> tuple[str | None, Sequence[int]]:
        """A first page: the cursor (None when that was all) and the places of the page."""
        if len(places) <= limit:
            return None, places
        self._count += 1
        name = str(uuid5(NAMESPACE, f"{board.id}:{self._count}"))
        while self._held and now - self._held[oldest := next(iter(self._held))].born > self.life:
            del self._held[oldest]
        self._held[name] = Snapshot(board, places, group, now)
        return self._cursor(name, limit), places[:limit]

    def next(self, cursor: str, limit: int, now: float) -> tuple[str | None, Board, Sequence[int]]:
        """The page a cursor stands for: the next cursor, the board and the places, those gone meanwhile left out."""
        name, offset = self._read(cursor)
        held = self._held.get(name)
        if held is None or now - held.born > self.life:
            raise expired()
        page = held.places[offset : offset + limit]
        more = offset + limit < len(held.places)
        return (
            (self._cursor(name, offset + limit) if more else None),
            held.board,
            [p for p in page if held.board.listed(p)],
        )

    def board_of(self, cursor: str) -> Board | None:
        """The board a cursor belongs to, if it is one of ours."""
        try:
            return self._held[self._read(cursor)[0]].board
        except (FieldError, KeyError):
            return None

    def _cursor(self, name: str, offset: int) -> str:
        held = self._held[name]
        text = f"1,{held.board.id},{name},{len(held.places)},{offset},{held.group}"
        return base64.b64encode(f"{text}|{checksum(text)}".encode()).decode()

    def _read(self, cursor: str) -> tuple[str, int]:
        try:
            text, _, check = base64.b64decode(cursor, validate=True).decode().partition("|")
        except ValueError:
            text, check = "", ""
        if check != checksum(text):
            raise FieldError("CursorException", "Invalid cursor provided for pagination")
        parts = text.split(",")
        return parts[2], int(parts[4])


def checksum(text: str) -> str:
    """What makes a cursor unforgeable enough."""
    return hashlib.sha256(f"sandbox:{text}".encode()).hexdigest()[:32]


def expired() -> FieldError:
    """The error of a cursor whose hour is over (recorded by others; FACTS 3)."""
    message = (
        "CursorExpiredError: The cursor provided for pagination has expired."
        " Please refresh your query and obtain a new cursor"
    )
    return FieldError("CursorException", message)
