"""Every query boardlift sends, as text. Each passes its limits itself: the API's defaults cut lists silently.

Objects are what a query costs (10 points each since version 2025-10, scalars nothing: API page "Complexity"), so none
is asked for without need: no `column{}` in a cell, no `board{}` in an item. Two are worth their points: `group{id}`,
the only place where an item's group is told, and `parent_item{id}`, the only link from a subitem to its item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boardlift.monday.quotas import POINTS_PER_OBJECT
from boardlift.monday.wire import Request

PAGE_LIMIT = 500
"""The most items one page may hold (API page "Items page")."""
BOARDS_LIMIT = 200
USERS_LIMIT = 1000
"""More is refused (release notes, 2026-07)."""
WORKSPACES_LIMIT = 200
SHAPES_AT_ONCE = 25
COUNTS_AT_ONCE = 100
_SHAPE_OBJECTS = 50
"""Columns, groups and tags of a board, by a generous guess; what they cost is corrected by the answer."""
IDS_AT_ONCE = 100
"""The most ids `items` takes (API page "Items")."""
_EVENTS_GUESSED = 500
"""Events that one look at some boards brings, by a guess that the answer corrects."""
EVENTS_LIMIT = 10_000
"""The most events of a log in one call (API page "Board activity logs")."""

_COST = "complexity{query before after reset_in_x_seconds}"
_SUMMARY = "id name type state board_kind hierarchy_type items_count updated_at workspace{id name}"
_HEAD = "id created_at updated_at name creator_id state url group{id}"
"""Id and creation time first: the spool reads them from an item's first bytes."""

ACCOUNT = (
    f"query Account{{{_COST} me{{id name email time_zone_identifier}} "
    "account{id name slug tier plan{tier}} version{kind value}}"
)
_LIST = f"boards(limit:$limit,page:$page,state:active,order_by:created_at){{{_SUMMARY}}}"
OPENING = (
    f"query Opening($limit:Int!,$page:Int!){{{_COST} account{{id tier plan{{tier}}}} "
    f"platform_api{{daily_limit{{total}}}} {_LIST}}}"
)
DAILY_LIMIT = f"query DailyLimit{{{_COST} account{{id tier plan{{tier}}}} platform_api{{daily_limit{{total}}}}}}"
BOARD_LIST = f"query BoardList($limit:Int!,$page:Int!){{{_COST} {_LIST}}}"
BOARD_LIST_PLAIN = BOARD_LIST.replace("workspace{id name}", "workspace_id").replace("BoardList(", "BoardListPlain(")
"""Without the workspace object, which some boards made from templates answer with an internal error."""
BOARD_SHAPES = (
    f"query BoardShapes($ids:[ID!]!,$limit:Int!){{{_COST} boards(ids:$ids,limit:$limit,state:all){{{_SUMMARY} "
    "columns{id title type description archived settings} groups{id title color position archived} "
    "tags{id name color}}}"
)
BOARD_COUNTS = (
    f"query BoardCounts($ids:[ID!]!,$limit:Int!){{{_COST} "
    "boards(ids:$ids,limit:$limit,state:all){id items_count columns{id title type archived}}}"
)
_NEWEST_FIRST = 'order_by:[{column_id:"__last_updated__",direction:desc}]'
_EVENT = "event entity data created_at"
GLANCE = (
    f"query Glance($ids:[ID!]!,$limit:Int!,$since:ISO8601DateTime!,$events:Int!){{{_COST} "
    "boards(ids:$ids,limit:$limit,state:all){id items_count "
    f"items_page(limit:1,query_params:{{{_NEWEST_FIRST}}}){{items{{id updated_at}}}} "
    f"activity_logs(from:$since,limit:$events){{{_EVENT}}}}}}}"
)
BOARD_LOG = (
    f"query BoardLog($ids:[ID!]!,$since:ISO8601DateTime!,$events:Int!,$page:Int!){{{_COST} "
    f"boards(ids:$ids,limit:1,state:all){{id activity_logs(from:$since,limit:$events,page:$page){{{_EVENT}}}}}}}"
)
USERS = (
    f"query Users($limit:Int!,$page:Int!){{{_COST} users(limit:$limit,page:$page,status:[ACTIVE,PENDING,INACTIVE])"
    "{id name email title kind status is_deleted created_at last_activity time_zone_identifier}}"
)
TEAMS = f"query Teams($users:Int!){{{_COST} teams{{id name is_guest users(limit:$users){{id}} owners{{id}}}}}}"
TAGS = f"query Tags{{{_COST} tags{{id name color}}}}"
WORKSPACES = (
    f"query Workspaces($limit:Int!,$page:Int!){{{_COST} workspaces(limit:$limit,page:$page,state:all)"
    "{id name kind state description is_default_workspace created_at}}"
)


@dataclass(frozen=True)
class Selection:
    """What is asked of each cell of one board.

    `column_ids` are the wanted columns, in the order wanted. `fragments` pair a GraphQL type with the fields asked of
    its cells (`("StatusValue", ("index", "label"))`; a field may be an alias or hold a sub-selection). `text` and
    `value` ask for those two fields of every cell, `with_parent` for each item's parent.
    """

    column_ids: tuple[str, ...]
    fragments: tuple[tuple[str, tuple[str, ...]], ...] = ()
    with_parent: bool = False
    text: bool = True
    value: bool = True


