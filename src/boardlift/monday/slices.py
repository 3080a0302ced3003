"""The changed items of a board in slices, by when they were made, so that each can be read beside the others.

An item's creation time never changes: slices without a gap miss none, and where they overlap they are cut on our side.
What is known of the changes decides where the cuts are and how much is asked for at once, and nothing else.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import msgspec

from boardlift.errors import SourceIncomplete
from boardlift.monday.dialect import FilterIgnored, RangeForm
from boardlift.monday.freshen import NEWEST_FIRST
from boardlift.monday.queries import ItemsQuery
from boardlift.monday.span import OPEN, iso, seconds
from boardlift.spool.page import created_at

_WIDER = 60
"""Seconds that are asked for before and after a slice: a filter that is off by a little loses no item."""
_OVERLAP = 0.1


class NotSliced(SourceIncomplete):
    """A range gave fewer items than are known to lie in it, so that nothing it gives can be relied upon."""


@dataclass(frozen=True)
class Slice:
    """The items made at `since` or later and before `until` (`YYYY-MM-DDThh:mm:ssZ`; OPEN for no bound), of which about
    `expected` have changed, with those that the filter lets through beside. Without a `form` it is all of the board.
    """

    expected: int
    since: str = OPEN
    until: str = OPEN
    form: RangeForm | None = None

    @property
    def query(self) -> ItemsQuery:
        """Its items, newest change first."""
        if self.form is None:
            return NEWEST_FIRST
        since = iso(seconds(self.since) - _WIDER) if self.since else OPEN
        until = iso(seconds(self.until) + _WIDER) if self.until else OPEN
        rule: Mapping[str, object] = self.form.rule(since, until)
        return ItemsQuery(NEWEST_FIRST.operation, (rule,), NEWEST_FIRST.order)

    def own(self) -> Callable[[msgspec.Raw], bool]:
        """Whether an item that came is one of the slice, or of the next one. The test raises FilterIgnored for an item
        that the filter cannot have let through."""
        if self.form is None:
            return lambda _item: True
        least = iso(seconds(self.since) - _WIDER - self.form.margin) if self.since else OPEN
        most = iso(seconds(self.until) + _WIDER + self.form.margin) if self.until else OPEN

        def test(item: msgspec.Raw) -> bool:
            at = created_at(item)
            if not at or at < least or (most and at > most):
                raise FilterIgnored("monday.com gave items that lie outside of the creation times asked for.")
            return at >= self.since and (not self.until or at < self.until)

        return test


def sliced(form: RangeForm, made: Sequence[str], new: int, pieces: int) -> list[Slice]:
    """Up to so many slices with about the same number of changed items in each, which are all of the board together;
    none where the items were made so close together that slices would overlap by much, or nobody knows when.

    in: when the changed items were made, as far as that is known; `new` more of them were made after all these.
    """
    known = sorted(made)
    total = len(known) + new
    places = [round(n * total / pieces) for n in range(1, pieces)]
    cuts = dict.fromkeys(known[place] for place in places if place < len(known))
    found = [Slice(0, since, until, form) for since, until in pairwise([OPEN, *cuts, OPEN])]
    sizes = [_within(each, known) + (0 if each.until else new) for each in found]
    if not cuts or sum(sizes) > (1 + _OVERLAP) * total:
        return []
    return [replace(each, expected=size) for each, size in zip(found, sizes, strict=True)]


def _within(part: Slice, known: Sequence[str]) -> int:
    """How many of these creation times, in order, its filter lets through."""
    first = bisect_left(known, iso(seconds(part.since) - _WIDER)) if part.since else 0
    last = bisect_right(known, iso(seconds(part.until) + _WIDER)) if part.until else len(known)
    return last - first
