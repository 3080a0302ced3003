"""`aggregate`: how many items of a board a query lets through, without reading them (FACTS 15). Counts only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from .kinds.base import Record
from .problems import FieldError, invalid
from .run import Run
from .select import chosen


def aggregate(_value: object, arguments: Mapping[str, object], run: Run) -> object:
    """COUNT_ITEMS under each alias asked for; grouping and other functions are not simulated."""
    asked = cast("Record", arguments["query"])
    if asked.get("group_by"):
        raise invalid("the sandbox counts items without group_by; filter by a rule instead")
    source = str(cast("Record", asked["from"])["id"])
    board = run.account.index.get(int(source)) if source.isdigit() else None
    if board is None or board.state == "deleted" or board.id in run.account.unreadable:
        message = "User unauthorized to perform action"
        raise FieldError("USER_UNAUTHORIZED", message, status=403, data={"board_id": source})
    for element in cast("list[Record]", asked["select"]):
        if element["type"] != "FUNCTION" or element.get("function") is None:
            raise invalid("a selected column needs a matching group_by element")
    query = cast("Record | None", asked.get("query"))
    count = float(len(chosen(board, query, run.account.now(), run.options)))
    counted = {"__typename": "AggregateBasicAggregationResult", "result": count}
    entries = [{"alias": element["as"], "value": counted} for element in cast("list[Record]", asked["select"])]
    return {"results": [{"entries": entries}]}
