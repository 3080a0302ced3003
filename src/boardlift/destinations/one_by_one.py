"""What a destination is asked for many tables, done table by table: for engines where more at once wins nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from boardlift.destinations.interface import (
    ArrowStream,
    Destination,
    Replace,
    Replacement,
    StagedRef,
    TableFacts,
)
from boardlift.shape.sql import SQL, Identifier, Literal
from boardlift.shape.table import Table

_MIXED = Identifier("mixed")


class OneByOne:
    """The methods of `Destination` for many tables, by those for one."""

    def stage_all(self: Destination, wanted: Sequence[tuple[str, int, Table]]) -> list[StagedRef]:
        return [self.stage(*one) for one in wanted]

    def distribute(self: Destination, staged: Mapping[int, StagedRef], rows: ArrowStream) -> dict[int, int]:
        added = {}
        # DuckDB takes the stream apart; no cell is touched in Python.
        with duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False}) as splitter:
            splitter.execute("SET TimeZone = 'UTC'")
            splitter.register("stream", rows.__arrow_c_stream__())
            splitter.execute("CREATE TABLE mixed AS FROM stream")
            which = Identifier(str(splitter.sql("FROM mixed LIMIT 0").columns[0]))
            part = SQL("SELECT * EXCLUDE ({which}) FROM {mixed} WHERE {which} = {number}")
            for number, ref in staged.items():
                own = part.format(which=which, mixed=_MIXED, number=Literal(number))
                added[number] = self.append(ref, splitter.sql(own.text))
        return added

    def complete(self: Destination, staged: Sequence[tuple[StagedRef, int]]) -> None:
        """Nothing is done ahead."""
        del staged

    def measure_all(self: Destination, staged: Sequence[StagedRef]) -> list[TableFacts]:
        return [self.measure(ref) for ref in staged]

    def tied_tables(self: Destination) -> list[tuple[str, str]]:
        return []

    def replacements_all(
        self: Destination, groups: Sequence[tuple[str, Sequence[Table], Replace]]
    ) -> list[list[Replacement]]:
        return [self.replacements(*group) for group in groups]
