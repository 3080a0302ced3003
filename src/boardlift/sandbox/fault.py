"""Faults: what goes wrong with which call. They are values; a book of them decides which call they hit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from random import Random
from threading import Lock
from typing import Literal, get_args

Kind = Literal[
    "429_retry_after", "429_retry_in_seconds", "429_bare", "complexity_200", "complexity_429",
    "daily_limit", "concurrency", "ip_limit", "5xx", "html", "html_200", "truncated_json", "empty_body",
    "timeout", "reset", "errors_200", "internal_error_200", "cursor_expired", "wrong_version",
    "unauthorized_401", "partial_page", "duplicate_item", "slow",
]  # fmt: skip
# The kinds that answer in place of the executed query, which is what a fault by item or column does.
INSTEAD: tuple[Kind, ...] = ("internal_error_200", "5xx", "html", "html_200", "empty_body", "timeout", "reset")
Shape = Literal["code", "error_code", "strings", "legacy", "validation", "several", "null_board"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. Without `board`, `operation` or `call` it hits any call.

    `after` matching calls pass first, then `times` are hit (None: all of them).
    """

    kind: Kind
    after: int = 0
    times: int | None = 1
    board: int | None = None  # a board id among those the call reads
    operation: str | None = None  # the operation's name, or one of its root fields
    call: int | None = None  # the number of the call on this server, from 1
    seconds: float = 1.0  # to wait (timeout, slow) or to be told to wait (429 ...)
    status: int = 503  # of 5xx
    items: int = 1  # dropped by partial_page
    shape: Shape = "code"  # of errors_200
    code: str = "INTERNAL_SERVER_ERROR"  # of errors_200
    message: str = "Internal server error"
    where: Literal["before", "middle"] = "before"  # of reset: before the answer, or half-way through its body
    version: str = "2025-04"  # of wrong_version
    item: int | None = None  # an item's id: any answer that would hold the item
    column: str | None = None  # a column's id: any answer that would hold cells of it (of `item` when one is given)

    def __post_init__(self) -> None:
        """Refuse a misspelt kind or shape, which a type checker cannot see in JSON."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"no fault is called {self.kind!r}; there are: {', '.join(get_args(Kind))}")
        if self.shape not in get_args(Shape):
            raise ValueError(f"no error shape is called {self.shape!r}; there are: {', '.join(get_args(Shape))}")
        if self.by_content and self.kind not in INSTEAD:
            raise ValueError(f"a fault by item or column is one of: {', '.join(INSTEAD)}")

    @property
    def by_content(self) -> bool:
        """Whether what the answer would hold decides, not what was asked."""
        return self.item is not None or self.column is not None

    @classmethod
    def names(cls) -> frozenset[str]:
        """The names of the settings."""
        return frozenset(field.name for field in fields(cls))


class FaultBook:
    """The faults of a server, and how often each has matched."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """Starts with `faults`."""
        self._lock = Lock()
        self._rows: list[list[int]] = []
        self._faults: list[Fault] = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Add a fault; earlier ones go first."""
        with self._lock:
            self._faults.append(fault)
            self._rows.append([0, 0])

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._faults.clear()
            self._rows.clear()

    def match(self, call: int, operations: Collection[str], boards: Collection[int]) -> Fault | None:
        """The fault that hits a call; its counts move."""
        with self._lock:
            for fault, counts in zip(self._faults, self._rows, strict=True):
                if (
                    fault.by_content
                    or (fault.call is not None and fault.call != call)
                    or (fault.operation is not None and fault.operation not in operations)
                    or (fault.board is not None and fault.board not in boards)
                ):
                    continue
                if self._strikes(fault, counts):
                    return fault
        return None

    def by_content(self, call: int, operations: Collection[str]) -> list[Fault]:
        """The faults that what a call's answer would hold decides on."""
        with self._lock:
            return [
                fault
                for fault in self._faults
                if fault.by_content
                and (fault.call is None or fault.call == call)
                and (fault.operation is None or fault.operation in operations)
            ]

    def strikes(self, fault: Fault) -> bool:
        """An answer would hold what the fault is aimed at: whether it hits; its counts move."""
        with self._lock:
            found = [counts for held, counts in zip(self._faults, self._rows, strict=True) if held is fault]
            return bool(found) and self._strikes(fault, found[0])

    def _strikes(self, fault: Fault, counts: list[int]) -> bool:
        counts[0] += 1
        if counts[0] <= fault.after or (fault.times is not None and counts[1] >= fault.times):
            return False
        counts[1] += 1
        return True


FAILURES = (
    Fault("5xx", status=500),
    Fault("5xx", status=502),
    Fault("5xx", status=503),
    Fault("5xx", status=504),
    Fault("html"),
    Fault("429_retry_after"),
    Fault("429_retry_in_seconds"),
    Fault("429_bare"),
    Fault("complexity_429"),
)


def failure(call: int, share: float, seconds: float, seed: int) -> Fault | None:
    """What goes wrong with a call when a share of all calls fails: the same for the same seed and number."""
    if not share:
        return None
    rng = Random(f"{seed}:{call}")
    return replace(rng.choice(FAILURES), seconds=seconds) if rng.random() < share else None
