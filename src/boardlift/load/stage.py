"""Staging: a new generation of a table group is filled beside the live one, invisible to readers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from boardlift.destinations.interface import ArrowStream, Destination, Replace, StagedGroup, StagedRef
from boardlift.shape.table import Table, TableGroup


class Staging:
    """An open generation: rows may still be added. `seal()` ends that and yields the type that can be validated."""

    def __init__(
        self, destination: Destination, group: TableGroup, generation: int, replace: Replace = Replace.SWAP
    ) -> None:
        self._destination = destination
        self._group = group
        self._generation = generation
        self._replace = replace
        self._refs: dict[str, StagedRef] = {}
        self._rows: dict[str, int] = {}

    @property
    def wanted(self) -> list[tuple[str, int, Table]]:
        """The tables to be staged: group, generation, table."""
        return [(self._group.key, self._generation, table) for table in self._group.tables]

    def restart(self) -> None:
        """Begin with empty tables; what was staged before is dropped."""
        self.begin(self._destination.stage_all(self.wanted))

    def begin(self, refs: Sequence[StagedRef]) -> None:
        """These are the empty tables, in the order of `wanted`."""
        self._refs = {ref.table.name: ref for ref in refs}
        self._rows = dict.fromkeys(self._refs, 0)

    def ref(self, table: Table) -> StagedRef:
        """Where rows of one table of the group go."""
        return self._refs[table.name]

    def count(self, table: Table, rows: int) -> None:
        """Note that so many rows were added to one table of the group."""
        self._rows[table.name] += rows

    def append(self, table: Table, rows: ArrowStream) -> int:
        """Add rows to one table of the group; returns how many they were."""
        added = self._destination.append(self._refs[table.name], rows)
        self.count(table, added)
        return added

    def carry(self, table: Table, generation: int, without: Collection[int]) -> int:
        """Add the rows that a stored generation has in this table, but for these items; returns how many they were."""
        added = self._destination.copy(
            self._group.key, generation, table.name, self._refs[table.name], self._destination.namespace, without
        )
        self._rows[table.name] += added
        return added

    @property
    def filled(self) -> list[tuple[StagedRef, int]]:
        """The tables of the group, each with its rows so far."""
        return [(self._refs[table.name], self._rows[table.name]) for table in self._group.tables]

    @property
    def rows(self) -> int:
        """Rows of the main table so far."""
        return self._rows[self._group.main.name]

    def seal(self) -> StagedTables:
        """No row comes any more."""
        return StagedTables(
            group=self._group,
            staged=StagedGroup(
                group=self._group.key,
                generation=self._generation,
                tables=tuple(self.filled),
                replace=self._replace,
            ),
        )


def open_stagings(destination: Destination, groups: Sequence[tuple[TableGroup, int, Replace]]) -> dict[str, Staging]:
    """An empty generation of this number for each group, by its key; all of them in one go."""
    stagings = [Staging(destination, group, generation, replace) for group, generation, replace in groups]
    refs = iter(destination.stage_all([one for staging in stagings for one in staging.wanted]))
    for staging in stagings:
        staging.begin([next(refs) for _ in staging.wanted])
    return {group.key: staging for (group, _, _), staging in zip(groups, stagings, strict=True)}


def distribute(destination: Destination, into: Mapping[int, tuple[Staging, Table]], rows: ArrowStream) -> None:
    """Add rows to tables of several groups: the first column of the stream is the number of the table in `into`."""
    added = destination.distribute({n: staging.ref(table) for n, (staging, table) in into.items()}, rows)
    for number, (staging, table) in into.items():
        staging.count(table, added[number])


@dataclass(frozen=True)
class StagedTables:
    """A sealed, staged generation of one table group. It has not been checked and cannot be promoted."""

    group: TableGroup
    staged: StagedGroup

    @property
    def rows(self) -> int:
        return self.staged.tables[0][1]
