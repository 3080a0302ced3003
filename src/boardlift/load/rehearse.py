"""A rollback rehearsed on a copy: the same code, in a namespace that is discarded, its outcome compared row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from boardlift.clock import Clock
from boardlift.destinations.interface import (
    Destination,
    Generation,
    Replace,
    StagedGroup,
    SwapOutcome,
    hidden_namespace,
)
from boardlift.errors import UNCHANGED, ConfigError, DestinationError
from boardlift.load.pace import Pace
from boardlift.load.rollback import Target, swap_back
from boardlift.shape.table import Table

_RUN = "rehearsal"

Shapes = Callable[[str, int], "Sequence[Table] | None"]
"""(group, generation) -> its tables, as the ledger knows them."""


@dataclass(frozen=True)
class RehearsedTable:
    """One table of one generation: what is stored, and what was live in the rehearsal after the swap to it.

    `seconds` is the time its copy took.
    """

    group: str
    generation: int
    table: str
    rows: int
    seconds: float
    stored: str
    rehearsed: str

    @property
    def same(self) -> bool:
        return self.stored == self.rehearsed


@dataclass(frozen=True)
class Rehearsal:
    """A finished rehearsal: every table after the rollback, then every table after going forward again."""

    back: tuple[RehearsedTable, ...]
    forward: tuple[RehearsedTable, ...]
    back_outcome: SwapOutcome
    forward_outcome: SwapOutcome
    back_seconds: float
    forward_seconds: float

    @property
    def same(self) -> bool:
        """Whether every table came back as it is stored, row by row."""
        return all(table.same for table in (*self.back, *self.forward))


@dataclass(frozen=True)
class _Copied:
    rows: int
    seconds: float


def rehearsal_namespace(destination: Destination) -> str:
    """Where the copies go. Raises ConfigError when the engine takes no name of that length."""
    namespace = f"{destination.namespace}_rehearsal"
    if len(hidden_namespace(namespace)) > destination.capabilities.max_identifier_bytes:
        raise ConfigError(
            f"{hidden_namespace(namespace)} is too long a name for {destination.capabilities.engine}.",
            hint="a rehearsal needs a shorter `namespace:` in boardlift.yaml",
        )
    return namespace


def bytes_to_copy(destination: Destination, targets: Sequence[Target]) -> int:
    """Bytes that the copies of a rehearsal will take, as far as the engine knows."""
    sizes = destination.sizes()
    return sum(sizes.get((g.group, g.number), 0) for target in targets for g in (target.before, target.after))


def shapes_of(targets: Sequence[Target], shapes: Shapes) -> dict[tuple[str, int], Sequence[Table]]:
    """The tables of every generation of the targets.

    Raises DestinationError for one that the ledger does not know, or remembers otherwise than the catalogue: what a
    table looks like cannot be guessed from its rows.
    """
    found: dict[tuple[str, int], Sequence[Table]] = {}
    for generation in (each for target in targets for each in (target.after, target.before)):
        known = {table.name: table for table in shapes(generation.group, generation.number) or ()}
        if any(t.name not in known or known[t.name].fingerprint != t.fingerprint for t in generation.tables):
            raise DestinationError(
                f"The ledger does not know the tables of generation {generation.number} of board {generation.group}, "
                "so no copy of them can be made. Nothing was changed.",
                hint="rehearse where the sync was run (`state:` in boardlift.yaml), or another generation with --to",
            )
        found[generation.group, generation.number] = [known[table.name] for table in generation.tables]
    return found


def rehearse(
    targets: Sequence[Target],
    tables: Mapping[tuple[str, int], Sequence[Table]],
    ways: Mapping[str, Replace],
    destination: Destination,
    there: Destination,
    clock: Clock,
) -> Rehearsal:
    """Copy both generations of every target, roll back, compare, go forward, compare.

    in: `there`, a destination on the same server under a namespace that is emptied before and discarded after,
    whatever happens; `ways`, how each group is replaced. Nothing in `destination` changes.
    """
    _refuse_production(there)
    there.discard()  # what a rehearsal left that was killed
    try:
        there.prepare()
        copied: dict[tuple[str, int, str], _Copied] = {}
        for side in ([t.after for t in targets], [t.before for t in targets]):
            staged = [
                _copy(g, tables[g.group, g.number], ways[g.group], destination, there, clock, copied) for g in side
            ]
            there.promote(_RUN, staged)
        back_outcome, back_seconds, back = _swap(targets, destination, there, clock, copied)
        forth = [Target(before=t.after, after=t.before) for t in targets]
        forward_outcome, forward_seconds, forward = _swap(forth, destination, there, clock, copied)
        return Rehearsal(back, forward, back_outcome, forward_outcome, back_seconds, forward_seconds)
    finally:
        there.discard()


def _refuse_production(there: Destination) -> None:
    """What a sync made live is no leftover, whatever its namespace is called. Raises ConfigError."""
    if any(generation.run_id != _RUN for generation in there.generations()):
        raise ConfigError(
            f"The namespace {there.namespace} of {there.identity}, where the copies would go, holds tables of a sync. "
            f"{UNCHANGED}",
            hint="a rehearsal needs that name for itself: give those boards another `namespace:`",
        )


def _copy(
    generation: Generation,
    tables: Sequence[Table],
    way: Replace,
    destination: Destination,
    there: Destination,
    clock: Clock,
    copied: dict[tuple[str, int, str], _Copied],
) -> StagedGroup:
    refs = []
    for table in tables:
        started = clock.monotonic()
        ref = there.stage(generation.group, generation.number, table)
        rows = destination.copy(generation.group, generation.number, table.name, ref, there.namespace)
        copied[generation.group, generation.number, table.name] = _Copied(rows, clock.monotonic() - started)
        refs.append((ref, rows))
    return StagedGroup(generation.group, generation.number, tuple(refs), way)


def _swap(
    targets: Sequence[Target],
    destination: Destination,
    there: Destination,
    clock: Clock,
    copied: Mapping[tuple[str, int, str], _Copied],
) -> tuple[SwapOutcome, float, tuple[RehearsedTable, ...]]:
    """Roll back to these generations and compare what is live then with what is stored."""
    started = clock.monotonic()
    outcome = swap_back(_RUN, targets, there, Pace(there.capabilities))
    seconds = clock.monotonic() - started
    compared = []
    for generation in (target.after for target in targets):
        stored = destination.contents(generation.group, generation.number)
        rehearsed = there.contents(generation.group, generation.number)
        for table in generation.tables:
            made = copied[generation.group, generation.number, table.name]
            compared.append(
                RehearsedTable(
                    generation.group,
                    generation.number,
                    table.name,
                    made.rows,
                    made.seconds,
                    stored[table.name],
                    rehearsed[table.name],
                )
            )
    return outcome, seconds, tuple(compared)
