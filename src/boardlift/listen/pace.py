"""When to sync: after a burst, not in it; and after a failure, later each time. Told the time, never asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from boardlift.errors import (
    AuthRejected,
    DailyLimitReached,
    DestinationError,
    LeaseHeld,
    PromotionConflict,
    SourceUnavailable,
    Transient,
)

FIRST_WAIT = 1.0
LONGEST_FOR_LEASE = 30.0
LONGEST_FOR_ALL = 300.0
LONGEST_FOR_BOARD = 3600.0
PAUSES_BEFORE_DOUBT = 2


class Burst:
    """Events that belong together: over when `quiet` seconds passed without one, or `at_most` after the first."""

    def __init__(self, quiet: float, at_most: float) -> None:
        self._quiet, self._at_most = quiet, at_most
        self._first: float | None = None
        self._last = 0.0

    def event(self, now: float) -> None:
        self._first = now if self._first is None else self._first
        self._last = now

    def overdue(self, now: float) -> None:
        """Count as over at once: what is dirty was left by an earlier process."""
        self._first = now - self._at_most
        self._last = now

    def taken(self) -> None:
        """A sync that begins now takes all there is."""
        self._first = None

    @property
    def due(self) -> float | None:
        return None if self._first is None else min(self._last + self._quiet, self._first + self._at_most)


class Retries:
    """What failed, and when it may be tried again.

    A failure that is nobody's fault (another run holds the lease, the network is down) stops all for a while. Any other
    may be the fault of one board: from then on each board of that run is tried alone, so that one bad board does not
    hold up the others.
    """

    def __init__(self) -> None:
        self.paused_until = 0.0
        self._pauses = 0
        self._boards: dict[str, tuple[int, float]] = {}

    def failed(self, boards: Sequence[str], error: BaseException, now: float) -> float:
        """Note a failed sync of these boards, or of all for none. out: seconds until the next try."""
        told = error.retry_in if isinstance(error, Transient) and error.retry_in else 0.0
        if concerns_all(error):
            # Said of one board again and again, "the source is unavailable" may be true of that board alone.
            if self._pauses >= PAUSES_BEFORE_DOUBT and isinstance(error, Transient):
                self._alone(boards, now)
            return self.pause(now, LONGEST_FOR_LEASE if isinstance(error, LeaseHeld) else LONGEST_FOR_ALL, told)
        self._pauses = 0
        return max(self._alone(boards, now, told), default=0.0)

    def pause(self, now: float, longest: float, told: float = 0.0) -> float:
        """Try nothing for a while, at least for the seconds that were told. out: for how long."""
        wait = max(told, _doubled(self._pauses, longest))
        self._pauses += 1
        self.paused_until = now + wait
        return wait

    def board_failed(self, board: str, now: float) -> float:
        """Note that a run which brought other boards over could not read this one. out: seconds until the next try."""
        return self._alone([board], now)[0]

    def suspect(self, boards: Iterable[str], now: float) -> None:
        """Try these boards alone from now on."""
        for board in boards:
            self._boards.setdefault(board, (0, now))

    def _alone(self, boards: Sequence[str], now: float, told: float = 0.0) -> list[float]:
        """Make each of the boards wait; one that was alone already, longer each time. out: the seconds of each."""
        waits = []
        for board in boards:
            failures = self._boards[board][0] + 1 if board in self._boards else int(len(boards) == 1)
            wait = max(told, _doubled(failures, LONGEST_FOR_BOARD))
            self._boards[board] = (failures, now + wait)
            waits.append(wait)
        return waits

    def succeeded(self, boards: Iterable[str]) -> None:
        """A sync brought these boards over."""
        self._pauses = 0
        for board in boards:
            self._boards.pop(board, None)

    def healthy(self, boards: Iterable[str]) -> list[str]:
        """Those of the boards that may be synced together."""
        return [board for board in boards if board not in self._boards]

    def ripe(self, boards: Iterable[str], now: float) -> str | None:
        """The board that is to be tried alone now: the one whose time came first."""
        waiting = [board for board in boards if board in self._boards and self._boards[board][1] <= now]
        return min(waiting, key=lambda board: self._boards[board][1], default=None)

    def next_ripe(self, boards: Iterable[str]) -> float | None:
        """When the first of the boards may be tried alone."""
        return min((self._boards[board][1] for board in boards if board in self._boards), default=None)


def concerns_all(error: BaseException) -> bool:
    """Whether a sync of any other board would have failed as well."""
    if isinstance(error, PromotionConflict):
        return False
    return isinstance(
        error, (LeaseHeld, Transient, AuthRejected, DailyLimitReached, DestinationError, SourceUnavailable, OSError)
    )


def _doubled(failures: int, longest: float) -> float:
    return float(min(longest, FIRST_WAIT * 2 ** min(failures, 30)))
