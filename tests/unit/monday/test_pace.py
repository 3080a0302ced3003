"""Calls at once: doubled while that brings clearly more, fewer when it does not or is refused."""

from __future__ import annotations

from collections.abc import Callable

from boardlift.monday.pace import Pace


class Server:
    """Answers calls in virtual time; `seconds` is how long one takes with that many under way."""

    def __init__(self, seconds: Callable[[int], float], start: int = 4, ceiling: int = 64) -> None:
        self.pace = Pace(start)
        self.seconds, self.ceiling = seconds, ceiling
        self.now = 0.0

    def rounds(self, number: int) -> int:
        """So many bursts of as many calls as are usable; then what is usable."""
        for _ in range(number):
            at_once = min(self.pace.usable, self.ceiling)
            began = [self.pace.began(place + 1, self.now) for place in range(at_once)]
            sent, self.now = self.now, self.now + self.seconds(at_once)
            for mark in began:
                self.pace.ended(mark, 100, sent, self.now, self.ceiling)
        return self.pace.usable


def test_it_doubles_while_each_doubling_pays() -> None:
    """A server that takes a second whatever comes is used up to the quota."""
    server = Server(lambda at_once: 1.0)
    assert [server.rounds(1) for _ in range(5)] == [8, 16, 32, 64, 64]


def test_it_stops_where_more_calls_only_take_longer() -> None:
    """Twelve at once are all this server can do: sixteen are tried, thirty-two are not kept."""
    server = Server(lambda at_once: max(1.0, at_once / 12))
    server.rounds(6)
    assert server.pace.usable <= 16
    assert server.rounds(40) <= 20


def test_a_server_that_answers_one_after_the_other_gets_few() -> None:
    """Sixteen at once bring no more than two would; the number we began with is given up."""
    server = Server(lambda at_once: 0.1 * at_once, start=16)
    assert server.rounds(8) <= 4


def test_a_server_that_becomes_slow_gets_fewer() -> None:
    """Answers twice as slow and no more of them."""
    server = Server(lambda at_once: max(1.0, at_once / 16))
    server.rounds(6)
    before = server.pace.usable
    server.seconds = lambda at_once: max(2.5, at_once / 4)
    assert server.rounds(12) < before


def test_a_refusal_halves_once_for_all_calls_of_a_round() -> None:
    """A burst that is refused is one piece of news."""
    pace = Pace(16)
    marks = [pace.began(place + 1, 0.0) for place in range(16)]
    for mark in marks:
        pace.refused(mark)
    assert pace.usable == 8


def test_after_a_refusal_it_grows_slowly() -> None:
    """Not by doubling."""
    server = Server(lambda at_once: 1.0, start=16)
    server.pace.refused(server.pace.began(1, 0.0))
    assert server.rounds(8) == 8
    assert server.rounds(3) == 10
    assert 16 <= server.rounds(40) <= 40


def test_readers_that_are_too_few_prove_nothing() -> None:
    """With three calls at once the eighth place was never tried."""
    pace = Pace(8)
    for now in range(60):
        marks = [pace.began(place + 1, float(now)) for place in range(3)]
        for mark in marks:
            pace.ended(mark, 100, now, now + 1.0, 64)
    assert pace.usable == 8


def test_a_wait_for_a_quota_is_not_the_servers_slowness() -> None:
    """The round with the wait in it is dropped."""
    server = Server(lambda at_once: 1.0)
    server.pace.began(4, 0.0)
    server.now = 60.0
    server.pace.interrupted()
    assert server.rounds(1) == 8
