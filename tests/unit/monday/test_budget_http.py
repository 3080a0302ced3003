"""The budget against a server that counts: it stays within small quotas, alone and in company, and waits as told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import httpx
import pytest

from boardlift.errors import DailyLimitReached, QueryRejected, SourceError
from boardlift.monday import queries
from boardlift.monday.budget import Budget
from boardlift.monday.client import MondayClient
from boardlift.monday.codes import is_too_complex
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from support.clocks import HurriedClock
from unit.monday.reading import Told

SPEED = 60.0
SLACK = 1.5
"""A busy machine makes the hours of a hurried clock longer; `test_budget.py` holds the waits against the second."""
THIN = queries.Selection(column_ids=())
ITEM = queries.item_points(THIN)
PAGE = queries.page_points(THIN, 100)


class Scene:
    """A sandbox with small quotas, on a clock that runs fast, and clients for it."""

    def __init__(self, stack: ExitStack, *, speed: float = SPEED, **options: object) -> None:
        self._stack = stack
        self.clock = HurriedClock(speed)
        self.told = Told()
        account = Account.many(boards=4, items=2_000, columns=2, clock=self.clock.epoch)
        self.boards = [str(board.id) for board in account.boards[:4]]
        self.sandbox = stack.enter_context(Sandbox(account, SandboxOptions(**options)))  # type: ignore[arg-type]

    def client(self, transport: httpx.BaseTransport | None = None, **budget: object) -> MondayClient:
        governor = Budget(self.clock, progress=self.told, **budget)  # type: ignore[arg-type]
        return self._stack.enter_context(
            MondayClient(
                self.sandbox.url,
                self.sandbox.token,
                clock=self.clock,
                progress=self.told,
                budget=governor,
                transport=transport,
            )
        )

    def page(self, client: MondayClient, number: int = 0, size: int = 100) -> None:
        client.send(queries.first_items(self.boards[number % 4], THIN, size))

    @property
    def refusals(self) -> dict[str, int]:
        refused = self.sandbox.stats()["refusals"]
        assert isinstance(refused, dict)
        return refused


@pytest.fixture
def scene() -> Iterator[Callable[..., Scene]]:
    with ExitStack() as stack:
        yield lambda **options: Scene(stack, **options)


def in_threads(number: int, work: Callable[[int], None]) -> None:
    """Do it in that many threads; the first failure is raised here."""
    failures: list[BaseException] = []

    def one(place: int) -> None:
        try:
            work(place)
        except BaseException as error:  # noqa: BLE001  raised below
            failures.append(error)

    threads = [threading.Thread(target=one, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_sixteen_threads_and_five_calls_at_once(scene) -> None:
    """Nobody is refused, and the five places are used."""
    at = scene(concurrency=5, latency_seconds=0.01)
    client = at.client()
    at.page(client)
    in_threads(16, lambda place: [at.page(client, place) for _ in range(10)])
    assert at.refusals == {}
    assert at.sandbox.stats()["peak_concurrency"] == 5
    assert at.sandbox.stats()["calls"] == 161


def test_points_for_three_pages_a_minute(scene) -> None:
    """Twelve pages are four windows: three waits, each to the reset told and at most a second longer."""
    at = scene(complexity_per_minute=3 * PAGE + 100, latency_seconds=0.002)
    client = at.client()
    for number in range(12):
        at.page(client, number)
    assert at.refusals == {}
    assert 180 <= at.clock.monotonic() <= 180 * SLACK
    waits = [seconds for seconds, _ in at.told.waits]
    assert len(waits) == 3
    assert all(seconds <= 62 for seconds in waits)
    assert "points of this minute" in at.told.waits[0][1]
    assert client.stats().waited_seconds >= sum(waits) - 1


def test_points_for_three_pages_a_minute_and_eight_readers(scene) -> None:
    """They all go on at the same moment, and none is refused."""
    at = scene(complexity_per_minute=6 * PAGE + 100, latency_seconds=0.003)
    client = at.client()
    at.page(client)
    in_threads(8, lambda place: [at.page(client, place) for _ in range(4)])
    assert at.refusals == {}
    assert 300 <= at.clock.monotonic() <= 300 * SLACK


def test_calls_a_minute(scene) -> None:
    """The reset is told only once nothing is left; until then the window is known from the first call in it."""
    at = scene(calls_per_minute=10, latency_seconds=0.002)
    client = at.client()
    in_threads(4, lambda place: [at.page(client, place, 1) for _ in range(10)])
    assert at.refusals == {}
    assert 180 <= at.clock.monotonic() <= 180 * SLACK


def test_half_of_an_account(scene) -> None:
    """With a share of a half, twice the time is taken and half of the places."""
    at = scene(complexity_per_minute=6 * PAGE + 100, concurrency=5, latency_seconds=0.005)
    client = at.client(share=0.5)
    at.page(client)
    in_threads(8, lambda place: at.page(client, place))
    assert at.refusals == {}
    assert at.sandbox.stats()["peak_concurrency"] <= 2
    assert 120 <= at.clock.monotonic() <= 120 * SLACK


def test_somebody_else_eats_the_points(scene) -> None:
    """What others use shows in the answers; their page is not made to fail by ours, nor ours by theirs."""
    at = scene(complexity_per_minute=6 * PAGE + 100, latency_seconds=0.002)
    client, other = at.client(), at.client()
    for _ in range(4):
        at.page(other)
    for _ in range(3):
        at.page(client)
    assert at.refusals == {}
    assert at.clock.monotonic() >= 55
    assert at.told.waits, "the third page had to wait: four of the six were somebody else's"


def test_somebody_else_takes_places(scene) -> None:
    """Of five calls at once three are taken by slow calls of others: two are left for us."""
    at = scene(speed=1.0, concurrency=5, latency_seconds=0.02)
    other, client = at.client(), at.client()
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            at.page(other, 0, 1)

    others = [threading.Thread(target=busy) for _ in range(3)]
    for thread in others:
        thread.start()
    try:
        for _ in range(4):
            at.page(client, 0, 1)
        in_threads(8, lambda place: [at.page(client, place, 1) for _ in range(10)])
    finally:
        stop.set()
        for thread in others:
            thread.join()
    calls = at.sandbox.stats()["calls"]
    assert isinstance(calls, int)
    assert sum(at.refusals.values()) <= max(1, calls // 100)


def test_without_headers_the_bodies_tell(scene) -> None:
    """Answers before mid-2026 have no RateLimit headers: points come from the bodies, the rest from the table."""
    at = scene(complexity_per_minute=3 * PAGE + 100, latency_seconds=0.002)

    class Headless(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            for name in ("ratelimit", "ratelimit-policy"):
                response.headers.pop(name, None)
            return response

    client = at.client(Headless(), tier="basic")
    at.page(client)
    # The table says far more points than this server has: the bodies correct it.
    for number in range(5):
        at.page(client, number)
    assert client.quotas == {}
    assert at.refusals == {}
    assert client.budget.snapshot().at_once == 40
    assert 60 <= at.clock.monotonic() <= 60 * SLACK


def test_the_calls_of_a_day(scene) -> None:
    """The last one of our part is the last one sent; the error says when there are more."""
    at = scene(calls_per_day=10)
    client = at.client(share=0.5, calls_per_day=10)
    for _ in range(5):
        at.page(client, 0, 1)
    with pytest.raises(DailyLimitReached, match="has sent 5 of 5") as caught:
        at.page(client, 0, 1)
    assert "00:00 UTC" in caught.value.hint
    assert "share 0.5 of 10" in caught.value.message
    assert at.sandbox.stats()["calls"] == 5


def test_a_page_that_can_never_fit_is_asked_for_smaller(scene) -> None:
    """Without a call: the reader is told that it is too complex. The smallest page goes out whatever it costs."""
    at = scene(complexity_per_minute=PAGE // 2)
    client = at.client()
    at.page(client, 0, 10)
    with pytest.raises(QueryRejected) as caught:
        at.page(client, 0, 100)
    assert is_too_complex(caught.value)
    at.page(client, 0, 25)
    assert at.sandbox.stats()["calls"] == 2


def test_a_reader_that_is_stopped_does_not_wait(scene) -> None:
    """Cancelling ends the wait for points, and the wait for a place."""
    at = scene(complexity_per_minute=PAGE + 100, concurrency=1, latency_seconds=0.05)
    client = at.client()
    at.page(client)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            at.page(client)
        except SourceError as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    client.cancel()
    for thread in threads:
        thread.join(2)
    assert [type(error) for error in failures] == [SourceError] * 3
    assert at.clock.monotonic() < 40


def test_after_a_told_reset_all_go_on_together(scene) -> None:
    """The first call of a window waits as long as was told, and the others are right behind it."""
    at = scene(complexity_per_minute=4 * PAGE + 100, latency_seconds=0.005)
    sent: list[float] = []

    class Watched(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(at.clock.monotonic())
            return super().handle_request(request)

    client = at.client(Watched())
    at.page(client)
    in_threads(4, lambda place: [at.page(client, place) for _ in range(2)])
    gaps = [(later - earlier, later) for earlier, later in pairwise(sorted(sent)) if later - earlier > 30]
    assert len(gaps) == 2
    for _, opened in gaps:
        assert sum(opened <= moment < opened + 20 for moment in sent) >= 3 or opened == gaps[-1][1]
