"""The statements that shape and seal a table in SQL Server, and the limits that a table must keep. No server here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from boardlift.destinations.mssql.sql import BINARY, Name, Text, fits
from boardlift.errors import UNCHANGED, CapabilityMissing
from boardlift.shape.sql import COMMA, SQL, Composable, Literal
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import Kind, SqlType

MOST_COLUMNS = 1024
WIDEST_KEY_TEXT = 400
LABEL = "MS_Description"
MADE = "boardlift_columns"
"""The property of a sealed table that says how many columns it had: those behind them were added by people."""
INDEX_PREFIX = "boardlift_ix_"
_LONGEST_LABEL = 3750  # an extended property holds 7,500 bytes
_KEY_BYTES = 900  # of a clustered index
_INDEX_BYTES = 1700  # of a nonclustered index
_ROW_BYTES = 8060
_POINTER_BYTES = 24  # what stays in the row of a long value that had to leave it
_SMALL_POINTER_BYTES = 16  # the same, with "large value types out of row"

_TYPES: dict[Kind, Composable] = {
    Kind.TEXT: SQL("NVARCHAR(MAX)"),
    Kind.INTEGER: SQL("INT"),
    Kind.BIGINT: SQL("BIGINT"),
    Kind.DOUBLE: SQL("FLOAT(53)"),
    Kind.BOOLEAN: SQL("BIT"),
    Kind.DATE: SQL("DATE"),
    Kind.TIME: SQL("TIME(6)"),
    Kind.TIMESTAMP: SQL("DATETIMEOFFSET(6)"),
    Kind.JSON: SQL("NVARCHAR(MAX)"),
}
_FIXED_BYTES = {
    Kind.INTEGER: 4,
    Kind.BIGINT: 8,
    Kind.DOUBLE: 8,
    Kind.DATE: 3,
    Kind.TIME: 5,
    Kind.TIMESTAMP: 10,
}
_LONG = (Kind.TEXT, Kind.JSON)


@dataclass(frozen=True)
class Sealed:
    """What a staged table has already: whether its key is made, its NOT NULL columns, its indexes by name, the places
    that have a label, and whether its columns were counted."""

    key: bool = False
    required: frozenset[str] = frozenset()
    indexes: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    counted: bool = False


def column_type(type_: SqlType) -> Composable:
    """How SQL Server spells one of our types."""
    if type_.kind is Kind.DECIMAL:
        return SQL("DECIMAL({}, {})").format(Literal(type_.precision), Literal(type_.scale))
    return _TYPES[type_.kind]


def key_widths(table: Table) -> dict[str, int]:
    """How many UTF-16 units each text column of a key or an index may hold, for keys are limited in bytes."""
    widths: dict[str, int] = {}
    limits = [(table.key, _KEY_BYTES)] + [(index.columns, _INDEX_BYTES) for index in table.indexes]
    for names, most in limits:
        columns = [table.column(name) for name in names]
        long = [column.name for column in columns if column.type.kind in _LONG]
        room = most - sum(_fixed_bytes(column.type) for column in columns if column.type.kind not in _LONG)
        for name in long:
            widths[name] = min(widths.get(name, WIDEST_KEY_TEXT), room // len(long) // 2)
    return widths


def create_statements(target: Composable, table: Table) -> list[Composable]:
    """An empty table without key and labels: loading comes first."""
    widths = key_widths(table)
    columns = COMMA.join(
        SQL("{} {} NULL").format(Name(column.name), _definition(column, widths)) for column in table.columns
    )
    statements = [SQL("CREATE TABLE {} ({})").format(target, columns)]
    if _row_bytes(table, _POINTER_BYTES) > _ROW_BYTES:
        statements.append(
            SQL("EXEC sys.sp_tableoption {}, 'large value types out of row', 1").format(Text(target.text))
        )
    return statements


def key_name(hidden_name: str) -> str:
    """The name of a generation's primary key: it travels between two schemas and must be free in both."""
    name = f"{hidden_name}_pk"
    return name if fits(name) else f"pk_{_hashed(hidden_name)}"


def index_name(index: Index) -> str:
    """The name of an index that boardlift makes; index names count within a table only."""
    return f"{INDEX_PREFIX}{'u_' if index.unique else ''}{_hashed(','.join(index.columns))}"


def seal_batches(place: tuple[str, str], table: Table, sealed: Sealed) -> list[list[Composable]]:
    """Batches that give a loaded table the key, NOT NULL, indexes and labels that it has not yet.

    `place` is schema and name. A key in the batch of its columns' NOT NULL could be refused: that is read as a whole.
    """
    target = Name(*place)
    widths = key_widths(table)
    required: list[Composable] = [
        SQL("ALTER TABLE {} ALTER COLUMN {} {} NOT NULL").format(target, Name(c.name), _definition(c, widths))
        for c in table.columns
        if c.name in required_columns(table) and c.name not in sealed.required
    ]
    statements: list[Composable] = []
    if table.key and not sealed.key:
        key = COMMA.join(Name(name) for name in table.key)
        statements.append(
            SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY CLUSTERED ({})").format(
                target, Name(key_name(place[1])), key
            )
        )
    statements += [
        SQL("CREATE {}INDEX {} ON {} ({}){}").format(
            SQL("UNIQUE ") if index.unique else SQL(""),
            Name(index_name(index)),
            target,
            COMMA.join(Name(name) for name in index.columns),
            _filter(table, index),
        )
        for index in table.indexes
        if index_name(index) not in sealed.indexes
    ]
    statements += label_statements(place, table, sealed.labels)
    if not sealed.counted:
        statements.append(property_statement(place, MADE, str(len(table.columns))))
    return [each for each in (required, statements) if each]


