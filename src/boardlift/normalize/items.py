"""From sealed windows to typed rows. DuckDB reads the items' own bytes; no cell is touched in Python.

Windows become one in-memory table: the board's typed columns, one list for each link table, and a flag that says
whether any cell of the row did not fit its type. From there rows leave as Arrow streams. Link rows, of which a window
has few, gather in tables of their own and leave in larger batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from boardlift.errors import BoardliftError
from boardlift.monday.isolate import Unreadable
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.engine import Engine, open_engine
from boardlift.normalize.gather import Gathering, Rows
from boardlift.normalize.links import link_rows
from boardlift.normalize.metadata import group_rows, label_rows
from boardlift.normalize.misfits import misfit_rows
from boardlift.normalize.select import FLAG, MISPLACED, Batch, WindowSelect
from boardlift.shape.sql import COMMA, SQL, Identifier
from boardlift.shape.table import Table
from boardlift.spool.window import Window

if TYPE_CHECKING:
    import duckdb

__all__ = ["Normalizer", "Rows", "open_engine"]

ROWS = Identifier("window_rows")


class Normalizer:
    """Turns the windows of one board into rows. Not thread-safe; use one per board on a cursor of its own."""

    def __init__(self, plan: BoardPlan, engine: duckdb.DuckDBPyConnection) -> None:
        self._plan = plan
        self._engine = Engine(engine)
        self._gathering = Gathering(self._engine, f"b{plan.key}")
        self.select = WindowSelect(plan)
        self.linked = [(column, column.link_table) for column in plan.columns if column.link_table is not None]
        self.quarantined = 0
        self.reset()

    def reset(self) -> None:
        """Forget all rows so far: the board is read again from its first page."""
        self.quarantined = 0
        self._gathering.forget()

    def rows(self, *windows: Window) -> Iterator[Rows]:
        """The rows of these windows: always those of the main table, and link rows when enough have gathered.

        Each `Rows` must be consumed before the next is asked for. Raises BoardliftError if a window is unreadable.
        """
        batch = Batch(windows)
        try:
            self._materialise(batch)
        except BoardliftError:
            if len(windows) == 1:
                raise
            for window in windows:
                yield from self.rows(window)
            return
        main = self._plan.group.main
        names = COMMA.join(Identifier(column.name) for column in main.columns)
        yield Rows(main, self._engine.stream(SQL("SELECT {} FROM {}").format(names, ROWS)))
        for column, table in self.linked:
            self._gathering.add(table, link_rows(column, ROWS, batch))
            if self._gathering.enough(table):
                yield from self._gathering.flush(table)
        if self._flagged(FLAG):
            self.gather_misfits(batch)
        self._engine.do(SQL("DROP TABLE {}").format(ROWS))
        self._engine.give_back()

    def set_apart(self, cells: Sequence[Unreadable]) -> None:
        """Put cells that monday does not give into quarantine; in their items they are empty."""
        names = {column.source.id: column.facets[0].column.name for column in self._plan.columns if column.facets}
        rows = [(cell.item, cell.column, names.get(cell.column), None, cell.reason) for cell in cells]
        if rows:
            self.quarantined += self._gathering.insert(self._plan.quarantine, rows)

    def gather_misfits(self, batch: Batch) -> None:
        """Keep the values of this board's windows that did not fit."""
        misfits = misfit_rows(self._plan, self.select.raw_rows(batch))
        self.quarantined += self._gathering.add(self._plan.quarantine, misfits)

    def constant(self, table: Table, rows: Sequence[tuple[object, ...]]) -> Rows:
        """A few rows made here, such as tombstones, for one table of the board."""
        return self._gathering.constant(table, rows)

    def finish(self) -> Iterator[Rows]:
        """What is left: link rows, labels, groups, quarantine."""
        yield from self.gathered_links()
        if self._plan.labels is not None:
            yield self._gathering.constant(self._plan.labels, label_rows(self._plan))
        yield self._gathering.constant(self._plan.groups, group_rows(self._plan))
        yield from self.gathered_misfits()

    def gathered_links(self) -> Iterator[Rows]:
        """The link rows that have not left yet."""
        for _, table in self.linked:
            yield from self._gathering.flush(table)

    def gathered_misfits(self) -> Iterator[Rows]:
        """The values for quarantine that have not left yet."""
        yield from self._gathering.flush(self._plan.quarantine)

    def _materialise(self, batch: Batch) -> None:
        self.fill(batch)
        # Cells are taken by their place; an answer that keeps no order has each of its cells looked for.
        if not self.select.searching and self._flagged(MISPLACED):
            self.select.searching = True
            self.fill(batch)

    def fill(self, batch: Batch) -> None:
        """Make the table of typed rows of these windows. Raises BoardliftError if one is unreadable."""
        import duckdb

        statement = SQL("CREATE OR REPLACE TEMP TABLE {} AS {}").format(ROWS, self.select.typed_rows(batch))
        try:
            try:
                self._engine.do(statement)
            except duckdb.OutOfMemoryException:
                if len(batch.windows) > 1:
                    raise
                # A very wide board. What is reserved is mostly not touched; better a larger limit than no table.
                self._engine.widen()
                self._engine.do(statement)
        except duckdb.Error as error:
            raise self._unreadable(batch.windows[0], error) from error

    def _flagged(self, flag: Identifier) -> bool:
        return bool(self._engine.count(SQL("SELECT count(*) FROM {} WHERE {}").format(ROWS, flag)))

    def _unreadable(self, window: Window, error: Exception) -> BoardliftError:
        board = self._plan.board
        return BoardliftError(
            f"Window {window.number} of board {board.id} ({board.name!r}) cannot be turned into rows: {error}. "
            "Production was not changed.",
            hint=f"the answers are kept in {window.path}; run `boardlift sync` again, and report the file if it recurs",
        )
