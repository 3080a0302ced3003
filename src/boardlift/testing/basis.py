"""What every part of the conformance suite builds on: the fixtures an engine gives, and a few looks at live tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from boardlift.destinations.interface import Destination, State
from boardlift.testing.samples import Outside, Reader


class Basis:
    """Fixtures and helpers. The docstring of `boardlift.testing.conformance` says what an engine has to give."""

    labels_sql: str  # with a {table} place: the (column, label) pairs of a live table that have a label
    indexes_sql: str  # with a {table} place: (index, position, column, unique) of each index column of a live table

    @pytest.fixture
    def ready(self, destination: Destination) -> Iterator[Destination]:
        destination.prepare()
        yield destination
        destination.close()

    @pytest.fixture
    def reader(self, outside: Outside) -> Reader:
        """One connection for each question, unless the engine has a better way."""
        return lambda: nullcontext(outside)

    def names(self, destination: Destination, table: str = "planning") -> list[object]:
        _, rows = destination.query(f"SELECT name FROM {destination.address(table)} ORDER BY 1")
        return [row[0] for row in rows]

    def live(self, destination: Destination, group: str = "1") -> int:
        (found,) = [g for g in destination.generations(group) if g.state is State.LIVE]
        return found.number
