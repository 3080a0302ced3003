"""The statement that reads sealed windows: from an item's JSON to typed columns, put together once for a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from boardlift.normalize.boards import BoardPlan, PlannedColumn, PlannedFacet
from boardlift.normalize.casting import misfit, typed
from boardlift.normalize.columns.family import Cell
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Column
from boardlift.shape.types import BIGINT, TIMESTAMP
from boardlift.spool.window import Window

FLAG = Identifier("boardlift misfit")  # a space keeps it apart from every portable name
MISPLACED = Identifier("boardlift misplaced")
WHICH = Identifier("boardlift window")

CleanText: TypeAlias = Callable[[Composable], Composable]


@dataclass(frozen=True)
class Batch:
    """Sealed windows that become rows in one statement: planning it costs as much as a thousand rows.

    They are of one board, or of several that are alike: then `boards` has each window's board, and every row has the
    number of its window in a first column.
    """

    windows: tuple[Window, ...]
    boards: tuple[BoardPlan, ...] = ()

    @property
    def has_nul(self) -> bool:
        return any(window.has_nul for window in self.windows)

    @property
    def largest_item(self) -> int:
        return max(window.largest_item for window in self.windows)

    @property
    def cell_order(self) -> tuple[str, ...]:
        return self.windows[0].cell_order

    @property
    def clean(self) -> CleanText:
        """What is done to every text."""
        return _without_nul if self.has_nul else _as_is


def numbered_facets(plan: BoardPlan) -> Iterator[tuple[Composable, PlannedColumn, PlannedFacet]]:
    """Every SQL column that comes from a cell, with the name of its raw text in `WindowSelect.raw_rows`."""
    facets = ((column, planned) for column in plan.columns for planned in column.facets)
    for number, (column, planned) in enumerate(facets):
        yield Identifier(f"r{number}"), column, planned


def list_name(column: PlannedColumn) -> Composable:
    """Where a row holds the members of a column with links."""
    return Identifier(f"l{column.number}")


class WindowSelect:
    """The SELECTs over the windows of one board.

    `searching` tells that cells are looked for by their column's id; before, they are taken by their place.
    """

    def __init__(self, plan: BoardPlan) -> None:
        self._plan = plan
        self.searching = False

    def typed_rows(self, batch: Batch) -> Composable:
        """The main table's columns, a list for each link table, and the two flags."""
        titles = _group_titles(batch, self._plan)
        selected: list[Composable] = [WHICH] if batch.boards else []
        selected += [_base(column, titles) + SQL(" AS ") + Identifier(column.name) for column in self._base_columns()]
        flags = []
        for raw, _, planned in numbered_facets(self._plan):
            value = typed(raw, planned.column.type)
            selected.append(value + SQL(" AS ") + Identifier(planned.column.name))
            if (flag := misfit(raw, value, planned.column.type)) is not None:
                flags.append(flag)
        selected += [list_name(column) for column in self._plan.columns if column.link_table is not None]
        any_flag = SQL(" OR ").join(flags) if flags else SQL("false")
        selected += [SQL("coalesce({}, false) AS {}").format(any_flag, FLAG), MISPLACED]
        return SQL("SELECT {} FROM ({})").format(COMMA.join(selected), self.raw_rows(batch))

    def raw_rows(self, batch: Batch) -> Composable:
        """Items with one text for each facet (`r0`, ...) and one list for each link table (`l0`, ...).

        A last column tells that a cell is not where the first item has it, so that the row is wrong.
        """
        clean = batch.clean
        place = {column_id: number for number, column_id in enumerate(batch.cell_order, start=1)}
        structs, values, raws = [], [], []
        misplaced: list[tuple[Composable, str]] = []
        for column in self._plan.columns:
            name = Identifier(f"c{column.number}")
            at = None if self.searching else place.get(column.source.id)
            if at is None:
                struct = _find_cell(column.source.id)
            else:
                struct = SQL("column_values[{}]").format(Literal(at))
                misplaced.append((name, column.source.id))
            structs.append(struct + SQL(" AS ") + name)
            value = _parsed(name) if self._has_value(column) else SQL("CAST(NULL AS JSON)")
            values.append(value + SQL(" AS ") + Identifier(f"v{column.number}"))
            cell = Cell(column.number)
            if column.links is not None:
                holder = Cell(self._number_of(column.links.through)) if column.links.through else cell
                raws.append(column.links.elements(holder) + SQL(" AS ") + list_name(column))
        for raw, column, planned in numbered_facets(self._plan):
            raws.append(clean(planned.facet.raw(Cell(column.number))) + SQL(" AS ") + raw)
        base: Composable = SQL('id, {} AS name, created_at, updated_at, creator_id, url, "group", parent_item').format(
            clean(SQL("name"))
        )
        keep: Composable = SQL('id, name, created_at, updated_at, creator_id, url, "group", parent_item')
        if batch.boards:
            paths = COMMA.join(Literal(str(window.path)) for window in batch.windows)
            which = SQL("CAST(list_position([{}], filename) - 1 AS INTEGER) AS {}").format(paths, WHICH)
            keep, base = which + SQL(", ") + keep, WHICH + SQL(", ") + base
        cells = SQL("SELECT {} FROM {}").format(COMMA.join([keep, *structs]), self._source(batch))
        parsed = SQL("SELECT *, {} FROM ({})").format(COMMA.join(values), cells) if values else cells
        raws.append(_misplaced(misplaced, batch) + SQL(" AS ") + MISPLACED)
        return SQL("SELECT {} FROM ({})").format(COMMA.join([base, *raws]), parsed)

    def _source(self, batch: Batch) -> Composable:
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
            "'parent_item': 'STRUCT(id VARCHAR)', 'column_values': {cells}}}{named})"
        ).format(
            named=SQL(", filename = true") if batch.boards else SQL(""),
            paths=COMMA.join(Literal(str(window.path)) for window in batch.windows),
            size=Literal(max(batch.largest_item * 2, 1_000_000)),
            cells=cells,
        )

    def _has_value(self, column: PlannedColumn) -> bool:
        """Whether `value` is asked of the cells of this column: parsing what never comes costs time on every row."""
        asked = {value_type for value_type, fields in self._plan.selection.fragments if "value" in fields}
        return self._plan.selection.value or not asked.isdisjoint(column.family.value_types)

    def _base_columns(self) -> Sequence[Column]:
        facets = sum(len(column.facets) for column in self._plan.columns)
        columns = self._plan.group.main.columns
        return columns[: len(columns) - facets]

    def _number_of(self, column_id: str) -> int:
        return next(column.number for column in self._plan.columns if column.source.id == column_id)


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


