"""How a swap asks again for its locks."""

from __future__ import annotations

from itertools import pairwise

from boardlift.destinations.retries import Retries
from support.clocks import FastClock


def test_attempts_are_counted() -> None:
    """There are as many as allowed, numbered from one."""
    assert list(Retries(attempts=3, patience=60.0).tries(FastClock())) == [1, 2, 3]


def test_patience_ends_them() -> None:
    """Once it is over nobody pauses for another attempt; the first always takes place."""
    clock = FastClock()
    begun = [clock.slept for _ in Retries(attempts=1000, patience=5.0).tries(clock)]
    assert 6 <= len(begun) < 1000
    assert begun[-1] < 6.0
    assert list(Retries(patience=0.0).tries(clock)) == [1]


def test_pauses_grow_up_to_the_longest() -> None:
    """The first attempt waits for nothing; two programs do not come back at the same moments."""
    clock, other = FastClock(), FastClock()
    retries = Retries(attempts=12, patience=60.0)
    begun = [clock.slept for _ in retries.tries(clock)]
    pauses = [after - before for before, after in pairwise(begun)]
    assert begun[0] == 0.0
    assert pauses[0] <= retries.first_pause
    assert all(retries.longest_pause / 2 <= pause <= retries.longest_pause for pause in pauses[-3:])
    assert begun != [other.slept for _ in retries.tries(other)]
