"""How many items a page is asked to hold: fewer when monday fails on it, more again when it has recovered."""

from __future__ import annotations

SMALLEST_PAGE = 25
GROW_AFTER = 8
"""So many pages in a row must come before a larger one is tried; twice as many each time that fails."""


class PageSize:
    """The size for the next page of one chain. Tell it what `came` and what was `too_much`.

    `now` is what it begins with, if not with the largest.
    """

    def __init__(self, largest: int, now: int | None = None) -> None:
        self._largest = largest
        self.now = now or largest
        self._patience = GROW_AFTER
        self._came = 0
        self._on_trial = False

    def beside(self) -> PageSize:
        """The size for another chain of the same board: as small as this one for now, and grows as far."""
        return PageSize(self._largest, self.now)

    def came(self) -> None:
        """A page of the present size came; perhaps a larger one would, too."""
        self._came += 1
        self._on_trial = False
        if self.now < self._largest and self._came >= self._patience:
            self.now, self._came, self._on_trial = min(2 * self.now, self._largest), 0, True

    def too_much(self, asked: int) -> int:
        """A page that was asked with this size failed; the size to go on with, half of it."""
        if self._on_trial:
            self._patience *= 2
        self._came, self._on_trial = 0, False
        self.now = max(SMALLEST_PAGE, asked // 2)
        return self.now
