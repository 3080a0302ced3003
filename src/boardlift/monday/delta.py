"""What has changed on a board, newest first, down to a moment. With no filter: an item that left it would be missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec
from msgspec import Struct

from boardlift.errors import CursorExpired, SourceIncomplete
from boardlift.monday.chain import Chain, Errors
from boardlift.monday.client import MondayClient
from boardlift.monday.hints import moment
from boardlift.monday.isolate import Unreadable
from boardlift.monday.model import BoardSummary
from boardlift.monday.page_size import PageSize
from boardlift.monday.queries import Selection
from boardlift.monday.reading import MAX_RESTARTS, WINDOW_BYTES, WINDOW_ITEMS
from boardlift.monday.slices import NotSliced, Slice
from boardlift.monday.threads import merged
from boardlift.progress import Progress
from boardlift.spool.page import Page, item_number
from boardlift.spool.run import SpoolRun
from boardlift.spool.window import Window

_SMALLEST = 10
SPARE = 5
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


@dataclass(frozen=True)
class _Wanted:
    """What is asked of one board: the arguments of `read_delta`."""

    client: MondayClient
    board: BoardSummary
    selection: Selection
    spool: SpoolRun
    since: datetime
    begun: datetime
    most: int
    page_size: int
    progress: Progress


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
    slices: Sequence[Slice] = (),
) -> Delta:
    """Read the items changed at `since` or later.

    in: `begun`, monday's time when the run began: later changes may stand anywhere, for people edit while we read;
    `expected`, about how many items there are, which decides how many are asked for at once; `most`, with how many
    more it is better to read them all; `slices`, all of the board, if they are to be read beside each other.
    raised: NotNewestFirst, TooManyChanged, what reading a board raises, and with slices NotSliced, FilterIgnored.
    """
    if expected > most:
        raise _too_many(board, expected)
    wanted = _Wanted(client, board, selection, spool, since, begun, most, page_size, progress)
    progress.board_started(board.name, expected)
    for _ in range(MAX_RESTARTS):
        try:
            return _read(wanted, slices or [Slice(expected)])
        except CursorExpired as error:
            progress.board_restarted(board.name, error.message)
    return _read(wanted, slices or [Slice(expected)])


def _too_many(board: BoardSummary, items: int) -> TooManyChanged:
    return TooManyChanged(f"{items} or more items of board {board.id} have changed, and a full read is quicker.")


def _read(wanted: _Wanted, slices: Sequence[Slice]) -> Delta:
    board, spool = wanted.board, wanted.spool
    spool.begin(board.id, None)
    errors = Errors()
    items: dict[int, datetime] = {}
    windows: list[Window] = []
    writer = spool.window_writer(board.id)

    def seal() -> None:
        windows.append(writer.seal())
        wanted.progress.items_read(board.name, windows[-1].items)

    try:
        with closing(merged([_pages(wanted, part, errors) for part in slices])) as pages:
            for page, times in pages:
                items.update(times)
                writer.add(page)
                if len(items) > wanted.most:
                    raise _too_many(board, len(items))
                if not _has_room(writer.items, writer.raw_bytes):
                    seal()
                    writer = spool.window_writer(board.id)
        if writer.items:
            seal()
    finally:
        writer.abandon()
    spool.finish(board.id, limited=True)
    return Delta(tuple(windows), items, tuple(cell for cell in errors.unreadable() if cell.item in items))


def _pages(wanted: _Wanted, part: Slice, errors: Errors) -> Iterator[tuple[Page, dict[int, datetime]]]:
    """The pages of a slice, cut to what changed, and when their items changed."""
    size, largest = PageSize(wanted.page_size), wanted.page_size
    chain = Chain(wanted.client, wanted.board, wanted.selection, wanted.progress, size, errors, part.query)
    order = _Order(wanted.board, wanted.since, wanted.begun, part.own())
    while not chain.ended and not order.reached:
        # As many as are expected yet; whole pages once it turns out that there are more.
        left = part.expected - chain.items
        asked = size.now = largest if left < 0 else min(largest, max(_SMALLEST, left + SPARE))
        yield order.take(chain.page(*chain.next_page()))
        largest = size.now if size.now < asked else largest
    if part.form is not None and not order.reached and len(order.taken) < part.expected:
        raise NotSliced(
            f"monday gave {len(order.taken)} changed items of board {wanted.board.id} in a range of creation times in "
            f"which there should be {part.expected}."
        )


def _has_room(items: int, raw_bytes: int) -> bool:
    return items < WINDOW_ITEMS and raw_bytes < WINDOW_BYTES


@dataclass
class _Order:
    """Follows the pages: cuts off what is older than `since`, what came before and what is not its `own`, and sees to
    it that the order is the one asked for."""

    board: BoardSummary
    since: datetime
    begun: datetime
    own: Callable[[msgspec.Raw], bool]
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
            number, own = item_number(item), self.own(item)
            # One that comes twice was edited meanwhile, after `begun`: the next run reads it again.
            if at >= self.since and number not in self.taken:
                self.taken.add(number)
                if own:
                    kept.append(item)
                    times[number] = at
        self.reached = self.last is not None and self.last < self.since
        return replace(page, items=kept), times

    def _broken(self, what: str) -> NotNewestFirst:
        return NotNewestFirst(f"monday does not give board {self.board.id} newest first: {what}.")
