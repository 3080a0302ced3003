"""Many boards with several threads, and one stream of what they seal.

A thread first takes boards that nobody has begun, the largest first; when there are none left, it reads along on one
that is being read, where that is worth the calls.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from boardlift.errors import SourceError
from boardlift.monday.blame import concerns_a_board
from boardlift.monday.bundle import Wanted, bundles, read_first_pages
from boardlift.monday.client import MondayClient
from boardlift.monday.dialect import Dialect
from boardlift.monday.events import BoardFailed, BoardRead, Restarted
from boardlift.monday.model import BoardSummary
from boardlift.monday.part import Part
from boardlift.monday.queries import Selection
from boardlift.monday.reading import BoardReading
from boardlift.monday.sharing import Prefer, Sharing
from boardlift.progress import Progress
from boardlift.spool.run import SpoolRun
from boardlift.spool.window import Window


@dataclass(frozen=True)
class Begun:
    """A reader turned to this board."""

    board_id: str


@dataclass(frozen=True)
class Sealed:
    """Windows of one board, in reading order, that are best loaded together."""

    board_id: str
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class Told:
    """What a thread says, and of which attempt at the board. Threads overtake each other on the way to the queue."""

    attempt: int
    event: Window | Begun | Restarted | BoardRead | BoardFailed


Event: TypeAlias = Begun | Sealed | Restarted | BoardRead | BoardFailed
_FIRST_WINDOWS = 4
_MOST_WINDOWS = 16
_LOAD_BYTES = 32 * 1024 * 1024
"""What is loaded together costs one plan of the statement, which takes as long as some thousand rows."""
_LOOK_AGAIN = 0.1
"""Seconds an idle thread waits before it looks again where it could help."""
_LAST_WORD = 2.0
"""Seconds a reader is given to end after a failure; a call that is out may take a minute more and is not waited for."""


@dataclass(frozen=True)
class Manner:
    """How boards are read: `threads` calls at most at once, pages of `page_size` items, `limit` items a board at most.

    `prefer` says what may be spent to be faster; `quantiles` are creation times per board id that cut it evenly.
    """

    threads: int = 1
    page_size: int = 500
    limit: int | None = None
    prefer: Prefer = "auto"
    quantiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@contextmanager
def read_in_parallel(
    client: MondayClient,
    boards: Sequence[Wanted],
    spool: SpoolRun,
    *,
    manner: Manner,
    progress: Progress,
    dialect: Dialect | None = None,
) -> Iterator[Iterator[Event]]:
    """Read all boards in threads and hand over what they seal, in the order it is sealed.

    The queue holds paths, not answers, so it may grow: nothing must wait for a database while a cursor ages. What keeps
    one board from being read is an event; any other error of a reader is raised where the events are taken. On leaving
    with an error all readers are told to stop.
    """
    crew = _Crew(client, spool, manner, progress, dialect or Dialect())
    crew.waiting = bundles(boards, limit=manner.limit)[::-1]
    threads = [
        threading.Thread(target=crew.work, name=f"reader-{n}", daemon=True) for n in range(max(1, manner.threads))
    ]
    for thread in threads:
        thread.start()
    try:
        yield crew.events(len(boards))
    except BaseException:
        crew.stop.set()
        client.cancel()
        for thread in threads:
            thread.join(_LAST_WORD / len(threads))
        raise
    finally:
        crew.stop.set()


class _Crew:
    """The reader threads of one run, and what they share."""

    def __init__(
        self, client: MondayClient, spool: SpoolRun, manner: Manner, progress: Progress, dialect: Dialect
    ) -> None:
        self.client = client
        self.spool = spool
        self.manner = manner
        self.progress = progress
        self.dialect = dialect
        self.stop = threading.Event()
        self.waiting: list[list[Wanted]] = []
        self._arrived: queue.SimpleQueue[Told | BaseException] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._readings: list[BoardReading] = []
        self._busy = 0

    def work(self) -> None:
        """One thread: whatever is most worth doing, until there is nothing more to do."""
        try:
            while not self.stop.is_set():
                bundle, along = self._choose()
                if bundle is not None:
                    self._begin(bundle)
                elif along is not None:
                    self._run(*along)
                else:
                    return
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  carried to the thread that loads, and raised there
            self.stop.set()
            self._arrived.put(error)

    def _choose(self) -> tuple[list[Wanted] | None, tuple[BoardReading, Part] | None]:
        """What to do next. Waits while others may yet leave something to do; nothing at all ends the thread."""
        with self._changed:
            while not self.stop.is_set():
                if self.waiting:
                    self._busy += 1
                    return self.waiting.pop(), None
                if not self._readings and self._busy == 0:
                    return None, None
                readings = sorted(self._readings, key=lambda each: each.taken - (each.board.items_count or 0))
                idle = self.manner.threads - self._busy
                self._busy += 1
                found = self._find(readings, idle)
                if found is not None:
                    return None, found
                self._busy -= 1
                self._changed.wait(_LOOK_AGAIN)
        return None, None

    def _find(self, readings: Sequence[BoardReading], idle: int) -> tuple[BoardReading, Part] | None:
        """A part of one of these boards. Others may go on meanwhile: it may ask monday something."""
        self._changed.release()
        try:
            for reading in readings:
                if (part := reading.help(idle)) is not None:
                    return reading, part
            return None
        finally:
            self._changed.acquire()

    def _begin(self, bundle: list[Wanted]) -> None:
        begun = []
        for board, selection in bundle:
            reading = self._reading(board, selection)
            self._arrived.put(Told(0, Begun(board.id)))
            with self._sparing_others(reading):
                sealed, part = reading.begin()
                for window in sealed:
                    self._arrived.put(Told(part.attempt, window))
                begun.append((reading, part))
        if len(begun) > 1:
            pages = read_first_pages(self.client, [reading for reading, _ in begun], self.manner.page_size)
            for (reading, part), (_, first) in zip(begun, pages, strict=True):
                if first is not None:
                    reading.given(part, first)
        with self._changed:
            self._readings += [reading for reading, _ in begun]
            self._changed.notify_all()
        for reading, part in begun:
            self._run(reading, part)

    def _reading(self, board: BoardSummary, selection: Selection) -> BoardReading:
        manner = self.manner
        return BoardReading(
            self.client,
            board,
            selection,
            self.spool,
            limit=manner.limit,
            page_size=manner.page_size,
            progress=self.progress,
            stop=self.stop,
            dialect=self.dialect,
            sharing=Sharing(manner.prefer, manner.quantiles.get(board.id, ()), manner.threads),
        )

    def _run(self, reading: BoardReading, part: Part) -> None:
        with self._sparing_others(reading):
            for event in reading.run(part):
                self._arrived.put(Told(part.attempt, event))
        if reading.ended:
            with self._changed:
                self._readings = [each for each in self._readings if each is not reading]

    @contextmanager
    def _sparing_others(self, reading: BoardReading) -> Iterator[None]:
        """What keeps only this board from being read ends it and is told; any other error goes on."""
        try:
            yield
        except SourceError as error:
            if not concerns_a_board(error):
                raise
            if reading.give_up():
                self._arrived.put(Told(reading.attempt, BoardFailed(reading.board.id, error)))

    def events(self, boards: int) -> Iterator[Event]:
        """What the threads seal, gathered to what is best loaded at once, until all boards are read."""
        gathering: defaultdict[str, _Gathering] = defaultdict(_Gathering)
        left = boards
        while left:
            try:
                told = self._arrived.get(timeout=1.0)  # a wait without an end cannot be interrupted on Windows
            except queue.Empty:
                continue
            if isinstance(told, BaseException):
                raise told
            event = told.event
            if isinstance(event, Begun):
                yield event
                continue
            board = gathering[event.board_id]
            if told.attempt < board.attempt:
                continue  # sealed before the board began again, and told after
            if told.attempt > board.attempt:
                board = gathering[event.board_id] = _Gathering(told.attempt)
                if told.attempt > 1 and not isinstance(event, BoardFailed):
                    # Whoever made the board begin again may come later to tell it than those who read it again.
                    yield event if isinstance(event, Restarted) else Restarted(event.board_id, "")
            match event:
                case Window():
                    yield from board.add(event)
                case BoardRead():
                    left -= 1
                    yield from board.rest()
                    yield event
                case BoardFailed():
                    left -= 1
                    yield event


@dataclass
class _Gathering:
    """Windows of one board on their way to the loader: few at first, so that it can begin, then more at a time.

    They are those of one `attempt` at the board; 0 before the first event.
    """

    attempt: int = 0
    windows: list[Window] = field(default_factory=list)
    wanted: int = _FIRST_WINDOWS

    def add(self, window: Window) -> Iterator[Sealed]:
        self.windows.append(window)
        if len(self.windows) >= self.wanted or sum(window.raw_bytes for window in self.windows) >= _LOAD_BYTES:
            self.wanted = min(2 * self.wanted, _MOST_WINDOWS)
            yield from self.rest()

    def rest(self) -> Iterator[Sealed]:
        if self.windows:
            yield Sealed(self.windows[0].board_id, tuple(self.windows))
            self.windows = []
