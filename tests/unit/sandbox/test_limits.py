"""Quotas, what an answer costs, and the headers that tell."""

from __future__ import annotations

import re
import threading

import pytest

from boardlift.sandbox import Account

PAGE = (
    "query($b:[ID!]){complexity{before after query reset_in_x_seconds} boards(ids:$b){items_page(limit:10){items{id}}}}"
)


def test_an_answer_costs_ten_points_for_each_object(ask) -> None:
    """A board, its page, ten items, their groups and three values each: 10 x (1 + 1 + 10 + 10 + 30)."""
    board = ask.start().account.board("Inventory")
    columns = [column.id for column in board.columns if column.type == "numbers"][:3]
    query = (
        "query($b:[ID!],$c:[String!]){complexity{before after query reset_in_x_seconds}"
        " boards(ids:$b){id items_page(limit:10){cursor items{id name group{id} column_values(ids:$c){text}}}}}"
    )
    for _ in range(2):
        spent = ask.data(query, b=[board.id], c=columns)["complexity"]
        assert spent["query"] == 520
        assert spent["before"] - spent["after"] == 520
    assert spent["reset_in_x_seconds"] <= 60


def test_objects_inside_values_are_counted_from_the_cache_too(ask) -> None:
    """The second, remembered answer costs what the first did."""
    board = ask.start().account.board("Inventory")
    query = (
        "query($b:[ID!]){complexity{query}"
        " boards(ids:$b){items_page(limit:50){items{column_values(types:[tags,dropdown]){... on"
        " TagsValue{tags{id}} ... on DropdownValue{values{id}}}}}}}"
    )
    costs = [ask.data(query, b=[board.id])["complexity"]["query"] for _ in range(2)]
    assert costs[0] == costs[1] > 10 * (2 + 50 + 100)


def test_the_minute_budget_refills_after_sixty_seconds(ask) -> None:
    """A spent budget is refused with the seconds to wait, and is full again after them."""
    account = ask.start(complexity_per_minute=250).account
    board = account.board("Inventory")
    ask.data(PAGE, b=[board.id])
    ask.data(PAGE, b=[board.id])
    refused = ask.post(PAGE, b=[board.id])
    extensions = refused.json()["errors"][0]["extensions"]
    assert refused.status_code == 429
    assert extensions["code"] == "COMPLEXITY_BUDGET_EXHAUSTED"
    assert set(extensions) == {"code", "retry_in_seconds"}
    account.advance(extensions["retry_in_seconds"])
    assert ask.data(PAGE, b=[board.id])["complexity"]["before"] == 250


def test_the_older_form_of_the_complexity_error_tells_more(ask) -> None:
    """Left, limit and status stand in the extensions, and HTTP says 200."""
    board = ask.start(complexity_per_minute=100, complexity_form="old", complexity_status=200).account.board(
        "Inventory"
    )
    refused = ask.post(PAGE, b=[board.id])
    extensions = refused.json()["errors"][0]["extensions"]
    assert refused.status_code == 200
    assert (extensions["complexity"], extensions["complexity_budget_left"], extensions["status_code"]) == (
        120,
        100,
        429,
    )


def test_one_query_has_a_cap_of_its_own(ask) -> None:
    """Above it the error names the cost and the cap, and waiting is not offered."""
    board = ask.start(complexity_per_query=100).account.board("Inventory")
    extensions = ask.post(PAGE, b=[board.id]).json()["errors"][0]["extensions"]
    assert (extensions["complexity"], extensions["maxComplexity"]) == (120, 100)
    assert "retry_in_seconds" not in extensions


def test_calls_a_minute_are_limited(ask) -> None:
    """The third of two is a 429 with Retry-After in header and body."""
    account = ask.start(calls_per_minute=2).account
    ask.post("{me{id}}")
    ask.post("{me{id}}")
    refused = ask.post("{me{id}}")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) == refused.json()["errors"][0]["extensions"]["retry_in_seconds"]
    account.advance(60)
    assert ask.post("{me{id}}").status_code == 200


def test_calls_a_day_are_limited_until_midnight(ask) -> None:
    """The daily refusal waits for midnight UTC, and then calls pass."""
    account = ask.start(calls_per_day=1).account
    ask.post("{me{id}}")
    refused = ask.post("{me{id}}")
    assert refused.json()["errors"][0]["extensions"]["code"] == "DAILY_LIMIT_EXCEEDED"
    wait = refused.json()["errors"][0]["extensions"]["retry_in_seconds"]
    assert 0 < wait <= 86_400
    account.advance(wait)
    assert ask.post("{me{id}}").status_code == 200


