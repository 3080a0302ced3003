"""The budget on a clock that only waiting moves: waits to the second, whoever waits with whom, and what it costs."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest

from boardlift.clock import SystemClock
from boardlift.errors import BoardliftError, DailyLimitReached
from boardlift.monday.budget import BEAT, Budget
from boardlift.monday.limits import Complexity, Quota
from boardlift.monday.quotas import CAUTIOUS, DOCUMENTED, documented
from boardlift.monday.standing import Standing
from boardlift.monday.wire import Request
from unit.monday.reading import OwnedClock, Told, answer, client_of


def page(points: int = 100) -> Request:
    return Request("NextItems", "query NextItems{complexity{query}}", {}, "b1", points=points, at_most=10)


@dataclass
class Spending:
    """A server whose answers cost 100 points of 1,000 a minute, and say so in their bodies."""

    clock: OwnedClock
    left: int = 1000
    opened: float | None = None
    sent: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            now = self.clock.monotonic()
            if self.opened is None or now >= self.opened + 60:
                self.opened, self.left = now, 1000
            self.sent.append(now)
            before, self.left = self.left, self.left - 100
            assert self.left >= 0, "the quota was passed"
            reset = int(self.opened + 60 - now)
            told = {"query": 100, "before": before, "after": self.left, "reset_in_x_seconds": reset}
        assert json.loads(request.content)["query"]
        return answer({"complexity": told, "next_items_page": None})


def test_a_used_up_minute_is_waited_out_to_the_second() -> None:
    """The eleventh call comes when the window is over: not before, and not a tenth of a second later."""
    clock, progress = OwnedClock(), Told()
    server = Spending(clock)
    client = client_of(server, clock, progress=progress, budget=Budget(clock, progress=progress))
    for _ in range(21):
        client.send(page())
    assert server.sent == [0.0] * 10 + [pytest.approx(60)] * 10 + [pytest.approx(120)]
    assert all(moment >= told for moment, told in zip(server.sent, [0] * 10 + [60] * 10 + [120], strict=True))
    assert [round(seconds) for seconds, _ in progress.waits] == [60, 60]
    assert client.stats("b1").waited_seconds == pytest.approx(120)


def test_one_sleeps_for_all_and_then_all_go_on() -> None:
    """Sixteen threads that wait for the same moment wait for it once."""
    clock = OwnedClock()
    server = Spending(clock)
    client = client_of(server, clock, budget=Budget(clock))
    threads = [threading.Thread(target=lambda: [client.send(page()) for _ in range(3)]) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.sent) == 48
    assert max(server.sent) == pytest.approx(240)
    assert sum(clock.slept) == pytest.approx(240)
    assert sorted(round(moment) for moment in server.sent) == [0] * 10 + [60] * 10 + [120] * 10 + [180] * 10 + [240] * 8


def test_the_first_estimate_is_corrected_by_full_pages() -> None:
    """What was reckoned as 900 points and cost 100 will do so again, whatever is reckoned then."""
    budget = Budget(OwnedClock())
    assert budget.estimate("b1", 900, 10) == 900
    budget.learn("b1", 100, 900)
    assert budget.estimate("b1", 900, 10) == 100
    assert budget.estimate("b1", 90, 500) == 10
    assert budget.estimate("b2", 900, 10) == 900
    assert budget.estimate("b1", 900, 0) == 900


def test_a_page_that_may_not_be_full_only_raises_the_estimate() -> None:
    """The last page holds less than was asked for; several of them at once say nothing about the next full one."""
    clock = OwnedClock()
    budget = Budget(clock)
    client = client_of(Spending(clock), clock, budget=budget)
    client.send(page(900))
    assert budget.estimate("b1", 900, 10) == 900
    client.send(page(80))
    assert budget.estimate("b1", 80, 10) == 100


def test_a_board_that_was_read_before_begins_with_what_it_cost() -> None:
    """And goes up at once, but down slowly: items differ in what they cost."""
    budget = Budget(OwnedClock())
    budget.expect("b1", 0.75)
    assert budget.estimate("b1", 1000, 100) == 750
    for paid, then in ((1000, 1000), (0, 800), (900, 900)):
        budget.learn("b1", paid, 1000)
        assert budget.estimate("b1", 1000, 100) == then


def test_quotas_of_the_answers_count_more_than_the_table() -> None:
    """Recorded: eighty at once and 1,335 a minute, which no row of the table has."""
    budget = Budget(OwnedClock(), tier="pro", start=1000)
    assert (budget.snapshot().at_once, budget.snapshot().calls_minute) == (100, 2500)
    told = {
        "minuteRate": Quota("minuteRate", 1335, 1300, 60),
        "concurrency": Quota("concurrency", 80, 79),
        "complexityMinute": Quota("complexityMinute", 5_000_000, 4_999_900, 60, 59.0),
    }
    budget.settle(budget.acquire("", 100, 0), quotas=told)
    snapshot = budget.snapshot()
    assert (snapshot.at_once, snapshot.usable, snapshot.calls_minute) == (80, 80, 1335)
    assert (snapshot.points_minute, snapshot.points_left) == (5_000_000, 4_999_900)
    budget.know("enterprise")
    assert (budget.snapshot().at_once, budget.snapshot().calls_day) == (80, 25_000)


def test_a_plan_nobody_documented_gets_the_least_and_no_end_of_the_day() -> None:
    """Forty at once; a number of calls a day that is only guessed must not stop a run."""
    budget = Budget(OwnedClock(), tier="a plan of 2028", start=1000)
    assert (budget.usable, budget.snapshot().calls_day) == (40, None)
    assert documented(" Pro ") is DOCUMENTED["pro"]
    least = (CAUTIOUS.calls_per_minute, CAUTIOUS.at_once, CAUTIOUS.points_per_minute)
    for quotas in DOCUMENTED.values():
        known = (quotas.calls_per_minute, quotas.at_once, quotas.points_per_minute)
        assert all(mine <= theirs for mine, theirs in zip(least, known, strict=True))


def test_what_was_set_aside_is_given_back_however_a_call_ends() -> None:
    """Errors, refusals, and calls that were not sent leave nothing behind."""
    clock = OwnedClock()
    steps = [httpx.ConnectError("no"), httpx.Response(503), httpx.ReadTimeout("late"), httpx.Response(401)]

    def monday(_request: httpx.Request) -> httpx.Response:
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    budget = Budget(clock)
    client = client_of(monday, clock, budget=budget)
    with pytest.raises(BoardliftError):
        client.send(page())
    budget.give_back(budget.acquire("b1", 100, 10))
    snapshot = budget.snapshot()
    assert snapshot.in_flight == 0
    assert snapshot.calls_today == 4
    assert snapshot.points_left == snapshot.points_minute - 100, "the call that timed out may have been paid"


@dataclass
class Others:
    """Other processes, as the ledger would tell of them."""

    standing: Standing = field(default_factory=Standing)
    told: list[int] = field(default_factory=list)
    fails: bool = False
    left: int | None = None

    def beat(self, calls: int) -> Standing:
        if self.fails:
            raise BoardliftError("the disk is full")
        self.told.append(calls)
        return Standing(self.standing.processes, self.standing.calls_today + sum(self.told))

    def leave(self, calls: int) -> None:
        self.left = calls


def test_a_second_process_halves_what_is_ours() -> None:
    """From the next look on; and all of it is ours again when it is gone."""
    clock, others = OwnedClock(), Others()
    budget = Budget(clock, start=1000)
    budget.join(others)
    assert budget.usable == 40
    others.standing = Standing(2, 0)
    clock.sleep(BEAT)
    budget.give_back(budget.acquire("", 10, 0))
    assert (budget.usable, budget.snapshot().points_minute) == (20, CAUTIOUS.points_per_minute // 2)
    others.standing = Standing(1, 0)
    clock.sleep(BEAT)
    budget.give_back(budget.acquire("", 10, 0))
    assert budget.usable == 40


def test_who_comes_second_gives_the_first_time_to_notice() -> None:
    """Else both would use the whole for a moment."""
    clock = OwnedClock()
    Budget(clock).join(Others(Standing(2, 0)))
    assert sum(clock.slept) > BEAT
    clock = OwnedClock()
    Budget(clock).join(Others(Standing(1, 0)))
    assert clock.slept == []


def test_calls_of_all_processes_count_towards_the_day() -> None:
    """Ten may be sent with a share of a half; others and an earlier run have sent seven."""
    clock, others = OwnedClock(), Others(Standing(2, 7))
    budget = Budget(clock, share=0.5, calls_per_day=20)
    budget.join(others)
    for _ in range(3):
        budget.settle(budget.acquire("", 10, 0))
    with pytest.raises(DailyLimitReached, match="has sent 10 of 10"):
        budget.acquire("", 10, 0)
    budget.close()
    assert others.left == 3


def test_a_new_day_begins_at_midnight_utc() -> None:
    """By the clock, without anybody's doing."""
    clock = OwnedClock()
    budget = Budget(clock, calls_per_day=1)
    budget.settle(budget.acquire("", 10, 0))
    with pytest.raises(DailyLimitReached) as caught:
        budget.acquire("", 10, 0)
    assert "in 24 h 0 min" in caught.value.hint
    clock.seconds += timedelta(days=1).total_seconds()
    budget.settle(budget.acquire("", 10, 0))


