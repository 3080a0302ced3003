"""Several boards at a time: reader threads, and one stream of what they seal."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from boardlift.monday.client import MondayClient
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.monday.windows import BoardRead, Restarted, read_board
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


Event: TypeAlias = Begun | Sealed | Restarted | BoardRead
_FIRST_WINDOWS = 4
_MOST_WINDOWS = 8
_LOAD_BYTES = 32 * 1024 * 1024
"""What is loaded together costs one plan of the statement, which takes as long as some thousand rows."""
_LAST_WORD = 2.0
"""Seconds a reader is given to end after a failure; a call that is out may take a minute more and is not waited for."""


@contextmanager
def read_in_parallel(
    client: MondayClient,
    boards: Sequence[tuple[BoardSummary, Selection]],
    spool: SpoolRun,
    *,
    parallel: int,
    limit: int | None,
    page_size: int,
    progress: Progress,
) -> Iterator[Iterator[Event]]:
    """Read all boards in threads and hand over what they seal, in the order it is sealed.

    The queue holds paths, not answers, so it may grow: nothing must wait for a database while a cursor ages. The first
    error of any reader is raised where the events are taken; on leaving with an error all readers are told to stop.
    """
    # The largest board first: it is the one that decides how long the run takes.
    waiting = sorted(boards, key=lambda pair: pair[0].items_count or 0)
    arrived: queue.SimpleQueue[Window | Event | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()
    take = threading.Lock()

    def work() -> None:
        while not stop.is_set():
            with take:
                if not waiting:
                    return
                board, selection = waiting.pop()
            arrived.put(Begun(board.id))
            try:
                for event in read_board(
                    client, board, selection, spool, limit=limit, page_size=page_size, progress=progress, stop=stop
                ):
                    arrived.put(event)
                arrived.put(None)
            except BaseException as error:  # noqa: BLE001  carried to the thread that loads, and raised there
                arrived.put(error)
                return

    def events() -> Iterator[Event]:
        gathering: defaultdict[str, _Gathering] = defaultdict(_Gathering)
        left = len(boards)
        while left:
            try:
                event = arrived.get(timeout=1.0)  # a wait without an end cannot be interrupted on Windows
            except queue.Empty:
                continue
            if isinstance(event, BaseException):
                raise event
            if event is None:
                left -= 1
            elif isinstance(event, Window):
                yield from gathering[event.board_id].add(event)
            else:
                if isinstance(event, BoardRead):
                    yield from gathering[event.board_id].rest()
                elif isinstance(event, Restarted):
                    gathering[event.board_id] = _Gathering()
                yield event

    readers = [
        threading.Thread(target=work, name=f"reader-{n}", daemon=True) for n in range(min(parallel, len(boards)))
    ]
    for reader in readers:
        reader.start()
    try:
        yield events()
    except BaseException:
        stop.set()
        client.cancel()
        for reader in readers:
            reader.join(_LAST_WORD / len(readers))
        raise


@dataclass
class _Gathering:
    """Windows of one board on their way to the loader: few at first, so that it can begin, then more at a time."""

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
