"""Virtual time: sleeps end in order and on time, work holds time still, and a sandbox keeps its promises on it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from boardlift.sandbox import Account, Sandbox, SandboxOptions
from support.virtual import START, VirtualClock

FIRST = "{boards(limit:1){items_page(limit:10){cursor items{id}}}}"
NEXT = "query($c:String!){next_items_page(cursor:$c,limit:10){cursor items{id}}}"


def post(sandbox: Sandbox, http: httpx.Client, query: str, **variables: object) -> httpx.Response:
    """The answer to a query."""
    body = {"query": query, "variables": variables}
    return http.post(sandbox.url, json=body, headers={"Authorization": sandbox.token})


def test_sleeps_end_in_order_and_exactly_on_time() -> None:
    """Threads that sleep for hours wake at their own time, the shortest first, in next to no real time."""
    clock, woken, began = VirtualClock(), [], time.monotonic()

    def sleeper(seconds: float) -> None:
        clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))
        clock.sleep(seconds)
        woken.append((2 * seconds, clock.monotonic()))

    lengths = [7_200.0, 60.0, 3_600.5, 0.25]
    threads = [threading.Thread(target=sleeper, args=(length,)) for length in lengths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted([*lengths, *(2 * length for length in lengths)])
    assert [wanted for wanted, _at in woken] == [at for _wanted, at in woken] == expected
    assert (clock.now() - START).total_seconds() == 14_400.0
    assert time.monotonic() - began < 5


def test_work_holds_time_still() -> None:
    """While a thread computes, nobody's sleep ends; as soon as it waits, it does."""
    clock, ended = VirtualClock(), threading.Event()

    def sleeper() -> None:
        clock.sleep(10)
        ended.set()

    thread = threading.Thread(target=sleeper)
    thread.start()
    until = time.thread_time() + 0.3
    seen = set()
    while time.thread_time() < until:
        seen.add(clock.monotonic())
    assert seen == {0.0}
    assert ended.wait(5)
    thread.join()
    assert clock.monotonic() == 10


def test_time_may_be_advanced_by_hand() -> None:
    """Sleeps in between end at their own time."""
    clock = VirtualClock()
    clock.advance(5)
    clock.sleep(0)
    assert clock.monotonic() == 5


@pytest.mark.parametrize("at_once", [1, 4])
def test_latency_passes_on_the_clock(at_once: int) -> None:
    """Twelve calls of half an hour each, one after the other or four at a time, take as long as they should."""
    clock, began = VirtualClock(), time.monotonic()
    account = Account.many(boards=1, items=30, columns=2)
    options = SandboxOptions(latency_seconds=1_800, cursor_life_seconds=1e9)
    with Sandbox(account, options, clock) as sandbox, httpx.Client() as http, ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda _n: post(sandbox, http, FIRST).raise_for_status(), range(12)))
    assert clock.monotonic() == pytest.approx(1_800 * 12 / at_once)
    assert time.monotonic() - began < 10


def test_quotas_told_waits_and_cursors_follow_the_clock() -> None:
    """A refused call passes after exactly the told wait, and a cursor dies when its virtual life is over."""
    clock = VirtualClock()
    options = SandboxOptions(calls_per_minute=2, cursor_life_seconds=90)
    with Sandbox(Account.many(boards=1, items=60, columns=2), options, clock) as sandbox, httpx.Client() as http:
        cursor = post(sandbox, http, FIRST).json()["data"]["boards"][0]["items_page"]["cursor"]
        clock.sleep(20)
        assert post(sandbox, http, NEXT, c=cursor).status_code == 200
        refused = post(sandbox, http, NEXT, c=cursor)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
        clock.sleep(39)
        assert post(sandbox, http, NEXT, c=cursor).status_code == 429
        clock.sleep(1)
        assert "errors" not in post(sandbox, http, NEXT, c=cursor).json()
        clock.sleep(31)
        late = post(sandbox, http, NEXT, c=cursor).json()
        assert late["errors"][0]["extensions"]["code"] == "CursorException"
        assert sandbox.stats()["calls_by_minute"] == [2, 2]
