"""The generation catalogue as values: what is stored, and what a swap has to move. No SQL, no engine.

All engines keep the same rows in a table `generations` of the hidden namespace; a swap is planned here, on values,
so that every refusal that needs no lock comes before one is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from boardlift.destinations.interface import Generation, StagedGroup, State, StoredTable, hidden_name
from boardlift.errors import UNCHANGED, DestinationError, PromotionConflict
from boardlift.shape.table import Table

CATALOGUE = "generations"
Statement = TypeVar("Statement")


@dataclass(frozen=True)
class CatalogueRow:
    """One table of one generation, as it is written down."""

    group: str
    generation: int
    ordinal: int
    name: str
    hidden_name: str
    state: State
    run_id: str
    rows: int
    fingerprint: str
    promoted_at: datetime

    @property
    def plain(self) -> tuple[str | int, ...]:
        """The values in their order, but for the last: how a moment is written is the engine's own affair."""
        where = (self.group, self.generation, self.ordinal, self.name, self.hidden_name)
        return (*where, self.state.value, self.run_id, self.rows, self.fingerprint)


@dataclass(frozen=True)
class Slot:
    """One table on its way out of, or into, the live namespace. `table` is known only for a freshly staged one."""

    name: str
    hidden_name: str
    table: Table | None = None


@dataclass(frozen=True)
class SwapPlan:
    """What one swap moves. `leaving` becomes kept, `entering` becomes live, `new` must first be written down."""

    run_id: str
    leaving: tuple[Generation, ...]
    entering: tuple[Generation, ...]
    new: bool
    outgoing: tuple[Slot, ...]
    incoming: tuple[Slot, ...]

    @property
    def vanishing(self) -> list[str]:
        """Live names that nothing takes over."""
        taken = {slot.name for slot in self.incoming}
        return [slot.name for slot in self.outgoing if slot.name not in taken]


def collect(rows: Iterable[CatalogueRow]) -> list[Generation]:
    """Rows -> generations: by group, newest first within a group, main table first within a generation."""
    ordered = sorted(rows, key=lambda row: (row.group, -row.generation, row.ordinal))
    found = []
    for (group, number), members in groupby(ordered, key=lambda row: (row.group, row.generation)):
        tables = list(members)
        first = tables[0]
        stored = tuple(StoredTable(row.name, row.hidden_name, row.rows, row.fingerprint) for row in tables)
        found.append(Generation(group, number, first.state, first.run_id, first.promoted_at, stored))
    return found


def read_row(row: Sequence[object], promoted_at: datetime) -> CatalogueRow:
    """What an engine answers, in the order of CatalogueRow, -> a row. How it tells a moment is its own affair."""
    return CatalogueRow(
        group=str(row[0]),
        generation=int(str(row[1])),
        ordinal=int(str(row[2])),
        name=str(row[3]),
        hidden_name=str(row[4]),
        state=State(row[5]),
        run_id=str(row[6]),
        rows=int(str(row[7])),
        fingerprint=str(row[8]),
        promoted_at=promoted_at,
    )


def live_names(known: Iterable[Generation]) -> set[str]:
    """The names in the live namespace that are boardlift's by the catalogue."""
    return {table.name for generation in known if generation.state is State.LIVE for table in generation.tables}


def stored_generation(known: Iterable[Generation], group: str, number: int) -> Generation:
    """The generation of this number. Raises DestinationError when it is not stored."""
    for generation in known:
        if (generation.group, generation.number) == (group, number):
            return generation
    raise DestinationError(
        f"Generation {number} of {group} is not stored here.", hint="`boardlift generations` lists what is stored"
    )


def stored_table(known: Iterable[Generation], group: str, number: int, name: str) -> StoredTable:
    """The table of this name in a stored generation. Raises DestinationError when there is none."""
    for table in stored_generation(known, group, number).tables:
        if table.name == name:
            return table
    raise DestinationError(
        f"Generation {number} of {group} has no table {name}.", hint="`boardlift generations` lists what is stored"
    )


def free_hidden_name(known: Iterable[Generation], group: str, generation: int, table: str) -> str:
    """Where a staged table may lie; see `free_hidden_names`."""
    return free_hidden_names(known, [(group, generation, table)])[0]


def free_hidden_names(known: Iterable[Generation], wanted: Iterable[tuple[str, int, str]]) -> list[str]:
    """Where staged tables may lie, given as (group, generation, live name).

    A kept generation of another group may have had a table of this name and number; it is stepped around.
    Raises DestinationError when one of these generations is already in the catalogue: it is sealed.
    """
    stored = list(known)
    sealed = {(generation.group, generation.number) for generation in stored}
    occupied = {table.hidden_name for generation in stored for table in generation.tables}
    names = []
    for group, generation, table in wanted:
        if (group, generation) in sealed:
            raise DestinationError(
                f"Generation {generation} of {group} is already stored and cannot be staged again. {UNCHANGED}",
                hint="stage under the next number; `boardlift generations` lists the stored ones",
            )
        name, attempt = hidden_name(table, generation), 2
        while name in occupied:
            name, attempt = hidden_name(f"{table}_{attempt}", generation), attempt + 1
        names.append(name)
    return names


