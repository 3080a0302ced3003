"""Several boards at a time: reader threads, and one stream of what they seal."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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


Event: TypeAlias = Begun | Window | Restarted | BoardRead
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
    arrived: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
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
            else:
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
