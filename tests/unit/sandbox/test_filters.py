"""Ranges and orders over times: which forms are taken, what they select, and that edits keep them right."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from boardlift.sandbox import Account, SandboxOptions
from boardlift.sandbox.board import Board
from boardlift.sandbox.select import chosen

PAGE = "query($b:[ID!],$p:ItemsQuery){boards(ids:$b){items_page(limit:500,query_params:$p){items{id}}}}"
CREATED, UPDATED = "__creation_log__", "__last_updated__"
ATTRIBUTES = {CREATED: "CREATED_AT", UPDATED: "UPDATED_AT"}


def iso(at: int) -> str:
    """Seconds as the API writes times."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def form(name: str, column: str, first: int, last: int) -> list[dict[str, object]]:
    """The rules of a range in one of the forms; days for `day_between`."""
    rule: dict[str, object] = {"column_id": column, "operator": "between", "compare_value": [iso(first), iso(last)]}
    if name != "iso_between":
        rule["compare_attribute"] = ATTRIBUTES[column]
    if name == "day_between":
        rule["compare_value"] = [iso(first)[:10], iso(last)[:10]]
    if name != "exact_attribute":
        return [rule]
    return [
        {**rule, "operator": "greater_than_or_equals", "compare_value": ["EXACT", iso(first)]},
        {**rule, "operator": "lower_than_or_equal", "compare_value": ["EXACT", iso(last)]},
    ]


def span(board: Board, column: str) -> tuple[int, int]:
    """The times of the tenth and the fortieth item in the order of a time."""
    time_of = board.created if column == CREATED else board.updated
    times = sorted(time_of(place) for place in board.active())
    return times[10], times[40]


@pytest.mark.parametrize("column", [CREATED, UPDATED])
@pytest.mark.parametrize("name", ["iso_between_attribute", "iso_between", "exact_attribute"])
def test_each_form_of_a_range_selects_the_same_items_and_is_refused_when_not_taken(ask, name: str, column: str) -> None:
    """Both ends are included; a form that the account does not take is `no_operator_config`."""
    board = ask.start().account.board("Inventory")
    first, last = span(board, column)
    time_of = board.created if column == CREATED else board.updated
    expected = [str(board.item_id(place)) for place in board.active() if first <= time_of(place) <= last]
    params = {"rules": form(name, column, first, last)}
    page = ask.data(PAGE, b=[board.id], p=params)["boards"][0]["items_page"]
    assert [item["id"] for item in page["items"]] == expected
    others = {"iso_between_attribute", "iso_between", "exact_attribute", "day_between"} - {name}
    ask.start(filter_forms=frozenset(others))
    error = ask.post(PAGE, b=[board.id], p=params).json()["errors"][0]
    assert error["extensions"]["code"] == "InvalidArgumentException"
    assert "no_operator_config" in error["message"]


@pytest.mark.parametrize("offset", [None, -8.0, 5.5])
def test_days_are_days_of_the_token_owner(ask, offset: float | None) -> None:
    """The day before and after the range are cut at the owner's midnight, in summer and in winter time."""
    board = ask.start(owner_utc_offset_hours=offset).account.board("Inventory")
    for month in (1, 7):
        day = datetime(2026, month, 12, tzinfo=UTC)
        hours = offset if offset is not None else (1.0 if month == 1 else 2.0)
        first = int((day - timedelta(hours=hours)).timestamp())
        inside = [p for p in board.active() if first <= board.created(p) < first + 2 * 86_400]
        rules = form("day_between", CREATED, int(day.timestamp()), int(day.timestamp()) + 86_400)
        page = ask.data(PAGE, b=[board.id], p={"rules": rules})["boards"][0]["items_page"]
        assert [int(item["id"]) for item in page["items"]] == [board.item_id(place) for place in inside]
    assert ask.data("{me{utc_hours_diff}}")["me"]["utc_hours_diff"] == (1.0 if offset is None else offset)


