"""How many commits a swap of many boards takes.

One is the rule. Where readers wait while a commit replaces tables, the engine says how many tables it surely replaces
in the time that readers may wait, and every commit tells more of it; what is more goes live in several commits, each of
them of whole boards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from boardlift.destinations.interface import Destination, Replace, SwapOutcome
from boardlift.errors import UNCHANGED, DestinationError
from boardlift.ledger import Ledger
from boardlift.load.pace import Pace

T = TypeVar("T")

_EASY = 10
"""So many tables that nobody reads yet, or that are filled in place, count as one that is replaced."""


@dataclass(frozen=True)
class Part(Generic[T]):
    """One board's part in a swap: its tables that come, those that are live now, and how it is replaced."""

    board: T
    entering: frozenset[str]
    leaving: frozenset[str]
    way: Replace = Replace.SWAP

    @property
    def weight(self) -> float:
        """What it adds to a commit, in tables replaced."""
        if self.leaving and self.way is Replace.SWAP:
            return len(self.leaving)
        return len(self.entering | self.leaving) / _EASY


def divide(parts: Sequence[Part[T]], ties: Iterable[tuple[str, str]], most: float) -> list[list[Part[T]]]:
    """The boards of each commit, in their order; all in one when `most` is 0.

    Boards stay together when a table of one has the name that another gives up, or when two of their tables are tied.
    What weighs more than `most` and cannot be taken apart has a commit of its own.
    """
    if not most or _weight(parts) <= most:
        return [list(parts)]
    found: list[list[Part[T]]] = []
    total = 0.0
    for some in _inseparable(parts, ties):
        each = _weight(some)
        if not found or total + each > most:
            found.append([])
            total = 0.0
        found[-1] += some
        total += each
    return found


def _weight(parts: Iterable[Part[T]]) -> float:
    return sum(part.weight for part in parts)


def _inseparable(parts: Sequence[Part[T]], ties: Iterable[tuple[str, str]]) -> list[list[Part[T]]]:
    """Parts that share a table, or have tied ones, together; in the order of the first of each."""
    chosen: dict[str, str] = {}

    def first(name: str) -> str:
        while (other := chosen.setdefault(name, name)) != name:
            name = other
        return name

    def join(one: str, other: str) -> None:
        chosen[first(other)] = first(one)

    mine = {name: part for part in parts for name in (*part.entering, *part.leaving)}
    for part in parts:
        names = sorted(part.entering | part.leaving)
        for name in names[1:]:
            join(names[0], name)
    for one, other in ties:
        if one in mine and other in mine:
            join(one, other)
    found: dict[str, list[Part[T]]] = {}
    for number, part in enumerate(parts):
        names = sorted(part.entering | part.leaving)
        found.setdefault(first(names[0]) if names else f" {number}", []).append(part)
    return list(found.values())


def carry_out(
    parts: Sequence[Part[T]], destination: Destination, pace: Pace, swap: Callable[[Sequence[T]], SwapOutcome]
) -> SwapOutcome:
    """Swap one commit after the other, each as large as those before it took time.

    Returns the latest time, all attempts, and the longest that readers waited for one of them. Raises what `swap`
    raises; after the first commit its message says how many boards are live already.
    """
    if not pace.whole or _weight(parts) <= pace.whole:
        outcome = swap([part.board for part in parts])
        pace.learn(_weight(parts), outcome)
        return outcome
    ties = destination.tied_tables()
    rest, outcomes = list(parts), list[SwapOutcome]()
    while rest:
        commit = divide(rest, ties, pace.most)[0]
        try:
            outcomes.append(swap([part.board for part in commit]))
        except DestinationError as error:
            if outcomes:
                _tell_the_rest(error, len(parts) - len(rest), len(parts))
            raise
        pace.learn(_weight(commit), outcomes[-1])
        done = {id(part) for part in commit}
        rest = [part for part in rest if id(part) not in done]
    return SwapOutcome(
        outcomes[-1].promoted_at,
        sum(outcome.attempts for outcome in outcomes),
        max(outcome.blocked_ms for outcome in outcomes),
        sum(outcome.commits for outcome in outcomes),
    )


def count_commits(parts: Sequence[Part[T]], destination: Destination, pace: Pace) -> int:
    """How many commits these boards would take there, if each table takes as long as it did."""
    if not pace.whole or _weight(parts) <= pace.whole:
        return 1
    return len(divide(parts, destination.tied_tables(), pace.most))


def pace_of(destination: Destination, ledger: Ledger) -> Pace:
    """The pace that this server was found to have."""
    return Pace(destination.capabilities, ledger.about(f"destination {destination.identity}"))


def in_part(done: int, boards: int) -> str:
    """What is true of production between two commits."""
    return f"Production was changed in part: {done} of {boards} boards are live in their new generation, each whole."


def _tell_the_rest(error: DestinationError, done: int, boards: int) -> None:
    error.message = error.message.replace(UNCHANGED, "").rstrip()
    error.conclude(in_part(done, boards))
