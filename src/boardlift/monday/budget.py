"""Leave for every call: none goes out before it fits into what the account has left.

The quotas are those of the latest answers, else the documented ones (API page "Rate limits"); of each, at most `share`
is used, and less when other processes read the same account. Waits run on the injected clock: one caller sleeps for
all, so that all go on at the same moment.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from boardlift.clock import Clock
from boardlift.errors import ApiError, BoardliftError, QueryRejected, SourceError
from boardlift.monday.codes import TOO_COMPLEX
from boardlift.monday.day import Day
from boardlift.monday.limits import COMPLEXITY_MINUTE, CONCURRENCY, MINUTE_RATE, Complexity, Quota
from boardlift.monday.meter import Meter, Told
from boardlift.monday.pace import START, Pace
from boardlift.monday.page_size import SMALLEST_PAGE
from boardlift.monday.quotas import Quotas, documented
from boardlift.monday.standing import SharedUse, Snapshot, Standing
from boardlift.progress import Progress, Silent

BEAT = 1.0
"""Seconds between two looks at who else reads the account."""
_SLICE = 0.5
_LEAST_SLEEP = 0.001
_WORTH_TELLING = 1.0
_FORGET = 0.2
_MEMORY = 30.0
_A_PAGE = 1_000
"""Points from which on a call counts as a page where the seconds of a call are measured."""


@dataclass
class Permit:
    """Leave for one call: what was set aside for it and what was reckoned before, what others were known to have used
    then, since when it is under way, what was waited for it."""

    label: str
    points: int
    reckoned: int
    at_most: int
    others: int
    sent: float
    waited: float
    round_number: int = 0
    in_flight: int = 0


@dataclass(frozen=True)
class _Obstacle:
    """Why a call must wait, and for how long; infinity until another call is over."""

    wait: float
    reason: str


class Budget:
    """The governor of one client. Safe to share among threads."""

    def __init__(
        self,
        clock: Clock,
        *,
        share: float = 1.0,
        tier: str = "",
        calls_per_day: int | None = None,
        start: int = START,
        most: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`share` of each quota is ours; `calls_per_day` overrides what the plan `tier` documents; `start` calls at
        once are tried first, `most` never exceeded."""
        self._clock = clock
        self._progress: Progress = progress or Silent()
        self.share = share
        self._day_is_set = calls_per_day is not None
        quotas = documented(tier)
        self._points = Meter(quotas.points_per_minute, share)
        self._calls = Meter(quotas.calls_per_minute, share)
        self._at_once, self._at_once_told = quotas.at_once, False
        self._most = math.inf if most is None else most
        self._day = Day(quotas.calls_per_day if calls_per_day is None else calls_per_day, share)
        self._others_in_flight, self._others_until = 0, -math.inf
        self._in_flight = 0
        self._pace = Pace(start)
        self._dearness: dict[str, float] = {}
        self._seconds = 0.0
        self._shared: SharedUse | None = None
        self._standing = Standing()
        self._next_beat = math.inf
        self._changed = threading.Condition()
        self._asleep = False
        self._told_until = -math.inf
        self._cancelled = False

    # -- what the planner may ask ------------------------------------------------------------------------------------

    @property
    def usable(self) -> int:
        """Calls at once that are allowed and, as far as measured, worthwhile."""
        return min(self._pace.usable, self._ceiling())

    def snapshot(self) -> Snapshot:
        with self._changed:
            now = self._clock.monotonic()
            return Snapshot(
                usable=self.usable,
                at_once=self._ceiling(),
                in_flight=self._in_flight,
                points_minute=self._points.allowance,
                points_left=self._points.available(now),
                calls_minute=self._calls.allowance,
                calls_left=self._calls.available(now),
                calls_day=self._day.allowance,
                calls_today=self._day.used(self._clock.now()),
                processes=self._standing.processes,
                seconds_per_call=self._seconds,
            )

    def estimate(self, label: str, points: int, at_most: int) -> int:
        """What a request for `at_most` objects of `label` will cost: `points`, as far off as the latest ones were."""
        with self._changed:
            return self._estimate(label, points, at_most)

    # -- what the planner may tell -----------------------------------------------------------------------------------

    def know(self, tier: str, calls_per_day: int | None = None) -> None:
        """The account's plan and, if told, its calls a day. What answers have told already stays."""
        quotas: Quotas = documented(tier)
        with self._changed:
            for meter, limit in ((self._points, quotas.points_per_minute), (self._calls, quotas.calls_per_minute)):
                if meter.left is None:
                    meter.limit = max(meter.limit, limit)
            if not self._at_once_told:
                self._at_once = quotas.at_once
            if not self._day_is_set:
                self._day.limit = calls_per_day or quotas.calls_per_day
            self._changed.notify_all()

    def expect(self, label: str, dearness: float) -> None:
        """How many times what is reckoned pages of `label` have cost before, for the first estimate."""
        with self._changed:
            self._dearness.setdefault(label, dearness)

    def learn(self, label: str, points: int, reckoned: int) -> None:
        """A full page of `label` cost `points`. Up at once and down slowly: items differ in what they cost."""
        with self._changed:
            now, known = points / reckoned, self._dearness.get(label)
            self._dearness[label] = now if known is None else max(now, known + _FORGET * (now - known))

    def start_at(self, at_once: int, seconds_per_call: float) -> None:
        """What an earlier run has measured."""
        with self._changed:
            self._pace = Pace(at_once)
            self._seconds = seconds_per_call

    def join(self, shared: SharedUse) -> None:
        """Share the account with the processes that are told of there. The others are given a moment to notice."""
        standing = shared.beat(0)
        with self._changed:
            self._shared = shared
            self._heed(standing, 0)
            self._next_beat = self._clock.monotonic() + BEAT
        if standing.processes > 1:
            self._clock.sleep(1.5 * BEAT)

    def close(self) -> None:
        """Tell the last calls and leave those we share with."""
        with self._changed:
            shared, self._shared, untold, self._day.untold = self._shared, None, self._day.untold, 0
        if shared is not None:
            try:
                shared.leave(untold)
            except BoardliftError as error:
                self._progress.phase("calls not noted", error.message)

    def cancel(self) -> None:
        """Make every waiting and future `acquire` end with SourceError."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    # -- one call ----------------------------------------------------------------------------------------------------

    def acquire(self, label: str, points: int, at_most: int) -> Permit:
        """Wait until a call of at most `points` for `at_most` objects (0: no page) fits, and set its cost aside.

        Raises SourceError when cancelled, DailyLimitReached when the day's part is used up, QueryRejected (too complex)
        when a page can never fit, so that a smaller one is asked for.
        """
        waiting_since: float | None = None
        while True:
            self._beat()
            with self._changed:
                if self._cancelled:
                    raise stopped()
                now = self._clock.monotonic()
                estimate = self._estimate(label, points, at_most)
                self._refuse_impossible(estimate, at_most)
                obstacle = self._obstacle(estimate, now)
                if obstacle is None:
                    waited = 0.0 if waiting_since is None else now - waiting_since
                    return self._take(Permit(label, estimate, points, at_most, self._points.others, now, waited))
                if obstacle.wait == math.inf or self._asleep:
                    self._changed.wait(_SLICE)
                    continue
                waiting_since = now if waiting_since is None else waiting_since
                self._asleep = True
                self._pace.interrupted()
            self._sleep(obstacle, now)

    def settle(
        self,
        permit: Permit,
        *,
        cost: int | None = None,
        complexity: Complexity | None = None,
        quotas: Mapping[str, Quota] | None = None,
    ) -> None:
        """The call is over and has been answered with this; `cost` only where no complexity was told, None: as set
        aside."""
        quotas = quotas or {}
        with self._changed:
            received = self._clock.monotonic()
            paid = complexity.query if complexity else permit.points if cost is None else cost
            told = _points_told(complexity, quotas.get(COMPLEXITY_MINUTE))
            self._points.settle(permit.points, paid, permit.sent, received, told, permit.others)
            self._calls.settle(1, 1, permit.sent, received, _told(quotas.get(MINUTE_RATE)))
            self._count_others(permit, quotas.get(CONCURRENCY), received)
            self._in_flight -= 1
            if complexity:
                self._learn(permit, complexity.query, received)
            self._changed.notify_all()

    def refused(self, permit: Permit, code: str, wait: float) -> None:
        """The call was refused for a quota, by the answer's error code."""
        plain = code.lower().replace("_", "")
        with self._changed:
            received = self._clock.monotonic()
            self._in_flight -= 1
            self._day.count(-1)  # a refused call counts a tenth of one (API page "Rate limits")
            if "complexity" in plain:
                self._points.refused(permit.points, permit.sent, received, wait)
            else:
                self._points.reserved -= permit.points
            if ("rate" in plain or "minute" in plain) and not plain.startswith("ip"):
                self._calls.refused(1, permit.sent, received, wait)
            else:
                self._calls.settle(1, 1, permit.sent, received)
            if "concurren" in plain or "fieldlimit" in plain:
                self._pace.refused(permit.round_number)
            self._changed.notify_all()

    def give_back(self, permit: Permit) -> None:
        """The call was not sent."""
        with self._changed:
            self._points.reserved -= permit.points
            self._calls.reserved -= 1
            self._in_flight -= 1
            self._day.count(-1)
            self._changed.notify_all()

    # -- inside; all with the lock held, but for `_beat` and `_sleep` ------------------------------------------------

    def _take(self, permit: Permit) -> Permit:
        self._points.reserve(permit.points)
        self._calls.reserve(1)
        self._in_flight += 1
        self._day.count(1)
        permit.in_flight = self._in_flight
        permit.round_number = self._pace.began(self._in_flight, permit.sent)
        return permit

    def _obstacle(self, estimate: int, now: float) -> _Obstacle | None:
        self._day.refuse(self._clock.now())
        wait = self._points.wait(estimate, now)
        if wait:
            return _Obstacle(wait, f"the {self._points.allowance:,} points of this minute are used up")
        wait = self._calls.wait(1, now)
        if wait:
            return _Obstacle(wait, f"the {self._calls.allowance:,} calls of this minute are used up")
        free = min(self.usable, self._at_once - self._others_in_flight)
        return None if self._in_flight < max(1, free) else _Obstacle(math.inf, "as many calls as allowed are under way")

    def _refuse_impossible(self, estimate: int, at_most: int) -> None:
        if at_most <= SMALLEST_PAGE or estimate <= self._points.allowance:
            return
        message = (
            f"A page of {at_most} items costs about {estimate:,} points, and {self._points.allowance:,} a minute "
            "may be used"
        )
        raise QueryRejected(
            f"{message}.",
            hint="set a smaller `page_size` in boardlift.yaml, or exclude columns",
            all_errors=(ApiError(message, TOO_COMPLEX),),
        )

    def _estimate(self, label: str, points: int, at_most: int) -> int:
        return math.ceil(points * self._dearness.get(label, 1.0)) if at_most else points

    def _learn(self, permit: Permit, points: int, received: float) -> None:
        ceiling = self._ceiling()
        self._pace.ended(permit.round_number, points, permit.sent, received, ceiling)
        # Whether a page is full is not known here, so it tells only of pages that are dearer than thought.
        if permit.at_most and points > permit.reckoned * self._dearness.get(permit.label, 1.0):
            self._dearness[permit.label] = points / permit.reckoned
        if points >= _A_PAGE:
            seconds = received - permit.sent
            self._seconds = seconds if not self._seconds else self._seconds + _FORGET * (seconds - self._seconds)

    def _count_others(self, permit: Permit, quota: Quota | None, received: float) -> None:
        """How many calls of others are under way, from what is left of the calls at once."""
        if quota is None:
            return
        if quota.limit:
            self._at_once, self._at_once_told = quota.limit, True
        if quota.remaining is not None:
            ours = max(permit.in_flight, self._in_flight)
            seen = max(0, self._at_once - quota.remaining - ours)
            # Between two calls of somebody there is nothing to be seen of him: the most of the last while counts.
            if seen >= self._others_in_flight or received > self._others_until:
                self._others_in_flight, self._others_until = seen, received + _MEMORY

    def _ceiling(self) -> int:
        ours = math.floor(self._at_once * self.share / self._standing.processes + 1e-9)
        return int(max(1, min(ours, self._most)))

    def _heed(self, standing: Standing, told: int) -> None:
        self._standing = standing
        self._day.told(told, standing.calls_today)
        self._points.part = self._calls.part = self.share / self._standing.processes

    def _beat(self) -> None:
        """Now and then, tell what was used and hear about others. Trouble there is no reason to stop reading."""
        if self._clock.monotonic() < self._next_beat:
            return
        with self._changed:
            now = self._clock.monotonic()
            if self._shared is None or now < self._next_beat:
                return
            self._next_beat = now + BEAT
            self._day.used(self._clock.now())
            shared, untold = self._shared, self._day.untold
        try:
            standing = shared.beat(untold)
        except BoardliftError as error:
            self._progress.phase("calls not noted", error.message)
            return
        with self._changed:
            self._heed(standing, untold)
            self._changed.notify_all()

    def _sleep(self, obstacle: _Obstacle, now: float) -> None:
        """Sleep a while for all who wait."""
        try:
            until = now + obstacle.wait
            if obstacle.wait >= _WORTH_TELLING and until > self._told_until + _WORTH_TELLING:
                self._told_until = until
                self._progress.waiting(obstacle.wait, obstacle.reason)
            self._clock.sleep(min(max(obstacle.wait, _LEAST_SLEEP), _SLICE))
        finally:
            with self._changed:
                self._asleep = False
                self._changed.notify_all()


def stopped() -> SourceError:
    """The end of a call of a run that is being stopped."""
    return SourceError("Reading was stopped before it was complete.", hint="run the command again")


def _told(quota: Quota | None) -> Told | None:
    return None if quota is None else Told(quota.limit, quota.remaining, quota.reset_in)


def _points_told(complexity: Complexity | None, quota: Quota | None) -> Told | None:
    """What an answer says of the points. The body is of the moment of paying, the header of the moment of sending."""
    if quota is not None and quota.remaining is not None and quota.reset_in is not None:
        return _told(quota)
    if complexity is not None and (complexity.before or complexity.after):
        limit = quota.limit if quota else None
        return Told(limit, complexity.after, float(complexity.reset_in_x_seconds))
    return _told(quota)
