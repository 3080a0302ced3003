"""What is read of an account and its boards: structs that name only the fields boardlift uses.

Names are monday's own words for its own things (board, column, group, tag), as in its API reference.
Every field tolerates the nulls a federated GraphQL answer may hold.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct, field

SUBITEMS = "sub_items_board"
"""`type` of the board that holds the subitems of another."""


class Account(Struct, frozen=True, kw_only=True):
    """Whose token this is. The user's zone shapes the text of dates (API page "Date")."""

    id: str = ""
    name: str = ""
    slug: str = ""
    tier: str = ""
    user_id: str = ""
    user_name: str = ""
    user_email: str = ""
    time_zone: str = ""
    version: str = ""


class Workspace(Struct, frozen=True):
    """A workspace; the Main workspace comes as null, with a null id, or with a real one (API page "Workspaces")."""

    id: str | None = None
    name: str | None = None


class Tag(Struct, frozen=True):
    """A tag of a private or shareable board; public boards' tags belong to the account."""

    id: str
    name: str = ""
    color: str | None = None


class BoardSummary(Struct, frozen=True, kw_only=True):
    """A board as a list shows it."""

    id: str
    name: str = ""
    type: str = "board"
    state: str = "active"
    board_kind: str = ""
    hierarchy_type: str = ""
    items_count: int | None = None
    updated_at: str | None = None
    workspace: Workspace = Workspace()

    @property
    def workspace_id(self) -> str | None:
        return self.workspace.id

    @property
    def workspace_name(self) -> str | None:
        return self.workspace.name

    @property
    def is_multi_level(self) -> bool:
        return self.hierarchy_type == "multi_level"


class BoardColumn(Struct, frozen=True, kw_only=True):
    """A column. `type` is open text: monday adds types, and one we do not know must not stop a run."""

    id: str
    title: str = ""
    type: str = ""
    description: str | None = None
    archived: bool = False
    settings: dict[str, object] = field(default_factory=dict)


class Group(Struct, frozen=True, kw_only=True):
    """A group. Its id is unique in its board only; `position` is a decimal in text."""

    id: str
    title: str = ""
    color: str = ""
    position: str = "0"
    archived: bool = False

    @property
    def rank(self) -> Decimal:
        """`position` as a number; text order would put "163840" before "65536"."""
        try:
            rank = Decimal(self.position)
        except InvalidOperation:
            return Decimal(0)
        return rank if rank.is_finite() else Decimal(0)


class Board(BoardSummary, frozen=True, kw_only=True):
    """A board with its shape. `groups` come in the order people see."""

    columns: tuple[BoardColumn, ...] = ()
    groups: tuple[Group, ...] = ()
    tags: tuple[Tag, ...] = ()


class ColumnHead(Struct, frozen=True, kw_only=True):
    """The part of a column that tells whether a board's shape moved during a run."""

    id: str
    title: str = ""
    type: str = ""
    archived: bool | None = False


class BoardCount(Struct, frozen=True, kw_only=True):
    """How many active items monday counts on a board, and its columns at that moment."""

    id: str
    items_count: int | None = None
    columns: list[ColumnHead | None] | None = None

    @property
    def column_heads(self) -> tuple[ColumnHead, ...]:
        return tuple(column for column in self.columns or () if column)


def settings_of(settings: object, settings_str: object) -> dict[str, object]:
    """A column's settings as a mapping, from `settings` (JSON, also JSON in text) or the older `settings_str`.

    The two differ in form (API page "Status"); `settings` wins. What is no JSON object gives {}.
    """
    for value in (settings, settings_str):
        found: object = value
        if isinstance(found, str):
            try:
                found = msgspec.json.decode(found)
            except (msgspec.DecodeError, RecursionError):
                continue
        if isinstance(found, dict):
            return {str(key): inner for key, inner in found.items()}
    return {}