@pytest.mark.parametrize(
    "rule",
    [
        {"operator": "greater_than_or_equals", "compare_value": ["EXACT", "2026-01-01T00:00:00Z"]},
        {"operator": "greater_than", "compare_value": ["EXACT", "2026-01-01T00:00:00Z"], "compare_attribute": "own"},
        {"operator": "between", "compare_value": ["2026-01-01", "2026-01-02"]},
        {"operator": "between", "compare_value": ["2026-01-01T00:00:00Z", "2026-01-02"]},
        {
            "operator": "between",
            "compare_value": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
            "compare_attribute": "UPDATED_AT",
        },
    ],
)
def test_what_no_source_saw_work_is_refused(ask, rule: dict[str, object]) -> None:
    """A range operator without attribute, days without attribute, mixtures, and the other column's attribute."""
    board = ask.start().account.board("Inventory")
    own = {"compare_attribute": "CREATED_AT"} if rule.get("compare_attribute") == "own" else {}
    answer = ask.post(PAGE, b=[board.id], p={"rules": [{"column_id": CREATED, **rule, **own}]})
    assert "no_operator_config" in answer.json()["errors"][0]["message"]


def test_filters_and_orders_may_be_ignored_silently(ask) -> None:
    """Then everything comes, in board order, and no error tells."""
    board = ask.start(filters_ignored=True, order_ignored=True).account.board("Inventory")
    params = {
        "rules": form("iso_between", UPDATED, *span(board, UPDATED)),
        "order_by": [{"column_id": UPDATED, "direction": "desc"}],
    }
    page = ask.data(PAGE, b=[board.id], p=params)["boards"][0]["items_page"]
    assert [int(item["id"]) for item in page["items"]] == [board.item_id(place) for place in board.active()][:500]


def test_ranges_may_be_off_by_a_margin(ask) -> None:
    """Some seconds too wide, or too narrow."""
    first, last = span(Account(size=0.05).board("Inventory"), CREATED)
    params = {"rules": form("iso_between", CREATED, first, last)}
    for margin in (0, 86_400, -86_400):
        board = ask.start(filter_margin_seconds=margin).account.board("Inventory")
        page = ask.data(PAGE, b=[board.id], p=params)["boards"][0]["items_page"]
        expected = sum(first - margin <= board.created(place) <= last + margin for place in board.active())
        assert len(page["items"]) == expected


def test_words_mean_days_weeks_and_months_of_the_owner(ask) -> None:
    """TODAY begins at the owner's midnight; last month is over; the negation gives the rest."""
    account = ask.start(owner_utc_offset_hours=13.0).account
    board = account.board("Inventory")
    account.rename_item(board.item_id(3), "new")

    def count(word: str, operator: str = "any_of") -> int:
        rule = {"column_id": UPDATED, "operator": operator, "compare_value": [word], "compare_attribute": "UPDATED_AT"}
        return len(ask.data(PAGE, b=[board.id], p={"rules": [rule]})["boards"][0]["items_page"]["items"])

    assert count("TODAY") >= 1
    assert count("TODAY") <= count("THIS_WEEK") + count("LAST_WEEK")
    assert count("TODAY") + count("TODAY", "not_any_of") == len(board.active())
    assert count("PAST_DATETIME") == len(board.active())
    local = datetime.fromtimestamp(account.now(), UTC) + timedelta(hours=13)
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=13)
    before = (first + timedelta(hours=13) - timedelta(days=1)).replace(day=1) - timedelta(hours=13)
    inside = [p for p in board.active() if before.timestamp() <= board.updated(p) < first.timestamp()]
    assert count("LAST_MONTH") == len(inside)


def naive(board: Board, key: str, descending: bool, group: str | None, within: tuple[int, int]) -> list[int]:
    """The same by looking at every item."""
    time_of = board.created if key == CREATED else board.updated
    rows = [
        place
        for place in range(board.base + board.added)
        if board.listed(place)
        and (group is None or board.group_of(place) == group)
        and within[0] <= time_of(place) <= within[1]
    ]
    return sorted(rows, key=time_of, reverse=descending)


