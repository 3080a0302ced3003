"""When one more thread should read along on a board, and which part of it: decided by what waiting would cost.

A chain of pages waits for each answer before it may ask for the next page; where an answer takes long, several chains
at once are faster, at the price of a page that is not full for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from boardlift.monday.span import Span, iso
from boardlift.spool.window import Window

if TYPE_CHECKING:
    from boardlift.monday.reading import BoardReading

Prefer = Literal["auto", "calls", "time"]
SLOW_CALL = 0.25
"""Seconds a page must take for a further chain to pay: below that, the processors are busy already."""
_LEAST_PAGES = 1.5
_EXTRA = 0.5


def manner_of(prefer: Prefer, pages: int, seconds: float, at_once: int) -> str:
    """How a board of so many pages is read where a page takes so many seconds and so many calls go at once, and why.

    For people; empty for a board so small that there is nothing to choose.
    """
    if pages <= 2 * _LEAST_PAGES:
        return ""
    chain = f"in one chain of {pages:,} pages"
    if prefer == "calls":
        return f"{chain}, as `prefer: calls` says"
    if at_once < 2:
        return f"{chain}, for only one call at a time is admitted"
    if prefer == "auto" and seconds < SLOW_CALL:
        return f"{chain}, for a page takes only {seconds:.2f} s"
    return f"in several chains at once, {reason_for_several(prefer, seconds)}"


def reason_for_several(prefer: Prefer, seconds: float) -> str:
    """Why several chains are worth their calls."""
    return "as `prefer: time` says" if prefer == "time" else f"for a page takes about {seconds:.1f} s"


@dataclass(frozen=True)
class Offer:
    """`cut` is the span that gives; `spans` are the pieces given, lowest first. Without any, it is read from above."""

    cut: Span
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Sharing:
    """`prefer: calls` never spends a call for speed; `time` shares a board even where pages come fast.

    `quantiles` are creation times that cut the board into equal numbers of items, as an earlier run saw them; `threads`
    is how many may read at once.
    """

    prefer: Prefer = "auto"
    quantiles: tuple[str, ...] = ()
    threads: int = 1

    def marks(self, reading: BoardReading) -> Sequence[str]:
        """Where to cut the board before its first page."""
        pages = -(-(reading.board.items_count or 0) // reading.page_size)
        pieces = min(self.threads, pages // 2 if self.prefer == "auto" else pages)
        if not self.quantiles or pieces < 2 or not self._pays(reading.seconds):
            return ()
        if reading.dialect.form(reading.client, reading.board.id) is None:
            return ()
        step = len(self.quantiles) / pieces
        return sorted({self.quantiles[min(len(self.quantiles) - 1, int(step * n))] for n in range(1, pieces)})

    def _pays(self, seconds: float) -> bool:
        return self.prefer == "time" or (self.prefer == "auto" and seconds >= SLOW_CALL)

    def wanted(self, reading: BoardReading) -> int:
        """How many chains more the rest of the board is worth."""
        if not self._pays(reading.seconds):
            return 0
        pages = max(1.0, (reading.board.items_count or 0) / reading.page_size)
        left = ((reading.board.items_count or 0) - reading.taken) / reading.page_size
        most = int(left / _LEAST_PAGES) - len(reading.parts)
        return min(most, int(max(8.0, _EXTRA * pages)) - reading.chains)


QUANTILES = 32


def quantiles(windows: Sequence[Window]) -> tuple[str, ...]:
    """Creation times that cut a board evenly, as its windows show; none when they came in no order."""
    known = sorted((window.first_created, window.items) for window in windows)
    if len(known) < 2 or not known[0][0]:
        return ()
    total, seen = sum(items for _, items in known), 0
    marks: list[str] = []
    for created, items in known:
        if seen * QUANTILES >= total * (len(marks) + 1):
            marks.append(created)
        seen += items
    return tuple(dict.fromkeys(marks))


def shares(reading: BoardReading, idle: int) -> Offer | None:
    """What a further thread could read of a board that is being read; the caller holds the board's lock."""
    wanted = min(idle, reading.sharing.wanted(reading))
    if wanted < 1:
        return None
    newest = iso(int(reading.client.now().timestamp()))
    open_spans = [span for span in reading.spans if not span.done]
    read_from_below = {id(part.span) for part in reading.parts if part.ascending}
    read_from_above = {id(part.span) for part in reading.parts if not part.ascending}
    widest: tuple[int, Span] | None = None
    for span in open_spans:
        first, last = span.untaken(newest)
        if id(span) in read_from_below and not span.low.at and id(span) in read_from_above:
            continue  # both ends are on their way; what lies between is not known yet
        if id(span) in read_from_below and not span.low.at and (span.since or span.until):
            continue
        if widest is None or last - first > widest[0]:
            widest = (last - first, span)
    if widest is None:
        return None
    span = widest[1]
    from_above = id(span) not in read_from_above
    if not span.low.at:
        return Offer(span) if from_above else None
    form = reading.dialect.current
    first, last = span.untaken(newest)
    pieces = min(wanted + 1, last - first)
    if form is None or pieces < 2:
        return Offer(span) if from_above and last - first > 1 else None
    marks = sorted({first + (last - first) * n // pieces for n in range(1, pieces)} - {first})
    given = []
    upper = span
    for mark in marks:
        upper = upper.cut(iso(mark))
        given.append(upper)
    return Offer(span, tuple(given))