def test_a_ledger_that_cannot_be_written_does_not_stop_the_reading() -> None:
    """The calls are told when it can."""
    clock, others, progress = OwnedClock(), Others(), Told()
    budget = Budget(clock, progress=progress)
    budget.join(others)
    others.fails = True
    for _ in range(3):
        clock.sleep(BEAT)
        budget.settle(budget.acquire("", 10, 0))
    assert "the disk is full" in progress.phases
    others.fails = False
    clock.sleep(BEAT)
    budget.settle(budget.acquire("", 10, 0))
    assert sum(others.told) == 3


def test_leave_for_a_call_costs_microseconds() -> None:
    """Measured at 30 on a slow machine; a tenth of a millisecond would be the place to look again."""
    budget = Budget(SystemClock(), start=64)
    quotas = {
        "minuteRate": Quota("minuteRate", 10**7, 10**6, 60),
        "complexityMinute": Quota("complexityMinute", 10**9, 10**9 - 10, 60, 50.0),
    }
    budget.settle(budget.acquire("b1", 10, 0), quotas=quotas)
    best = 1.0
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(100):
            budget.settle(budget.acquire("b1", 160_000, 500), complexity=Complexity(10, 9, 9, 50), quotas=quotas)
        best = min(best, (time.perf_counter() - began) / 100)
    assert best < 0.0005


def test_no_more_calls_at_once_than_the_user_allows() -> None:
    """Whatever the quotas would let through, and whoever calls."""
    budget = Budget(OwnedClock(), most=2)
    assert (budget.usable, budget.snapshot().at_once) == (2, 2)
    assert Budget(OwnedClock(), most=5, share=0.01).usable == 1
