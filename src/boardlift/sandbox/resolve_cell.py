"""The fields of column values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from .board import Board
from .column import Column
from .compile import Resolve
from .kinds.base import Record
from .run import CellRef, GroupRef, ItemRef, Run


def cell_field(name: str) -> Resolve:
    """A typed field of a value, as its kind built it."""
    return lambda value, _arguments, _run: cast("CellRef", value).cell.fields.get(name)


def items_of(name: str) -> Resolve:
    """The items whose ids are in a field of the value."""

    def resolve(value: object, _arguments: Mapping[str, object], run: Run) -> object:
        found = (
            run.account.index.find(int(str(row)))
            for row in cast("list[object]", cast("CellRef", value).cell.fields[name])
        )
        return [ref for ref in found if ref is not None]

    return resolve


def user_of(name: str) -> Resolve:
    """The user whose id is in a field of the value."""

    def resolve(value: object, _arguments: Mapping[str, object], run: Run) -> object:
        identity = cast("CellRef", value).cell.fields[name]
        return next((row for row in run.account.world.users if row["id"] == identity), None)

    return resolve


def voters(value: object, _arguments: Mapping[str, object], run: Run) -> object:
    """The users who voted, as far as they still exist."""
    ids = cast("list[str]", cast("CellRef", value).cell.fields["voter_ids"])
    return [row for row in run.account.world.users if row["id"] in ids]


def group(value: object, _arguments: Mapping[str, object], _run: Run) -> object:
    """The group of a group column."""
    ref = cast("CellRef", value)
    return next((GroupRef(ref.board, row) for row in ref.board.groups if row.id == ref.cell.fields["group_id"]), None)


def is_leaf(value: object, _arguments: Mapping[str, object], _run: Run) -> object:
    """Whether the item has no subitems."""
    ref = cast("CellRef", value)
    return not any(child.places_under(ref.place) for child in ref.board.children)


def mirrored_value(value: object, _arguments: Mapping[str, object], _run: Run) -> object:
    """The value a mirror shows, as a value of the linked item."""
    (board, place), column = cast("tuple[tuple[Board, int], Column]", cast("Record", value)["cell"])
    return CellRef(column, column.cell_of(place), board, place)


def linked_item(value: object, _arguments: Mapping[str, object], _run: Run) -> object:
    """The item a mirror looks at."""
    return cast("tuple[ItemRef, Column]", cast("Record", value)["cell"])[0]


CELL: dict[str, Resolve] = {
    "id": lambda value, _arguments, _run: cast("CellRef", value).column.id,
    "type": lambda value, _arguments, _run: cast("CellRef", value).column.type,
    "text": lambda value, _arguments, _run: cast("CellRef", value).cell.text,
    "value": lambda value, _arguments, _run: cast("CellRef", value).cell.value,
    "column": lambda value, _arguments, _run: cast("CellRef", value).column,
    "is_leaf": is_leaf,
    "linked_items": items_of("linked_item_ids"),
    "subitems": items_of("subitems_ids"),
    "voters": voters,
    "creator": user_of("creator_id"),
    "updater": user_of("updater_id"),
    "group": group,
}
MIRRORED: dict[str, Resolve] = {
    "linked_item": linked_item,
    "mirrored_value": mirrored_value,
    "linked_board": lambda value, arguments, run: cast("ItemRef", linked_item(value, arguments, run))[0],
}
