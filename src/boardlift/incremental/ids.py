"""The ids of a board beside those of its live table, compared in DuckDB, so that a million of each fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from boardlift.destinations.interface import Destination
from boardlift.errors import BoardliftError
from boardlift.incremental.live import extent, states_between
from boardlift.normalize.items import open_engine
from boardlift.shape.sql import COMMA, SQL, Identifier, Literal
from boardlift.spool.window import Window

if TYPE_CHECKING:
    import duckdb

_AT_ONCE = 50_000
_WINDOWS_AT_ONCE = 100


class Ids:
    """`there`: the items of some windows, what monday has. `here`: the items of a live table."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine
        for name in ("there", "here"):
            engine.execute(f"CREATE TABLE {name} (item_id BIGINT, changed_at BIGINT, group_id VARCHAR)")

    def take_windows(self, windows: Sequence[Window], side: str = "there") -> None:
        """Add the items of these windows to one side. Raises BoardliftError for one that cannot be read."""
        import duckdb

        for start in range(0, len(windows), _WINDOWS_AT_ONCE):
            part = windows[start : start + _WINDOWS_AT_ONCE]
            statement = SQL(
                "INSERT INTO {side} SELECT TRY_CAST(id AS BIGINT), CAST(epoch(TRY_CAST(updated_at AS TIMESTAMPTZ)) AS"
                " BIGINT), \"group\".id FROM read_json([{paths}], format = 'newline_delimited', compression = 'zstd',"
                " maximum_object_size = {size}, columns = {{'id': 'VARCHAR', 'updated_at': 'VARCHAR',"
                " 'group': 'STRUCT(id VARCHAR)'}})"
            ).format(
                side=Identifier(side),
                paths=COMMA.join(Literal(str(window.path)) for window in part),
                size=Literal(max(1_000_000, *(2 * window.largest_item for window in part))),
            )
            try:
                self._engine.execute(statement.text)
            except duckdb.Error as error:
                raise BoardliftError(
                    f"What was read of board {part[0].board_id} cannot be compared with its table: {error}.",
                    hint="run the command again; with `--full` nothing has to be compared",
                ) from error

    def take_live(self, destination: Destination, table: str) -> None:
        """Add the items of a live table, range by range: those of monday's ids tell where the ranges end."""
        cuts = self._engine.execute(
            "SELECT item_id FROM (SELECT item_id, row_number() OVER (ORDER BY item_id) AS n FROM there)"
            f" WHERE n % {_AT_ONCE} = 0 ORDER BY 1"
        ).fetchall()
        for least, below in pairwise([None, *(int(cut) for (cut,) in cuts), None]):
            self._take_range(destination, table, least, below)

    def _take_range(self, destination: Destination, table: str, least: int | None, below: int | None) -> None:
        """Add a range; one of many items that monday does not have any more, in halves."""
        count, first, last = extent(destination, table, least, below)
        if count > 2 * _AT_ONCE and first < last:
            middle = (first + last) // 2 + 1
            self._take_range(destination, table, least, middle)
            self._take_range(destination, table, middle, below)
            return
        rows = states_between(destination, table, least, below) if count else []
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            statement = "INSERT INTO here SELECT unnest($1::BIGINT[]), unnest($2::BIGINT[]), unnest($3::VARCHAR[])"
            self._engine.execute(statement, columns)

    @property
    def count(self) -> int:
        """How many different items monday has."""
        return self._numbers("SELECT count(DISTINCT item_id) FROM there")[0]

    @property
    def live_count(self) -> int:
        """How many different items the other side has."""
        return self._numbers("SELECT count(DISTINCT item_id) FROM here")[0]

    def vanished(self) -> list[int]:
        """The items of the table that monday did not give."""
        return self._numbers("SELECT item_id FROM here ANTI JOIN there USING (item_id)")

    def appeared(self) -> list[int]:
        """The items that monday gave and the table lacks."""
        return self._numbers("SELECT DISTINCT item_id FROM there ANTI JOIN here USING (item_id)")

    def changed(self) -> list[int]:
        """The items of both whose time of change or group differs."""
        return self._numbers(
            "SELECT DISTINCT item_id FROM there JOIN here USING (item_id)"
            " WHERE there.changed_at IS DISTINCT FROM here.changed_at OR there.group_id IS DISTINCT FROM here.group_id"
        )

    def present(self, items: Collection[int]) -> list[int]:
        """Those of these items that monday gave."""
        return self._among("there", items)

    def known(self, items: Collection[int]) -> list[int]:
        """Those of these items that the other side has."""
        return self._among("here", items)

    def _among(self, side: str, items: Collection[int]) -> list[int]:
        wanted = SQL("(SELECT unnest($1::BIGINT[]) AS item_id) AS wanted")
        statement = SQL("SELECT DISTINCT item_id FROM {} SEMI JOIN {} USING (item_id)").format(Identifier(side), wanted)
        return self._numbers(statement.text, [list(items)])

    def _numbers(self, statement: str, values: Sequence[object] = ()) -> list[int]:
        rows: list[tuple[int]] = self._engine.execute(statement, list(values)).fetchall()
        return [number for (number,) in rows if number is not None]


@contextmanager
def comparing(scratch: Path, windows: Sequence[Window], destination: Destination, table: str) -> Iterator[Ids]:
    """The items of these windows beside those of a live table."""
    engine = open_engine(scratch)
    try:
        ids = Ids(engine)
        ids.take_windows(windows)
        ids.take_live(destination, table)
        yield ids
    finally:
        engine.close()
