"""Differences between two shapes of a table, as values that know whether they lose something."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from boardlift.shape.table import Column, Table


@dataclass(frozen=True)
class ColumnAdded:
    table: str
    column: Column
    destructive = False

    def __str__(self) -> str:
        return f"{self.table}: new column {self.column.name} {self.column.type}"


@dataclass(frozen=True)
class ColumnRemoved:
    table: str
    column: str
    destructive = True

    def __str__(self) -> str:
        return f"{self.table}: column {self.column} is gone"


@dataclass(frozen=True)
class TypeChanged:
    table: str
    column: str
    before: str
    after: str
    destructive = True

    def __str__(self) -> str:
        return f"{self.table}: column {self.column} changes from {self.before} to {self.after}"


@dataclass(frozen=True)
class LabelChanged:
    table: str
    column: str
    before: str
    after: str
    destructive = False

    def __str__(self) -> str:
        told = f"its title changes from {self.before!r} to {self.after!r}"
        return f"{self.table}: column {self.column} keeps its name; {told}"


@dataclass(frozen=True)
class TableAdded:
    table: str
    destructive = False

    def __str__(self) -> str:
        return f"{self.table}: new table"


@dataclass(frozen=True)
class TableRemoved:
    table: str
    destructive = True

    def __str__(self) -> str:
        return f"{self.table}: table is gone"


Change = ColumnAdded | ColumnRemoved | TypeChanged | LabelChanged | TableAdded | TableRemoved


def compare(before: Iterable[Table], after: Iterable[Table]) -> list[Change]:
    """Every difference between two sets of tables, tables by name, columns by name."""
    old = {table.name: table for table in before}
    new = {table.name: table for table in after}
    changes: list[Change] = [TableRemoved(name) for name in old if name not in new]
    for name, table in new.items():
        changes += _compare_table(old[name], table) if name in old else [TableAdded(name)]
    return changes


def _compare_table(before: Table, after: Table) -> list[Change]:
    old = {column.name: column for column in before.columns}
    new = {column.name: column for column in after.columns}
    changes: list[Change] = [ColumnRemoved(before.name, name) for name in old if name not in new]
    for name, column in new.items():
        if name not in old:
            changes.append(ColumnAdded(after.name, column))
            continue
        if old[name].type != column.type:
            changes.append(TypeChanged(after.name, name, str(old[name].type), str(column.type)))
        if old[name].label != column.label:
            changes.append(LabelChanged(after.name, name, old[name].label, column.label))
    return changes
