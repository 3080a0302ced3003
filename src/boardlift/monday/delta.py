"""What has changed on a board, newest first, down to a moment. With no filter: an item that left it would be missed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec
from msgspec import Struct

from boardlift.errors import CursorExpired, SourceIncomplete
from boardlift.monday.chain import Chain, Errors
from boardlift.monday.client import MondayClient
from boardlift.monday.freshen import NEWEST_FIRST
from boardlift.monday.hints import moment
from boardlift.monday.isolate import Unreadable
from boardlift.monday.model import BoardSummary
from boardlift.monday.page_size import PageSize
from boardlift.monday.queries import Selection
from boardlift.monday.reading import MAX_RESTARTS, WINDOW_BYTES, WINDOW_ITEMS
from boardlift.progress import Progress
from boardlift.spool.page import Page, item_number
from boardlift.spool.run import SpoolRun
from boardlift.spool.window import Window

_SMALLEST = 10
_SPARE = 5
"""So many items more than expected are asked for, that one may tell where the old ones begin."""


class NotNewestFirst(SourceIncomplete):
    """monday did not give the items in the order that was asked for, so nobody knows where the changed ones end."""


@dataclass(frozen=True)
class Delta:
    """The items of a board that changed since a moment: their sealed windows, and when each of them changed, by id.

    `unreadable` are cells of them that monday fails on; they are empty in their items.
    """

    windows: tuple[Window, ...]
    items: dict[int, datetime]
    unreadable: tuple[Unreadable, ...] = ()


class TooManyChanged(SourceIncomplete):
    """So much has changed that a full read, which is done by several readers at once, is quicker."""


class _Head(Struct):
    updated_at: str | None = None


_HEAD = msgspec.json.Decoder(_Head)


def read_delta(
    client: MondayClient,
    board: BoardSummary,
    selection: Selection,
    spool: SpoolRun,
    *,
    since: datetime,
    begun: datetime,
    expected: int,
    most: int,
    page_size: int,
    progress: Progress,
) -> Delta:
    """Read the items changed at `since` or later.

    in: `begun`, monday's time when the run began: later changes may stand anywhere, for people edit while we read;
    `expected`, about how many items there are, which decides how many are asked for at once; `most`, with how many
    more it is better to read them all.
    raised: NotNewestFirst, TooManyChanged, and what reading a board raises.
    """
    if expected > most:
        raise _too_many(board, expected)
    progress.board_started(board.name, expected)
    for _ in range(MAX_RESTARTS):
        try:
            return _read(client, board, selection, spool, since, begun, expected, most, page_size, progress)
        except CursorExpired as error:
            progress.board_restarted(board.name, error.message)
    return _read(client, board, selection, spool, since, begun, expected, most, page_size, progress)


def _too_many(board: BoardSummary, items: int) -> TooManyChanged:
    return TooManyChanged(f"{items} or more items of board {board.id} have changed, and a full read is quicker.")


def _read(
    client: MondayClient,
    board: BoardSummary,
    selection: Selection,
    spool: SpoolRun,
    since: datetime,
    begun: datetime,
    expected: int,
    most: int,
    page_size: int,
    progress: Progress,
) -> Delta:
    spool.begin(board.id, None)
    size, largest, errors = PageSize(page_size), page_size, Errors()
    chain = Chain(client, board, selection, progress, size, errors, NEWEST_FIRST)
    items: dict[int, datetime] = {}
    windows: list[Window] = []
    order = _Order(board, since, begun)
    while not chain.ended and not order.reached:
        writer = spool.window_writer(board.id)
        try:
            while not chain.ended and not order.reached and _has_room(writer.items, writer.raw_bytes):
                # As many as are expected yet; whole pages once it turns out that there are more.
                left = expected - chain.items
                asked = size.now = largest if left < 0 else min(largest, max(_SMALLEST, left + _SPARE))
                page, times = order.take(chain.page(*chain.next_page()))
                largest = size.now if size.now < asked else largest
                items.update(times)
                writer.add(page)
                if len(items) > most:
                    raise _too_many(board, len(items))
            window = writer.seal() if writer.items else None
        finally:
            writer.abandon()
        if window is not None:
            windows.append(window)
            progress.items_read(board.name, window.items)
    spool.finish(board.id, limited=True)
    return Delta(tuple(windows), items, tuple(cell for cell in errors.unreadable() if cell.item in items))


def _has_room(items: int, raw_bytes: int) -> bool:
    return items < WINDOW_ITEMS and raw_bytes < WINDOW_BYTES


@dataclass
class _Order:
    """Follows the pages: cuts off what is older than `since` and what came before, and sees to it that the order is
    the one asked for."""

    board: BoardSummary
    since: datetime
    begun: datetime
    last: datetime | None = None
    reached: bool = False
    taken: set[int] = field(default_factory=set)

    def take(self, page: Page) -> tuple[Page, dict[int, datetime]]:
        """The part of the page that counts, and when its items changed."""
        kept: list[msgspec.Raw] = []
        times: dict[int, datetime] = {}
        for item in page.items:
            at = moment(_HEAD.decode(item).updated_at)
            if at is None:
                raise self._broken("an item came without its time of change")
            if self.last is not None and at > self.last and at < self.begun:
                raise self._broken(f"an item changed at {at:%Y-%m-%d %H:%M:%S} came after one of {self.last:%H:%M:%S}")
            if at < self.begun:
                self.last = at
            number = item_number(item)
            # One that comes twice was edited meanwhile, after `begun`: the next run reads it again.
            if at >= self.since and number not in self.taken:
                self.taken.add(number)
                kept.append(item)
                times[number] = at
        self.reached = self.last is not None and self.last < self.since
        return replace(page, items=kept), times

    def _broken(self, what: str) -> NotNewestFirst:
        return NotNewestFirst(f"monday does not give board {self.board.id} newest first: {what}.")