def _misplaced(cells: Sequence[tuple[Composable, str]], batch: Batch) -> Composable:
    """Whether one of these cells, taken by their place, is not of the column of this id."""
    if not cells:
        return SQL("false")
    if not batch.boards:
        return SQL(" OR ").join(SQL("{}.id IS DISTINCT FROM {}").format(name, Literal(own)) for name, own in cells)
    # The columns of boards that are alike have ids of their own.
    there = SQL("concat_ws(',', {})").format(COMMA.join(name + SQL(".id") for name, _ in cells))
    ids = [",".join(column.source.id for column in board.columns) for board in batch.boards]
    return SQL("{} IS DISTINCT FROM ([{}])[{} + 1]").format(there, COMMA.join(Literal(each) for each in ids), WHICH)


def _group_titles(batch: Batch, plan: BoardPlan) -> Composable:
    """The title of a row's group, from the board's list of groups."""
    if batch.boards:
        numbered = [(f"{n}:{g.id}", g.title) for n, each in enumerate(batch.boards) for g in each.board.groups]
        key = WHICH + SQL(""" || ':' || "group".id""")
    else:
        numbered = [(group.id, group.title) for group in plan.board.groups]
        key = SQL('"group".id')
    if not numbered:
        return SQL("CAST(NULL AS VARCHAR)")
    return SQL("map([{}], [{}])[{}]").format(
        COMMA.join(Literal(name) for name, _ in numbered),
        COMMA.join(Literal(title.replace("\0", "")) for _, title in numbered),
        key,
    )


def _base(column: Column, group_titles: Composable) -> Composable:
    if column.name == "group_title":
        return group_titles
    if column.name == "item_id":
        return SQL("TRY_CAST(id AS BIGINT)")
    if column.name == "group_id":
        return SQL('"group".id')
    if column.name == "parent_item_id":
        return SQL("TRY_CAST(parent_item.id AS BIGINT)")
    if column.type in (BIGINT, TIMESTAMP):
        return typed(Identifier(column.name), column.type)
    return Identifier(column.name)


def _as_is(raw: Composable) -> Composable:
    return raw


def _without_nul(raw: Composable) -> Composable:
    """PostgreSQL and SQL itself have no U+0000; it carries no meaning in a text."""
    return SQL("replace({}, chr(0), '')").format(raw)
