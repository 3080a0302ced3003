"""Pages: of items by cursor, of everything else by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from .board import Board
from .cursors import expired
from .kinds.base import Record, integer
from .problems import FieldError, invalid
from .run import ItemRef, Run
from .select import chosen

MOST_ITEMS = 500
T = TypeVar("T")


def limited(rows: Sequence[T], arguments: Mapping[str, object]) -> Sequence[T]:
    """The page `page` of `limit` rows; the schema's default limits cut silently, as the API does (FACTS 19)."""
    limit, page = arguments.get("limit"), arguments.get("page")
    if limit is None:
        return rows
    size = integer(limit)
    if size < 0:
        raise invalid("limit must not be negative")
    start = (max(integer(page), 1) - 1) * size if page is not None else 0
    return rows[start : start + size]


def page_size(arguments: Mapping[str, object]) -> int:
    """The asked number of items: 1 to 500, else an error."""
    limit = integer(arguments["limit"])
    if not 1 <= limit <= MOST_ITEMS:
        raise invalid(f"limit must be between 1 and {MOST_ITEMS}, got {limit}")
    return limit


def items_page(run: Run, board: Board, arguments: Mapping[str, object], group: str | None = None) -> Record:
    """A page of a board or of one of its groups: the first of a chain, or the one a cursor stands for."""
    limit, cursor = page_size(arguments), arguments.get("cursor")
    params = cast("Record | None", arguments.get("query_params"))
    if cursor is not None and params is not None:
        raise invalid("cursor and query_params cannot be used together")
    if cursor is not None:
        return next_page(run, {"cursor": cursor, "limit": limit})
    now = run.account.now()
    places = chosen(board, params, now, run.options, group)
    following, page = run.snapshots.start(board, places, limit, now, group or "")
    return answer(run, board, page, following)


def next_page(run: Run, arguments: Mapping[str, object]) -> Record:
    """The page a cursor stands for."""
    limit = page_size(arguments)
    if run.lies.expire_cursors:
        raise expired()
    following, board, page = run.snapshots.next(str(arguments["cursor"]), limit, run.account.now())
    if board.id in run.account.unreadable or board.state == "deleted":
        # What the API says of a board lost in the middle of a chain is not recorded; this is what it says elsewhere.
        message = "User unauthorized to perform action"
        raise FieldError("USER_UNAUTHORIZED", message, status=403, data={"board_id": board.id})
    return answer(run, board, page, following)


def answer(run: Run, board: Board, page: Sequence[int], cursor: str | None) -> Record:
    """The page as a record; a lying server loses the last items or repeats the first one."""
    items: list[ItemRef] = [(board, place) for place in page]
    if run.lies.drop_items:
        items = items[: -run.lies.drop_items]
    if run.lies.duplicate_item and items:
        items = [*items[:-1], items[0]]
    return {"cursor": cursor, "items": items}
