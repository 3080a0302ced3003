"""Faults: what goes wrong with which call. They are values; a book of them decides which call they hit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from threading import Lock
from typing import Literal, get_args

Kind = Literal[
    "429_retry_after", "429_retry_in_seconds", "429_bare", "complexity_200", "complexity_429",
    "daily_limit", "concurrency", "ip_limit", "5xx", "html", "html_200", "truncated_json", "empty_body",
    "timeout", "reset", "errors_200", "internal_error_200", "cursor_expired", "wrong_version",
    "unauthorized_401", "partial_page", "duplicate_item", "slow",
]  # fmt: skip
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

    def __post_init__(self) -> None:
        """Refuse a misspelt kind or shape, which a type checker cannot see in JSON."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"no fault is called {self.kind!r}; there are: {', '.join(get_args(Kind))}")
        if self.shape not in get_args(Shape):
            raise ValueError(f"no error shape is called {self.shape!r}; there are: {', '.join(get_args(Shape))}")

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
                    (fault.call is not None and fault.call != call)
                    or (fault.operation is not None and fault.operation not in operations)
                    or (fault.board is not None and fault.board not in boards)
                ):
                    continue
                counts[0] += 1
                if counts[0] > fault.after and (fault.times is None or counts[1] < fault.times):
                    counts[1] += 1
                    return fault
        return None