@pytest.mark.parametrize("seed", range(6))
def test_orders_stay_right_through_edits(seed: int) -> None:
    """Renames, moves, deletions, additions and mass edits: orders, ranges and groups equal a search of all items."""
    rng = random.Random(seed)
    account = Account.many(boards=2, items=9_000 if seed == 0 else 300, columns=2, seed=seed)
    board, other = account.boards
    snapshots: list[tuple[list[int], object]] = []
    for _ in range(60):
        for _ in range(rng.choice((0, 1, 3)) if rng.random() < 0.95 else 2_500):
            places = board.active()
            item = board.item_id(places[rng.randrange(len(places))])
            edit = rng.randrange(6)
            if edit == 0:
                account.add_items(board.id, 1)
            elif edit == 1:
                account.move_item(item, group=rng.choice(board.groups).id)
            elif edit == 2 and len(places) > 50:
                (account.archive_item if rng.random() < 0.5 else account.delete_item)(item)
            elif edit == 3 and len(places) > 50:
                account.move_item(item, board=other.id)
            elif edit == 4 and len(other.active()) > 50:
                account.move_item(other.item_id(other.active()[0]), board=board.id)
            else:
                account.rename_item(item, "x")
        account.advance(rng.choice((0, 0, 1, 100_000)))
        key, descending = rng.choice((CREATED, UPDATED)), rng.random() < 0.5
        group = rng.choice((None, board.groups[1].id))
        first, last = sorted(board.created(rng.randrange(board.base)) for _ in range(2))
        params = {
            "rules": form("iso_between", key, first, last),
            "order_by": [{"column_id": key, "direction": "desc" if descending else "asc"}],
        }
        if group is not None:
            params["rules"].append({"column_id": "group", "operator": "any_of", "compare_value": [group]})
        got = chosen(board, params, account.now(), SandboxOptions())
        assert list(got) == naive(board, key, descending, group, (first, last))
        assert list(board.active()) == [p for p in range(board.base + board.added) if board.listed(p)]
        whole = chosen(board, {"order_by": params["order_by"]}, account.now(), SandboxOptions())
        snapshots.append((list(whole), whole))
    assert all(list(kept) == seen for seen, kept in snapshots)


def test_or_between_rules_and_orders_by_other_things_still_hold() -> None:
    """Alternatives are looked at item by item; a range may be ordered by the name or the other time."""
    account = Account.many(boards=1, items=200, columns=2)
    board = account.boards[0]
    first, last = span(board, CREATED)
    ranges = form("iso_between", CREATED, first, last) + form("iso_between", UPDATED, *span(board, UPDATED))
    either = chosen(board, {"rules": ranges, "operator": "or"}, account.now(), SandboxOptions())
    both = chosen(board, {"groups": [{"rules": [rule]} for rule in ranges]}, account.now(), SandboxOptions())
    one = set(naive(board, CREATED, False, None, (first, last)))
    two = set(naive(board, UPDATED, False, None, span(board, UPDATED)))
    assert (list(either), list(both)) == (sorted(one | two), sorted(one & two))
    by_name = chosen(board, {"rules": ranges[:1], "order_by": [{"column_id": "name"}]}, account.now(), SandboxOptions())
    assert list(by_name) == sorted(sorted(one), key=lambda place: board.name_of(place).casefold())


def test_items_are_counted_without_being_read(ask) -> None:
    """`aggregate` counts all items, or those of a group and a range, for a few points; it groups nothing."""
    account = ask.start().account
    board = account.board("Inventory")
    query = (
        "query($q:AggregateQueryInput!){aggregate(query:$q){results{entries{alias value{"
        "...on AggregateBasicAggregationResult{result}}}}} complexity{query}}"
    )
    first, last = span(board, CREATED)
    group = board.groups[0].id
    rules = [
        *form("iso_between_attribute", CREATED, first, last),
        {"column_id": "group", "operator": "any_of", "compare_value": [group]},
    ]
    asked = {
        "select": [{"type": "FUNCTION", "function": {"function": "COUNT_ITEMS"}, "as": "n"}],
        "from": {"type": "TABLE", "id": board.id},
    }
    inside = naive(board, CREATED, False, group, (first, last))
    for params, expected in ((None, len(board.active())), ({"rules": rules}, len(inside))):
        data = ask.data(query, q={**asked, **({"query": params} if params else {})})
        assert data["aggregate"] == {"results": [{"entries": [{"alias": "n", "value": {"result": float(expected)}}]}]}
    assert data["complexity"]["query"] <= 50
    refused = ask.post(query, q={**asked, "group_by": [{"column_id": "group"}]}).json()
    assert "group_by" in refused["errors"][0]["message"]


def test_a_misspelt_form_is_refused() -> None:
    """The message lists the forms there are."""
    with pytest.raises(ValueError, match="exact_attribute"):
        SandboxOptions(filter_forms=frozenset({"exact"}))  # type: ignore[arg-type]