def plan_promotion(
    run_id: str, known: Sequence[Generation], groups: Sequence[StagedGroup], promoted_at: datetime
) -> SwapPlan:
    """Plan to make staged groups live.

    Raises PromotionConflict when two groups claim one name, DestinationError when a generation is already stored.
    """
    numbers = {(generation.group, generation.number) for generation in known}
    entering, incoming = [], []
    for group in groups:
        if (group.group, group.generation) in numbers:
            raise DestinationError(
                f"Generation {group.generation} of {group.group} was promoted before. {UNCHANGED}",
                hint=f"run `boardlift rollback` to make generation {group.generation} live again",
            )
        stored = tuple(
            StoredTable(ref.table.name, ref.hidden_name, rows, ref.table.fingerprint) for ref, rows in group.tables
        )
        entering.append(Generation(group.group, group.generation, State.LIVE, run_id, promoted_at, stored))
        incoming += [Slot(ref.table.name, ref.hidden_name, ref.table) for ref, _ in group.tables]
    return _plan(run_id, known, entering, incoming, new=True)


def plan_rollback(
    run_id: str, known: Sequence[Generation], targets: Sequence[tuple[str, int]], promoted_at: datetime
) -> SwapPlan:
    """Plan to make kept generations live again; a target that is live already is left alone.

    Raises DestinationError for a target that is not stored.
    """
    stored = {(generation.group, generation.number): generation for generation in known}
    entering, incoming = [], []
    for group, number in dict.fromkeys(targets):
        generation = stored.get((group, number))
        if generation is None:
            have = ", ".join(str(g.number) for g in known if g.group == group) or "none"
            raise DestinationError(
                f"Generation {number} of {group} is not stored here; stored: {have}. {UNCHANGED}",
                hint="run `boardlift generations` to see what can be rolled back to",
            )
        if generation.state is State.KEPT:
            entering.append(replace(generation, state=State.LIVE, run_id=run_id, promoted_at=promoted_at))
            incoming += [Slot(table.name, table.hidden_name) for table in generation.tables]
    return _plan(run_id, known, entering, incoming, new=False)


def _plan(
    run_id: str, known: Sequence[Generation], entering: list[Generation], incoming: list[Slot], *, new: bool
) -> SwapPlan:
    groups = [generation.group for generation in entering]
    leaving = [g for g in known if g.state is State.LIVE and g.group in groups]
    staying = live_names(g for g in known if g.group not in groups)
    _refuse_repeats("group", groups)
    _refuse_repeats("table", [slot.name for slot in incoming])
    if claimed := sorted(slot.name for slot in incoming if slot.name in staying):
        raise PromotionConflict(
            f"The table name {', '.join(claimed)} already belongs to another board's live tables. {UNCHANGED}",
            hint="give one of the two boards another `table:` name in boardlift.yaml",
        )
    outgoing = [Slot(table.name, table.hidden_name) for generation in leaving for table in generation.tables]
    return SwapPlan(run_id, tuple(leaving), tuple(entering), new, tuple(outgoing), tuple(incoming))


def _refuse_repeats(what: str, names: list[str]) -> None:
    if repeated := sorted(name for name, times in Counter(names).items() if times > 1):
        raise PromotionConflict(
            f"The {what} {', '.join(repeated)} appears more than once in this swap. {UNCHANGED}",
            hint="give each board its own `table:` name in boardlift.yaml",
        )


def doomed(known: Iterable[Generation], group: str, keep: int) -> list[Generation]:
    """The kept generations of a group, oldest first, that go so that `keep` remain, the live one counted."""
    mine = [generation for generation in known if generation.group == group]
    kept = sorted((g for g in mine if g.state is State.KEPT), key=lambda g: g.number)
    live = len(mine) - len(kept)
    return kept[: max(0, len(kept) - max(0, keep - live))]


def retire(known: Iterable[Generation], group: str, keep: int, drop: Callable[[Generation], None]) -> list[int]:
    """Drop the generations of a group that are doomed, one after the other; their numbers."""
    going = doomed(known, group, keep)
    for generation in going:
        drop(generation)
    return [generation.number for generation in going]


def refuse_foreign(where: str, names: Sequence[str]) -> None:
    """Raise PromotionConflict that names live tables which are not boardlift's, if there are any."""
    if names:
        raise PromotionConflict(
            f"{where} holds a table that boardlift did not put there: {', '.join(names)}. {UNCHANGED}",
            hint="rename or drop it, or give the board another `table:` name in boardlift.yaml",
        )


def written(
    plan: SwapPlan,
    keep: Callable[[Generation], Statement],
    add: Callable[[list[CatalogueRow]], list[Statement]],
    revive: Callable[[Generation], Statement],
) -> list[Statement]:
    """What a swap writes into the catalogue, in the words of an engine: what leaves is kept, what enters is live."""
    statements = [keep(generation) for generation in plan.leaving]
    if not plan.new:
        return statements + [revive(generation) for generation in plan.entering]
    rows = catalogue_rows(plan)
    return statements + (add(rows) if rows else [])


def catalogue_rows(plan: SwapPlan) -> list[CatalogueRow]:
    """What a promotion writes down, table by table."""
    return [
        CatalogueRow(
            generation.group,
            generation.number,
            ordinal,
            table.name,
            table.hidden_name,
            State.LIVE,
            generation.run_id,
            table.rows,
            table.fingerprint,
            generation.promoted_at,
        )
        for generation in plan.entering
        for ordinal, table in enumerate(generation.tables)
    ]
