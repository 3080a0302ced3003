"""The accounting of one quota that is full again some seconds after its first use: calls, or points, a minute.

Pure: no clock, no lock, no network. Answers of concurrent calls come out of order, and each tells what was left at a
moment of its own; so what is believed is the least that any answer of the window allows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from boardlift.monday.quotas import WINDOW

_LATE = 1.5
_MARGIN = 1.0


@dataclass(frozen=True)
class Told:
    """What one answer tells of a quota; None for what it does not."""

    limit: int | None = None
    left: int | None = None
    reset_in: float | None = None


@dataclass
class Meter:
    """One quota of an account.

    `part` is the share of `limit` that is ours. In the present window `own` was paid for calls that are over,
    `reserved` is set aside for those under way, `others` is proven to have been used by somebody else, `left` is the
    latest word of the server. `end` is when the window is over at the latest; None while no use of it is known.
    """

    limit: int
    part: float = 1.0
    window: float = WINDOW
    own: int = 0
    reserved: int = 0
    others: int = 0
    left: int | None = None
    end: float | None = None
    _left_at: float = -math.inf
    _end_told: bool = False
    _others_before: int = 0
    _over_at: float = -math.inf
    _first_sent: float = -math.inf
    _closed_until: float = -math.inf
    _margin: float = 0.0

    @property
    def allowance(self) -> int:
        """What may be used by us in one window."""
        return max(1, math.floor(self.limit * self.part + 1e-9))

    def available(self, now: float) -> int:
        """What we may still use in this window."""
        self.roll(now)
        return max(0, min(self.allowance - self.own - self.reserved, self.limit - self._used()))

    def wait(self, amount: int, now: float) -> float:
        """Seconds until a call that costs `amount` may begin: 0 at once, infinity until a call under way is over."""
        self.roll(now)
        if now < self._closed_until:
            return self._closed_until - now
        if self._fits(amount, self.reserved):
            return 0.0
        if self.end is None or (self.reserved and self._fits(amount, 0)):
            return math.inf
        return self.end - now

    def reserve(self, amount: int) -> None:
        self.reserved += amount

    def settle(
        self, reserved: int, cost: int, sent: float, received: float, told: Told | None = None, others: int = 0
    ) -> None:
        """A call is over: it had `reserved`, cost `cost`, was under way from `sent` to `received` and told this.

        `others` is what was proven to have been used by somebody else when it was sent.
        """
        self.reserved -= reserved
        self.roll(received)
        heeded = told is not None and self._heed(told, sent, received)
        if told is not None and told.left is not None and not heeded:
            return  # it was paid from a window that is over
        self.own += cost
        # While it was under way, what it cost above its reservation looked like use by somebody else.
        self.others = max(min(self.others, others), self.others - max(0, cost - reserved))
        if self.end is None and (cost or (self.left is not None and self.left < self.limit)):
            self.end, self._first_sent = received + self.window, sent
        if heeded and self.left is not None:
            self.others = max(self.others, self.limit - self.left - self.own - self.reserved)

    def refused(self, reserved: int, sent: float, received: float, wait: float) -> None:
        """A call was refused for this quota; nothing more before `wait` seconds have passed.

        A wait that is over before the window can be leaves standing what was used of it: the refusal was for something
        else.
        """
        self.reserved -= reserved
        self.roll(received)
        self._closed_until = max(self._closed_until, received + wait)
        if wait and self.end is not None and received + wait < self._end_at_the_earliest(self.end):
            return
        if 0 <= sent - self._over_at < _LATE:
            self._margin = _MARGIN  # this server's window ends a little after the second it tells
        self.left, self._left_at = 0, received
        self.end, self._end_told = max(self.end or 0.0, received + wait) if self._end_told else received + wait, True

    def _end_at_the_earliest(self, end: float) -> float:
        """Told ends are whole seconds; where none was told, the window began no earlier than its first call."""
        return end - _LATE - self._margin if self._end_told else self._first_sent + self.window

    def roll(self, now: float) -> None:
        """Begin a new window if the present one is over."""
        if self.end is not None and now >= self.end:
            self._over_at = now
            self._renew()

    def _renew(self) -> None:
        self._others_before = self.others
        self.own = self.others = 0
        self.left, self._left_at, self.end, self._end_told = None, -math.inf, None, False

    def _fits(self, amount: int, reserved: int) -> bool:
        """Whether it fits in; what is more than a whole window goes alone into a fresh one."""
        alone = not (self.own or self.others or reserved) and (self.left is None or self.left >= self.limit)
        return alone or (self.own + reserved + amount <= self.allowance and self._used(reserved) + amount <= self.limit)

    def _used(self, reserved: int | None = None) -> int:
        """What all users of the account have used of the window, once the calls under way are paid.

        Calls under way may be in the server's figure already. Alone on the account we know better; with others there
        they are counted twice rather than not at all.
        """
        reserved = self.reserved if reserved is None else reserved
        mine = self.own + self.others + reserved
        if self.left is None:
            return mine
        twice = reserved if self.others or self._others_before else 0
        return max(self.limit - self.left + twice, mine)

    def _heed(self, told: Told, sent: float, received: float) -> bool:
        """Take in what an answer tells. False when it tells nothing of the present window."""
        if told.limit:
            self.limit = told.limit
        if told.left is None:
            return False
        self.limit = max(self.limit, told.left)
        if told.reset_in is None:
            # Nothing comes back within a window: more left than before, seen later, is a new one.
            if self.left is not None and told.left > self.left and sent > self._left_at:
                self._renew()
        elif not self._place(received + told.reset_in + self._margin, used=told.left < self.limit):
            return False
        if self.left is None or told.left < self.left or sent > self._left_at:
            self.left, self._left_at = told.left, received
        return True

    def _place(self, end: float, *, used: bool) -> bool:
        """Find the window that ends then: the present one, a new one, or one that is over (False).

        A window of which nothing is used has not begun; the time told with it means nothing.
        """
        if self.end is not None and self._end_told:
            if end < self.end - self.window / 2:
                return False
            if end > self.end + self.window / 2:
                self._renew()
        if used:
            self.end = max(self.end, end) if self.end is not None and self._end_told else end
            self._end_told = True
        return True
