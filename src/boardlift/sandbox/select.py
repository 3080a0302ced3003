"""Which items a query asks for, and in which order: `query_params` of items_page (FACTS 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from .board import Board, Key
from .kinds.base import Record, members
from .options import SandboxOptions
from .problems import FieldError, invalid
from .timefilter import ATTRIBUTES, Span, TimeRule, time_rule

Test = Callable[[int], bool]
MOST_IDS = 100


@dataclass(slots=True)
class Choice:
    """A query cut into what an order of the board finds by bisection, and tests for the rest. All must hold."""

    spans: dict[str, Span] = field(default_factory=dict)
    group: str | None = None
    tests: list[Test] = field(default_factory=list)


def chosen(
    board: Board, params: Mapping[str, object] | None, now: float, options: SandboxOptions, group: str | None = None
) -> Sequence[int]:
    """The places of the active items that `params` lets through, ordered; all of them in board order without params."""
    params = params or {}
    order_by = [] if options.order_ignored else cast("list[Record]", params.get("order_by") or [])
    choice = Choice(group=group)
    ids = params.get("ids")
    if ids is not None:
        choice.tests.append(by_ids(board, cast("list[str]", ids)))
    divide(board, params, now, options, choice)
    places = found(board, choice, order_by)
    tests = choice.tests
    return [place for place in places if all(test(place) for test in tests)] if tests else places


def by_ids(board: Board, ids: list[str]) -> Test:
    """At most a hundred ids."""
    if len(ids) > MOST_IDS:
        raise invalid(f"ids is limited to {MOST_IDS}, got {len(ids)}")
    wanted = {board.place_of(int(identity)) for identity in ids if identity.isdigit()}
    return lambda place: place in wanted


def divide(board: Board, params: Mapping[str, object], now: float, options: SandboxOptions, choice: Choice) -> None:
    """Put rules and nested groups into the choice: times and a group where one order has them, tests for the rest."""
    rules = cast("list[Record]", params.get("rules") or [])
    groups = cast("list[Record]", params.get("groups") or [])
    if params.get("operator") == "or" and len(rules) + len(groups) > 1:
        choice.tests.append(either(board, rules, groups, now, options))
        return
    for rule in rules:
        divide_rule(board, rule, now, options, choice)
    for nested in groups:
        divide(board, nested, now, options, choice)


def divide_rule(board: Board, rule: Record, now: float, options: SandboxOptions, choice: Choice) -> None:
    """One rule that must hold."""
    name = str(rule["column_id"])
    if name in ATTRIBUTES:
        asked = time_rule(rule, options, now)
        if options.filters_ignored:
            return
        if len(asked.spans) == 1 and not asked.outside:
            held = choice.spans.get(name)
            choice.spans[name] = asked.spans[0] if held is None else held.meet(asked.spans[0])
            return
        choice.tests.append(time_test(board, asked))
        return
    values = members(rule["compare_value"])
    if name == "group" and rule.get("operator", "any_of") == "any_of" and len(values) == 1 and choice.group is None:
        choice.group = str(values[0])
        return
    choice.tests.append(rule_test(board, rule, now, options))


def either(board: Board, rules: list[Record], groups: list[Record], now: float, options: SandboxOptions) -> Test:
    """One of the rules or nested groups has to hold."""
    tests = [rule_test(board, rule, now, options) for rule in rules]
    for nested in groups:
        inner = Choice()
        divide(board, nested, now, options, inner)
        tests.append(as_test(board, inner))
    return lambda place: any(test(place) for test in tests)


def as_test(board: Board, choice: Choice) -> Test:
    """A whole choice as one test."""
    tests = list(choice.tests)
    tests += [time_test(board, TimeRule(name, (span,))) for name, span in choice.spans.items()]
    if choice.group is not None:
        tests.append(lambda place: board.group_of(place) == choice.group)
    return lambda place: all(test(place) for test in tests)


def found(board: Board, choice: Choice, order_by: list[Record]) -> Sequence[int]:
    """What the orders of the board give for spans and group, in the order asked for.

    The narrowest span is looked up; a second one becomes a test.
    """
    only = str(order_by[0]["column_id"]) if len(order_by) == 1 else None
    descending = bool(order_by) and order_by[0].get("direction") == "desc"
    main = narrowest(board, choice)
    choice.tests += [time_test(board, TimeRule(name, (span,))) for name, span in choice.spans.items() if name != main]
    span = None if main is None else choice.spans[main]
    within = None if span is None else (span.first, span.last)
    if only is not None and only in ATTRIBUTES and main in (None, only):
        return board.places(cast("Key", only), descending=descending, group=choice.group, span=within)
    if main is None and choice.group is None:
        return ordered(board, order_by)
    places: Sequence[int] = board.places(cast("Key", main or ""), group=choice.group, span=within)
    if main is not None:
        places = sorted(places)
    return sorted_by(board, places, order_by) if order_by else places


def narrowest(board: Board, choice: Choice) -> str | None:
    """The pseudo column whose span leaves the fewest items; None when no span was given."""
    if len(choice.spans) < 2:
        return next(iter(choice.spans), None)
    return min(
        choice.spans,
        key=lambda name: len(
            board.places(
                cast("Key", name), group=choice.group, span=(choice.spans[name].first, choice.spans[name].last)
            )
        ),
    )


def ordered(board: Board, order_by: list[Record]) -> Sequence[int]:
    """The active items by what a column shows."""
    if not order_by:
        return board.active()
    if len(order_by) == 1:
        name = str(order_by[0]["column_id"])
        return board.ordered(name, sort_key(board, name), descending=order_by[0].get("direction") == "desc")
    return sorted_by(board, board.active(), order_by)


def sorted_by(board: Board, places: Sequence[int], order_by: list[Record]) -> list[int]:
    """By the first order given; by several, the last is sorted first."""
    rows = list(places)
    for order in reversed(order_by):
        key = sort_key(board, str(order["column_id"]))
        rows.sort(key=key, reverse=order.get("direction") == "desc")  # type: ignore[arg-type]
    return rows


def sort_key(board: Board, name: str) -> Callable[[int], object]:
    """What items are compared by: times for the pseudo columns, text for the rest."""
    if name in ATTRIBUTES:
        return time_of(board, name)
    if name == "name":
        return lambda place: board.name_of(place).casefold()
    column = next((row for row in board.value_columns() if row.id == name), None)
    if column is None:
        raise FieldError(
            "InvalidColumnIdException", "This column ID doesn't exist for the board", data={"column_id": name}
        )
    return lambda place: column.cell_of(place).text or ""


def time_of(board: Board, name: str) -> Callable[[int], int]:
    """The time behind a pseudo column."""
    return board.updated if name == "__last_updated__" else board.created


def time_test(board: Board, rule: TimeRule) -> Test:
    """A rule on a time as a test of a place."""
    at = time_of(board, rule.column)
    return lambda place: rule.holds(at(place))


def rule_test(board: Board, rule: Record, now: float, options: SandboxOptions) -> Test:
    """One rule as a test of a place."""
    name, operator = str(rule["column_id"]), str(rule.get("operator") or "any_of")
    values = [str(value) for value in members(rule["compare_value"])]
    if name in ATTRIBUTES:
        asked = time_rule(rule, options, now)
        return time_test(board, asked) if not options.filters_ignored else lambda _place: True
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
