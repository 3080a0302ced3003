"""The roots of a query, and the people they lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from .aggregate import aggregate
from .board import Board
from .compile import Resolve
from .directory import account_record
from .kinds.base import Record, iso_z
from .pages import items_page, limited, next_page
from .problems import FieldError, invalid
from .run import ItemRef, Run

VERSIONS = (
    ("2025-04", "maintenance"),
    ("2025-07", "maintenance"),
    ("2025-10", "maintenance"),
    ("2026-01", "maintenance"),
    ("2026-04", "maintenance"),
    ("2026-07", "maintenance"),
    ("2026-10", "current"),
    ("2027-01", "release_candidate"),
    ("dev", "dev"),
)
CURRENT = "2026-10"
MOST_USERS = 1_000
MOST_ITEM_IDS = 100


def wanted(arguments: Mapping[str, object], name: str = "ids") -> set[str] | None:
    """The ids asked for; None when all."""
    given = arguments.get(name)
    return None if given is None else {str(value) for value in cast("list[object]", given)}


def boards(_value: object, arguments: Mapping[str, object], run: Run) -> object:
    """Boards, newest first; unknown ids are just missing, forbidden ones are null with an error (FACTS 6)."""
    account, ids = run.account, wanted(arguments)
    state, kind, types = arguments.get("state"), arguments.get("board_kind"), arguments.get("hierarchy_types")
    spaces = wanted(arguments, "workspace_ids")
    found = [
        board
        for board in account.boards
        if (state in ("all", None) or board.state == state)
        and (ids is None or str(board.id) in ids)
        and (kind is None or board.kind == kind)
        and (types is None or "classic" in cast("list[str]", types))
        and (spaces is None or str(board.workspace["id"] if board.workspace else None) in spaces)
    ]
    used = arguments.get("order_by") == "used_at"
    found.sort(key=lambda board: (board.touched_at if used else board.created_at, board.serial), reverse=True)
    page = limited(found, arguments)
    if run.lies.null_boards:
        return [unreadable(board) for board in page]
    return [unreadable(board) if board.id in account.unreadable else board for board in page]


def unreadable(board: Board) -> FieldError:
    """The error that stands in a forbidden board's place."""
    return FieldError(
        "USER_UNAUTHORIZED", "User unauthorized to perform action", status=403, data={"board_id": board.id}
    )


def items(_value: object, arguments: Mapping[str, object], run: Run) -> object:
    """Items by id, archived and deleted ones too; 25 unless more are asked, and 100 ids at most (FACTS 8)."""
    ids = wanted(arguments)
    if ids is None:
        raise invalid("items needs ids; use items_page to read a board")
    if len(ids) > MOST_ITEM_IDS:
        raise invalid(f"ids is limited to {MOST_ITEM_IDS}, got {len(ids)}")
    found: list[ItemRef] = []
    for identity in cast("list[str]", arguments["ids"]):
        ref = run.account.index.find(int(identity)) if identity.isdigit() else None
        hidden = ref is None or ref[0].id in run.account.unreadable
        if ref is None or hidden or (arguments.get("exclude_nonactive") and ref[0].state_of(ref[1]) != "active"):
            continue
        if ref not in found:
            found.append(ref)
    if arguments.get("newest_first"):
        found.sort(key=lambda ref: ref[0].created(ref[1]), reverse=True)
    return limited(found, arguments)


def by_column_values(_value: object, arguments: Mapping[str, object], run: Run) -> object:
    """`items_page_by_column_values`: exact text, AND between columns, OR within one (FACTS 7)."""
    given = str(arguments["board_id"])
    board = run.account.index.get(int(given)) if given.isdigit() else None
    if board is None:
        message = "The board does not exist. Please check your board ID and try again"
        raise FieldError("InvalidBoardIdException", message, data={"board_id": given})
    if arguments.get("cursor") is not None:
        return next_page(run, arguments)
    rules = [
        {"column_id": row["column_id"], "compare_value": row["column_values"], "operator": "any_of"}
        for row in cast("list[Record]", arguments.get("columns") or [])
    ]
    texts = [rule for rule in rules if not is_status(board, str(rule["column_id"]))]
    labels = [status_rule(board, rule) for rule in rules if is_status(board, str(rule["column_id"]))]
    return items_page(run, board, {"limit": arguments["limit"], "query_params": {"rules": [*texts, *labels]}})


def is_status(board: Board, column_id: str) -> bool:
    """Whether a column is a status column, whose rules compare label ids."""
    return any(column.id == column_id and column.type == "status" for column in board.columns)


def status_rule(board: Board, rule: Record) -> Record:
    """A rule on labels as a rule on label ids."""
    settings = board.column(str(rule["column_id"])).settings
    texts = cast("list[str]", rule["compare_value"])
    labels = cast("list[Record]", settings["labels"])
    return {**rule, "compare_value": [row["id"] for row in labels if row["label"] in texts]}


