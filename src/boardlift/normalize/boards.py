"""From a board to its table group: which columns it has in SQL, under which names and types, and what is asked for.

Precedence of types: the column's override, then the type default of boardlift.yaml, then the family's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from boardlift.destinations.interface import Replace
from boardlift.errors import ConfigError
from boardlift.monday.model import SUBITEMS, Board, BoardColumn
from boardlift.monday.queries import Selection
from boardlift.normalize.columns import UNKNOWN, current_type, family_of
from boardlift.normalize.columns.family import Cell, Facet, Family, Links
from boardlift.normalize.names import ColumnNames, TableNames
from boardlift.settings import BoardSettings, ColumnSettings, IndexSettings
from boardlift.shape.sql import SQL, Composable
from boardlift.shape.table import Column, Index, Table, TableGroup
from boardlift.shape.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, JSON, TEXT, TIMESTAMP, Kind, parse_type

BASE_COLUMNS: tuple[Column, ...] = (
    Column("item_id", BIGINT, nullable=False, label="Item id"),
    Column("name", TEXT, label="Name"),
    Column("group_id", TEXT, label="Group id"),
    Column("group_title", TEXT, label="Group"),
    Column("created_at", TIMESTAMP, label="Created"),
    Column("updated_at", TIMESTAMP, label="Last updated"),
    Column("creator_id", BIGINT, label="Creator"),
    Column("url", TEXT, label="Address"),
)
PARENT_COLUMN = Column("parent_item_id", BIGINT, label="Parent item")

LABEL_COLUMNS = (
    Column("column_id", TEXT, nullable=False),
    Column("column_name", TEXT),
    Column("label_id", BIGINT, nullable=False),
    Column("label", TEXT),
    Column("position", INTEGER),
    Column("color", TEXT),
    Column("is_done", BOOLEAN),
    Column("is_deactivated", BOOLEAN),
)
GROUP_COLUMNS = (
    Column("group_id", TEXT, nullable=False),
    Column("title", TEXT),
    Column("color", TEXT),
    Column("position", DOUBLE),
    Column("archived", BOOLEAN),
)
QUARANTINE_COLUMNS = (
    Column("item_id", BIGINT),
    Column("column_id", TEXT),
    Column("column_name", TEXT),
    Column("value", TEXT),
    Column("reason", TEXT),
)


@dataclass(frozen=True)
class PlannedFacet:
    """One SQL column and the facet it is made from."""

    column: Column
    facet: Facet


@dataclass(frozen=True)
class PlannedColumn:
    """One board column: its SQL columns, its link table if it has one, and where its cell stands in the query."""

    source: BoardColumn
    family: Family
    number: int
    facets: tuple[PlannedFacet, ...]
    links: Links | None = None
    link_table: Table | None = None

    @property
    def unknown(self) -> bool:
        return self.family is UNKNOWN


@dataclass(frozen=True)
class BoardPlan:
    """Everything that is decided about a board before its first item is read."""

    board: Board
    group: TableGroup
    selection: Selection
    columns: tuple[PlannedColumn, ...]
    labels: Table | None
    groups: Table
    quarantine: Table
    excluded: tuple[BoardColumn, ...] = ()
    unreadable: tuple[BoardColumn, ...] = ()
    fresh_names: Mapping[tuple[str, str], str] = field(default_factory=dict)
    replace: Replace = Replace.SWAP
    tombstones: Table | None = None

    @property
    def incremental(self) -> bool:
        """Whether boardlift.yaml wants only what has changed to be read."""
        return self.tombstones is not None

    @property
    def key(self) -> str:
        return self.board.id

    @property
    def table(self) -> str:
        return self.group.main.name

    @property
    def is_subitems(self) -> bool:
        return self.board.type == SUBITEMS

    @property
    def unknown(self) -> tuple[BoardColumn, ...]:
        """Columns of a type this release does not know; they become JSON."""
        return tuple(column.source for column in self.columns if column.unknown)


def plan_board(
    board: Board,
    settings: BoardSettings,
    type_defaults: Mapping[str, str],
    bound: Mapping[tuple[str, str], str],
    tables: TableNames,
) -> BoardPlan:
    """Decide a board's tables. `bound` are its column names of earlier runs; `tables` is asked and remembers.

    Raises ConfigError for an override or index that names an unknown column, an unusable name or type, an absent part.
    """
    _check_overrides(board, settings, {column_id for column_id, _ in bound})
    names = ColumnNames(board.id, bound)
    base = (*BASE_COLUMNS, PARENT_COLUMN) if board.type == SUBITEMS else BASE_COLUMNS
    for each in base:
        names.reserve(each.name)
    main_name = tables.main(board.id, board.name, settings.table)
    planned: list[PlannedColumn] = []
    excluded: list[BoardColumn] = []
    unreadable: list[BoardColumn] = []
    for column in board.columns:
        override = settings.columns.get(column.id, ColumnSettings())
        family = family_of(column.type)
        if override.exclude:
            excluded.append(column)
        elif not family.readable:
            if column.type != "name":
                unreadable.append(column)
        else:
            planned.append(_plan_column(column, family, override, type_defaults, names, len(planned)))
    planned = _with_link_tables(board, planned, tables, main_name)
    labels = _labels_table(board, planned, tables, main_name)
    groups = Table(tables.part(board.id, "", "groups", main_name, "groups"), GROUP_COLUMNS, ("group_id",))
    quarantine = Table(tables.part(board.id, "", "quarantine", main_name, "quarantine"), QUARANTINE_COLUMNS)
    facets = tuple(facet.column for column in planned for facet in column.facets)
    columns = (*base, *facets)
    indexes = _indexes(board, settings, planned, columns, bound)
    main = Table(main_name, columns, ("item_id",), label=board.name, indexes=indexes)
    link_tables = tuple(column.link_table for column in planned if column.link_table is not None)
    return BoardPlan(
        board=board,
        group=TableGroup(board.id, main, (*link_tables, *((labels,) if labels else ()), groups, quarantine)),
        selection=select(planned, with_parent=board.type == SUBITEMS),
        columns=tuple(planned),
        labels=labels,
        groups=groups,
        quarantine=quarantine,
        excluded=tuple(excluded),
        unreadable=tuple(unreadable),
        fresh_names=names.fresh,
    )


def select(columns: Sequence[PlannedColumn], *, with_parent: bool) -> Selection:
    """What to ask for: only these columns, and for each value type only the scalars its family uses.

    `text` is always asked: it is the witness that a cell was not empty, should a typed field ever stay silent.
    """
    wanted: dict[str, dict[str, None]] = {}
    for column in columns:
        for value_type in column.family.value_types:
            fields = wanted.setdefault(value_type, {})
            if column.family.asks_value or column.unknown or _takes_value(column):
                fields["value"] = None
            for cell_field in column.family.fields:
                fields[cell_field.graphql] = None
    return Selection(
        column_ids=tuple(column.source.id for column in columns),
        fragments=tuple((name, tuple(fields)) for name, fields in wanted.items() if fields),
        with_parent=with_parent,
        text=True,
        value=any(column.unknown for column in columns),
    )


def _takes_value(column: PlannedColumn) -> bool:
    return any(facet.facet.meaning == _VALUE_MEANING for facet in column.facets)


def _plan_column(
    column: BoardColumn,
    family: Family,
    override: ColumnSettings,
    type_defaults: Mapping[str, str],
    names: ColumnNames,
    number: int,
) -> PlannedColumn:
    facets = _chosen(column, family, override, type_defaults)
    planned = []
    for facet in facets:
        name = names.of(column.id, facet.suffix, column.title, override.name)
        label = column.title if not facet.suffix else f"{column.title} ({facet.meaning})"
        planned.append(PlannedFacet(Column(name, facet.type, label=label.replace("\0", "")), facet))
    links = None if override.field else family.links(column)
    return PlannedColumn(column, family, number, tuple(planned), links)


_VALUE_MEANING = "the JSON value"


def _chosen(
    column: BoardColumn, family: Family, override: ColumnSettings, type_defaults: Mapping[str, str]
) -> tuple[Facet, ...]:
    """The facets of a column after its overrides: one part if `field` says so, another type for the main one."""
    facets = family.facets(column)
    wanted = override.type or type_defaults.get(current_type(column.type), "")
    sql_type = parse_type(wanted) if wanted else None
    if override.field:
        facet = _part(column, facets, override.field)
        return (replace(facet, suffix="", type=sql_type or facet.type),)
    if sql_type is None or not facets:
        return facets
    if current_type(column.type) == "date":
        return _date_as(facets, sql_type.kind) or (replace(facets[0], type=sql_type),)
    return (replace(facets[0], type=sql_type), *facets[1:])


def _date_as(facets: tuple[Facet, ...], kind: Kind) -> tuple[Facet, ...]:
    """A date column as the one type a person asked for."""
    day, instant = facets
    if kind is Kind.DATE:
        return (day,)
    if kind is Kind.TIMESTAMP:

        def either(cell: Cell) -> Composable:
            return SQL("coalesce({}, {} || ' 00:00:00+00')").format(instant.raw(cell), day.raw(cell))

        return (Facet("", TIMESTAMP, either, "the instant; midnight UTC when no time was set"),)
    return ()


def _part(column: BoardColumn, facets: tuple[Facet, ...], wanted: str) -> Facet:
    if wanted == "text":
        return Facet("", TEXT, lambda cell: cell.text, "the text monday shows")
    if wanted == "value":
        return Facet("", JSON, lambda cell: SQL("CAST({} AS VARCHAR)").format(cell.value), _VALUE_MEANING)
    for facet in facets:
        if facet.suffix == wanted:
            return facet
    parts = ", ".join(["text", "value", *(facet.suffix for facet in facets if facet.suffix)])
    raise ConfigError(
        f"Column {column.id} ({column.title!r}, type {column.type}) has no part called {wanted!r}.",
        hint=f"`field:` takes one of: {parts}",
    )


def _with_link_tables(
    board: Board, planned: list[PlannedColumn], tables: TableNames, main_name: str
) -> list[PlannedColumn]:
    present = {column.source.id for column in planned}
    done = []
    for column in planned:
        links = column.links
        if links is None or (links.through and links.through not in present):
            done.append(replace(column, links=None))
            continue
        stem = column.facets[0].column.name
        name = tables.part(board.id, column.source.id, "links", main_name, stem)
        columns = (
            Column("item_id", BIGINT, nullable=False),
            Column("ordinal", INTEGER, nullable=False),
            *(Column(link.name, link.type) for link in links.columns),
        )
        label = f"{board.name}: {column.source.title}".replace("\0", "")
        # Joins come from the other side, too: which items are linked to this one, whose is this person?
        indexes = tuple(Index((link.name,)) for link in links.columns[:1] if link.type == BIGINT)
        made = Table(name, columns, ("item_id", "ordinal"), label=label, indexes=indexes)
        done.append(replace(column, link_table=made))
    return done


def _indexes(
    board: Board,
    settings: BoardSettings,
    planned: Sequence[PlannedColumn],
    columns: Sequence[Column],
    bound: Mapping[tuple[str, str], str],
) -> tuple[Index, ...]:
    """The indexes that boardlift.yaml asks for, with monday's column ids turned into SQL names."""
    names = {column.name: column.name for column in columns}
    by_id = {column.source.id: column.facets[0].column.name for column in planned if column.facets}
    known = by_id | names
    former = {column_id for column_id, _ in bound} | set(bound.values())
    found = []
    for each in settings.indexes:
        wanted = each if isinstance(each, IndexSettings) else IndexSettings(columns=each)
        missing = [name for name in wanted.columns if name not in known]
        if not missing:
            found.append(Index(tuple(dict.fromkeys(known[name] for name in wanted.columns)), wanted.unique, asked=True))
        elif settings.id is not None and missing[0] not in former:
            raise ConfigError(
                f"Board {board.id} ({board.name!r}) has no column {missing[0]!r} that could be indexed.",
                hint=f"`indexes:` takes {', '.join(names)}; or a column id: {', '.join(by_id) or 'there is none'}",
            )
    return tuple(dict.fromkeys(found))


def _labels_table(board: Board, planned: Sequence[PlannedColumn], tables: TableNames, main_name: str) -> Table | None:
    if not any(column.family.types in (("status",), ("dropdown",)) for column in planned):
        return None
    return Table(tables.part(board.id, "", "labels", main_name, "labels"), LABEL_COLUMNS, ("column_id", "label_id"))


def _check_overrides(board: Board, settings: BoardSettings, seen: Set[str]) -> None:
    """A column id nobody ever saw is a mistake; one that was lifted before was deleted on the board, which is drift."""
    known = {column.id for column in board.columns} | seen
    for column_id in settings.columns:
        if column_id not in known and settings.id is not None:
            raise ConfigError(
                f"Board {board.id} ({board.name!r}) has no column {column_id!r}, but boardlift.yaml speaks of it.",
                hint=f"`boardlift boards show {board.id}` lists the column ids; remove the entry if the column is gone",
            )


__all__ = ["BASE_COLUMNS", "BoardPlan", "PlannedColumn", "PlannedFacet", "plan_board", "select"]
