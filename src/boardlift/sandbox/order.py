"""Orders of a board's active items that stay sorted while items are edited: a page or a range costs a bisection."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import overload

PLACE_BITS = 24
PLACE = (1 << PLACE_BITS) - 1
LATEST = 1 << 34  # no time in seconds is above it
SMALL = 4_096  # ranges up to this length are copied; longer ones share the order's memory
MANY = 2_000  # from this many edited items on, sorting anew is faster than moving each


class Places(Sequence[int]):
    """Some items' places in an order, eight bytes each; what is handed out never changes."""

    def __init__(self, codes: array[int], start: int, stop: int) -> None:
        """The part from `start` to `stop` of codes whose low bits are places."""
        self._codes, self._start, self._stop = codes, start, stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[int]:
        codes = self._codes
        return (codes[at] & PLACE for at in range(self._start, self._stop))

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        at = range(self._start, self._stop)[index]
        if isinstance(at, int):
            return self._codes[at] & PLACE
        return [code & PLACE for code in self._codes[at.start : at.stop : at.step]]


class Order:
    """The items that belong, sorted by a key (a time in seconds, or 0 for board order), then by place."""

    def __init__(
        self,
        key_of: Callable[[int], int],
        belongs: Callable[[int], bool],
        edited: list[int],
        *,
        descending: bool,
        unedited: Callable[[range], Iterable[int]] | None = None,
    ) -> None:
        """`edited` is the board's growing list of edited places: those named since the last look are put right.

        `unedited` gives the keys of many places at once as if nothing had been edited, when all unedited ones belong.
        """
        self._key_of, self._belongs, self._edited, self._descending = key_of, belongs, edited, descending
        self._unedited = unedited
        self._codes: array[int] = array("q")
        self._held: array[int] = array("q")  # of each place: its code, or -1 when it does not belong
        self._seen, self._shared = -1, False

    def all(self, count: int) -> Places:
        """Everything that belongs; `count` is the number of places the board has."""
        self._settle(count)
        return self._part(0, len(self._codes))

    def between(self, first: int, last: int, count: int) -> Places:
        """What has a key from `first` to `last`, both included."""
        self._settle(count)
        low, high = (LATEST - last, LATEST - first) if self._descending else (first, last)
        if high < low:
            return self._part(0, 0)
        start = bisect_left(self._codes, max(low, 0) << PLACE_BITS)
        stop = bisect_right(self._codes, (min(max(high, -1), LATEST) << PLACE_BITS) | PLACE)
        return self._part(start, max(start, stop))

    def _part(self, start: int, stop: int) -> Places:
        if stop - start <= SMALL:
            return Places(self._codes[start:stop], 0, stop - start)
        self._shared = True
        return Places(self._codes, start, stop)

    def _code(self, place: int) -> int:
        if not self._belongs(place):
            return -1
        key = self._key_of(place)
        return ((LATEST - key if self._descending else key) << PLACE_BITS) | place

    def _codes_of(self, places: range) -> array[int]:
        if self._unedited is None:
            return array("q", map(self._code, places))
        keys = self._unedited(places)
        if self._descending:
            held = array("q", [(LATEST - key) << PLACE_BITS | place for place, key in zip(places, keys, strict=True)])
        else:
            held = array("q", [key << PLACE_BITS | place for place, key in zip(places, keys, strict=True)])
        for place in set(self._edited):
            held[place] = self._code(place)
        return held

    def _settle(self, count: int) -> None:
        changed = set(self._edited[self._seen :]) if self._seen >= 0 else set()
        if self._seen < 0 or len(changed) > MANY:
            self._held = self._codes_of(range(count))
            self._codes, self._shared = array("q", sorted(code for code in self._held if code >= 0)), False
        elif changed:
            if self._shared:
                self._codes, self._shared = self._codes[:], False
            self._held.extend([-1] * (count - len(self._held)))
            for place in changed:
                self._move(place)
        self._seen = len(self._edited)

    def _move(self, place: int) -> None:
        before, after = self._held[place], self._code(place)
        if before == after:
            return
        if before >= 0:
            del self._codes[bisect_left(self._codes, before)]
        if after >= 0:
            self._codes.insert(bisect_left(self._codes, after), after)
        self._held[place] = after