def users(_value: object, arguments: Mapping[str, object], run: Run) -> object:
    """Users: active and pending unless another status is asked; more than 1,000 at once is an error (FACTS 11)."""
    limit = arguments.get("limit")
    if limit is not None and cast("int", limit) > MOST_USERS:
        raise invalid(f"limit must not exceed {MOST_USERS}, got {limit}")
    ids, emails = wanted(arguments), wanted(arguments, "emails")
    statuses = wanted(arguments, "status") or ({"INACTIVE"} if arguments.get("non_active") else {"ACTIVE", "PENDING"})
    found = [
        row
        for row in run.account.world.users
        if row["status"] in statuses
        and (ids is None or row["id"] in ids)
        and (emails is None or row["email"] in emails)
        and str(arguments.get("name") or "").casefold() in str(row["name"]).casefold()
    ]
    return limited(found, arguments)


def rows_by_id(read: Callable[[Run], Sequence[Record]]) -> Resolve:
    """A list of records, filtered by `ids` and paged when the field has a limit."""

    def resolve(_value: object, arguments: Mapping[str, object], run: Run) -> object:
        ids = wanted(arguments)
        return limited([row for row in read(run) if ids is None or row["id"] in ids], arguments)

    return resolve


def updates(_value: object, arguments: Mapping[str, object], run: Run) -> object:
    """Updates of the whole account, newest first; both dates or none (FACTS 12)."""
    start, end = arguments.get("from_date"), arguments.get("to_date")
    if (start is None) != (end is None):
        raise invalid("from_date and to_date must be given together")
    ids = wanted(arguments)
    rows = sorted(run.account.updates, key=lambda row: str(row["created_at"]), reverse=True)
    if start is not None:
        rows = [
            row
            for row in rows
            if str(start) <= str(row["created_at"]) and str(row["created_at"])[: len(str(end))] <= str(end)
        ]
    return limited([row for row in rows if ids is None or row["id"] in ids], arguments)


def replies(_value: object, arguments: Mapping[str, object], run: Run) -> object:
    """The replies on some boards."""
    ids = wanted(arguments, "board_ids") or set()
    held = [row for row in run.account.updates if str(row["board_id"]) in ids]
    return limited([reply for row in held for reply in cast("list[Record]", row["replies"])], arguments)


def docs(_value: object, arguments: Mapping[str, object], run: Run) -> object:
    """The document boards as documents; `object_id` is the board's id (FACTS 12)."""
    ids, objects = wanted(arguments), wanted(arguments, "object_ids")
    rows = [
        {
            "id": str(board.serial + 9_000_000),
            "object_id": str(board.id),
            "name": board.name,
            "doc_kind": board.kind,
            "created_at": iso_z(board.created_at),
            "updated_at": iso_z(board.touched_at),
            "created_by": None,
            "url": f"https://{run.account.world.slug}.monday.com/docs/{board.id}",
            "relative_url": f"/docs/{board.id}",
            "workspace": board.workspace,
            "workspace_id": board.workspace["id"] if board.workspace else None,
        }
        for board in run.account.boards
        if board.type == "document"
    ]
    kept = [
        row for row in rows if (ids is None or row["id"] in ids) and (objects is None or row["object_id"] in objects)
    ]
    return limited(kept, arguments)


def version_record(value: str) -> Record:
    """A version of the API."""
    return {"value": value, "kind": dict(VERSIONS).get(value, "current"), "display_name": value}


def members_of(value: object, arguments: Mapping[str, object], run: Run) -> object:
    """The users of a team."""
    ids = cast("list[str]", cast("Record", value)["members"])
    return limited([row for row in run.account.world.users if row["id"] in ids], arguments)


def author(value: object, _arguments: Mapping[str, object], run: Run) -> object:
    """The user who wrote an update."""
    identity = cast("Record", value)["creator_id"]
    return next((row for row in run.account.world.users if row["id"] == identity), None)


def update_item(value: object, _arguments: Mapping[str, object], run: Run) -> object:
    """The item an update belongs to."""
    identity = cast("Record", value)["item_id"]
    return None if identity is None else run.account.index.find(int(str(identity)))


ROOT: dict[str, Resolve] = {
    "boards": boards,
    "items": items,
    "next_items_page": lambda _value, arguments, run: next_page(run, arguments),
    "items_page_by_column_values": by_column_values,
    "users": users,
    "teams": rows_by_id(lambda run: run.account.world.teams),
    "tags": rows_by_id(lambda run: run.account.world.tags),
    "workspaces": rows_by_id(lambda run: run.account.workspaces),
    "folders": rows_by_id(lambda _run: []),
    "updates": updates,
    "replies": replies,
    "docs": docs,
    "aggregate": aggregate,
    "me": lambda _value, _arguments, run: run.account.world.users[0],
    "account": lambda _value, _arguments, run: account_record(run.options.tier),
    "version": lambda _value, _arguments, run: version_record(run.served_version),
    "versions": lambda _value, _arguments, _run: [version_record(value) for value, _kind in VERSIONS],
    "platform_api": lambda _value, _arguments, run: {
        "daily_limit": {"base": run.options.calls_per_day, "total": run.options.calls_per_day}
    },
}
TEAM: dict[str, Resolve] = {
    "users": members_of,
    "owners": lambda value, _arguments, run: cast("Sequence[object]", members_of(value, {}, run))[:1],
}
USER: dict[str, Resolve] = {
    "account": lambda _value, _arguments, run: account_record(run.options.tier),
    "teams": lambda value, _arguments, run: [
        row for row in run.account.world.teams if cast("Record", value)["id"] in cast("list[str]", row["members"])
    ],
}
UPDATE: dict[str, Resolve] = {"creator": author, "item": update_item}