def required_columns(table: Table) -> frozenset[str]:
    """The columns that are NOT NULL when the table is sealed."""
    return frozenset(column.name for column in table.columns if not column.nullable or column.name in table.key)


def _filter(table: Table, index: Index) -> Composable:
    """Leaves rows with a NULL out of a unique index: to SQL Server, two of them would be the same."""
    nullable = [name for name in index.columns if name not in required_columns(table)]
    if not (index.unique and nullable):
        return SQL("")
    return SQL(" WHERE {}").format(SQL(" AND ").join(SQL("{} IS NOT NULL").format(Name(name)) for name in nullable))


def label_statements(place: tuple[str, str], table: Table, there: Iterable[str] = ()) -> list[Composable]:
    """The labels of a table and its columns as MS_Description; the places in `there` (`""` is the table) have one."""
    done = set(there)
    labels = [("", _written(table.label))] + [(column.name, _written(column.label)) for column in table.columns]
    return [property_statement(place, LABEL, label, column) for column, label in labels if label and column not in done]


def property_statement(place: tuple[str, str], name: str, value: str, column: str = "") -> Composable:
    """One extended property on a table or one of its columns."""
    return part_property_statement(place, name, value, "COLUMN" if column else "", column)


def part_property_statement(
    place: tuple[str, str], name: str, value: str, kind: str, part: str, *, again: bool = False
) -> Composable:
    """One extended property on a COLUMN, an INDEX, a CONSTRAINT or a TRIGGER of a table; without a kind, on the table.

    `again` gives another value to one that is there.
    """
    statement = SQL(
        "EXEC {} @name = {}, @value = {}, @level0type = N'SCHEMA', @level0name = {}, @level1type = N'TABLE',"
        " @level1name = {}"
    ).format(
        SQL("sys.sp_updateextendedproperty") if again else SQL("sys.sp_addextendedproperty"),
        Text(name),
        Text(_shortened(value)),
        Text(place[0]),
        Text(place[1]),
    )
    if kind:
        statement += SQL(", @level2type = {}, @level2name = {}").format(Text(kind), Text(part))
    return statement


def refuse_unfit(table: Table) -> None:
    """Raise CapabilityMissing for a table that SQL Server cannot hold, before anything is made."""
    for told in misfits(table):
        raise CapabilityMissing(
            f"{told} {UNCHANGED}",
            hint="exclude columns of the board in boardlift.yaml (`columns: {<id>: {exclude: true}}`)",
        )


def misfits(table: Table) -> list[str]:
    """Why SQL Server cannot hold a table, as sentences; none when it can."""
    told = []
    if len(table.columns) > MOST_COLUMNS:
        told.append(
            f"{table.name} would have {len(table.columns):,} columns, but a table in SQL Server"
            f" has {MOST_COLUMNS:,} at most."
        )
    least = _row_bytes(table, 0)
    if least > _ROW_BYTES:
        told.append(
            f"A row of {table.name} needs {least:,} bytes, but SQL Server keeps {_ROW_BYTES:,} in a row at most."
        )
    keys = [("key", table.key, _KEY_BYTES, 32)] + [("index", i.columns, _INDEX_BYTES, 32) for i in table.indexes]
    for what, names, most, columns in keys:
        kinds = [table.column(name).type for name in names]
        fixed = sum(_fixed_bytes(type_) for type_ in kinds if type_.kind not in _LONG)
        text = sum(type_.kind in _LONG for type_ in kinds)
        if len(names) > columns or (text and (most - fixed) // text // 2 < 1) or fixed > most:
            told.append(f"The {what} ({', '.join(names)}) of {table.name} is too wide for SQL Server's {most:,} bytes.")
    too_long = [name for name in chain([table.name], (c.name for c in table.columns)) if not fits(name)]
    told += [f"The name {name} of {table.name} is longer than SQL Server's 128 characters." for name in too_long]
    return told


def _definition(column: Column, widths: dict[str, int]) -> Composable:
    if column.name in widths:
        return SQL("NVARCHAR({}) COLLATE {}").format(Literal(widths[column.name]), BINARY)
    return column_type(column.type)


def _row_bytes(table: Table, pointer: int) -> int:
    """What a row takes when every long value has left it, and none is null."""
    bits = sum(column.type.kind is Kind.BOOLEAN for column in table.columns)
    fixed = sum(_fixed_bytes(column.type) for column in table.columns) + (bits + 7) // 8
    long = [column for column in table.columns if column.type.kind in _LONG]
    counted = len(long) if pointer else 0
    variable = (2 + counted * (2 + pointer)) if long else 0
    return 4 + fixed + 2 + (len(table.columns) + 7) // 8 + variable


def _fixed_bytes(type_: SqlType) -> int:
    if type_.kind is Kind.DECIMAL:
        return 5 if type_.precision <= 9 else 9 if type_.precision <= 19 else 13 if type_.precision <= 28 else 17
    return _FIXED_BYTES.get(type_.kind, 0)


def _written(label: str) -> str:
    return label.replace("\0", "")  # which no literal can hold


def _shortened(value: str) -> str:
    units = value.encode("utf-16-le", "surrogatepass")[: _LONGEST_LABEL * 2]
    return units.decode("utf-16-le", "ignore")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
