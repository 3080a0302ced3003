"""The items of one board, page by page, into sealed windows.

A cursor lives 60 minutes from the first page of its chain (API page "Items page"), so pages go to disk as they come and
whoever loads them never holds up the reading. An expired cursor means the first page again: this is the one loop here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from boardlift.errors import (
    ApiError,
    CursorExpired,
    PermissionMissing,
    QueryRejected,
    SourceError,
    SourceIncomplete,
    SourceUnavailable,
)
from boardlift.monday import queries
from boardlift.monday.boards import read_field
from boardlift.monday.client import CallStats, MondayClient, NotReached
from boardlift.monday.codes import is_too_complex, sentence
from boardlift.monday.model import BoardSummary
from boardlift.monday.page_size import SMALLEST_PAGE, PageSize
from boardlift.monday.queries import Selection
from boardlift.monday.wire import Answer, Request
from boardlift.progress import Progress, Silent
from boardlift.spool.page import Page
from boardlift.spool.run import SpoolRun
from boardlift.spool.window import Window, WindowWriter

WINDOW_BYTES = 8 * 1024 * 1024
WINDOW_ITEMS = 500
"""The engine takes a file of up to 2,048 items at once: with 500, half the time goes, and a third of the memory."""
MAX_RESTARTS = 3
_EMPTY_PAGES = 10
_ERRORS_KEPT = 20


@dataclass(frozen=True)
class Restarted:
    """The windows of this board given so far are void; its first page comes again."""

    board_id: str
    reason: str


@dataclass(frozen=True)
class BoardRead:
    """The last page of a board has been read. `errors` are those that left the items intact, `expected` monday's count.

    `limited` tells that reading stopped at the limit of test mode while more was there.
    """

    board_id: str
    items: int
    id_sum: int
    pages: int
    windows: int
    calls: int
    points: int
    nbytes: int
    retries: int
    waited_seconds: float
    restarts: int
    page_size: int
    expected: int | None
    limited: bool
    served_version: str
    errors: tuple[ApiError, ...] = ()


class _ItemsPage(Struct):
    items: list[msgspec.Raw]
    cursor: str | None = None


class _BoardPage(Struct):
    items_page: _ItemsPage | None = None


def read_board(
    client: MondayClient,
    board: BoardSummary,
    selection: Selection,
    spool: SpoolRun,
    *,
    limit: int | None = None,
    page_size: int = queries.PAGE_LIMIT,
    pages_per_window: int = 4,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Window | Restarted | BoardRead]:
    """Read one board to its last page, or to `limit` items, yielding each window once it is sealed.

    Ends with BoardRead, unless `stop` is set: then it ends early without one. A board without items yields no window.
    raised: PermissionMissing when monday does not give the board, CursorExpired after too many restarts,
    SourceIncomplete for a chain of pages that leads nowhere, and what `client.send` raises.
    """
    progress = progress or Silent()
    before = client.stats(board.id)
    spool.begin(board.id, board.items_count)
    progress.board_started(board.name, board.items_count or 0)
    size = PageSize(max(1, min(page_size, queries.PAGE_LIMIT)))
    restarts = 0
    while True:
        chain = _Chain(client, board, selection, progress, size, limit)
        try:
            yield from _windows(chain, spool, pages_per_window, stop)
            break
        except CursorExpired as error:
            if restarts == MAX_RESTARTS:
                raise CursorExpired(
                    f"Board {board.id} ({board.name!r}) was begun {restarts + 1} times; the cursor failed each time, "
                    f"now after {chain.items} items: {error.message}",
                    hint="a cursor lives 60 minutes: exclude large columns or raise `page_size` in boardlift.yaml",
                ) from error
            reason = error.message
        restarts += 1
        spool.restart(board.id)
        progress.board_restarted(board.name, reason)
        yield Restarted(board.id, reason)
    if stop is not None and stop.is_set() and not chain.ended:
        return
    yield _certify(chain, spool, restarts, before)
    progress.board_read(board.name)


@dataclass
class _Chain:
    """One chain of pages: the first through the board, the others by cursor. `size` adapts to what monday can do.

    `first`, if given, makes the request for the first page of so many items.
    """

    client: MondayClient
    board: BoardSummary
    selection: Selection
    progress: Progress
    size: PageSize
    limit: int | None
    first: Callable[[int], Request] | None = None
    cursor: str | None = None
    pages: int = 0
    items: int = 0
    ended: bool = False
    limited: bool = False
    served_version: str = ""
    errors: dict[str, ApiError] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _empty: int = 0

    def next_page(self) -> Page:
        """The next page; `ended` tells whether it was the last."""
        answer = self._send(self._request)
        page = self._first(answer) if self.cursor is None else self._next(answer)
        # An item that may not be seen comes as null beside an error.
        items = [item for item in page.items if memoryview(item)[0] != 0x6E]
        if self.limit is not None and self.items + len(items) >= self.limit:
            self.limited = self.items + len(items) > self.limit or page.cursor is not None
            items = items[: self.limit - self.items]
        self.pages += 1
        self.items += len(items)
        self.served_version = answer.served_version
        for error in answer.errors[:_ERRORS_KEPT]:
            if len(self.errors) < _ERRORS_KEPT:
                self.errors.setdefault(error.message, error)
        self._advance(page.cursor, len(items))
        return Page(
            board_id=self.board.id,
            number=self.pages,
            items=items,
            cursor=None if self.ended else page.cursor,
            points=answer.complexity.query if answer.complexity else 0,
            nbytes=len(answer.body),
            request_id=answer.request_id,
            served_version=answer.served_version,
        )

    def _advance(self, cursor: str | None, items: int) -> None:
        """Move on, or end. A page smaller than asked is legal; a cursor met before would go round for ever."""
        self.ended = not cursor or (self.limit is not None and self.items >= self.limit)
        if self.ended or cursor is None:
            return
        if cursor in self._seen:
            raise CursorExpired(
                f"monday.com gave the same cursor twice, after {self.items} items of board {self.board.id}."
            )
        self._empty = 0 if items else self._empty + 1
        if self._empty >= _EMPTY_PAGES:
            raise SourceIncomplete(
                f"Board {self.board.id} ({self.board.name!r}) gave {self._empty} empty pages in a row, each with a "
                f"cursor to a next one, after {self.items} items.",
                hint="run the command again later",
            )
        self._seen.add(cursor)
        self.cursor = cursor

    def _first(self, answer: Answer) -> _ItemsPage:
        boards = read_field(answer, "boards", list[_BoardPage | None]) or []
        page = boards[0].items_page if boards and boards[0] else None
        if page is None:
            said = f" monday.com said: {sentence(answer.errors)}." if answer.errors else ""
            raise PermissionMissing(
                f"monday.com gave no items of board {self.board.id} ({self.board.name!r}): the token's user may not "
                f"see it, or it is gone.{said}",
                hint="share the board with the token's user, or leave it out of boardlift.yaml",
            )
        return page

    def _next(self, answer: Answer) -> _ItemsPage:
        page = read_field(answer, "next_items_page", _ItemsPage)
        if page is None:
            raise SourceUnavailable(
                f"monday.com gave no page after {self.items} items of board {self.board.id} ({self.board.name!r}).",
                hint="run the command again",
            )
        return page

    def _request(self, size: int) -> Request:
        levels = self.board.is_multi_level
        if self.cursor is None and self.first is not None:
            return self.first(size)
        if self.cursor is None:
            return queries.first_items(self.board.id, self.selection, size, all_levels=levels)
        return queries.next_items(self.board.id, self.cursor, self.selection, size, all_levels=levels)

    def _send(self, request: Callable[[int], Request]) -> Answer:
        """The answer at the largest page size that works: halved when a page is too much for monday."""
        while True:
            size = self.size.now if self.limit is None else max(1, min(self.size.now, self.limit - self.items))
            smallest = size <= SMALLEST_PAGE
            # Many tries with a page that is too large are lost time; with the smallest there is nothing else to try.
            retries = None if smallest else min(1, self.client.retries)
            reason: SourceError
            try:
                answer = self.client.send(request(size), retries=retries)
            except NotReached:
                raise
            except SourceUnavailable as error:
                if smallest or error.retry_in is not None:
                    raise
                reason = error
            except QueryRejected as error:
                if smallest or not is_too_complex(error):
                    raise
                reason = error
            else:
                self.size.came()
                return answer
            smaller = self.size.too_much(size)
            self.progress.phase(
                "reading", f"{self.board.name}: pages of {smaller} items instead of {size} for now ({reason.message})"
            )


def _windows(chain: _Chain, spool: SpoolRun, pages_per_window: int, stop: threading.Event | None) -> Iterator[Window]:
    """Seal the pages of one chain, a few at a time. A window that holds nothing is not sealed."""
    while not chain.ended and not (stop is not None and stop.is_set()):
        writer = spool.window_writer(chain.board.id)
        sealed = False
        try:
            _fill(writer, chain, pages_per_window, stop)
            if writer.items:
                window = writer.seal()
                sealed = True
        finally:
            if not sealed:
                writer.abandon()
        if sealed:
            chain.progress.items_read(chain.board.name, window.items)
            yield window


def _fill(writer: WindowWriter, chain: _Chain, pages_per_window: int, stop: threading.Event | None) -> None:
    while (
        not chain.ended
        and writer.pages < pages_per_window
        and writer.items < WINDOW_ITEMS
        and writer.raw_bytes < WINDOW_BYTES
    ):
        if stop is not None and stop.is_set():
            return
        writer.add(chain.next_page())


def _certify(chain: _Chain, spool: SpoolRun, restarts: int, before: CallStats) -> BoardRead:
    """Enter the board as complete in the manifest, with what reading it cost."""
    board_id = chain.board.id
    cost = chain.client.stats(board_id)
    windows = spool.windows(board_id)
    read = BoardRead(
        board_id=board_id,
        items=chain.items,
        id_sum=sum(window.id_sum for window in windows),
        pages=chain.pages,
        windows=len(windows),
        calls=cost.calls - before.calls,
        points=cost.points - before.points,
        nbytes=cost.bytes - before.bytes,
        retries=cost.retries - before.retries,
        waited_seconds=cost.waited_seconds - before.waited_seconds,
        restarts=restarts,
        page_size=chain.size.now,
        expected=chain.board.items_count,
        limited=chain.limited,
        served_version=chain.served_version,
        errors=tuple(chain.errors.values()),
    )
    spool.finish(
        board_id,
        limited=read.limited,
        calls=read.calls,
        points=read.points,
        retries=read.retries,
        waited_seconds=read.waited_seconds,
        errors=[str(error) for error in read.errors],
    )
    return read
