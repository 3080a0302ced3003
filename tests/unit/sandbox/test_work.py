"""How long answers take, which of them fail, and what is written down of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import cast

import pytest

from boardlift.sandbox import Account, Fault, SandboxOptions
from boardlift.sandbox.service import Reply, Service
from boardlift.sandbox.timing import Workers

THICK = "query($n:Int!){boards(limit:1){items_page(limit:$n){items{id column_values{id text}}}}}"
THIN = "query($n:Int!){boards(limit:1){items_page(limit:$n){items{id group{id} column_values(ids:[]){id}}}}}"


class StepClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, tzinfo=UTC).timestamp()

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        """Seconds."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Jump."""
        self.at += seconds


def service(**options: object) -> Service:
    """A service on a clock of its own, without a socket."""
    account = Account.many(boards=2, items=60, columns=3)
    return Service(account, SandboxOptions(**options), StepClock())  # type: ignore[arg-type]


def post(held: Service, query: str, **variables: object) -> Reply:
    """The reply to a query."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    return held.reply({"Authorization": held.account.token}, body)


def test_an_item_without_its_cells_takes_a_tenth() -> None:
    """The latency, and the time of each item: 20 with cells, 20 without, none at all."""
    held = service(latency_seconds=0.3, latency_per_item_seconds=0.004)
    for query, count, seconds in ((THICK, 20, 0.38), (THIN, 20, 0.308), ("{me{id}}", None, 0.3)):
        before = held.clock.monotonic()
        post(held, query, **({} if count is None else {"n": count}))
        assert held.clock.monotonic() - before == pytest.approx(seconds)


def test_workers_share_the_work_in_the_order_it_came() -> None:
    """Two workers: the third answer begins when the first is ready; idle workers start at the arrival."""
    workers = Workers(2)
    assert [workers.finish(100.0, 3.0), workers.finish(100.0, 5.0), workers.finish(101.0, 1.0)] == [103, 105, 104]
    assert workers.finish(110.0, 1.0) == 111
    assert Workers(None).finish(5.0, 1.0) == 6.0


def test_a_server_with_few_workers_gets_no_faster_with_more_calls(ask) -> None:
    """Six calls at once on two workers take three times as long as one."""
    ask.start(Account.many(boards=1, items=5, columns=2), latency_seconds=0.1, workers=2, journal=True)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _n: ask.post("{me{id}}"), range(6)))
    rows = ask.sandbox.journal()
    assert max(row["answered"] for row in rows) - min(row["arrived"] for row in rows) >= 0.3
    assert ask.sandbox.stats()["peak_concurrency"] > 2


def test_a_share_of_calls_fails_the_same_way_each_time() -> None:
    """About a tenth, by server errors and refusals, with told waits and without; and not a call of it by a quota."""
    runs = []
    for _ in range(2):
        held = service(failing=0.1, failing_seconds=2.0, journal=True, complexity_per_minute=10**9)
        runs.append(
            [
                (reply.status, reply.headers.get("Retry-After"))
                for reply in (post(held, "{me{id}}") for _ in range(1000))
            ]
        )
    assert runs[0] == runs[1]
    statuses = [status for status, _wait in runs[0]]
    assert 70 <= sum(status != 200 for status in statuses) <= 130
    assert {429, 500, 502, 503, 504} <= set(statuses)
    assert {wait for status, wait in runs[0] if status == 429} == {None, "2"}
    record = held.record()
    assert record["refusals"] == {}
    assert sum(record["faults"].values()) == sum(status != 200 for status in statuses)


def test_the_journal_tells_whether_a_told_wait_was_kept() -> None:
    """A call asked again carries the same mark; the refusal's wait stands beside its times."""
    held = service(calls_per_minute=1, journal=True, latency_seconds=0.5)
    post(held, "{me{id}}")
    refused = post(held, "{me{name}}")
    held.clock.sleep(float(refused.headers["Retry-After"]))
    post(held, "{me{name}}")
    one, two, three = held.stats.journal()
    assert (two["outcome"], two["status"], two["told"]) == ("RATE_LIMIT_EXCEEDED", 429, 60.0)
    assert two["same"] == three["same"] != one["same"]
    assert three["arrived"] >= two["answered"] + two["told"]
    assert (one["answered"] - one["arrived"], one["outcome"]) == (pytest.approx(0.5), "")
    standing = cast("dict[str, float]", one["standing"])
    assert (standing["calls_left"], standing["calls_full_at"]) == (0, pytest.approx(one["arrived"] + 60))


