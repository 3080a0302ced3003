"""One chain of pages of one board: the first through the board, the others by cursor, at a size that works."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

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
from boardlift.monday.codes import is_too_complex, rule_of, sentence
from boardlift.monday.isolate import MOST_AT_FAULT, Unreadable, isolate
from boardlift.monday.model import BoardSummary
from boardlift.monday.page_size import SMALLEST_PAGE, PageSize
from boardlift.monday.queries import ItemsQuery, Selection
from boardlift.monday.wire import Answer, Request
from boardlift.progress import Progress
from boardlift.spool.page import Page, item_number

_EMPTY_PAGES = 10
_ERRORS_KEPT = 20


class ItemsPage(Struct):
    """What an items page holds: items as they came, and where the next page begins."""

    items: list[msgspec.Raw]
    cursor: str | None = None


class BoardPage(Struct):
    """A member of `boards` with its items page."""

    items_page: ItemsPage | None = None


@dataclass(frozen=True)
class FirstPage:
    """The first page of a board that came with those of others; `cost` is its part of the call, `seconds` all of it."""

    page: ItemsPage
    answer: Answer
    cost: CallStats
    seconds: float


@dataclass
class Errors:
    """The errors that left items intact, each once, shared by all chains of a board."""

    _kept: dict[str, ApiError] = field(default_factory=dict)
    _unreadable: dict[tuple[int, str], Unreadable] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, errors: tuple[ApiError, ...]) -> None:
        with self._lock:
            for error in errors[:_ERRORS_KEPT]:
                if len(self._kept) < _ERRORS_KEPT:
                    self._kept.setdefault(error.message, error)

    def set_apart(self, unreadable: list[Unreadable]) -> None:
        with self._lock:
            # Chains overlap by a little, and one that begins again meets the same cells once more.
            self._unreadable |= {(cell.item, cell.column): cell for cell in unreadable}

    def clear(self) -> None:
        """What was read is void, and with it what was said of it."""
        with self._lock:
            self._kept.clear()
            self._unreadable.clear()

    def unreadable(self) -> tuple[Unreadable, ...]:
        """The cells that monday does not give."""
        with self._lock:
            return tuple(self._unreadable.values())

    def all(self) -> tuple[ApiError, ...]:
        with self._lock:
            return tuple(self._kept.values())


@dataclass
class Chain:
    """Pages of one board, of the items that `query` lets through. `size` adapts to what monday can do.

    `limit` stops it after so many items; `limited` then tells that more was there. `seconds` is how long the latest
    page took from request to answer, in which monday's part is most. `given` is a first page that came already.
    """

    client: MondayClient
    board: BoardSummary
    selection: Selection
    progress: Progress
    size: PageSize
    errors: Errors
    query: ItemsQuery | None = None
    limit: int | None = None
    cursor: str | None = None
    pages: int = 0
    items: int = 0
    ended: bool = False
    limited: bool = False
    seconds: float = 0.0
    given: FirstPage | None = None
    _asked: int = 0
    _seen: set[str] = field(default_factory=set)
    _empty: int = 0

    def next_page(self) -> tuple[list[msgspec.Raw], Answer]:
        """The items of the next page and the answer they came in; `ended` tells whether it was the last."""
        page, answer = self._page()
        items = present(page.items)
        if self.limit is not None and self.items + len(items) >= self.limit:
            self.limited = self.items + len(items) > self.limit or page.cursor is not None
            items = items[: self.limit - self.items]
        self.pages += 1
        self.items += len(items)
        self.errors.add(answer.errors)
        self.advance(page.cursor, len(items))
        return items, answer

    def page(self, items: list[msgspec.Raw], answer: Answer) -> Page:
        """Items and the answer they came in, as the spool takes them."""
        return Page(
            board_id=self.board.id,
            number=self.pages,
            items=items,
            cursor=None if self.ended else self.cursor,
            points=answer.complexity.query if answer.complexity else 0,
            nbytes=len(answer.body),
            request_id=answer.request_id,
            served_version=answer.served_version,
        )

    def _page(self) -> tuple[ItemsPage, Answer]:
        if self.given is not None:
            given, self.given = self.given, None
            self.seconds = given.seconds
            return given.page, given.answer
        started = self.client.clock.monotonic()
        try:
            answer = self._send(self._request)
        except SourceUnavailable as error:
            if isinstance(error, NotReached) or error.retry_in is not None or not self.selection.column_ids:
                raise
            return self._isolated(error)
        self.seconds = self.client.clock.monotonic() - started
        page = self._first(answer) if self.cursor is None else self._next(answer)
        if page.cursor and len(page.items) == self._asked and answer.complexity:
            reckoned = queries.page_points(self.selection, len(page.items))
            self.client.budget.learn(self.board.id, answer.complexity.query, reckoned)
        return page, answer

    def _isolated(self, error: SourceUnavailable) -> tuple[ItemsPage, Answer]:
        """The smallest page, on which monday failed, item by item as far as each can be read."""
        bare = replace(self, selection=replace(self.selection, column_ids=()), given=None)
        try:
            answer = self.client.send(bare._request(SMALLEST_PAGE))
        except NotReached:
            raise
        except (QueryRejected, SourceUnavailable) as again:
            if isinstance(again, SourceUnavailable) and again.retry_in is not None:
                raise
            raise error from None
        page = self._first(answer) if self.cursor is None else self._next(answer)
        self.progress.phase("reading", f"{self.board.name}: item by item for a while ({error.message})")
        items = []
        ids = [item_number(item) for item in present(page.items)]
        for item, unreadable in isolate(self.client, self.board, self.selection, ids, error):
            items.append(item)
            self.errors.set_apart(unreadable)
            if len(self.errors.unreadable()) > MOST_AT_FAULT:
                raise _too_much(self.board, self.errors.unreadable(), error) from error
        return ItemsPage(items, page.cursor), answer

    def advance(self, cursor: str | None, items: int) -> None:
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

    def _first(self, answer: Answer) -> ItemsPage:
        boards = read_field(answer, "boards", list[BoardPage | None]) or []
        page = boards[0].items_page if boards and boards[0] else None
        if page is None:
            raise self._not_given(answer)
        return page

    def _not_given(self, answer: Answer) -> QueryRejected | PermissionMissing:
        """Where a filter or an order is asked for, it may be that which monday does not take, and not the board."""
        refused = [error for error in answer.errors if rule_of(error).error is QueryRejected]
        if self.query is None or not refused:
            return not_given(self.board, answer)
        return QueryRejected(
            f"monday.com gave no items of board {self.board.id} ({self.board.name!r}): {sentence(refused)}.",
            hint="run `boardlift doctor`",
            all_errors=answer.errors,
        )

    def _next(self, answer: Answer) -> ItemsPage:
        page = read_field(answer, "next_items_page", ItemsPage)
        if page is None:
            raise SourceUnavailable(
                f"monday.com gave no page after {self.items} items of board {self.board.id} ({self.board.name!r}).",
                hint="run the command again",
            )
        return page

    def _request(self, size: int) -> Request:
        levels = self.board.is_multi_level
        if self.cursor is None:
            return queries.first_items(self.board.id, self.selection, size, all_levels=levels, query=self.query)
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
                self._asked = size
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


def _too_much(board: BoardSummary, cells: Sequence[Unreadable], error: SourceUnavailable) -> SourceUnavailable:
    columns = Counter(cell.column for cell in cells).most_common(3)
    said = ", ".join(f"{count} in column {column}" for column, count in columns)
    return SourceUnavailable(
        f"monday.com fails on more than {MOST_AT_FAULT} cells of board {board.id} ({board.name!r}), {said}: "
        f"{error.message}",
        hint=f"leave the column out in boardlift.yaml (`columns: {{{columns[0][0]}: {{exclude: true}}}}`), "
        "and tell monday.com's support",
    )


def too_often(board: BoardSummary, times: int, items: int, error: CursorExpired) -> CursorExpired:
    """The end of a chain that was begun so many times and brought nothing new since the first of them."""
    return CursorExpired(
        f"Board {board.id} ({board.name!r}) was begun {times} times; the cursor failed each time, "
        f"now after {items} items: {error.message}",
        hint="a cursor lives 60 minutes: exclude large columns or raise `page_size` in boardlift.yaml",
    )


def present(items: list[msgspec.Raw]) -> list[msgspec.Raw]:
    """The items that are there: one that may not be seen comes as null beside an error."""
    return [item for item in items if memoryview(item)[0] != 0x6E]


def not_given(board: BoardSummary, answer: Answer) -> PermissionMissing:
    """monday answered, and left this board out."""
    said = f" monday.com said: {sentence(answer.errors)}." if answer.errors else ""
    return PermissionMissing(
        f"monday.com gave no items of board {board.id} ({board.name!r}): the token's user may not see it, or it is "
        f"gone.{said}",
        hint="share the board with the token's user, or leave it out of boardlift.yaml",
    )
