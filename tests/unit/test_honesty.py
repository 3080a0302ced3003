"""The judge of quotas and waits tells an honest reader from a pushing one."""

from __future__ import annotations

import httpx
import pytest

from boardlift.sandbox import Account, Sandbox, SandboxOptions
from support.honesty import Wait, lulls, refused_share, waits
from support.virtual import VirtualClock


@pytest.mark.parametrize("patience", [1.0, 0.5])
def test_a_reader_that_waits_less_than_told_is_found_out(patience: float) -> None:
    """Ninety questions at thirty a minute: who obeys is refused twice, who does not more often, and it shows."""
    clock = VirtualClock()
    options = SandboxOptions(calls_per_minute=30, journal=True, latency_seconds=0.1)
    with (
        Sandbox(Account.many(boards=1, items=1, columns=1), options, clock) as sandbox,
        httpx.Client(headers={"Authorization": sandbox.token}) as http,
    ):
        for number in range(90):
            query = {"query": f"query Number{number}{{me{{id}}}}"}
            while (answer := http.post(sandbox.url, json=query)).status_code == 429:
                clock.sleep(patience * int(answer.headers["Retry-After"]))
        found = waits(sandbox)
        assert all(wait.kept for wait in found) == (patience == 1.0)
        assert refused_share(sandbox) == pytest.approx(len(found) / (90 + len(found)))
        if patience == 1.0:
            assert [wait.waited for wait in found] == pytest.approx([wait.told for wait in found])
            assert len(found) == 2
        assert sandbox.stats()["peak_concurrency"] == 1
        assert sandbox.stats()["calls_by_minute"] == [30, 30, 30]


def test_a_microsecond_is_forgiven_and_a_millisecond_is_not() -> None:
    """Times of day in seconds are exact to less than a microsecond."""
    assert Wait("x", 60.0, 60.0 - 5e-7).kept
    assert not Wait("x", 60.0, 59.999).kept


@pytest.mark.parametrize(("pause", "fair"), [(0.9, True), (58.0, True), (66.0, False)])
def test_a_pause_is_fair_until_the_minute_is_full_again(pause: float, fair: bool) -> None:
    """Two calls a minute of half a second each: after the second one, 59 seconds of the minute are left."""
    clock = VirtualClock()
    options = SandboxOptions(calls_per_minute=2, journal=True, latency_seconds=0.5)
    with (
        Sandbox(Account.many(boards=1, items=1, columns=1), options, clock) as sandbox,
        httpx.Client(headers={"Authorization": sandbox.token}) as http,
    ):
        for before in (0.0, 0.0, pause):
            clock.sleep(before)
            http.post(sandbox.url, json={"query": "{me{id}}"})
        (lull,) = lulls(sandbox)
        assert (lull.seconds, lull.explained) == pytest.approx((pause, 59.0))
        assert lull.fair == fair


def test_a_pause_that_nothing_explains_is_found_out() -> None:
    """All quotas are full: more than a second is nobody's fault but the reader's."""
    clock = VirtualClock()
    with (
        Sandbox(Account.many(boards=1, items=1, columns=1), SandboxOptions(journal=True), clock) as sandbox,
        httpx.Client(headers={"Authorization": sandbox.token}) as http,
    ):
        for before in (0.0, 0.5, 1.5):
            clock.sleep(before)
            http.post(sandbox.url, json={"query": "{me{id}}"})
        assert [lull.fair for lull in lulls(sandbox)] == [True, False]
