"""The vocabulary of a column family: what it asks monday for, and the SQL that makes typed columns of the answer.

A family is data. Its expressions are DuckDB SQL over one *cell* (one member of `column_values`), so no cell is ever
touched in Python. Each facet yields text (`raw`) and names the type that text is cast to; text that is there but does
not become the type is a misfit and goes to quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from boardlift.monday.model import BoardColumn
from boardlift.shape.sql import SQL, Composable, Identifier, Literal
from boardlift.shape.types import BIGINT, TEXT, SqlType


@dataclass(frozen=True)
class CellField:
    """A scalar (or list of scalars) of a GraphQL value type. Scalars cost no complexity points (Complexity page).

    `alias` avoids the two names that have different types on different value types (`country`, `name`).
    """

    name: str
    is_list: bool = False
    alias: str = ""

    @property
    def key(self) -> str:
        return self.alias or self.name

    @property
    def graphql(self) -> str:
        return f"{self.alias}: {self.name}" if self.alias else self.name


class Cell:
    """The SQL of one cell. `c7` is the struct of the cell, `v7` its `value` parsed as JSON (null if it is not JSON)."""

    def __init__(self, number: int) -> None:
        self._struct = Identifier(f"c{number}")
        self._value = Identifier(f"v{number}")

    @property
    def text(self) -> Composable:
        """monday's own text; the empty string counts as nothing."""
        return self.scalar("text")

    @property
    def value(self) -> Composable:
        return self._value

    def scalar(self, key: str) -> Composable:
        """A typed field of the fragment, as text; the empty string counts as nothing."""
        return SQL("nullif({}.{}, '')").format(self._struct, Identifier(key))

    def items(self, key: str) -> Composable:
        """A list field of the fragment, as VARCHAR[]."""
        return SQL("{}.{}").format(self._struct, Identifier(key))

    def json(self, path: str) -> Composable:
        """One place of `value`, as text; the empty string counts as nothing."""
        return SQL("nullif({} ->> {}, '')").format(self._value, Literal(path))

    def json_list(self, path: str) -> Composable:
        """A list inside `value`, as JSON[]; null when the place holds no list."""
        return SQL("TRY_CAST({} -> {} AS JSON[])").format(self._value, Literal(path))


def first(*choices: Composable) -> Composable:
    """The first choice that is not null."""
    return SQL("coalesce({})").format(SQL(", ").join(choices))


@dataclass(frozen=True)
class Facet:
    """One SQL column made from a board column. The main facet has no suffix; `priority` and `priority_index`."""

    suffix: str
    type: SqlType
    raw: Callable[[Cell], Composable]
    meaning: str = ""


@dataclass(frozen=True)
class LinkColumn:
    """One column of a link table; `raw` turns one list element (`e`) into text."""

    name: str
    type: SqlType
    raw: Callable[[Composable], Composable]


@dataclass(frozen=True)
class Links:
    """A link table: one row for each member of a multi-valued cell, in monday's order.

    `through` names the column whose cells hold the members, when it is not the column itself (a mirror's).
    """

    elements: Callable[[Cell], Composable]
    columns: tuple[LinkColumn, ...]
    through: str = ""


def element_text(element: Composable) -> Composable:
    """A list element that is itself the value: a string, or JSON holding a string or number."""
    return SQL("CAST({} AS VARCHAR)").format(element)


def element_json(path: str) -> Callable[[Composable], Composable]:
    """A place inside a list element that is a JSON object."""
    place = Literal(path)
    return lambda element: SQL("nullif({} ->> {}, '')").format(element, place)


def ids_of(name: str) -> tuple[LinkColumn, ...]:
    """The columns of a link table that holds nothing but one id."""
    return (LinkColumn(name, BIGINT, element_text),)


@dataclass(frozen=True)
class Label:
    """One label of a status or dropdown column, from the column's settings. `position` is its place on screen."""

    id: int
    text: str
    position: int | None = None
    color: str | None = None
    is_done: bool | None = None
    is_deactivated: bool | None = None


def no_labels(_settings: Mapping[str, object]) -> tuple[Label, ...]:
    return ()


def no_facets(_column: BoardColumn) -> tuple[Facet, ...]:
    return ()


def no_links(_column: BoardColumn) -> Links | None:
    return None


class Refresh(Enum):
    """When an incremental run sees that a cell of this kind has changed (API page "Last Updated" and what others saw).

    An item's `updated_at` moves when somebody edits it, not when something changes that it only shows.
    """

    WITH_ITEM = "with the item"
    NAMES_LATER = "ids with the item, names at the next reconcile"
    LATER = "at the next reconcile"


@dataclass(frozen=True)
class Family:
    """Board column types that are read and typed alike.

    `value_types` are the GraphQL types the cells arrive as. `asks_value` adds the JSON `value` to their fragment.
    `note` is what the reference page says; for a family without facets it is the reason why nothing can be read.
    """

    types: tuple[str, ...]
    value_types: tuple[str, ...]
    note: str
    fields: tuple[CellField, ...] = ()
    asks_value: bool = False
    facets: Callable[[BoardColumn], tuple[Facet, ...]] = field(default=no_facets)
    links: Callable[[BoardColumn], Links | None] = field(default=no_links)
    labels: Callable[[Mapping[str, object]], tuple[Label, ...]] = field(default=no_labels)
    readable: bool = True
    refresh: Refresh = Refresh.WITH_ITEM


def facets(*given: Facet) -> Callable[[BoardColumn], tuple[Facet, ...]]:
    """Facets that do not depend on the column's settings."""
    return lambda _column: given


def links(given: Links) -> Callable[[BoardColumn], Links | None]:
    """Links that do not depend on the column's settings."""
    return lambda _column: given


def text_facet(meaning: str = "the text monday shows") -> Facet:
    """The main facet of every family whose text is the value."""
    return Facet("", TEXT, lambda cell: cell.text, meaning)