def test_what_was_used_is_counted_for_each_minute() -> None:
    """Calls and points of each window, the running one last; a refused call counts a tenth of a daily one."""
    held = service(complexity_per_minute=100, calls_per_minute=50)
    for _ in range(5):
        post(held, "{boards(limit:2){id}}")
    held.clock.sleep(60)
    assert post(held, "{boards(limit:2){id}}").status == 200
    post(held, "{boards(limit:2){id}}")
    refused = service(calls_per_minute=1)
    post(refused, "{me{id}}")
    post(refused, "{me{id}}")
    record = held.record()
    assert (record["points_by_minute"], record["calls_by_minute"], record["calls_today"]) == ([100, 40], [5, 2], 7.0)
    assert refused.record()["calls_today"] == 1.1


COLUMNS = "query($i:[ID!],$c:[String!]){items(ids:$i,limit:100){id column_values(ids:$c){id}}}"


def test_a_bad_cell_fails_every_answer_that_would_hold_it(ask) -> None:
    """The page, the list of ids and the group with the item, when its column is asked for; the rest is answered."""
    board = ask.start(Account.many(boards=2, items=20, columns=4)).account.boards[0]
    ids = [board.item_id(place) for place in range(20)]
    bad, other = board.value_columns()[1].id, board.value_columns()[2].id
    ask.control("add_fault", kind="internal_error_200", item=ids[7], column=bad, times=None)

    def fails(items: list[int], columns: list[str]) -> bool:
        answer = ask.post(COLUMNS, i=items, c=columns)
        body = answer.json()
        assert answer.status_code == 200
        if "errors" in body:
            assert body["errors"][0]["extensions"]["error_code"] == "INTERNAL_SERVER_ERROR"
            assert body["data"] is None
        return "errors" in body

    assert fails(ids, [bad, other])
    assert fails(ids[7:8], [bad])
    assert not fails(ids, [other])
    assert not fails(ids[:7] + ids[8:], [bad])
    page = "query($b:[ID!]){boards(ids:$b){items_page(limit:%d){items{id %s}}}}"
    assert "errors" in ask.post(page % (8, "column_values{id}"), b=[board.id]).json()
    assert "errors" not in ask.post(page % (7, "column_values{id}"), b=[board.id]).json()
    assert "errors" not in ask.post(page % (8, "name"), b=[board.id]).json()


def test_a_bad_item_or_a_bad_column_fails_alone(ask) -> None:
    """An item fails whatever is asked of it; a column fails for every item of its board, as often as it was told."""
    account = ask.start(
        Account.many(boards=2, items=20, columns=4),
        faults=(
            Fault("internal_error_200", item=Account.many(boards=2, items=20, columns=4).boards[0].item_id(3)),
            Fault("5xx", column="status", board=Account.many(boards=2, items=20).boards[1].id, after=1, times=2),
        ),
    ).account
    one, two = account.boards
    thin = "query($i:[ID!]){items(ids:$i){id}}"
    assert "errors" in ask.post(thin, i=[one.item_id(3)]).json()
    assert "errors" not in ask.post(thin, i=[one.item_id(3)]).json()
    asked = [ask.post(COLUMNS, i=[two.item_id(1)], c=["status"]).status_code for _ in range(4)]
    assert asked == [200, 503, 503, 200]
    assert ask.post(COLUMNS, i=[one.item_id(1)], c=["status"]).status_code == 200
    with pytest.raises(ValueError, match="internal_error_200"):
        Fault("429_bare", item=5)
