"""Small boards that are alike become rows together: planning a wide statement takes longer than reading fifty items.

Alike are boards for which the very same statement is right: the same kinds of columns in the same order, under the same
names and types, whatever their ids. Copies of a template are. What stands alone takes the way of a large board.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from boardlift.destinations.interface import ArrowStream
from boardlift.errors import BoardliftError
from boardlift.normalize.boards import BoardPlan, PlannedColumn
from boardlift.normalize.engine import Engine
from boardlift.normalize.gather import Rows, local_type
from boardlift.normalize.items import ROWS, Normalizer
from boardlift.normalize.links import link_rows
from boardlift.normalize.metadata import group_rows, label_rows
from boardlift.normalize.select import FLAG, MISPLACED, WHICH, Batch
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table
from boardlift.spool.window import Window

if TYPE_CHECKING:
    import duckdb

_GATHERED = Identifier("rows of many boards")


@dataclass(frozen=True)
class SmallBoard:
    """A board that was read to its end, and all its windows."""

    plan: BoardPlan
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class BoardRows:
    """Rows of one table of one board."""

    board_id: str
    rows: Rows


@dataclass(frozen=True)
class MixedRows:
    """Rows of tables that look the same, of several boards: the first column (INTEGER) tells whose a row is.

    `tables` gives (board id, table) by that number.
    """

    tables: Mapping[int, tuple[str, Table]]
    stream: ArrowStream


class ManyBoards:
    """Turns small boards into rows, alike ones together. Not thread-safe, like the normalizers that it uses."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, normalizers: Mapping[str, Normalizer]) -> None:
        self._engine = Engine(engine)
        self._normalizers = normalizers

    def rows(self, boards: Sequence[SmallBoard]) -> Iterator[BoardRows | MixedRows]:
        """All rows of these boards, to the last. Each of them must be consumed before the next is asked for.

        Raises BoardliftError if a window is unreadable.
        """
        alike: dict[str, list[SmallBoard]] = {}
        for board in boards:
            if board.windows:
                alike.setdefault(self._likeness(board), []).append(board)
        for some in alike.values():
            yield from self._together(some)
        plans = [board.plan for board in boards]
        labelled = [(plan.key, plan.labels, label_rows(plan)) for plan in plans if plan.labels is not None]
        yield from self._constants(labelled)
        yield from self._constants([(plan.key, plan.groups, group_rows(plan)) for plan in plans])
        for plan in plans:
            for rows in self._normalizers[plan.key].gathered_misfits():
                yield BoardRows(plan.key, rows)

    def _likeness(self, board: SmallBoard) -> str:
        """The statements for a board without what is its own, and the types of its tables."""
        plan, normalizer = board.plan, self._normalizers[board.plan.key]
        bare = replace(plan, board=msgspec.structs.replace(plan.board, groups=()), columns=())
        window = replace(board.windows[0], path=Path("-"), largest_item=0, has_nul=False)
        batch = Batch((window,), (bare,))
        tables = (plan.group.main, *(table for _, table in normalizer.linked))
        shapes = [f"{column.name} {column.type}" for table in tables for column in table.columns]
        orders = {window.cell_order for window in board.windows}
        return "\n".join(
            [normalizer.select.typed_rows(batch).text, *shapes, *(plan.key for _ in range(len(orders) - 1))]
        )

    def _together(self, boards: Sequence[SmallBoard]) -> Iterator[BoardRows | MixedRows]:
        """The rows of boards that are alike, but for labels, groups and quarantine."""
        if len(boards) == 1:
            yield from self._apart(boards[0])
            return
        lead = self._normalizers[boards[0].plan.key]
        plans = tuple(board.plan for board in boards for _ in board.windows)
        batch = Batch(tuple(window for board in boards for window in board.windows), plans)
        try:
            lead.fill(batch)
            astray = bool(self._engine.do(SQL("SELECT 1 FROM {} WHERE {} LIMIT 1").format(ROWS, MISPLACED)))
        except BoardliftError:
            astray = True  # one of them is at fault; alone it will be named
        if astray:
            for board in boards:
                yield from self._apart(board)
            return
        names = COMMA.join(Identifier(column.name) for column in boards[0].plan.group.main.columns)
        yield self._mixed([plan.group.main for plan in plans], plans, SQL("{}, {}").format(WHICH, names), ROWS)
        for linked in zip(*(self._normalizers[plan.key].linked for plan in plans), strict=True):
            self._link([column for column, _ in linked], batch)
            mixed = self._mixed([table for _, table in linked], plans, SQL("*"), _GATHERED)
            if mixed.tables:
                yield mixed
            self._engine.do(SQL("DROP TABLE {}").format(_GATHERED))
        misfits = SQL("SELECT DISTINCT {} FROM {} WHERE {}").format(WHICH, ROWS, FLAG)
        for key in {plans[int(str(which))].key: None for (which,) in self._engine.do(misfits)}:
            mine = tuple(window for board in boards if board.plan.key == key for window in board.windows)
            self._normalizers[key].gather_misfits(Batch(mine))
        self._engine.do(SQL("DROP TABLE {}").format(ROWS))
        self._engine.give_back()

    def _link(self, columns: Sequence[PlannedColumn], batch: Batch) -> None:
        """Gather the rows of one link table of each board; `columns` are by window. Labels may be each board's own."""
        statements: dict[str, list[int]] = {}
        for number, column in enumerate(columns):
            statements.setdefault(link_rows(column, ROWS, batch).text, []).append(number)
        begin = SQL("CREATE OR REPLACE TEMP TABLE {} AS SELECT * FROM ({}) WHERE {} IN ({})")
        for numbers in statements.values():
            query = link_rows(columns[numbers[0]], ROWS, batch)
            wanted = COMMA.join(Literal(number) for number in numbers)
            self._engine.do(begin.format(_GATHERED, query, WHICH, wanted))
            begin = SQL("INSERT INTO {} SELECT * FROM ({}) WHERE {} IN ({})")

    def _mixed(
        self, tables: Sequence[Table], plans: Sequence[BoardPlan], columns: Composable, source: Composable
    ) -> MixedRows:
        present = self._engine.do(SQL("SELECT DISTINCT {} FROM {} ORDER BY 1").format(WHICH, source))
        numbers = [int(str(number)) for (number,) in present]
        query = SQL("SELECT {} FROM {}").format(columns, source)
        return MixedRows({n: (plans[n].key, tables[n]) for n in numbers}, self._engine.stream(query))

    def _apart(self, board: SmallBoard) -> Iterator[BoardRows]:
        normalizer = self._normalizers[board.plan.key]
        for rows in chain(normalizer.rows(*board.windows), normalizer.gathered_links()):
            yield BoardRows(board.plan.key, rows)

    def _constants(self, given: Sequence[tuple[str, Table, list[tuple[object, ...]]]]) -> Iterator[MixedRows]:
        """Rows of metadata, labels or groups, of all boards in one statement."""
        rows = [(number, *row) for number, (_, _, mine) in enumerate(given) for row in mine]
        if not rows:
            return
        kinds = [SQL("INTEGER"), *(local_type(column) for column in given[0][1].columns)]
        names = [WHICH, *(Identifier(column.name) for column in given[0][1].columns)]
        lists = COMMA.join(
            SQL("unnest(CAST(? AS {}[])) AS {}").format(kind, name) for kind, name in zip(kinds, names, strict=True)
        )
        statement = SQL("CREATE OR REPLACE TEMP TABLE {} AS SELECT {}").format(_GATHERED, lists)
        self._engine.do(statement, [list(column) for column in zip(*rows, strict=True)])
        tables = {number: (key, table) for number, (key, table, mine) in enumerate(given) if mine}
        yield MixedRows(tables, self._engine.stream(SQL("SELECT * FROM {}").format(_GATHERED)))
        self._engine.do(SQL("DROP TABLE {}").format(_GATHERED))