@dataclass(frozen=True)
class ItemsQuery:
    """Which items of a board are asked for, and in which order: `query_params` (API page "Items page").

    `rules` are joined by "and"; `order` pairs a column id with `asc` or `desc`. `operation` names the first call.
    """

    operation: str = "FirstItems"
    rules: tuple[Mapping[str, object], ...] = ()
    order: tuple[tuple[str, str], ...] = ()

    @property
    def newest_first(self) -> bool:
        """Whether the items that changed last come first."""
        return bool(self.order) and self.order[0] == ("__last_updated__", "desc")

    def variable(self) -> dict[str, object]:
        said: dict[str, object] = {}
        if self.rules:
            said["rules"] = [dict(rule) for rule in self.rules]
        if self.order:
            said["order_by"] = [{"column_id": column, "direction": direction} for column, direction in self.order]
        return said


def item_points(selection: Selection) -> int:
    """What an item of such a page costs: itself, its group, its parent if asked, and each cell."""
    return POINTS_PER_OBJECT * (2 + selection.with_parent + len(selection.column_ids))


def page_points(selection: Selection, limit: int) -> int:
    """What a page of `limit` items costs, with the board and the page around them."""
    return 2 * POINTS_PER_OBJECT + limit * item_points(selection)


def account() -> Request:
    return Request("Account", ACCOUNT)


def daily_limit() -> Request:
    """The plan and the calls a day alone."""
    return Request("DailyLimit", DAILY_LIMIT)


def opening() -> Request:
    """The plan, the calls a day and the first page of the list of boards. Not every token may ask for the second."""
    points = 2 * POINTS_PER_OBJECT * BOARDS_LIMIT
    return Request("Opening", OPENING, {"limit": BOARDS_LIMIT, "page": 1}, points=points)


def board_list(page: int, *, limit: int = BOARDS_LIMIT, plain: bool = False) -> Request:
    """One page of the list of active boards, newest first by creation, an order that reading does not disturb."""
    operation, query = ("BoardListPlain", BOARD_LIST_PLAIN) if plain else ("BoardList", BOARD_LIST)
    return Request(operation, query, {"limit": limit, "page": page}, points=2 * POINTS_PER_OBJECT * limit)


def board_shapes(ids: Sequence[str]) -> Request:
    """Boards with columns, groups and tags; archived boards too, so that the state can be told from the absence."""
    points = _SHAPE_OBJECTS * POINTS_PER_OBJECT * len(ids)
    return Request("BoardShapes", BOARD_SHAPES, {"ids": list(ids), "limit": len(ids)}, points=points)


def board_counts(ids: Sequence[str]) -> Request:
    """The item counts and column heads of many boards in one call."""
    points = _SHAPE_OBJECTS * POINTS_PER_OBJECT * len(ids)
    return Request("BoardCounts", BOARD_COUNTS, {"ids": list(ids), "limit": len(ids)}, points=points)


def users(page: int, *, limit: int = USERS_LIMIT) -> Request:
    """One page of users, those no longer active included, for old ids must resolve too."""
    return Request("Users", USERS, {"limit": limit, "page": page}, points=POINTS_PER_OBJECT * limit)


def teams() -> Request:
    """All teams; the API pages only the users inside each."""
    return Request("Teams", TEAMS, {"users": USERS_LIMIT})


def tags() -> Request:
    """The tags of public boards; others hang on their boards."""
    return Request("Tags", TAGS)


def workspaces(page: int, *, limit: int = WORKSPACES_LIMIT) -> Request:
    return Request("Workspaces", WORKSPACES, {"limit": limit, "page": page})


def first_items(
    board_id: str, selection: Selection, limit: int, *, all_levels: bool = False, query: ItemsQuery | None = None
) -> Request:
    """The first page of a board's items, of those that `query` lets through.

    `all_levels` is for multi-level boards, which else show the top level only.
    """
    operation = query.operation if query else "FirstItems"
    scope = ',hierarchy_scope_config:"allItems"' if all_levels else ""
    params = ",query_params:$params" if query else ""
    operation = "NewestItems" if query and query.newest_first else "FirstItems"
    page = f"items_page(limit:$limit{params}{scope}){{cursor items{{{_item(selection, all_levels)}}}}}"
    declared = _declaration(selection) + (",$params:ItemsQuery" if query else "")
    text = (
        f"query {operation}($board:[ID!]!,$limit:Int!{declared}){{{_COST} "
        f"boards(ids:$board,limit:1,state:all){{id {page}}}}}"
    )
    variables: dict[str, object] = {"board": [board_id], "limit": limit, **_columns(selection)}
    if query:
        variables["params"] = query.variable()
    return Request(operation, text, variables, board_id, points=page_points(selection, limit), at_most=limit)


