"""From a sealed window to typed rows. DuckDB reads the items' own bytes; no cell is touched in Python.

A window becomes one in-memory table: the board's typed columns, one list for each link table, and a flag that says
whether any cell of the row did not fit its type. From there rows leave as Arrow streams. Link rows, of which a window
has few, gather in tables of their own and leave in larger batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from boardlift.destinations.interface import ArrowStream
from boardlift.errors import BoardliftError
from boardlift.normalize.boards import BoardPlan, PlannedColumn
from boardlift.normalize.casting import misfit, reason, typed
from boardlift.normalize.columns.family import Cell
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TIMESTAMP
from boardlift.spool.window import Window

if TYPE_CHECKING:
    import duckdb

_FLUSH_ROWS = 30_000
_ROWS = Identifier("window_rows")
_FLAG = Identifier("boardlift misfit")  # a space keeps it apart from every portable name
_MISPLACED = Identifier("boardlift misplaced")


@dataclass(frozen=True)
class Rows:
    """Typed rows of one table on their way: an Arrow stream that is computed as it is taken."""

    table: Table
    stream: ArrowStream


@dataclass(frozen=True)
class _Batch:
    """Sealed windows of one board that become rows in one statement: planning it costs as much as a thousand rows."""

    windows: tuple[Window, ...]

    @property
    def has_nul(self) -> bool:
        return any(window.has_nul for window in self.windows)

    @property
    def largest_item(self) -> int:
        return max(window.largest_item for window in self.windows)

    @property
    def cell_order(self) -> tuple[str, ...]:
        return self.windows[0].cell_order


def open_engine(scratch: Path, *, threads: int = 1, memory: str = "224MB") -> duckdb.DuckDBPyConnection:
    """The in-process DuckDB that turns answers into rows. It spills to `scratch` rather than grow beyond `memory`.

    The limit counts what the engine reserves, several times what it touches. A second thread doubles both and gains
    nothing: the other processors are busy reading, and the destination has threads of its own.
    """
    import duckdb

    engine = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(scratch),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
        },
    )
    engine.execute("SET TimeZone = 'UTC'")
    return engine


class Normalizer:
    """Turns the windows of one board into rows. Not thread-safe; use one per board on a cursor of its own."""

    def __init__(self, plan: BoardPlan, engine: duckdb.DuckDBPyConnection) -> None:
        self._plan = plan
        self._engine = engine
        self._pending: dict[str, int] = {}
        self._prefix = f"b{plan.key}"
        self._searching = False
        self.quarantined = 0
        self.reset()

    def reset(self) -> None:
        """Forget all rows so far: the board is read again from its first page."""
        self.quarantined = 0
        for column in self._linked():
            self._empty(column.link_table)
        self._empty(self._plan.quarantine)

    def rows(self, *windows: Window) -> Iterator[Rows]:
        """The rows of these windows: always those of the main table, and link rows when enough have gathered.

        Each `Rows` must be consumed before the next is asked for. Raises BoardliftError if a window is unreadable.
        """
        batch = _Batch(windows)
        try:
            self._materialise(batch)
        except BoardliftError:
            if len(windows) == 1:
                raise
            for window in windows:
                yield from self.rows(window)
            return
        plan = self._plan
        names = COMMA.join(Identifier(column.name) for column in plan.group.main.columns)
        yield Rows(plan.group.main, self._stream(SQL("SELECT {} FROM {}").format(names, _ROWS)))
        for column in self._linked():
            yield from self._gather_links(column, batch)
        self._gather_misfits(batch)
        self._do(SQL("DROP TABLE {}").format(_ROWS))

    def finish(self) -> Iterator[Rows]:
        """What is left: link rows, labels, groups, quarantine."""
        for column in self._linked():
            if column.link_table is not None:
                yield from self._flush(column.link_table)
        if self._plan.labels is not None:
            yield self.constant(self._plan.labels, _label_rows(self._plan))
        yield self.constant(self._plan.groups, _group_rows(self._plan))
        yield from self._flush(self._plan.quarantine)

    # -- the window ------------------------------------------------------------------------------------------------

    def _materialise(self, batch: _Batch) -> None:
        self._fill_rows(batch)
        # Cells are taken by their place; an answer that keeps no order has each of its cells looked for.
        if not self._searching and self._count(SQL("SELECT count(*) FROM {} WHERE {}").format(_ROWS, _MISPLACED)):
            self._searching = True
            self._fill_rows(batch)

    def _fill_rows(self, batch: _Batch) -> None:
        import duckdb

        statement = SQL("CREATE OR REPLACE TEMP TABLE {} AS {}").format(_ROWS, self._typed_rows(batch))
        try:
            try:
                self._do(statement)
            except duckdb.OutOfMemoryException:
                if len(batch.windows) > 1:
                    raise
                # A very wide board. What is reserved is mostly not touched; better a larger limit than no table.
                self._do(SQL("SET memory_limit = '2GB'"))
                self._do(SQL("SET threads = 1"))
                self._do(statement)
        except duckdb.Error as error:
            raise self._unreadable(batch.windows[0], error) from error

    def _unreadable(self, window: Window, error: Exception) -> BoardliftError:
        board = self._plan.board
        return BoardliftError(
            f"Window {window.number} of board {board.id} ({board.name!r}) cannot be turned into rows: {error}. "
            "Production was not changed.",
            hint=f"the answers are kept in {window.path}; run `boardlift sync` again, and report the file if it recurs",
        )

    def _source(self, batch: _Batch) -> Composable:
        """One row for each item, cells as structs of text."""
        keys = {"id": False, "text": False}
        if self._plan.selection.value:
            keys["value"] = False
        for column in self._plan.columns:
            if column.family.asks_value or column.unknown:
                keys["value"] = False
            for cell_field in column.family.fields:
                keys[cell_field.key] = cell_field.is_list
        keys.setdefault("value", False)
        fields = COMMA.join(
            Identifier(key) + (SQL(" VARCHAR[]") if is_list else SQL(" VARCHAR")) for key, is_list in keys.items()
        )
        cells = Literal(f"STRUCT({fields})[]")
        return SQL(
            "read_json([{paths}], format = 'newline_delimited', compression = 'zstd', maximum_object_size = {size}, "
            "columns = {{'id': 'VARCHAR', 'name': 'VARCHAR', 'created_at': 'VARCHAR', 'updated_at': 'VARCHAR', "
            "'creator_id': 'VARCHAR', 'url': 'VARCHAR', 'group': 'STRUCT(id VARCHAR)', "
            "'parent_item': 'STRUCT(id VARCHAR)', 'column_values': {cells}}})"
        ).format(
            paths=COMMA.join(Literal(str(window.path)) for window in batch.windows),
            size=Literal(max(batch.largest_item * 2, 1_000_000)),
            cells=cells,
        )

    def _raw_rows(self, batch: _Batch) -> Composable:
        """Items with one text for each facet (`r0`, ...) and one list for each link table (`l0`, ...).

        A last column tells that a cell is not where the first item has it, so that the row is wrong.
        """
        clean = _without_nul if batch.has_nul else _as_is
        place = {column_id: number for number, column_id in enumerate(batch.cell_order, start=1)}
        structs, values, raws = [], [], []
        misplaced: list[Composable] = [SQL("false")]
        number = 0
        for column in self._plan.columns:
            name = Identifier(f"c{column.number}")
            at = None if self._searching else place.get(column.source.id)
            if at is None:
                struct = _find_cell(column.source.id)
            else:
                struct = SQL("column_values[{}]").format(Literal(at))
                misplaced.append(SQL("{}.id IS DISTINCT FROM {}").format(name, Literal(column.source.id)))
            structs.append(struct + SQL(" AS ") + name)
            value = _parsed(name) if self._has_value(column) else SQL("CAST(NULL AS JSON)")
            values.append(value + SQL(" AS ") + Identifier(f"v{column.number}"))
            cell = Cell(column.number)
            for planned in column.facets:
                raws.append(clean(planned.facet.raw(cell)) + SQL(" AS ") + Identifier(f"r{number}"))
                number += 1
            if column.links is not None:
                holder = Cell(self._number_of(column.links.through)) if column.links.through else cell
                raws.append(column.links.elements(holder) + SQL(" AS ") + Identifier(f"l{column.number}"))
        base = SQL('id, {} AS name, created_at, updated_at, creator_id, url, "group", parent_item').format(
            clean(SQL("name"))
        )
        keep = SQL('id, name, created_at, updated_at, creator_id, url, "group", parent_item')
        cells = SQL("SELECT {} FROM {}").format(COMMA.join([keep, *structs]), self._source(batch))
        parsed = SQL("SELECT *, {} FROM ({})").format(COMMA.join(values), cells) if values else cells
        raws.append(SQL(" OR ").join(misplaced) + SQL(" AS ") + _MISPLACED)
        return SQL("SELECT {} FROM ({})").format(COMMA.join([base, *raws]), parsed)

    def _has_value(self, column: PlannedColumn) -> bool:
        """Whether `value` is asked of the cells of this column: parsing what never comes costs time on every row."""
        asked = {value_type for value_type, fields in self._plan.selection.fragments if "value" in fields}
        return self._plan.selection.value or not asked.isdisjoint(column.family.value_types)

    def _typed_rows(self, batch: _Batch) -> Composable:
        selected = [
            _base(column, self._plan) + SQL(" AS ") + Identifier(column.name) for column in self._base_columns()
        ]
        flags = []
        for number, planned in enumerate(facet for column in self._plan.columns for facet in column.facets):
            raw = Identifier(f"r{number}")
            value = typed(raw, planned.column.type)
            selected.append(value + SQL(" AS ") + Identifier(planned.column.name))
            if (flag := misfit(raw, value, planned.column.type)) is not None:
                flags.append(flag)
        selected += [Identifier(f"l{column.number}") for column in self._linked()]
        any_flag = SQL(" OR ").join(flags) if flags else SQL("false")
        selected += [SQL("coalesce({}, false) AS {}").format(any_flag, _FLAG), _MISPLACED]
        return SQL("SELECT {} FROM ({})").format(COMMA.join(selected), self._raw_rows(batch))

    def _base_columns(self) -> Sequence[Column]:
        facets = sum(len(column.facets) for column in self._plan.columns)
        columns = self._plan.group.main.columns
        return columns[: len(columns) - facets]

    # -- links -----------------------------------------------------------------------------------------------------

    def _linked(self) -> list[PlannedColumn]:
        return [column for column in self._plan.columns if column.link_table is not None]

    def _number_of(self, column_id: str) -> int:
        return next(column.number for column in self._plan.columns if column.source.id == column_id)

    def _gather_links(self, column: PlannedColumn, batch: _Batch) -> Iterator[Rows]:
        if column.links is None or column.link_table is None:
            return
        clean = _without_nul if batch.has_nul else _as_is
        members = Identifier(f"l{column.number}")
        values = [
            typed(clean(link.raw(Identifier("e"))), link.type) + SQL(" AS ") + Identifier(link.name)
            for link in column.links.columns
        ]
        taken = SQL(
            "INSERT INTO {target} SELECT item_id, CAST(ordinal AS INTEGER), {values} FROM (SELECT item_id, "
            "unnest({members}) AS e, generate_subscripts({members}, 1) AS ordinal FROM {rows} WHERE len({members}) > 0)"
        ).format(target=self._local(column.link_table), values=COMMA.join(values), members=members, rows=_ROWS)
        table = column.link_table.name
        self._pending[table] = self._pending.get(table, 0) + self._count(taken)
        if self._pending[table] >= _FLUSH_ROWS:
            yield from self._flush(column.link_table)

    def _flush(self, table: Table) -> Iterator[Rows]:
        if not self._pending.get(table.name):
            return
        yield Rows(table, self._stream(SQL("SELECT * FROM {}").format(self._local(table))))
        self._empty(table)

    def _empty(self, table: Table | None) -> None:
        if table is None:
            return
        columns = COMMA.join(Identifier(c.name) + SQL(" ") + _local_type(c) for c in table.columns)
        self._do(SQL("CREATE OR REPLACE TEMP TABLE {} ({})").format(self._local(table), columns))
        self._pending[table.name] = 0

    def _local(self, table: Table) -> Composable:
        return Identifier(f"{self._prefix}_{table.name}")

    # -- misfits ---------------------------------------------------------------------------------------------------

    def _gather_misfits(self, batch: _Batch) -> None:
        """Ask again, cell by cell, only if the window has any: the usual window pays for one boolean a row."""
        if not self._count(SQL("SELECT count(*) FROM {} WHERE {}").format(_ROWS, _FLAG)):
            return
        cells = []
        number = 0
        for column in self._plan.columns:
            for planned in column.facets:
                raw = Identifier(f"r{number}")
                number += 1
                value = typed(raw, planned.column.type)
                flag = misfit(raw, value, planned.column.type)
                if flag is not None:
                    cells.append(
                        SQL(
                            "CASE WHEN {} THEN {{'column_id': {}, 'column_name': {}, 'value': {}, 'reason': {}}} END"
                        ).format(
                            flag,
                            Literal(column.source.id),
                            Literal(planned.column.name),
                            raw,
                            reason(value, planned.column.type),
                        )
                    )
        statement = SQL(
            "INSERT INTO {} SELECT item_id, m.column_id, m.column_name, m.value, m.reason FROM (SELECT TRY_CAST(id AS "
            "BIGINT) AS item_id, unnest([{}]) AS m FROM ({})) WHERE m IS NOT NULL"
        ).format(self._local(self._plan.quarantine), COMMA.join(cells), self._raw_rows(batch))
        rows = self._count(statement)
        self.quarantined += rows
        self._pending[self._plan.quarantine.name] += rows

    # -- small things ----------------------------------------------------------------------------------------------

    def _do(self, statement: Composable) -> list[tuple[object, ...]]:
        """Run a statement to its end: a connection with an unfinished result takes no other work."""
        rows: list[tuple[object, ...]] = self._engine.execute(str(statement)).fetchall()
        return rows

    def _count(self, statement: Composable) -> int:
        rows = self._do(statement)
        return int(str(rows[0][0])) if rows else 0

    def _stream(self, query: Composable) -> ArrowStream:
        relation: ArrowStream = self._engine.sql(str(query))
        return relation

    def constant(self, table: Table, rows: Sequence[tuple[object, ...]]) -> Rows:
        """Rows that come from elsewhere, such as labels and groups: a few dozen as a rule."""
        self._empty(table)
        marks = COMMA.join(SQL("?") for _ in table.columns)
        if rows:
            self._engine.executemany(
                str(SQL("INSERT INTO {} VALUES ({})").format(self._local(table), marks)), [list(row) for row in rows]
            )
        return Rows(table, self._stream(SQL("SELECT * FROM {}").format(self._local(table))))


def _parsed(cell: Composable) -> Composable:
    """`value` as JSON; if it is none for half a surrogate pair that stands alone in it, without such halves."""
    return SQL(
        """coalesce(TRY_CAST({0}."value" AS JSON), TRY_CAST(regexp_replace({0}."value", """
        """'(\\\\\\\\|\\\\u[dD][89abAB]..\\\\u[dD][c-fC-F]..)|\\\\u[dD][89a-fA-F]..', '\\1', 'g') AS JSON))"""
    ).format(cell)


def _find_cell(column_id: str) -> Composable:
    """The cell of a column, wherever the item has it; NULL if it has none."""
    return SQL("column_values[list_position(list_transform(column_values, lambda x: x.id), {})]").format(
        Literal(column_id)
    )


def _base(column: Column, plan: BoardPlan) -> Composable:
    if column.name == "group_title":
        groups = plan.board.groups
        if not groups:
            return SQL("CAST(NULL AS VARCHAR)")
        return SQL('map([{}], [{}])["group".id]').format(
            COMMA.join(Literal(group.id) for group in groups),
            COMMA.join(Literal(group.title.replace("\0", "")) for group in groups),
        )
    if column.name == "item_id":
        return SQL("TRY_CAST(id AS BIGINT)")
    if column.name == "group_id":
        return SQL('"group".id')
    if column.name == "parent_item_id":
        return SQL("TRY_CAST(parent_item.id AS BIGINT)")
    if column.type in (BIGINT, TIMESTAMP):
        return typed(Identifier(column.name), column.type)
    return Identifier(column.name)


def _local_type(column: Column) -> Composable:
    if str(column.type).startswith("decimal"):
        return SQL("DECIMAL({}, {})").format(Literal(column.type.precision), Literal(column.type.scale))
    return _LOCAL_TYPES[str(column.type)]


_LOCAL_TYPES: dict[str, Composable] = {
    "text": SQL("VARCHAR"),
    "json": SQL("VARCHAR"),
    "integer": SQL("INTEGER"),
    "bigint": SQL("BIGINT"),
    "double": SQL("DOUBLE"),
    "boolean": SQL("BOOLEAN"),
    "date": SQL("DATE"),
    "time": SQL("TIME"),
    "timestamp": SQL("TIMESTAMPTZ"),
}


def _as_is(raw: Composable) -> Composable:
    return raw


def _without_nul(raw: Composable) -> Composable:
    """PostgreSQL and SQL itself have no U+0000; it carries no meaning in a text."""
    return SQL("replace({}, chr(0), '')").format(raw)


def _label_rows(plan: BoardPlan) -> list[tuple[object, ...]]:
    rows: dict[tuple[str, int], tuple[object, ...]] = {}
    for column in plan.columns:
        for label in column.family.labels(column.source.settings):
            rows[column.source.id, label.id] = (
                column.source.id,
                column.facets[0].column.name,
                label.id,
                label.text.replace("\0", ""),
                label.position,
                label.color,
                label.is_done,
                label.is_deactivated,
            )
    return list(rows.values())


def _group_rows(plan: BoardPlan) -> list[tuple[object, ...]]:
    return [
        (group.id, group.title.replace("\0", ""), group.color, _position(group.position), group.archived)
        for group in {group.id: group for group in plan.board.groups}.values()
    ]


def _position(text: str) -> float | None:
    """Group positions are decimal numbers in strings (recorded answers)."""
    try:
        return float(text)
    except ValueError:
        return None
