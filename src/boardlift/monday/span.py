"""A span of creation times of one board, read from one end or from both, cut on our side.

An item's creation time never changes, so edits and moves between groups cannot carry it from one span to another: spans
that do not overlap give each item once, whatever people do meanwhile, and spans without a gap miss none that was there
all the time. What lies outside is cut here again, so a filter that is off by a second or a day costs calls, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from boardlift.errors import SourceIncomplete, Transient
from boardlift.spool.manifest import SpanState
from boardlift.spool.page import created_at, item_number

OPEN = ""
"""No bound: before the first item, or after the last."""
MOST_IDS = 20_000
"""Ids of one second that are worth writing down with every window; past that, another run does not go on with it."""


class OrderBroken(SourceIncomplete, Transient):
    """Items did not come in the order asked for, so that nothing can be concluded from the last one seen."""


class _Edge:
    """How far one reader has come: everything beyond `at` is taken, and of those created at it the `ids`."""

    def __init__(self, at: str = OPEN, ids: Sequence[int] = ()) -> None:
        self.at = at
        self.ids = set(ids)

    def move(self, at: str, ids: Sequence[int]) -> None:
        if at != self.at:
            self.at, self.ids = at, set()
        self.ids.update(ids)


class Span:
    """Not thread-safe: whoever reads a board holds its lock around each of these."""

    def __init__(self, since: str = OPEN, until: str = OPEN) -> None:
        self.since = since
        self.until = until
        self.low = _Edge()
        self.high = _Edge()
        self.done = False
        self._sealed = SpanState(since, until)

    @classmethod
    def of(cls, state: SpanState) -> Span:
        """The span as another run left it."""
        span = cls(state.since, state.until)
        span.low = _Edge(state.low, state.low_ids)
        span.high = _Edge(state.high, state.high_ids)
        span.done = state.done
        span._sealed = msgspec.structs.replace(state)
        return span

    def take(self, items: list[msgspec.Raw], *, ascending: bool, previous: str) -> tuple[list[msgspec.Raw], str]:
        """Those of a page's items that nobody has taken yet, and the creation time of the page's last item.

        in: a page in creation order, `previous` what the page before gave. Sets `done` when the rest has been taken.
        raised: OrderBroken.
        """
        times = [created_at(item) for item in items]
        if not times:
            return items, previous
        in_order = sorted(times, reverse=not ascending)
        behind = previous and (times[0] < previous if ascending else times[0] > previous)
        if times != in_order or behind or not (times[0] and times[-1]):
            raise OrderBroken("monday.com did not keep the order by creation that was asked for.")
        first, last = min(times[0], times[-1]), max(times[0], times[-1])
        kept = items
        if not self._all_free(first, last):
            kept = [item for item, at in zip(items, times, strict=True) if self._is_free(item, at)]
        self._move(kept, ascending)
        self.done = self.done or self._beyond(times[-1], ascending)
        return kept, times[-1]

    def _all_free(self, first: str, last: str) -> bool:
        return (
            first >= self.since
            and (not self.until or last < self.until)
            and first > self.low.at
            and (not self.high.at or last < self.high.at)
        )

    def _is_free(self, item: msgspec.Raw, at: str) -> bool:
        if at < self.since or (self.until and at >= self.until):
            return False
        if at < self.low.at or (self.high.at and at > self.high.at):
            return False
        taken = (at == self.low.at and item_number(item) in self.low.ids) or (
            at == self.high.at and item_number(item) in self.high.ids
        )
        return not taken

    def _move(self, kept: list[msgspec.Raw], ascending: bool) -> None:
        if not kept:
            return
        at = created_at(kept[-1])
        ids = []
        for item in reversed(kept):
            if created_at(item) != at:
                break
            ids.append(item_number(item))
        (self.low if ascending else self.high).move(at, ids)

    def _beyond(self, last: str, ascending: bool) -> bool:
        """Whether the rest of the chain lies outside, or is the other reader's."""
        if ascending:
            return bool((self.until and last >= self.until) or (self.high.at and last > self.high.at))
        return last < self.since or bool(self.low.at and last < self.low.at)

    def has_taken(self, item: msgspec.Raw) -> bool:
        """Whether an item lies in what was taken, or would have if it had been on the board."""
        at = created_at(item)
        within = at >= self.since and (not self.until or at < self.until)
        return within and (self.done or not self._is_free(item, at))

    @property
    def crowded(self) -> bool:
        """Whether the readers from below and from above have come to the same second."""
        return bool(self.low.at) and self.low.at == self.high.at

    @property
    def overcrowded(self) -> bool:
        """Whether more was taken of one second than the state of the span can tell."""
        return max(len(self.low.ids), len(self.high.ids)) > MOST_IDS

    def sealed(self, *, ascending: bool) -> None:
        """All that was taken from this end lies sealed."""
        if self.overcrowded:
            return
        self._sealed.since, self._sealed.until = self.since, self.until
        if ascending:
            self._sealed.low, self._sealed.low_ids = self.low.at, sorted(self.low.ids)
        else:
            self._sealed.high, self._sealed.high_ids = self.high.at, sorted(self.high.ids)

    def state(self) -> SpanState:
        """What is sealed, for the manifest: done only when nothing that was taken is still to be sealed."""
        self._sealed.until = self.until
        low = (self._sealed.low, len(self._sealed.low_ids)) == (self.low.at, len(self.low.ids))
        high = (self._sealed.high, len(self._sealed.high_ids)) == (self.high.at, len(self.high.ids))
        return msgspec.structs.replace(self._sealed, done=self.done and low and high)

    def untaken(self, newest: str) -> tuple[int, int]:
        """The seconds of creation time that nobody has taken yet, as [first, last); `newest` stands in for no end."""
        first = seconds(max(self.low.at, self.since)) if max(self.low.at, self.since) else 0
        end = self.high.at or self.until or newest
        return first, max(first, seconds(end))

    def cut(self, at: str) -> Span:
        """Give away what was created at `at` or later; with it goes what was taken from above."""
        upper = Span(at, self.until)
        upper.high, self.high = self.high, _Edge()
        upper._sealed.high, self._sealed.high = self._sealed.high, OPEN
        upper._sealed.high_ids, self._sealed.high_ids = self._sealed.high_ids, []
        self.until = at
        return upper


def seconds(text: str) -> int:
    """A creation time in seconds since 1970."""
    return int(datetime.fromisoformat(text).timestamp())


def iso(at: int) -> str:
    """Seconds since 1970 as monday writes times, and as spans compare them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
