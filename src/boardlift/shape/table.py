"""Tables as values: what a table looks like, apart from any engine and any data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from boardlift.shape.types import SqlType


@dataclass(frozen=True)
class Column:
    """One column. `label` is the human title it came from; engines with comments keep it there."""

    name: str
    type: SqlType
    nullable: bool = True
    label: str = ""


@dataclass(frozen=True)
class Index:
    """An index boardlift makes: the columns in order, by name. The engine finds a name for it.

    `asked` tells that boardlift.yaml wants it; one that nobody asked for may be left out where it is of no use.
    """

    columns: tuple[str, ...]
    unique: bool = False
    asked: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Table:
    """One table of a table group. `key` names the columns that identify a row; empty means none do.

    `indexes` are made beside the key, after the rows are in and before the swap.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    label: str = ""
    indexes: tuple[Index, ...] = ()

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def fingerprint(self) -> str:
        """A short hash of names, order, types and key; labels and indexes do not count: they are no data."""
        text = "\n".join([self.name, ",".join(self.key)] + [f"{c.name} {c.type} {c.nullable}" for c in self.columns])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TableGroup:
    """Tables that are staged, promoted and rolled back together: a board's table and all that belongs to it.

    `key` identifies the group for ever (the board id as text); `main` is the table a person thinks of.
    """

    key: str
    main: Table
    others: tuple[Table, ...] = field(default=())

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.main, *self.others)