def probe_items(board_id: str, query: ItemsQuery) -> Request:
    """At most one item, its id and creation time: enough to see whether a query is taken and what it lets through."""
    text = (
        f"query ProbeItems($board:[ID!]!,$params:ItemsQuery){{{_COST} "
        "boards(ids:$board,limit:1,state:all){id "
        "items_page(limit:1,query_params:$params){cursor items{id created_at}}}}"
    )
    return Request("ProbeItems", text, {"board": [board_id], "params": query.variable()}, label=board_id)


def bundled_items(boards: Sequence[tuple[str, Selection, int]], limit: int) -> Request:
    """The first page of each of several small boards in one call; board n is answered under the name `b<n>`.

    in: id, selection and number of items of each.
    """
    declared, parts = ["$limit:Int!"], []
    variables: dict[str, object] = {"limit": limit}
    for number, (board_id, selection, _) in enumerate(boards):
        columns = f"columns{number}"
        declared.append(f"$board{number}:[ID!]!")
        variables[f"board{number}"] = [board_id]
        if selection.column_ids:
            declared.append(f"${columns}:[String!]!")
            variables[columns] = list(selection.column_ids)
        item = _item(selection, all_levels=False, columns=columns)
        page = f"items_page(limit:$limit){{cursor items{{{item}}}}}"
        parts.append(f"b{number}:boards(ids:$board{number},limit:1,state:all){{id {page}}}")
    text = f"query BundledItems({','.join(declared)}){{{_COST} {' '.join(parts)}}}"
    points = sum(page_points(selection, count) for _, selection, count in boards)
    return Request("BundledItems", text, variables, points=points)


def next_items(board_id: str, cursor: str, selection: Selection, limit: int, *, all_levels: bool = False) -> Request:
    """The page after `cursor`: at the root, thus cheaper than through `boards` (API page "Items page")."""
    query = (
        f"query NextItems($cursor:String!,$limit:Int!{_declaration(selection)}){{{_COST} "
        f"next_items_page(cursor:$cursor,limit:$limit){{cursor items{{{_item(selection, all_levels)}}}}}}}"
    )
    variables = {"cursor": cursor, "limit": limit, **_columns(selection)}
    return Request("NextItems", query, variables, board_id, points=page_points(selection, limit), at_most=limit)


def items_by_id(
    board_id: str, ids: Sequence[int], selection: Selection | None = None, *, all_levels: bool = False
) -> Request:
    """Up to 100 items wherever and in whatever state they are; without a selection only what tells where that is.

    `limit` is given because its default of 25 would cut the list silently (API page "Items").
    """
    fields = "id name state updated_at" if selection is None else _item(selection, all_levels)
    declared = "" if selection is None else _declaration(selection)
    query = (
        f"query ItemsById($ids:[ID!]!,$limit:Int!{declared}){{{_COST} "
        f"items(ids:$ids,limit:$limit){{{fields} board{{id}}}}}}"
    )
    variables: dict[str, object] = {"ids": [str(each) for each in ids], "limit": len(ids)}
    if selection is not None:
        variables |= _columns(selection)
    each = POINTS_PER_OBJECT * 2 if selection is None else POINTS_PER_OBJECT + item_points(selection)
    return Request("ItemsById", query, variables, board_id, points=each * len(ids))


def glance(ids: Sequence[str], since: str, events: int) -> Request:
    """How many items boards have, when the newest of each changed, and what their logs tell since a moment (ISO)."""
    variables = {"ids": list(ids), "limit": len(ids), "since": since, "events": events}
    return Request("Glance", GLANCE, variables, points=POINTS_PER_OBJECT * (3 * len(ids) + _EVENTS_GUESSED))


def board_log(board_id: str, since: str, limit: int, page: int) -> Request:
    """One page of a board's activity log, newest first; monday gives up to 10,000 events in one call."""
    variables = {"ids": [board_id], "since": since, "events": limit, "page": page}
    return Request("BoardLog", BOARD_LOG, variables, board_id, points=POINTS_PER_OBJECT * limit)


def _declaration(selection: Selection) -> str:
    return ",$columns:[String!]!" if selection.column_ids else ""


def _columns(selection: Selection) -> dict[str, object]:
    return {"columns": list(selection.column_ids)} if selection.column_ids else {}


def _item(selection: Selection, all_levels: bool, columns: str = "columns") -> str:
    """The fields of an item; `columns` names the variable that holds the wanted column ids."""
    parts = [_HEAD]
    if selection.with_parent:
        parts.append("parent_item{id}")
    if selection.column_ids:
        # Rolled-up columns of multi-level boards are empty without it (API page "Multi-level boards").
        calculated = ",capabilities:[CALCULATED]" if all_levels else ""
        parts.append(f"column_values(ids:${columns}{calculated}){{{_cell(selection)}}}")
    return " ".join(parts)


def _cell(selection: Selection) -> str:
    parts = ["id"]
    if selection.text:
        parts.append("text")
    if selection.value:
        parts.append("value")
    parts.extend(f"...on {type_name}{{{' '.join(fields)}}}" for type_name, fields in selection.fragments if fields)
    return " ".join(parts)
