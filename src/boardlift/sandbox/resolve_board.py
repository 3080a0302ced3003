"""The fields of boards, columns, groups and items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from .board import Board
from .column import Column
from .compile import Resolve
from .derived import settings_text
from .directory import user_by_id
from .kinds.base import Record, iso_z
from .logs import activity_logs
from .pages import items_page, limited
from .run import GroupRef, ItemRef, Run


def of_board(read: Callable[[Board], object]) -> Resolve:
    """A field that follows from the board alone."""
    return lambda value, _arguments, _run: read(cast("Board", value))


def columns(value: object, arguments: Mapping[str, object], _run: Run) -> object:
    """The board's columns, the name column among them (FACTS 16)."""
    ids, types = arguments.get("ids"), arguments.get("types")
    found = cast("Board", value).columns
    if ids is not None:
        found = [column for column in found if column.id in cast("list[str]", ids)]
    if types is not None:
        found = [column for column in found if column.type in cast("list[str]", types)]
    return found


def groups(value: object, arguments: Mapping[str, object], _run: Run) -> object:
    """The board's groups."""
    board, ids = cast("Board", value), arguments.get("ids")
    return [GroupRef(board, row) for row in board.groups if ids is None or row.id in cast("list[str]", ids)]


def board_page(value: object, arguments: Mapping[str, object], run: Run) -> object:
    """`Board.items_page`."""
    return items_page(run, cast("Board", value), arguments)


def group_page(value: object, arguments: Mapping[str, object], run: Run) -> object:
    """`Group.items_page`."""
    ref = cast("GroupRef", value)
    return items_page(run, ref.board, arguments, ref.group.id)


def people(value: object, _arguments: Mapping[str, object], run: Run) -> object:
    """Owners and subscribers: the same two users on every board."""
    serial = cast("Board", value).serial
    users = run.account.world.users
    return [users[serial % len(users)], users[0]]


def creator(value: object, arguments: Mapping[str, object], run: Run) -> object:
    """The board's creator."""
    return cast("list[Record]", people(value, arguments, run))[0]


def board_updates(value: object, arguments: Mapping[str, object], run: Run) -> object:
    """The updates written on a board's items."""
    board = cast("Board", value)
    return limited([row for row in reversed(run.account.updates) if row["board_id"] == board.id], arguments)


def item_updates(value: object, arguments: Mapping[str, object], run: Run) -> object:
    """The updates written on an item."""
    board, place = cast("ItemRef", value)
    identity = str(board.item_id(place))
    return limited([row for row in reversed(run.account.updates) if row["item_id"] == identity], arguments)


def subitems(value: object, _arguments: Mapping[str, object], _run: Run) -> object:
    """The item's subitems; they live on another board, and the field has no paging (FACTS 10)."""
    board, place = cast("ItemRef", value)
    return [(child, under) for child in board.children for under in child.places_under(place)]


def of_user(identity: Callable[[Board, int], str]) -> Resolve:
    """A user field of an item."""

    def resolve(value: object, _arguments: Mapping[str, object], run: Run) -> object:
        board, place = cast("ItemRef", value)
        return user_by_id(run.account.world, identity(board, place))

    return resolve


def item_group(value: object, _arguments: Mapping[str, object], _run: Run) -> object:
    """The item's group."""
    board, place = cast("ItemRef", value)
    return next(GroupRef(board, row) for row in board.groups if row.id == board.group_of(place))


def item_text(form: str) -> Resolve:
    """A text with the account's slug, the board's and the item's id in it."""

    def resolve(value: object, _arguments: Mapping[str, object], run: Run) -> object:
        board, place = cast("ItemRef", value)
        return form.format(slug=run.account.world.slug, board=board.id, item=board.item_id(place))

    return resolve


def item_assets(value: object, arguments: Mapping[str, object], _run: Run) -> object:
    """The uploaded files of an item's file columns."""
    board, place = cast("ItemRef", value)
    wanted = cast("list[str] | None", arguments.get("column_ids"))
    rows: list[object] = []
    for column in board.value_columns():
        if column.type == "file" and (wanted is None or column.id in wanted):
            members = cast("list[Record]", column.cell_of(place).fields["files"])
            rows += [member["asset"] for member in members if "asset" in member]
    return rows


