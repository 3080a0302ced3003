"""Filled tables in DuckDB get their key, NOT NULL, indexes and labels, many in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from boardlift.destinations.duckdb.ddl import DECLARED_ROWS, seal_statements
from boardlift.destinations.duckdb.session import Session
from boardlift.errors import DestinationError
from boardlift.shape.sql import Composable
from boardlift.shape.table import Table


@dataclass(frozen=True)
class Filled:
    """A table of the hidden schema that no row comes to any more, and how many it has."""

    hidden_name: str
    table: Table
    rows: int


class Seals:
    """What sealing needs of one database and its hidden schema. `done` are the tables it gave their keys."""

    def __init__(self, session: Session, hidden: str) -> None:
        self._session = session
        self._hidden = hidden
        self.done: set[str] = set()

    def forget(self, hidden_names: Collection[str]) -> None:
        """Tables of these names are made anew."""
        self.done.difference_update(hidden_names)

    def seal(self, tables: Sequence[Filled]) -> None:
        """Seal tables that nobody reads yet."""
        together = self._together
        for weight, some in self._batches(tables, together):
            statements = [each for filled in some for each in self._statements(filled)]
            # A large table by itself: each of its keys is written to the file before the next one is made.
            steps = [[each] for each in statements] if weight > together else [statements]
            for step in steps:
                with self._session.transaction(f"give {some[0].table.name} its key and indexes") as run:
                    for statement in step:
                        run(statement)
                self._session.relieve(weight)
            self.done.update(filled.hidden_name for filled in some if filled.rows <= DECLARED_ROWS)

    def seal_ahead(self, tables: Sequence[Filled]) -> None:
        """Seal small tables before they were checked, as there is time. What cannot be sealed stays as it is: either
        the checks find out why, or the promotion does."""
        unsealed = [filled for filled in tables if filled.hidden_name not in self.done]
        # One without a declared key has yet to be counted.
        small = [f for f in unsealed if self._weight(f) <= self._together and f.rows <= DECLARED_ROWS]
        try:
            self.seal(small)
        except DestinationError:
            return

    @property
    def _together(self) -> int:
        return max(1, self._session.unwritten // 2)

    def _statements(self, filled: Filled) -> list[Composable]:
        place = self._session.at(self._hidden, filled.hidden_name)
        return seal_statements(place, filled.hidden_name, filled.table, filled.rows)

    def _weight(self, filled: Filled) -> int:
        """What a table's keys and indexes hold in memory until they are written."""
        return (1 + len(filled.table.indexes)) * (1 + filled.rows // self._session.rows_like_a_table)

    def _batches(self, tables: Sequence[Filled], together: int) -> Iterator[tuple[int, list[Filled]]]:
        """Tables to be sealed together, with their weight."""
        some: list[Filled] = []
        total = 0
        for filled in tables:
            weight = self._weight(filled)
            if some and total + weight > together:
                yield total, some
                some, total = [], 0
            some.append(filled)
            total += weight
        if some:
            yield total, some
