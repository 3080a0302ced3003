"""What happens while a board is read: windows are sealed, rarely all begins again, at the end a certificate comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from boardlift.errors import ApiError, SourceError
from boardlift.monday.isolate import Unreadable
from boardlift.spool.window import Window


@dataclass(frozen=True)
class Restarted:
    """The windows of this board given so far are void; its first page comes again."""

    board_id: str
    reason: str


@dataclass(frozen=True)
class BoardRead:
    """The last page of a board has been read. `errors` are those that left the items intact, `expected` monday's count.

    `unreadable` are cells that monday failed on, whatever was asked beside them: they are empty in their items.

    `calls` counts one that it shared with other boards, as each of them does.

    `limited` tells that reading stopped at the limit of test mode while more was there; `chains` how many chains of
    pages it took, `resumed` how many of the items were sealed by an earlier run.
    """

    board_id: str
    items: int
    id_sum: int
    pages: int
    windows: int
    calls: int
    points: int
    nbytes: int
    retries: int
    waited_seconds: float
    restarts: int
    page_size: int
    expected: int | None
    limited: bool
    served_version: str
    errors: tuple[ApiError, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    chains: int = 1
    resumed: int = 0


@dataclass(frozen=True)
class BoardFailed:
    """A board could not be read, for a reason of its own: other boards are read all the same."""

    board_id: str
    error: SourceError


Event: TypeAlias = Window | Restarted | BoardRead
