"""Which items a query asks for, and in which order: `query_params` of items_page (FACTS 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import cast

from .board import DAY, Board
from .kinds.base import Record, members
from .problems import FieldError

Test = Callable[[int], bool]
MOST_IDS = 100


def chosen(board: Board, params: Mapping[str, object] | None, now: float, group: str | None = None) -> Sequence[int]:
    """The places of the active items that `params` lets through, ordered; all of them in board order without params."""
    params = params or {}
    places = ordered(board, cast("list[Record]", params.get("order_by") or []))
    tests: list[Test] = [] if group is None else [lambda place: board.group_of(place) == group]
    ids = params.get("ids")
    if ids is not None:
        tests.append(by_ids(board, cast("list[str]", ids)))
    rules = tests_of(board, params, now)
    if rules is not None:
        tests.append(rules)
    if not tests:
        return places
    return [place for place in places if all(test(place) for test in tests)]


def by_ids(board: Board, ids: list[str]) -> Test:
    """At most a hundred ids."""
    if len(ids) > MOST_IDS:
        raise invalid(f"ids is limited to {MOST_IDS}, got {len(ids)}")
    wanted = {board.place_of(int(identity)) for identity in ids if identity.isdigit()}
    return lambda place: place in wanted


def ordered(board: Board, order_by: list[Record]) -> Sequence[int]:
    """The active items by the first order given; by several, the last is sorted first."""
    if not order_by:
        return board.active()
    if len(order_by) == 1:
        name = str(order_by[0]["column_id"])
        return board.ordered(name, sort_key(board, name), descending=order_by[0].get("direction") == "desc")
    places = list(board.active())
    for order in reversed(order_by):
        key = sort_key(board, str(order["column_id"]))
        places.sort(key=key, reverse=order.get("direction") == "desc")  # type: ignore[arg-type]
    return places


def sort_key(board: Board, name: str) -> Callable[[int], object]:
    """What items are compared by: times for the pseudo columns, text for the rest."""
    if name == "__last_updated__":
        return board.updated
    if name == "__creation_log__":
        return board.created
    if name == "name":
        return lambda place: board.name_of(place).casefold()
    column = next((row for row in board.value_columns() if row.id == name), None)
    if column is None:
        raise FieldError(
            "InvalidColumnIdException", "This column ID doesn't exist for the board", data={"column_id": name}
        )
    return lambda place: column.cell_of(place).text or ""


def tests_of(board: Board, params: Mapping[str, object], now: float) -> Test | None:
    """The rules and nested groups of rules, joined by the operator; None when there are none."""
    tests = [rule_test(board, rule, now) for rule in cast("list[Record]", params.get("rules") or [])]
    for group in cast("list[Record]", params.get("groups") or []):
        nested = tests_of(board, group, now)
        if nested is not None:
            tests.append(nested)
    if not tests:
        return None
    if params.get("operator") == "or":
        return lambda place: any(test(place) for test in tests)
    return lambda place: all(test(place) for test in tests)


def rule_test(board: Board, rule: Record, now: float) -> Test:
    """One rule as a test of a place."""
    name, operator = str(rule["column_id"]), str(rule.get("operator") or "any_of")
    values = [str(value) for value in members(rule["compare_value"])]
    if name in ("__last_updated__", "__creation_log__"):
        return time_test(board.updated if name == "__last_updated__" else board.created, operator, values, now)
    if name == "group" and operator in ("any_of", "not_any_of"):
        return lambda place: (board.group_of(place) in values) == (operator == "any_of")
    if name == "name":
        return text_test(board.name_of, operator, values, name)
    column = next((row for row in board.value_columns() if row.id == name), None)
    if column is None:
        raise FieldError(
            "InvalidColumnIdException", "This column ID doesn't exist for the board", data={"column_id": name}
        )
    if column.type in ("mirror", "formula", "file", "auto_number"):
        raise invalid(f"column {name} of type {column.type} cannot be filtered")
    if column.type == "status" and operator in ("any_of", "not_any_of"):
        return lambda place: (str(column.cell_of(place).fields["index"]) in values) == (operator == "any_of")
    return text_test(lambda place: column.cell_of(place).text or "", operator, values, name)


def text_test(text_of: Callable[[int], str], operator: str, values: list[str], name: str) -> Test:
    """The operators on text that the sandbox knows."""
    value = values[0] if values else ""
    if operator in ("is_empty", "is_not_empty"):
        return lambda place: (text_of(place) == "") == (operator == "is_empty")
    if operator in ("contains_text", "not_contains_text"):
        return lambda place: (value.casefold() in text_of(place).casefold()) == (operator == "contains_text")
    if operator == "any_of":
        return lambda place: text_of(place) in values
    raise invalid(f"no_operator_config: {operator} on {name}")


def time_test(time_of: Callable[[int], int], operator: str, values: list[str], now: float) -> Test:
    """Ranges and relative days over a time in seconds. The API's forms are disputed (FACTS 7); these are taken."""
    if operator in ("any_of", "not_any_of"):
        spans = [relative_day(value, now) for value in values]
        return lambda place: any(start <= time_of(place) < end for start, end in spans) == (operator == "any_of")
    exact = [value for value in values if value != "EXACT"]
    if operator == "between" and len(exact) == 2:
        start, end = seconds(exact[0])[0], seconds(exact[1])[1]
        return lambda place: start <= time_of(place) <= end
    if operator in ("greater_than_or_equals", "lower_than_or_equal") and len(exact) == 1:
        start, end = seconds(exact[0])
        return (lambda place: time_of(place) >= start) if operator[0] == "g" else (lambda place: time_of(place) <= end)
    raise invalid(f"no_operator_config: {operator} with {values}")


def seconds(text: str) -> tuple[int, int]:
    """A day or a time as its first and last second."""
    try:
        if len(text) == 10:
            start = int(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC).timestamp())
            return start, start + DAY - 1
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"not a date: {text}") from None
    whole = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    return whole, whole


def relative_day(word: str, now: float) -> tuple[float, float]:
    """TODAY and YESTERDAY as seconds (UTC)."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"TODAY": 0, "YESTERDAY": 1}.get(word)
    if days is None:
        raise invalid(f"compare value {word} is not known")
    start = today - timedelta(days=days)
    return start.timestamp(), start.timestamp() + DAY


def invalid(message: str) -> FieldError:
    """A refused argument."""
    return FieldError("InvalidArgumentException", message, status=200)