def test_too_many_at_once_are_refused(ask) -> None:
    """While one call is slow, a second is refused when only one may run."""
    ask.start(concurrency=1, latency_seconds=0.4)
    first = threading.Thread(target=ask.post, args=("{me{id}}",))
    first.start()
    while not ask.sandbox.service.limits.running:
        pass
    refused = ask.post("{me{id}}")
    first.join()
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["code"] == "maxConcurrencyExceeded"


def test_headers_tell_quotas_and_what_is_left(ask) -> None:
    """`RateLimit-Policy` and `RateLimit` in the recorded form."""
    board = ask.start(calls_per_minute=1335, concurrency=80, complexity_per_minute=5_000_000).account.board("Inventory")
    headers = ask.post("query($b:[ID!]){boards(ids:$b){id}}", b=[board.id]).headers
    assert headers["RateLimit-Policy"] == (
        '"minuteRate";q=1335;w=60, "concurrency";q=80;qu="concurrent-requests",'
        ' "complexityMinute";q=5000000;w=60;qu="content-bytes"'
    )
    pattern = r'"minuteRate";r=1334, "concurrency";r=79, "complexityMinute";r=4999990;t=\d+'
    assert re.fullmatch(pattern, headers["RateLimit"])


@pytest.mark.parametrize(
    ("asked", "served"),
    [("2026-07", "2026-07"), ("2031-01", "2026-10"), ("2020-01", "2025-04"), (None, "2026-10")],
)
def test_the_answer_names_the_version_that_served_it(ask, asked: str | None, served: str) -> None:
    """A known version serves itself, an unknown one falls to the current, a deprecated one to the oldest."""
    ask.start()
    headers = {"Authorization": ask.sandbox.token} | ({"API-Version": asked} if asked else {})
    answer = ask.http.post(ask.sandbox.url, json={"query": "{version{value kind}}"}, headers=headers)
    assert answer.headers["API-Version"] == served
    assert answer.json()["data"]["version"]["value"] == served


def test_a_malformed_version_is_an_error(ask) -> None:
    """It is refused before anything else is looked at."""
    ask.start()
    answer = ask.post("{me{id}}", headers={"API-Version": "latest"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "InvalidVersionException"


def test_a_wrong_token_is_a_401_in_the_current_shape(ask) -> None:
    """No data, no request id, no version header."""
    ask.start()
    answer = ask.post("{me{id}}", headers={"Authorization": f"Bearer {ask.sandbox.token}"})
    assert answer.status_code == 401
    assert answer.json() == {"errors": [{"message": "Not authenticated", "extensions": {"code": "NOT_AUTHENTICATED"}}]}
    assert "API-Version" not in answer.headers


def test_a_query_that_does_not_fit_is_refused_by_the_router(ask) -> None:
    """Message and place only: no extensions in the error, no data, no version or rate headers."""
    ask.start()
    answer = ask.post("{boards{invalid_field}}")
    body = answer.json()
    assert body["errors"] == [
        {"message": 'Cannot query field "invalid_field" on type "Board".', "locations": [{"line": 1, "column": 9}]}
    ]
    assert "data" not in body
    assert body["extensions"]["request_id"] == answer.headers["X-Request-Id"]
    assert not {"api-version", "ratelimit"} & set(answer.headers)


def test_a_variable_of_another_type_is_refused(ask) -> None:
    """Variables are checked even when the query is known."""
    ask.start()
    query = "query($limit:Int!){boards(limit:$limit){id}}"
    assert ask.post(query, limit=2).json()["data"]
    assert "limit" in ask.post(query, limit="2").json()["errors"][0]["message"]
    assert "limit" in ask.post(query).json()["errors"][0]["message"]


def test_conflicting_fragments_are_refused_and_aliases_settle_it(ask) -> None:
    """`country` is an object on one type and a string on another."""
    ask.start()
    query = "{boards{items_page{items{column_values{... on CountryValue{country{code}} ... on LocationValue{%s}}}}}}"
    assert "conflict" in ask.post(query % "country").json()["errors"][0]["message"]
    assert "errors" not in ask.post(query % "loc_country:country").json()


def test_stats_count_calls_points_and_refusals(ask) -> None:
    """By operation: what was asked, what it cost, what was refused."""
    ask.start(Account.many(boards=2, items=3, columns=2), calls_per_minute=2)
    ask.data("query Listing{boards{id}}")
    ask.data("query Listing{boards{id}}")
    ask.post("query Listing{boards{id}}")
    stats = ask.sandbox.stats()
    assert (stats["calls"], stats["points"]) == (3, 40)
    assert stats["refusals"] == {"RATE_LIMIT_EXCEEDED": 1}
    assert stats["operations"]["Listing"] == {"calls": 2, "points": 40, "items": 0}
