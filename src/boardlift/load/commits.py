"""How many commits a swap of many boards takes.

One is the rule. Where readers wait while a commit replaces tables, the engine says how many tables it replaces in the
time that readers may wait; what is more goes live in several commits, each of them of whole boards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from boardlift.destinations.interface import Destination, Replace, SwapOutcome
from boardlift.errors import UNCHANGED, DestinationError

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


def divide(parts: Sequence[Part[T]], ties: Iterable[tuple[str, str]], most: int) -> list[list[T]]:
    """The boards of each commit, in their order; all in one when `most` is 0.

    Boards stay together when a table of one has the name that another gives up, or when two of their tables are tied.
    What weighs more than `most` and cannot be taken apart has a commit of its own.
    """
    if not most or sum(part.weight for part in parts) <= most:
        return [[part.board for part in parts]]
    found: list[list[T]] = []
    total = 0.0
    for some in _inseparable(parts, ties):
        each = sum(part.weight for part in some)
        if not found or total + each > most:
            found.append([])
            total = 0.0
        found[-1] += [part.board for part in some]
        total += each
    return found


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


def carry_out(commits: Sequence[Sequence[T]], swap: Callable[[Sequence[T]], SwapOutcome]) -> SwapOutcome:
    """Swap one after the other: the latest time, all attempts, and the longest that readers waited for one of them.

    Raises what `swap` raises; after the first commit its message says how many boards are live already.
    """
    outcome = swap(commits[0])
    done = len(commits[0])
    for commit in commits[1:]:
        try:
            one = swap(commit)
        except DestinationError as error:
            _tell_the_rest(error, done, sum(len(each) for each in commits))
            raise
        done += len(commit)
        outcome = SwapOutcome(
            one.promoted_at,
            outcome.attempts + one.attempts,
            max(outcome.blocked_ms, one.blocked_ms),
            outcome.commits + one.commits,
        )
    return outcome


def count_commits(parts: Sequence[Part[T]], destination: Destination) -> int:
    """How many commits these boards would take there."""
    most = destination.capabilities.tables_in_one_commit
    return len(divide(parts, destination.tied_tables() if most else (), most))


def in_part(done: int, boards: int) -> str:
    """What is true of production between two commits."""
    return f"Production was changed in part: {done} of {boards} boards are live in their new generation, each whole."


def _tell_the_rest(error: DestinationError, done: int, boards: int) -> None:
    error.message = error.message.replace(UNCHANGED, "").rstrip()
    error.conclude(in_part(done, boards))
