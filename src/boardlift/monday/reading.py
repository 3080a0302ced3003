"""One board on its way into the spool, read by one chain of pages or by several at once.

Several chains share a board as spans of creation time (see `span`). A cursor that expires makes its chain begin again
where it stands; only a board whose items come without an order begins anew as a whole. This is the one loop here.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

import msgspec

from boardlift.errors import CursorExpired, QueryRejected, SourceError
from boardlift.monday import queries
from boardlift.monday.blame import concerns_a_board
from boardlift.monday.certificate import certify
from boardlift.monday.chain import Chain, Errors, FirstPage, too_often
from boardlift.monday.client import CallStats, MondayClient
from boardlift.monday.codes import is_too_complex
from boardlift.monday.dialect import CREATION, Dialect, FilterIgnored
from boardlift.monday.events import Event, Restarted
from boardlift.monday.freshen import NEWEST_FIRST, OVERLAP, SAME, freshen
from boardlift.monday.hints import glance
from boardlift.monday.model import SUBITEMS, BoardSummary
from boardlift.monday.page_size import PageSize
from boardlift.monday.part import Part
from boardlift.monday.queries import ItemsQuery, Selection
from boardlift.monday.sharing import Sharing, reason_for_several, shares
from boardlift.monday.span import OrderBroken, Span
from boardlift.progress import Progress, Silent
from boardlift.spool.manifest import SpanState
from boardlift.spool.run import SpoolRun
from boardlift.spool.window import Window, WindowWriter

WINDOW_BYTES = 8 * 1024 * 1024
WINDOW_ITEMS = 500
"""The engine takes a file of up to 2,048 items at once: with 500, half the time goes, and a third of the memory."""
MAX_RESTARTS = 3


@dataclass
class BoardReading:
    """The reading of one board. `begin` gives the first part, `run` reads a part, `help` finds one for another thread.

    `page_size` is the most items a page is asked for; `limit` ends reading after so many (then in one chain and in the
    board's own order). `sharing` says when several chains are worth their calls.
    """

    client: MondayClient
    board: BoardSummary
    selection: Selection
    spool: SpoolRun
    limit: int | None = None
    page_size: int = queries.PAGE_LIMIT
    pages_per_window: int = 4
    progress: Progress = field(default_factory=Silent)
    stop: threading.Event = field(default_factory=threading.Event)
    dialect: Dialect = field(default_factory=Dialect)
    sharing: Sharing = field(default_factory=Sharing)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.errors = Errors()
        self.spans = [Span()]
        self.waiting: list[Span] = []
        self.parts: list[Part] = []
        self.attempt = 1
        self.taken = self.pages = self.chains = self.restarts = self.resumed = 0
        self.seconds = 0.0
        self.limited = self.ended = False
        self.booked = CallStats()
        self.size = PageSize(max(1, min(self.page_size, queries.PAGE_LIMIT)))
        self.served = ""
        self.named: Set[int] = frozenset()
        self.resumed_at = self.client.now()
        self.before = self.client.stats(self.board.id)
        expected = self.board.items_count
        # A board of one page has no order to keep, and a limit is for the first items as people see them.
        self.ordered = self.limit is None and (expected is None or expected > self.size.now)

    def begin(self) -> tuple[tuple[Window, ...], Part]:
        """What an earlier run sealed of this board, and the first part to run, even if nothing is left to read."""
        self.progress.board_started(self.board.name, self.board.items_count or 0)
        windows = self._adopted()
        self.seconds = self.client.seconds
        marks = self.sharing.marks(self) if self.ordered and not windows else ()
        with self.lock:
            self.waiting = [span for span in self.spans if not span.done]
            if marks:
                self.spans = _cut_at(self.spans[0], marks)
                self.waiting = list(self.spans)
                self._tell_chains(len(self.spans))
            return windows, self.next() or self._part(self.spans[-1], ascending=True)

    def _adopted(self) -> tuple[Window, ...]:
        """What an earlier run sealed, with what was edited since read again; nothing when that cannot be done."""
        board_id = self.board.id
        # Its count must tell when something is amiss; with several levels, it counts the first. Subitems leave and come
        # back with their items, of which their own board's log need not know.
        levels = self.board.is_multi_level or self.board.type == SUBITEMS
        counted = self.board.items_count is not None and not levels
        reading = self._digest() if counted and self.limit is None else ""
        adopted = self.spool.begin(board_id, self.board.items_count, reading=reading, now=self.client.now())
        if not adopted.windows:
            return ()
        spans = [Span.of(state) for state in adopted.spans]
        chain = self._chain(NEWEST_FIRST)
        most = sum(window.items for window in adopted.windows) // 4
        self.resumed_at = self.client.now()
        try:
            named = freshen(chain, spans, self.spool, adopted.began_at, most)
        except SourceError as error:
            if not concerns_a_board(error):
                raise
            named = None  # a full read does not need what failed here
        if named is None:
            self.errors.clear()
            self.spool.restart(board_id)
            return ()
        self.named = named
        windows = self.spool.windows(board_id)
        if not all(span.done for span in spans):
            self.dialect.form(self.client, board_id)  # to go on from where a span was left needs one
        self.ordered, self.spans = True, spans
        self.taken = self.resumed = sum(window.items for window in windows)
        self.progress.items_read(self.board.name, self.taken)
        return windows

    def given(self, part: Part, first: FirstPage) -> None:
        """The first page of a small board that came together with those of others, and its part of what that cost."""
        self.booked += first.cost
        if self.resumed or len(self.spans) > 1:
            return  # what is left to read is another part of the board
        self.ordered = False  # it came in the board's own order, and so will the pages after it
        part.chain.given, part.chain.query = first, None

    def next(self) -> Part | None:
        """A part for a span nobody reads yet."""
        with self.lock:
            return self._part(self.waiting.pop(0), ascending=True) if self.waiting and not self.ended else None

    def help(self, idle: int) -> Part | None:
        """A part for one more thread, if that is worth the calls; `idle` is how many threads have nothing to do."""
        if self.ordered and self.pages and self.sharing.wanted(self) > 0:
            self.dialect.form(self.client, self.board.id)  # may call; not while others wait for the lock
        with self.lock:
            if (part := self.next()) or self.ended or not self.ordered or not self.parts:
                return part
            offer = shares(self, idle)
            if offer is None:
                return None
            if self.chains == 1:
                self._tell_chains()
            self.spans += offer.spans
            self.waiting += offer.spans[1:]
            for part in self.parts:
                if not part.ascending and offer.spans and part.span is offer.cut:
                    part.span = offer.spans[-1]
            return self._part(offer.spans[0] if offer.spans else offer.cut, ascending=bool(offer.spans))

    def run(self, part: Part) -> Iterator[Event]:
        """Read a part to its end. The last part of a board ends with BoardRead, unless `stop` is set."""
        try:
            while True:
                try:
                    yield from self._windows(part)
                    break
                except (CursorExpired, FilterIgnored, OrderBroken, QueryRejected) as error:
                    if self.ordered and isinstance(error, CursorExpired):
                        self.dialect.form(self.client, self.board.id)  # to go on from here needs one
                    restarted = self._again(part, error)
                if restarted:
                    yield restarted
        finally:
            with self.lock:
                if part in self.parts:
                    self.parts.remove(part)
        with self.lock:
            if part.attempt != self.attempt or self.parts or self.waiting or self.ended or not part.span.done:
                return
            if not all(span.done for span in self.spans):
                return
            self.ended = True
        if self.resumed and (reason := self._stale()):
            with self.lock:
                self.ended = False
                again = self._restart(part, reason, ordered=True)
            yield again
            yield from self.run(part)
            return
        yield certify(self)
        self.progress.board_read(self.board.name)

    def _stale(self) -> str:
        """Why what an earlier run read cannot be trusted; empty when it can."""
        # The log lags: it may not have known everybody when it was asked first. Who left or came after that is like
        # any other whom somebody moves while a board is read.
        counted = self.board.items_count
        try:
            seen = glance(self.client, {self.board.id: self.resumed_at - OVERLAP}).get(self.board.id)
        except SourceError as error:
            if not concerns_a_board(error):
                raise
            seen = None
        if self.taken != counted and (seen is None or seen.items_count == counted):
            return "what was read before does not add up with monday's count"
        known = seen is not None and not seen.doubt and seen.elsewhere(self.resumed_at + SAME) <= self.named
        return "" if known else "its log told later who had come or gone"

    def give_up(self) -> bool:
        """The board is not read any more, by no thread. False when somebody has said so before."""
        with self.lock:
            if self.ended:
                return False
            self.attempt += 1
            self.ended = True
            self.parts, self.waiting = [], []
            return True

    def _tell_chains(self, number: int = 0) -> None:
        why = reason_for_several(self.sharing.prefer, self.seconds)
        self.progress.phase("reading", f"{self.board.name}: {number or 'several'} chains at once, {why}")

    # -- one part --------------------------------------------------------------------------------------------------

    def _part(self, span: Span, *, ascending: bool) -> Part:
        form = None
        bounded = span.since or span.until or span.low.at or span.high.at
        if self.ordered and bounded:
            form = self.dialect.current
        query, asked = None, ""
        if self.ordered:
            since = max(span.since, span.low.at) if ascending else span.since
            until = span.until if ascending else span.high.at or span.until
            rules = (form.rule(since, until),) if form and (since or until) else ()
            query = ItemsQuery(rules=rules, order=((CREATION, "asc" if ascending else "desc"),))
            asked = since if ascending else until
        part = Part(span, ascending, self.attempt, self._chain(query), form, asked)
        self.parts.append(part)
        self.chains += 1
        return part

    def _chain(self, query: ItemsQuery | None) -> Chain:
        return Chain(
            client=self.client,
            board=self.board,
            selection=self.selection,
            progress=self.progress,
            size=self.size.beside() if self.parts else self.size,
            errors=self.errors,
            query=query,
            limit=self.limit,
        )

    def _windows(self, part: Part) -> Iterator[Window]:
        """Seal the pages of one part, a few at a time. A window that holds nothing is not sealed."""
        while self._goes_on(part):
            writer = self.spool.window_writer(self.board.id)
            expired: CursorExpired | None = None
            try:
                self._fill(writer, part)
            except CursorExpired as error:
                expired = error  # what came before it stays
            except BaseException:
                writer.abandon()
                raise
            window = self._seal(writer, part)
            if window is not None:
                self.progress.items_read(self.board.name, window.items)
                yield window
            if expired is not None:
                raise expired

    def _goes_on(self, part: Part) -> bool:
        with self.lock:
            if part.attempt != self.attempt or self.stop.is_set():
                return False
            if part.chain.ended:
                part.span.done = True
            # Where all was made in one second, the two orders need not mirror each other: one reader goes on alone.
            return not part.span.done and (part.ascending or not part.span.crowded)

    def _fill(self, writer: WindowWriter, part: Part) -> None:
        while writer.pages < self.pages_per_window and writer.items < WINDOW_ITEMS and writer.raw_bytes < WINDOW_BYTES:
            if not self._goes_on(part):
                return
            items, answer = part.chain.next_page()
            with self.lock:
                if part.attempt != self.attempt:
                    return
                items = self._taken(items, part)
                self.taken += len(items)
                self.pages += 1
                self.seconds = part.chain.seconds
                self.served = answer.served_version
                self.limited = self.limited or part.chain.limited
            writer.add(part.chain.page(items, answer))

    def _taken(self, items: list[msgspec.Raw], part: Part) -> list[msgspec.Raw]:
        if not self.ordered:
            return items
        try:
            kept, part.previous = part.span.take(items, ascending=part.ascending, previous=part.previous)
        except OrderBroken:
            if self.chains > 1 or self.resumed or part.chain.query is None or part.chain.query.rules:
                raise
            # One chain over the whole board needs no order: its cursor goes through what it found at first.
            self.ordered = False
            return items
        if part.unfiltered:
            raise FilterIgnored("monday.com did not keep to the creation times that were asked for.")
        if kept:
            part.restarts = 0
        return kept

    def _seal(self, writer: WindowWriter, part: Part) -> Window | None:
        with self.lock:
            if part.attempt != self.attempt or not writer.items:
                writer.abandon()
                return None
            part.span.sealed(ascending=part.ascending)
            if part.chain.ended:
                part.span.done = True
            return writer.seal(self._states())

    def _states(self) -> list[SpanState]:
        """How far the spans are sealed, for a run that goes on; none when none could without losing something."""
        if not self.ordered or any(span.overcrowded for span in self.spans):
            return []
        if self.errors.unreadable():  # which cells are only empty is known to this run alone
            return []
        return [span.state() for span in self.spans]

    # -- again -----------------------------------------------------------------------------------------------------

    def _again(
        self, part: Part, error: CursorExpired | FilterIgnored | OrderBroken | QueryRejected
    ) -> Restarted | None:
        """Make the part begin again where it stands, or the board as a whole. Raises `error` when that is hopeless."""
        with self.lock:
            if part.attempt != self.attempt:
                return None
            if isinstance(error, QueryRejected) and (
                is_too_complex(error) or part.chain.pages or part.chain.query is None
            ):
                raise error
            if isinstance(error, CursorExpired) and part.restarts == MAX_RESTARTS:
                raise too_often(self.board, part.restarts + 1, self.taken, error) from error
            refused = part.form is not None and isinstance(error, FilterIgnored | QueryRejected)
            if part.form is not None and refused:
                self.dialect.refused(part.form)
            # Without a filter, every further span would cost the pages of all that lies before it.
            several = refused and sum(not span.done for span in self.spans) > 1
            if self.ordered and not several and (refused or isinstance(error, CursorExpired)):
                self._resume(part, error.message)
                return None
            return self._restart(part, error.message, ordered=self.ordered and several)

    def _resume(self, part: Part, reason: str) -> None:
        """A new chain for the same span, from the last item taken."""
        self.restarts += 1
        self.progress.phase("reading", f"{self.board.name}: on from item {self.taken + 1} ({reason})")
        self.parts.remove(part)
        fresh = self._part(part.span, ascending=part.ascending)
        part.chain, part.form, part.asked, part.previous = fresh.chain, fresh.form, fresh.asked, ""
        part.restarts += 1
        self.parts.remove(fresh)
        self.parts.append(part)

    def _restart(self, part: Part, reason: str, *, ordered: bool = False) -> Restarted:
        """The board from its first page; unless `ordered`, in its own order and in one chain."""
        self.restarts += 1
        self.attempt += 1
        self.ordered = ordered
        self.taken = self.resumed = 0
        self.spans, self.waiting, self.parts = [Span()], [], []
        fresh = self._part(self.spans[0], ascending=True)
        self.parts = [part]
        part.span, part.chain, part.form, part.previous = fresh.span, fresh.chain, None, ""
        part.attempt, part.restarts = self.attempt, part.restarts + 1
        self.errors.clear()
        self.spool.restart(self.board.id)
        self.progress.board_restarted(self.board.name, reason)
        return Restarted(self.board.id, reason)

    def _digest(self) -> str:
        """What sealed windows must agree on with this reading to be of use to it."""
        text = repr((self.selection, self.client.url, self.client.fingerprint, self.client.api_version))
        return hashlib.sha256(text.encode()).hexdigest()


def _cut_at(span: Span, marks: Sequence[str]) -> list[Span]:
    """The span in pieces, one more than there are marks."""
    pieces = [span]
    for mark in marks:
        pieces.append(pieces[-1].cut(mark))
    return pieces
