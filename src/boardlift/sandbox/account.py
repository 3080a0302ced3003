"""A made-up monday.com account: its boards, its people, its clock. `changes` says how it is edited."""

from __future__ import annotations

import time
from collections.abc import Callable

from .board import ANCHOR, Board, Key
from .catalog import Builder, fill, fill_benchmark
from .changes import Listener
from .directory import make_directory, make_updates, make_workspaces
from .index import BoardIndex
from .kinds.base import Record
from .timing import Clock
from .upkeep import Upkeep
from .zone import zone_name

KEYS: tuple[Key, ...] = ("__creation_log__", "__last_updated__")
TOKEN = "sandbox-token-not-a-secret"  # noqa: S105 - a made-up account has a made-up token


class Account(Upkeep):
    """An account made from a seed: the same seed gives the same boards, items and values, to the byte."""

    def __init__(
        self,
        *,
        seed: int = 1,
        size: float = 1.0,
        token: str = TOKEN,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """The default account: about 12,000 items at size 1.0."""
        self._found(seed, token, clock)
        fill(self.builder, size)
        self._furnish()

    @classmethod
    def benchmark(
        cls,
        items: int = 100_000,
        columns: int = 30,
        *,
        seed: int = 1,
        token: str = TOKEN,
        clock: Callable[[], float] | None = None,
    ) -> Account:
        """One board with a realistic mix of columns."""
        return cls._made(1, items, columns, seed, token, clock)

    @classmethod
    def many(
        cls,
        boards: int = 200,
        items: int = 50,
        columns: int = 30,
        *,
        seed: int = 1,
        token: str = TOKEN,
        clock: Callable[[], float] | None = None,
    ) -> Account:
        """Many small boards."""
        return cls._made(boards, items, columns, seed, token, clock)

    @classmethod
    def _made(
        cls, boards: int, items: int, columns: int, seed: int, token: str, clock: Callable[[], float] | None
    ) -> Account:
        account = cls.__new__(cls)
        account._found(seed, token, clock)
        fill_benchmark(account.builder, boards, items, columns)
        account._furnish()
        return account

    def _found(self, seed: int, token: str, clock: Callable[[], float] | None) -> None:
        self.seed, self.token = seed, token
        self.stamp = 0
        self.world = make_directory(seed)
        self.index = BoardIndex()
        self.lock = self.index.lock
        self.world.item_name = self.index.name
        self.workspaces: list[Record] = make_workspaces()
        self.unreadable: set[int] = set()
        self.listeners: list[Listener] = []
        self.updates: list[Record] = []
        self.builder = Builder(self.world, self.index, self.workspaces, seed)
        self._clock = clock or time.time
        # Whatever the machine's date, edits must come after everything the account was made with.
        self._ahead = max(0.0, ANCHOR - self._clock())

    def _furnish(self) -> None:
        for board in self.index.boards[:4]:
            ids = [board.item_id(place) for place in range(min(board.base, 30))]
            self.updates += make_updates(self.world, ids, board.id, self.seed)

    @property
    def boards(self) -> list[Board]:
        """Every board, subitem boards and documents included, oldest first."""
        return self.index.boards

    def board(self, key: int | str) -> Board:
        """A board by id or by name."""
        found = next((board for board in self.boards if key in (board.id, board.name)), None)
        if found is None:
            raise KeyError(f"the account has no board {key!r}")
        return found

    def now(self) -> float:
        """The account's time in seconds."""
        return self._clock() + self._ahead

    def place_owner(self, utc_offset_hours: float | None) -> None:
        """Let the token's owner live at a fixed offset from UTC, or in Berlin: dates with a time show their clock."""
        with self.lock:
            if self.world.owner_offset == utc_offset_hours:
                return
            self.world.owner_offset = utc_offset_hours
            owner = self.world.users[0]
            owner["time_zone_identifier"] = zone_name(utc_offset_hours)
            owner["utc_hours_diff"] = 1.0 if utc_offset_hours is None else utc_offset_hours
            self.forget_values()

    def warm(self) -> None:
        """Sort every board by both times now, so that the first page asked for in an order costs nothing more."""
        for board in self.boards:
            for key in KEYS:
                for descending in (False, True):
                    board.places(key, descending=descending)

    def follow(self, clock: Clock) -> None:
        """Take the time from a clock, from the first edit on."""
        with self.lock:
            self._clock = lambda: clock.now().timestamp()
            self._ahead = max(0.0, ANCHOR - self._clock())

    def advance(self, seconds: float) -> None:
        """Let time pass: budgets refill, cursors grow old."""
        with self.lock:
            self._ahead += seconds
