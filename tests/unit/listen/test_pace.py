"""When to sync, with time as a number."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boardlift.errors import (
    BudgetExhausted,
    CheckFailed,
    ConfigError,
    DestinationError,
    LeaseHeld,
    PermissionMissing,
    PromotionConflict,
    SourceUnavailable,
)
from boardlift.listen.pace import LONGEST_FOR_BOARD, LONGEST_FOR_LEASE, Burst, Retries, concerns_all

GAPS = st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=200)


@given(gaps=GAPS, quiet=st.floats(0, 5), more=st.floats(0, 30))
def test_no_event_waits_longer_than_at_most(gaps: list[float], quiet: float, more: float) -> None:
    """However the events come: each is followed by a sync soon enough, and no two syncs by less than `quiet`."""
    at_most = quiet + more
    burst, now, syncs, waiting = Burst(quiet, at_most), 100.0, [], []
    for gap in gaps:
        while burst.due is not None and burst.due <= now + gap:
            syncs.append(burst.due)
            assert all(burst.due - moment <= at_most + 1e-6 for moment in waiting)
            waiting.clear()
            burst.taken()
        now += gap
        burst.event(now)
        waiting.append(now)
    assert burst.due is not None
    assert burst.due - waiting[0] <= at_most + 1e-6
    assert all(later - earlier >= quiet - 1e-6 for earlier, later in pairwise(syncs))


def test_a_burst_is_over_when_it_is_quiet() -> None:
    burst = Burst(2, 15)
    assert burst.due is None
    burst.event(100)
    burst.event(101)
    assert burst.due == 103
    for moment in range(102, 120):
        burst.event(moment)
    assert burst.due == 115
    burst.taken()
    assert burst.due is None


def test_what_an_earlier_process_left_is_due_at_once() -> None:
    burst = Burst(2, 15)
    burst.overdue(100)
    assert burst.due == 100


def test_a_held_lease_stops_all_for_longer_each_time() -> None:
    retries = Retries()
    waits = [retries.failed(["1", "2"], LeaseHeld("somebody", None), 0) for _ in range(8)]
    assert waits == [1, 2, 4, 8, 16, LONGEST_FOR_LEASE, LONGEST_FOR_LEASE, LONGEST_FOR_LEASE]
    assert retries.healthy(["1", "2"]) == ["1", "2"]
    retries.succeeded(["1", "2"])
    assert retries.failed(["1"], LeaseHeld("somebody", None), 0) == 1


def test_a_told_wait_is_obeyed() -> None:
    assert Retries().failed(["1"], BudgetExhausted("spent", retry_in=42.0), 0) == 42


def test_boards_of_a_failed_run_are_tried_alone() -> None:
    """The good one is soon well again, the bad one waits longer each time, and neither holds up a third."""
    retries = Retries()
    retries.failed(["1", "2"], CheckFailed("refused"), 10)
    assert retries.paused_until == 0
    assert retries.healthy(["1", "2", "3"]) == ["3"]
    assert retries.ripe(["1", "2", "3"], 10) is None
    assert retries.ripe(["1", "2", "3"], 11) == "1"
    assert retries.failed(["1"], CheckFailed("refused"), 11) == 2
    assert retries.ripe(["1", "2"], 11) == "2"
    retries.succeeded(["2"])
    assert retries.healthy(["1", "2"]) == ["2"]
    assert retries.next_ripe(["1", "2"]) == 13
    waits = [retries.failed(["1"], CheckFailed("refused"), 20) for _ in range(20)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_FOR_BOARD


def test_a_source_that_is_never_there_may_be_one_board() -> None:
    """After a few tries each board is asked for alone, so the others get through."""
    retries = Retries()
    for _ in range(3):
        retries.failed(["1", "2"], SourceUnavailable("500"), 0)
    assert retries.healthy(["1", "2"]) == []
    assert retries.ripe(["1", "2"], retries.paused_until) == "1"
    retries.failed(["1"], SourceUnavailable("500"), retries.paused_until)
    assert retries.ripe(["1", "2"], retries.paused_until) == "2"


@pytest.mark.parametrize(
    ("error", "all_boards"),
    [
        (LeaseHeld("somebody", None), True),
        (SourceUnavailable("down"), True),
        (DestinationError("down"), True),
        (OSError("disk"), True),
        (PromotionConflict("a view is built on it"), False),
        (CheckFailed("shrunken"), False),
        (PermissionMissing("board 1"), False),
        (ConfigError("no such board"), False),
        (ValueError("a mistake of ours"), False),
    ],
)
def test_whose_failure_it_is(error: BaseException, all_boards: bool) -> None:
    assert concerns_all(error) is all_boards