def of_column(read: Callable[[Column], object]) -> Resolve:
    """A field of a column."""
    return lambda value, _arguments, _run: read(cast("Column", value))


def of_group(read: Callable[[GroupRef], object]) -> Resolve:
    """A field of a group."""
    return lambda value, _arguments, _run: read(cast("GroupRef", value))


BOARD: dict[str, Resolve] = {
    "id": of_board(lambda board: str(board.id)),
    "name": of_board(lambda board: board.name),
    "description": of_board(lambda board: board.description),
    "type": of_board(lambda board: board.type),
    "board_kind": of_board(lambda board: board.kind),
    "state": of_board(lambda board: board.state),
    "hierarchy_type": of_board(lambda _board: "classic"),
    "items_count": of_board(lambda board: len(board.active())),
    "items_limit": of_board(lambda _board: 10_000),
    "created_at": of_board(lambda board: iso_z(board.created_at)),
    "updated_at": of_board(lambda board: iso_z(board.touched_at)),
    "permissions": of_board(lambda _board: "everyone"),
    "access_level": of_board(lambda _board: "edit"),
    "item_terminology": of_board(lambda _board: "item"),
    "board_folder_id": of_board(lambda _board: None),
    "folder": of_board(lambda _board: None),
    "object_type_unique_key": of_board(lambda _board: None),
    "url": lambda value, _arguments, run: (
        f"https://{run.account.world.slug}.monday.com/boards/{cast('Board', value).id}"
    ),
    "workspace": of_board(lambda board: board.workspace),
    "workspace_id": of_board(lambda board: board.workspace["id"] if board.workspace else None),
    "columns": columns,
    "groups": groups,
    "top_group": of_board(lambda board: GroupRef(board, board.groups[0])),
    "items_page": board_page,
    "activity_logs": activity_logs,
    "creator": creator,
    "owner": creator,
    "owners": people,
    "subscribers": people,
    "team_owners": of_board(lambda _board: []),
    "team_subscribers": of_board(lambda _board: []),
    "tags": of_board(lambda _board: []),
    "updates": board_updates,
}
COLUMN: dict[str, Resolve] = {
    "id": of_column(lambda column: column.id),
    "title": of_column(lambda column: column.title),
    "description": of_column(lambda column: column.description),
    "type": of_column(lambda column: column.type),
    "width": of_column(lambda column: column.width),
    "archived": of_column(lambda column: column.archived),
    "settings": of_column(lambda column: column.settings),
    "settings_str": of_column(settings_text),
    "revision": of_column(lambda column: f"{column.revision:032x}"),
    "capabilities": of_column(lambda _column: {}),
}
GROUP: dict[str, Resolve] = {
    "id": of_group(lambda ref: ref.group.id),
    "title": of_group(lambda ref: ref.group.title),
    "color": of_group(lambda ref: ref.group.color),
    "position": of_group(lambda ref: ref.group.position),
    "archived": of_group(lambda _ref: False),
    "deleted": of_group(lambda _ref: False),
    "items_page": group_page,
}
# id, name, times, creator_id, state, url, group, board, parent_item and column_values are rendered by the page (run).
ITEM: dict[str, Resolve] = {
    "creator": of_user(lambda board, place: board.creator(place)),
    "subscribers": lambda _value, _arguments, run: run.account.world.users[:1],
    "subitems": subitems,
    "email": item_text("pulse-{item}@{slug}.monday.example"),
    "relative_link": item_text("/boards/{board}/pulses/{item}"),
    "updates": item_updates,
    "assets": item_assets,
    "linked_items": lambda _value, _arguments, _run: [],
    "group": item_group,
    # What the page renderer completes itself once per page: the value here is never used.
    "parent_item": lambda _value, _arguments, _run: None,
}
